package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Backpressure;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectException;
import io.ringwork.ConnectionEvent;
import io.ringwork.ConnectionState;
import io.ringwork.IncompatibleException;
import io.ringwork.RawCall;
import io.ringwork.RawTask;
import io.ringwork.Reconnect;
import io.ringwork.RejectedException;
import io.ringwork.RejectedException.Reason;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.SegmentSurgery;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A handle that outlives its pools: `ringwork serve`, killed, stopped and started again. */
@Timeout(300)
class ReconnectTest {
  private static final TaskType<Long, Long> NUMBER = TaskType.of("echo", Codec.LONG, Codec.LONG);

  /** A supervisor that is killed leaves its directory. */
  @AfterEach
  void removeWhatIsLeft() throws IOException {
    for (Path left : PoolDirectory.list()) {
      PoolDirectory.delete(left);
    }
  }

  private static ConnectConfig config(String name, Reconnect policy) {
    return ConnectConfig.of(name).closeTimeout(Duration.ofSeconds(5)).reconnect(policy);
  }

  private static Ringwork connect(String name) {
    return Ringwork.connect(config(name, Reconnect.DEFAULT));
  }

  private static void kill(Child pool) throws InterruptedException {
    pool.kill();
    pool.awaitExit(Await.PATIENCE);
  }

  private static void awaitState(Ringwork handle, ConnectionState state) {
    Await.until("it is " + state, () -> handle.state() == state);
  }

  private static void assertReady(Ringwork handle) throws InterruptedException {
    assertTrue(handle.awaitReady(Await.PATIENCE), "not ready");
  }

