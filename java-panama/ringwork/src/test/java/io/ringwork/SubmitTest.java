package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.Traceparent;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.wait.Futex;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The way there and back, in all strategies and modes, with every size of payload. */
@Tag("denied-too")
@Timeout(60)
class SubmitTest {
  static final TaskType<byte[], byte[]> ECHO = TaskType.of("echo", Codec.BYTES, Codec.BYTES);
  static final TaskType<Long, Long> NUMBER = TaskType.of("number", Codec.LONG, Codec.LONG);
  static final TaskType<String, String> TEXT = TaskType.of("text", Codec.UTF8, Codec.UTF8);

  @TempDir Path base;
  FakePool pool;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 2, 16);
  }

  @AfterEach
  void close() throws IOException {
    pool.close();
  }

  void assertAllHome() {
    Await.until(() -> pool.slotsInUse() == 0 && pool.blocksInUse() == 0);
  }

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (i * 31 + length);
    }
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void callAndSubmit(WaitStrategy strategy) throws Exception {
    pool.echo();
    for (CompletionMode mode : List.of(CompletionMode.VIRTUAL_THREADS, CompletionMode.INLINE)) {
      try (Ringwork client =
          Ringwork.connect(pool.config().waitStrategy(strategy).completion(mode))) {
        for (long n = 0; n < 200; n++) {
          assertEquals(n, client.call(NUMBER, n));
          assertEquals(n, client.submit(NUMBER, n).get());
          assertEquals(n, client.submit(NUMBER, n).join());
          assertEquals(n, client.submit(NUMBER, n).thenApply(x -> x).get());
        }
      }
    }
    assertAllHome();
  }

  @Test
  void everySizeOfPayload() throws Exception {
    pool.echo();
    try (Ringwork client = pool.connect()) {
      for (int size :
          new int[] {0, 1, 47, 48, 49, 87, 88, 89, 1023, 1024, 1025, 16384, 16385, 262144}) {
        assertArrayEquals(bytes(size), client.call(ECHO, bytes(size)), "call " + size);
        assertArrayEquals(bytes(size), client.submit(ECHO, bytes(size)).get(), "get " + size);
        assertArrayEquals(
            bytes(size), client.submit(ECHO, bytes(size)).thenApply(b -> b).get(), "cb " + size);
      }
      RejectedException tooLarge =
          assertThrows(RejectedException.class, () -> client.call(ECHO, bytes(262145)));
      assertEquals(RejectedException.Reason.PAYLOAD_TOO_LARGE, tooLarge.reason());
      assertFalse(tooLarge.mayHaveRun());
      assertTrue(tooLarge.getMessage().contains("262145"), tooLarge.getMessage());
      assertTrue(tooLarge.getMessage().contains("--segment-size"), tooLarge.getMessage());
    }
    assertAllHome();
  }

  @Test
  void text() throws Exception {
    pool.echo();
    try (Ringwork client = pool.connect()) {
      for (String text :
          List.of("", "a", "ä€𝄞", "x".repeat(88), "€".repeat(30), "𝄞".repeat(500))) {
        assertEquals(text, client.call(TEXT, text));
      }
    }
  }

  @Test
  void manyThreads() throws Exception {
    pool.echo().echo();
    try (Ringwork client = pool.connect()) {
      TaskOptions options =
          TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(20)));
      List<CompletableFuture<Void>> threads = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        long from = t * 100_000L;
        threads.add(
            CompletableFuture.runAsync(
                () -> {
                  for (long n = from; n < from + 2_000; n += 4) {
                    TaskFuture<Long> a = client.submit(NUMBER, n, options);
                    CompletableFuture<Long> b =
                        client.submit(NUMBER, n + 1, options).thenApply(x -> x + 1);
                    TaskFuture<Long> c = client.submit(NUMBER, n + 2, options);
                    try {
                      assertEquals(n + 3, client.call(NUMBER, n + 3, options));
                    } catch (InterruptedException e) {
                      throw new AssertionError(e);
                    }
                    assertEquals(n, a.join());
                    assertEquals(n + 2, b.join());
                    assertEquals(n + 2, c.join());
                  }
                },
                command -> new Thread(command).start()));
      }
      for (CompletableFuture<Void> thread : threads) {
        thread.get();
      }
      Await.until(() -> pool.counter(0, Layout.CLIENT_COMPLETED) == 8_000);
      assertEquals(8_000, pool.counter(0, Layout.CLIENT_SUBMITTED));
    }
    assertAllHome();
  }

  @Test
  void virtualThreads() throws Exception {
    pool.echo();
    try (Ringwork client = pool.connect()) {
      TaskOptions options =
          TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(20)));
      List<Thread> threads = new ArrayList<>();
      List<Long> results = java.util.Collections.synchronizedList(new ArrayList<>());
      for (long n = 0; n < 500; n++) {
        long request = n;
        threads.add(
            Thread.startVirtualThread(
                () -> {
                  try {
                    results.add(client.call(NUMBER, request, options));
                    results.add(client.submit(NUMBER, request, options).get());
                  } catch (Exception e) {
                    throw new AssertionError(e);
                  }
                }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertEquals(1000, results.size());
      assertEquals(2 * 500 * 499 / 2, results.stream().mapToLong(n -> n).sum());
    }
  }

  @Test
  void batch() throws Exception {
    try (Ringwork client = pool.connect()) {
      List<TaskFuture<Long>> futures = client.submitAll(NUMBER, List.of(1L, 2L, 3L));
      pool.echo();
      assertEquals(List.of(1L, 2L, 3L), futures.stream().map(CompletableFuture::join).toList());
      List<Long> many = java.util.stream.LongStream.range(0, 100).boxed().toList();
      List<TaskFuture<Long>> all =
          client.submitAll(
              NUMBER,
              many,
              TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(20))));
      assertEquals(many, all.stream().map(CompletableFuture::join).toList());
    }
  }

  @Test
  void optionsReachTheSlot() throws Exception {
    try (Ringwork client = pool.connect()) {
      String trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
      long before = System.nanoTime();
      TaskFuture<byte[]> future =
          client.submit(
              ECHO,
              bytes(3),
              TaskOptions.DEFAULT
                  .priority(Priority.HIGH)
                  .attempts(3)
                  .timeout(Duration.ofHours(1))
                  .traceparent(trace));
      FakeTask task = pool.take();
      assertEquals(3, task.attempts());
      assertEquals(0, task.priority());
      assertTrue(task.deadline() >= before + TimeUnit.HOURS.toNanos(1));
      assertEquals(TaskType.idOf("echo"), pool.memory.getLong(task.at + Layout.SLOT_HANDLER));
      assertEquals(
          trace,
          Traceparent.format(
              pool.memory.bytes(task.at + Layout.SLOT_TRACEPARENT, Traceparent.SIZE)));
      assertTrue(task.has(Layout.PUBLISHED_TRACED));
      assertTrue(task.has(Layout.PUBLISHED_STAMPED));
      assertTrue(pool.memory.getLong(task.at + Layout.SLOT_SUBMITTED_NS) >= before);
      task.echo();
      assertArrayEquals(bytes(3), future.get());
      // The same slot without a trace: none is left over.
      TaskFuture<byte[]> plain = client.submit(ECHO, bytes(2));
      FakeTask next = pool.take();
      assertEquals(task.slot, next.slot);
      assertEquals(task.generation() + 1, next.generation());
      assertEquals(1, next.priority());
      assertFalse(next.has(Layout.PUBLISHED_DEADLINE));
      assertFalse(next.has(Layout.PUBLISHED_TRACED));
      next.echo();
      plain.get();
    }
  }

  @Test
  void aSleepingLaneIsWoken() throws Exception {
    try (Ringwork client = pool.connect()) {
      pool.memory.setLong(Layout.H_IDLE, 0b101);
      long wake = pool.geometry.lane(2) + Layout.LANE_WAKE;
      Path lock = pool.supervisorLock();
      Files.setLastModifiedTime(lock, FileTime.fromMillis(0));
      client.submit(NUMBER, 1L);
      boolean nudged = Files.getLastModifiedTime(lock).toMillis() != 0;
      assertEquals(!Futex.available(), nudged);
      if (nudged) {
        // It can't be woken from here: its bit stays for the supervisor, which is asked to.
        assertEquals(0, pool.memory.getInt(wake));
        assertEquals(0b101, pool.memory.getLong(Layout.H_IDLE));
        pool.memory.setLong(Layout.H_SEARCHING, 0b1000);
        Files.setLastModifiedTime(lock, FileTime.fromMillis(0));
        client.submit(NUMBER, 1L);
        assertEquals(0, Files.getLastModifiedTime(lock).toMillis());
        pool.echo();
        return;
      }
      assertEquals(1, pool.memory.getInt(wake));
      assertEquals(0b001, pool.memory.getLong(Layout.H_IDLE));
      pool.memory.setLong(Layout.H_SEARCHING, 0b1000);
      client.submit(NUMBER, 1L);
      assertEquals(0b001, pool.memory.getLong(Layout.H_IDLE));
      pool.echo();
    }
  }

  @Test
  void rawClaimAndLease() throws Exception {
    pool.echo();
    try (Ringwork client = pool.connect()) {
      for (int size : new int[] {0, 10, 88, 89, 5000}) {
        try (RawTask task = client.claim("echo", size + 5)) {
          task.request()
              .asSlice(0, size)
              .copyFrom(java.lang.foreign.MemorySegment.ofArray(bytes(size)));
          task.length(size).codec(200);
          ResultLease lease = task.submit().get();
          assertThrows(IllegalStateException.class, task::request);
          assertEquals(200, lease.codec());
          assertArrayEquals(bytes(size), lease.segment().toArray(ValueLayout.JAVA_BYTE));
          assertTrue(lease.segment().isReadOnly());
          assertEquals(15, client.info().freeSlots());
          lease.close();
          lease.close();
          assertThrows(IllegalStateException.class, lease::segment);
        }
        assertEquals(16, client.info().freeSlots());
        assertEquals(0, pool.blocksInUse());
      }
      try (RawTask unused = client.claim("echo", 1000)) {
        assertEquals(1000, unused.request().byteSize());
        assertEquals(1, pool.blocksInUse());
      }
      assertEquals(0, pool.blocksInUse());
    }
    assertAllHome();
  }

  @Test
  void getWithTimeout() throws Exception {
    try (Ringwork client = pool.connect()) {
      TaskFuture<Long> future = client.submit(NUMBER, 7L);
      assertThrows(TimeoutException.class, () -> future.get(1, TimeUnit.MILLISECONDS));
      assertThrows(TimeoutException.class, () -> future.get(0, TimeUnit.MILLISECONDS));
      assertFalse(future.isDone());
      pool.echo();
      assertEquals(7L, future.get(20, TimeUnit.SECONDS));
      assertEquals(7L, future.get(0, TimeUnit.SECONDS));
    }
  }

  @Test
  void completedByHand() throws Exception {
    try (Ringwork client = pool.connect()) {
      TaskFuture<Long> future = client.submit(NUMBER, 7L);
      Thread waiter = new Thread(future::join);
      waiter.start();
      Await.until(() -> waiter.getState() == Thread.State.WAITING);
      assertTrue(future.complete(8L));
      waiter.join();
      assertEquals(8L, future.get());
      pool.echo();
      Await.until(() -> pool.slotsInUse() == 0);
      assertEquals(8L, future.get());
      TaskFuture<Long> late = client.submit(NUMBER, 7L);
      late.orTimeout(1, TimeUnit.NANOSECONDS);
      assertTrue(Await.value(() -> late.isDone() ? late : null).isDone());
    }
  }

  @Test
  void interruptEndsGetAndCancelsCall() throws Exception {
    try (Ringwork client = pool.connect()) {
      TaskFuture<Long> future = client.submit(NUMBER, 7L);
      Thread.currentThread().interrupt();
      assertThrows(InterruptedException.class, future::get);
      CompletableFuture<Throwable> seen = new CompletableFuture<>();
      Thread caller =
          new Thread(
              () -> {
                try {
                  client.call(NUMBER, 9L);
                } catch (Throwable t) {
                  seen.complete(t);
                }
              });
      caller.start();
      FakeTask first = pool.take();
      FakeTask second = pool.take();
      caller.interrupt();
      assertInstanceOf(InterruptedException.class, seen.get());
      assertTrue(second.cancelled());
      assertFalse(first.cancelled());
      first.echo();
      second.echo();
      assertEquals(7L, future.get());
    }
    assertAllHome();
  }

  @Test
  void completionModes() throws Exception {
    pool.echo();
    Thread[] on = new Thread[1];
    try (Ringwork client = pool.connect()) {
      client.submit(NUMBER, 1L).thenAccept(x -> on[0] = Thread.currentThread()).get();
    }
    assertTrue(on[0].isVirtual() || on[0] == Thread.currentThread());
    try (Ringwork client =
        Ringwork.connect(
            pool.config()
                .completion(
                    CompletionMode.executor(
                        r -> {
                          throw new java.util.concurrent.RejectedExecutionException("full");
                        })))) {
      assertEquals(2L, client.submit(NUMBER, 1L).thenApply(x -> x + 1).get());
    }
    try (Ringwork client = Ringwork.connect(pool.config().completion(CompletionMode.INLINE))) {
      // A callback that waits for another task polls itself.
      CompletableFuture<Long> nested =
          client.submit(NUMBER, 1L).thenApply(x -> x + client.submit(NUMBER, 5L).join());
      assertEquals(6L, nested.get());
    }
  }

  @Test
  void aJvmMayConnectTwiceAndNoMore() throws Exception {
    pool.echo();
    try (Ringwork b = connectBesideAnother()) {
      try (Ringwork c = pool.connect()) {
        assertEquals(0, c.info().clientIndex());
        assertEquals(3L, c.call(NUMBER, 3L));
        assertEquals(2L, b.call(NUMBER, 2L));
      }
    }
  }

  private Ringwork connectBesideAnother() throws Exception {
    try (Ringwork a = pool.connect()) {
      Ringwork b = pool.connect();
      assertEquals(1L, a.call(NUMBER, 1L));
      assertEquals(2L, b.call(NUMBER, 2L));
      ConnectException full = assertThrows(ConnectException.class, pool::connect);
      assertTrue(full.getMessage().contains("--clients"), full.getMessage());
      return b;
    }
  }

  @Test
  void fallbackRunsHere() throws Exception {
    try (Ringwork client = pool.connect()) {
      TaskOptions here = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
      List<TaskFuture<Long>> queued = new ArrayList<>();
      for (long n = 0; n < 15; n++) { // the sixteenth slot is kept for Priority.HIGH
        queued.add(client.submit(NUMBER, n, here));
      }
      assertEquals(-9L, client.submit(NUMBER.fallback(x -> -x), 9L, here).resultNow());
      ExecutionException none =
          assertThrows(ExecutionException.class, () -> client.submit(NUMBER, 9L, here).get());
      assertEquals(
          RejectedException.Reason.NO_SLOT,
          assertInstanceOf(RejectedException.class, none.getCause()).reason());
      pool.echo();
      assertEquals(14L, queued.get(14).get());
      assertEquals(Arrays.asList(0L, 1L), List.of(queued.get(0).get(), queued.get(1).get()));
    }
  }
}
