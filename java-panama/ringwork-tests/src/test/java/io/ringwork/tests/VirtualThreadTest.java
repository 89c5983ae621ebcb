package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Virtual threads that wait leave their carriers to others, which Flight Recorder confirms. */
class VirtualThreadTest {
  private static final int WAITERS = 200;

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.stock("VirtualThreadTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  private interface Wait {
    long result() throws Exception;
  }

  /** Runs one wait in each of many virtual threads; fails if any of them pinned its carrier. */
  private static void assertNotPinned(Wait wait) throws Exception {
    assertNotPinned(wait, true);
  }

  private static void assertNotPinned(Wait wait, boolean warmUp) throws Exception {
    if (warmUp) {
      runAll(wait); // loading and initialising classes does pin, once
    }
    List<RecordedEvent> pinned = new ArrayList<>();
    try (RecordingStream recording = new RecordingStream()) {
      recording.enable("jdk.VirtualThreadPinned").withoutThreshold().withStackTrace();
      recording.onEvent("jdk.VirtualThreadPinned", pinned::add);
      recording.startAsync();
      runAll(wait);
      recording.stop();
    }
    List<String> ours = pinned.stream().map(VirtualThreadTest::frames).toList();
    ours = ours.stream().filter(frames -> frames.contains("io.ringwork.")).toList();
    assertEquals(List.of(), ours);
  }

  /** All frames; the event's own text ends after five, which on Java 21 are the JDK's. */
  private static String frames(RecordedEvent event) {
    if (event.getStackTrace() == null) {
      return event.toString();
    }
    return event.getStackTrace().getFrames().stream()
        .map(frame -> frame.getMethod().getType().getName() + "." + frame.getMethod().getName())
        .collect(Collectors.joining(" "));
  }

  private static void runAll(Wait wait) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Long>> results = new ArrayList<>();
      for (int i = 0; i < WAITERS; i++) {
        results.add(threads.submit(wait::result));
      }
      for (Future<Long> result : results) {
        assertTrue(result.get(30, TimeUnit.SECONDS) >= 0);
      }
    }
  }

  /** A control: a thread that parks in a class initialiser does pin, and that is seen. */
  @Test
  void pinningWouldBeSeen() {
    AssertionError seen =
        assertThrows(AssertionError.class, () -> assertNotPinned(Pinning::result, false));
    assertTrue(seen.getMessage().contains("Pinning"), seen::getMessage);
  }

  private static final class Pinning {
    static {
      LockSupport.parkNanos(50_000_000);
    }

    static long result() {
      return 0;
    }
  }

  @Test
  void call() throws Exception {
    assertNotPinned(() -> pool.call(StockTasks.SLEEP, 2L, Pools.PATIENT));
  }

  @Test
  void get() throws Exception {
    assertNotPinned(() -> pool.submit(StockTasks.SLEEP, 2L, Pools.PATIENT).get());
  }

  @Test
  void getWithATimeoutAndJoin() throws Exception {
    assertNotPinned(
        () -> {
          long first = pool.submit(StockTasks.SLEEP, 1L).get(30, TimeUnit.SECONDS);
          return first + pool.submit(StockTasks.SLEEP, 1L).join();
        });
  }

  /** More waiters than there are carriers: if each kept one, no other would come to run. */
  @Test
  void othersRunWhileManyWait() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Long>> waiting = new ArrayList<>();
      for (int i = 0; i < WAITERS; i++) {
        waiting.add(threads.submit(() -> pool.call(StockTasks.SLEEP, 10L)));
      }
      Await.until(
          "all wait",
          Duration.ofSeconds(10),
          () -> pool.info().slots() - pool.info().freeSlots() > WAITERS / 4);
      long start = System.nanoTime();
      assertEquals(1, threads.submit(() -> 1).get(10, TimeUnit.SECONDS));
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(waiting.stream().anyMatch(f -> !f.isDone()), "nobody waited any more");
      System.out.printf(
          "a virtual thread ran after %d us beside %d that waited%n",
          took.toNanos() / 1000, WAITERS);
      for (Future<Long> one : waiting) {
        one.get(30, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void manyVirtualThreadsCallAtOnce() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Long>> results = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        long value = i;
        results.add(
            threads.submit(() -> pool.call(StockTasks.echo(Codec.LONG), value, Pools.PATIENT)));
      }
      for (int i = 0; i < results.size(); i++) {
        assertEquals(i, results.get(i).get(30, TimeUnit.SECONDS));
      }
    }
    Pools.assertNoSlotLeaked(pool);
  }
}