  /** Each method of a handle without a pool, then the same with one, then after close. */
  @Test
  void startsBeforeItsPool() throws Exception {
    String name = "ReconnectTest-before";
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    Ringwork handle =
        Ringwork.connect(
            config(
                name,
                Reconnect.DEFAULT.listener(
                    event -> {
                      events.add(event);
                      throw new IllegalStateException("a listener that fails");
                    })));
    try (handle;
        RawCall raw = handle.rawCall("echo")) {
      assertTrue(handle.isOpen());
      assertEquals(ConnectionState.DISCONNECTED, handle.state());
      assertEquals("Ringwork[" + name + ", disconnected]", handle.toString());
      assertFalse(handle.awaitReady(Duration.ofMillis(5)));
      assertEquals(0, handle.poll());
      assertDisconnected(assertThrows(RejectedException.class, handle::info), name);
      assertDisconnected(
          assertThrows(RejectedException.class, () -> handle.claim("echo", 8)), name);
      assertDisconnected(assertThrows(RejectedException.class, () -> raw.claim(8)), name);
      assertDisconnected(
          assertThrows(RejectedException.class, () -> handle.call(NUMBER, 1L)), name);
      assertDisconnected(Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L)), name);
      assertDisconnected(
          Pools.failure(RejectedException.class, handle.submitChunk(NUMBER, List.of(1L))), name);
      for (TaskFuture<Long> future : handle.submitAll(NUMBER, List.of(1L, 2L))) {
        assertDisconnected(Pools.failure(RejectedException.class, future), name);
      }
      TaskOptions brief =
          TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofMillis(20)));
      assertDisconnected(
          Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L, brief)), name);
      Pools.failure(
          TaskTimeoutException.class,
          handle.submit(NUMBER, 1L, Pools.PATIENT.deadline(Duration.ofMillis(20))));
      TaskType<Long, Long> here = NUMBER.withFallback(n -> -n);
      TaskOptions callerRuns = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
      assertEquals(-5L, handle.submit(here, 5L, callerRuns).join());
      assertEquals(-5L, handle.call(here, 5L, callerRuns));

      AtomicReference<Long> waited = new AtomicReference<>();
      Thread patient =
          Thread.startVirtualThread(
              () -> waited.set(handle.submit(NUMBER, 7L, Pools.PATIENT).join()));
      try (Child pool = Child.serve(name)) {
        patient.join(Await.PATIENCE);
        assertEquals(7L, waited.get());
        assertReady(handle);
        Pools.assertUsable(handle);
        raw.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 9);
        assertEquals(8, raw.invoke(8));
        assertTrue(pool.isAlive());
      }
    }
    assertFalse(handle.isOpen());
    assertEquals(ConnectionState.CLOSED, handle.state());
    assertThrows(ClosedException.class, handle::info);
    assertThrows(ClosedException.class, () -> handle.awaitReady(Duration.ZERO));
    Pools.failure(ClosedException.class, handle.submit(NUMBER, 1L, Pools.PATIENT));
    handle.close();
    Await.until("CLOSED is told", () -> events.getLast().state() == ConnectionState.CLOSED);
    assertEquals(ConnectionState.DISCONNECTED, events.get(0).state());
    assertEquals(ConnectionState.CONNECTED, events.get(1).state());
  }

  private static void assertDisconnected(RejectedException error, String name) {
    assertEquals(Reason.DISCONNECTED, error.reason());
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, name, "not connected");
  }

  /** What is pending ends with the truth, and what belongs to the dead pool stays with it. */
  @Test
  void pendingTasksEndWithTheTruth() throws Exception {
    String name = "ReconnectTest-truth";
    try (Ringwork handle = connect(name)) {
      List<TaskFuture<Long>> futures = new ArrayList<>();
      RawCall raw = handle.rawCall("echo");
      RawTask claimed;
      try (Child pool = Child.serve(name, "--lanes", "1")) {
        assertReady(handle);
        raw.claim(8);
        raw.invoke(8);
        claimed = handle.claim("echo", 8);
        for (int n = 0; n < 30; n++) {
          futures.add(handle.submit(StockTasks.SLEEP, 60_000L));
        }
        // A lane that is free takes what is next, so nothing that is queued is taken any more.
        Await.until("both lanes sleep", () -> isStuck(handle));
        kill(pool);
        int ran = 0;
        for (TaskFuture<Long> future : futures) {
          ran += Pools.failure(ClosedException.class, future).mayHaveRun() ? 1 : 0;
        }
        assertTrue(ran <= 2, ran + " may have run, of two lanes");
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      try (Child pool = Child.serve(name, "--slots", "512", "--lanes", "2")) {
        assertReady(handle);
        assertFalse(Pools.failure(ClosedException.class, claimed.submit()).mayHaveRun());
        claimed.close();
        raw.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 3);
        assertEquals(8, raw.invoke(8));
        assertEquals(3, raw.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        raw.close();
        assertEquals(512, handle.info().slots());
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
    }
  }

  private static boolean isStuck(Ringwork handle) {
    TaskOptions brief = TaskOptions.DEFAULT.deadline(Duration.ofMillis(100));
    try {
      handle.submit(NUMBER, 1L, brief).join();
      return false;
    } catch (CompletionException late) {
      return true;
    }
  }

  /** What is read in place stays readable until it is given back, or the handle is closed. */
  @Test
  void leasesOutliveTheirPool() throws Exception {
    String name = "ReconnectTest-lease";
    try (Ringwork handle = connect(name)) {
      ResultLease lease;
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        RawTask task = handle.claim("echo", 8);
        task.request().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 77);
        lease = task.submit().join();
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        assertEquals(77, lease.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        assertEquals(1, Proc.threads("ringwork-retire-" + name).size());
        lease.close();
        Await.until("the old memory goes", () -> Proc.threads("ringwork-retire-" + name).isEmpty());
        assertTrue(pool.isAlive());
      }
      ResultLease held;
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        held = handle.claim("echo", 8).submit().join();
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      Duration took = timed(handle::close);
      assertTrue(took.toMillis() < 4_000, "close waited for a lease: " + took);
      assertThrows(
          IllegalStateException.class,
          () -> held.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
      held.close();
    }
  }

  private static Duration timed(Runnable action) {
    long start = System.nanoTime();
    action.run();
    return Duration.ofNanos(System.nanoTime() - start);
  }

  /** Pools under the name that can't be used are told, once each, and do not end the looks. */
  @Test
  void aPoolThatIsRefusedIsTold() throws Exception {
    String name = "ReconnectTest-refused";
    Path directory = PoolDirectory.PATH.resolve(name);
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Ringwork handle =
        Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
      ConnectionEvent open = awaitTold(events, "mode 755");
      assertInstanceOf(ConnectException.class, open.cause().orElseThrow());
      Pools.assertSays(
          Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L)), "mode 755");
      Files.delete(directory);
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      SegmentSurgery.raiseVersion(directory.resolve("segment"));
      ConnectionEvent other = awaitTold(events, "layout version");
      assertInstanceOf(IncompatibleException.class, other.cause().orElseThrow());
      assertEquals(ConnectionState.DISCONNECTED, other.state());
      assertEquals(1, events.stream().filter(e -> e.reason().equals(other.reason())).count());
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
    }
  }

  private static ConnectionEvent awaitTold(List<ConnectionEvent> events, String part) {
    Await.until(
        "it is told: " + part, () -> events.stream().anyMatch(e -> e.reason().contains(part)));
    return events.stream().filter(e -> e.reason().contains(part)).findFirst().orElseThrow();
  }

  /** A supervisor that is stopped has not ended: nothing is given up. */
  @Test
  void aStoppedSupervisorIsNoEnd() throws Exception {
    String name = "ReconnectTest-stopped";
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Child pool = Child.serve(name);
        Ringwork handle = Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      Proc.signal("STOP", pool.pid());
      for (int n = 0; n < 20; n++) {
        assertEquals(20L, handle.submit(StockTasks.SLEEP, 20L).join() >= 20 ? 20L : 0);
      }
      assertEquals(ConnectionState.CONNECTED, handle.state());
      Proc.signal("CONT", pool.pid());
      assertTrue(events.size() <= 1, events::toString);
    }
  }

  /** Close at any moment, from a listener that blocks, too: it returns, and nothing is left. */
  @Test
  void closesAtAnyMoment() throws Exception {
    String name = "ReconnectTest-close";
    for (int round = 0; round < 6; round++) {
      AtomicReference<Ringwork> closing = new AtomicReference<>();
      Ringwork handle =
          Ringwork.connect(
              config(
                  name,
                  Reconnect.DEFAULT.listener(
                      event -> {
                        Ringwork mine = closing.get();
                        if (mine != null && event.state() == ConnectionState.DISCONNECTED) {
                          mine.close();
                        }
                      })));
      if (round == 0) {
        handle.close(); // before any pool
        continue;
      }
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        closing.set(round % 2 == 0 ? handle : null);
        kill(pool);
        if (round % 2 == 0) {
          Await.until("the listener has closed it", () -> !handle.isOpen());
        } else {
          LockSupport.parkNanos(round * 20_000_000L);
        }
        handle.close();
      }
    }
    Await.until("no thread is left", () -> threads(name).isEmpty());
  }

  private static List<String> threads(String name) {
    return Proc.threads("ringwork-").stream().filter(thread -> thread.endsWith(name)).toList();
  }

  /**
   * Restarts under load, killed and drained in turn. {@code -Dringwork.restarts=100} for the whole
   * number.
   */
  @Test
  void restartsUnderLoad() throws Exception {
    String name = "ReconnectTest-load";
    int restarts = Integer.getInteger("ringwork.restarts", 6);
    ConcurrentLinkedQueue<TaskFuture<Long>> futures = new ConcurrentLinkedQueue<>();
    AtomicLong made = new AtomicLong();
    AtomicLong ended = new AtomicLong();
    AtomicLong wrong = new AtomicLong();
    AtomicInteger failed = new AtomicInteger();
    AtomicReference<Boolean> stop = new AtomicReference<>(false);
    long[] micros = new long[restarts];
    long begun = System.nanoTime();
    Child pool = Child.serve(name);
    try (Ringwork handle = connect(name)) {
      Thread load =
          Thread.startVirtualThread(
              () -> {
                long next = System.nanoTime();
                while (!stop.get()) {
                  long number = made.incrementAndGet();
                  TaskFuture<Long> future = handle.submit(NUMBER, number);
                  futures.add(future);
                  future.whenComplete(
                      (result, error) -> {
                        ended.incrementAndGet();
                        if (error == null
                            ? result != number
                            : !(error instanceof RingworkException)) {
                          wrong.incrementAndGet();
                        }
                        if (error != null) {
                          failed.incrementAndGet();
                        }
                      });
                  next += 100_000; // 10,000 a second
                  LockSupport.parkNanos(next - System.nanoTime());
                }
              });
      int[] before = null;
      for (int n = 0; n < restarts; n++) {
        LockSupport.parkNanos(100_000_000);
        if (n % 2 == 0) {
          kill(pool);
        } else {
          pool.terminate();
          pool.awaitExit(Await.PATIENCE);
        }
        pool.close();
        pool = Child.serve(name);
        long ready = System.nanoTime();
        Await.until("it serves again", () -> works(handle));
        micros[n] = (System.nanoTime() - ready) / 1000;
        if (n == 2) {
          before = settled(name);
        }
      }
      stop.set(true);
      load.join();
      Await.until("every future is decided", () -> futures.stream().allMatch(TaskFuture::isDone));
      Await.until("each callback has run once", () -> ended.get() == made.get());
      assertEquals(0, wrong.get(), "results or errors that are wrong");
      if (before != null) {
        int[] now = settled(name);
        assertTrue(now[0] <= before[0], "threads: " + before[0] + ", then " + now[0]);
        assertTrue(now[1] <= before[1], "mappings: " + before[1] + ", then " + now[1]);
        assertTrue(now[2] <= before[2], "descriptors: " + before[2] + ", then " + now[2]);
      }
      Arrays.sort(micros);
      System.out.printf(
          "%d restarts, %d tasks in %.1f s, %d failed; serving again after readiness was seen: median %.1f ms,"
              + " p99 %.1f ms, max %.1f ms%n",
          restarts,
          made.get(),
          (System.nanoTime() - begun) / 1e9,
          failed.get(),
          micros[restarts / 2] / 1e3,
          micros[restarts * 99 / 100] / 1e3,
          micros[restarts - 1] / 1e3);
    } finally {
      pool.close();
    }
    Await.until("no thread is left", () -> threads(name).isEmpty());
  }

  private static boolean works(Ringwork handle) {
    TaskFuture<Long> probe = handle.submit(NUMBER, 1L);
    try {
      return probe.join() == 1L;
    } catch (CompletionException notYet) {
      return false;
    }
  }

  /** Threads, mappings and descriptors of the handle, once no earlier connection is retiring. */
  private static int[] settled(String name) {
    Await.until(
        "earlier connections are given up",
        () -> Proc.threads("ringwork-retire-" + name).isEmpty());
    int files =
        (int) Proc.descriptors().stream().filter(path -> path.contains("/" + name + "/")).count();
    return new int[] {
      threads(name).size(), Proc.mappings(PoolDirectory.PATH.resolve(name)).size(), files
    };
  }
}
