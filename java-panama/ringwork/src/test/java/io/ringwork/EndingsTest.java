package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** All the ways in which a task ends that is no result, and what each says. */
@Tag("denied-too")
@Timeout(60)
class EndingsTest {
  static final TaskType<byte[], byte[]> ECHO = TaskType.of("echo", Codec.BYTES, Codec.BYTES);
  static final TaskType<Long, Long> NUMBER = TaskType.of("number", Codec.LONG, Codec.LONG);

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, 16);
    client = pool.connect();
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    pool.close();
  }

  void assertAllHome() {
    Await.until(() -> pool.slotsInUse() == 0 && pool.blocksInUse() == 0);
    Await.until(() -> client.info().freeSlots() == 16);
  }

  private static final TaskOptions RETRIED = TaskOptions.DEFAULT.attempts(3);

  @Test
  void whatIsQueuedAgainIsTakenBackAsATaskThatMayHaveRun() {
    TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(300), RETRIED);
    pool.take().requeue();
    assertEquals(CancelOutcome.WAS_RUNNING, future.cancelTask());
    assertAllHome();
    CompletableFuture<Long> next = client.submit(NUMBER, 5L);
    pool.take().echo();
    assertEquals(5L, next.join());
  }

  @Test
  void theSecondAttemptHasTheResult() {
    for (int size : new int[] {8, 5000}) {
      TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(size), RETRIED);
      FakeTask first = pool.take();
      first.requeue();
      assertTrue(pool.injectors[1].offer(first.slot));
      FakeTask second = pool.take();
      assertEquals(first.generation(), second.generation());
      second.echo();
      assertArrayEquals(SubmitTest.bytes(size), future.join());
    }
    assertAllHome();
  }

  /** A crash takes a reaper two steps: a task is over with the second one. */
  @Test
  void betweenTheTwoStepsOfACrash() {
    TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(8));
    FakeTask task = pool.take();
    task.crashClaim(3);
    pool.hint(task.slot);
    TaskFuture<Long> other = client.submit(NUMBER, 5L);
    pool.take().echo();
    assertEquals(5L, other.join());
    assertFalse(future.isDone());
    task.end(3);
    failure(WorkerCrashedException.class, future);
    TaskFuture<byte[]> given = client.submit(ECHO, SubmitTest.bytes(8));
    FakeTask second = pool.take();
    second.crashClaim(3);
    assertEquals(CancelOutcome.WAS_RUNNING, given.cancelTask());
    assertEquals(15, client.info().freeSlots());
    second.end(3);
    assertAllHome();
  }

  static <T extends RingworkException> T failure(Class<T> type, CompletableFuture<?> future) {
    CompletionException e = assertThrows(CompletionException.class, future::join);
    return assertInstanceOf(type, e.getCause());
  }

  <T extends RingworkException> T failure(Class<T> type, int status, String message) {
    CompletableFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(100));
    pool.take().fail(status, "some-code", message, "src/lib.rs:7:9");
    T failure = failure(type, future);
    assertTrue(failure.getMessage().contains(message), failure.getMessage());
    assertTrue(failure.getMessage().contains("echo"), failure.getMessage());
    return failure;
  }

  @Test
  void everyStatus() {
    String message = "m".repeat(100);
    for (int status : new int[] {Layout.STATUS_FAILED, Layout.STATUS_PANICKED}) {
      RemoteFailureException remote = failure(RemoteFailureException.class, status, message);
      assertEquals("some-code", remote.code());
      assertEquals(message, remote.remoteMessage());
      assertEquals("src/lib.rs:7:9", remote.location());
      assertTrue(remote.mayHaveRun());
    }
    int notRun = Layout.STATUS_NOT_RUN;
    assertFalse(
        failure(RemoteFailureException.class, Layout.STATUS_UNKNOWN_HANDLER | notRun, "no")
            .mayHaveRun());
    assertFalse(failure(CodecException.class, Layout.STATUS_CODEC | notRun, "bad").mayHaveRun());
    assertTrue(failure(CodecException.class, Layout.STATUS_CODEC, "bad").mayHaveRun());
    assertEquals(
        ResultException.Reason.TOO_LARGE,
        failure(ResultException.class, Layout.STATUS_RESULT_TOO_LARGE, "big").reason());
    assertEquals(
        ResultException.Reason.ARENA_EXHAUSTED,
        failure(ResultException.class, Layout.STATUS_ARENA_EXHAUSTED, "full").reason());
    assertTrue(failure(ResultException.class, Layout.STATUS_ARENA_EXHAUSTED, "full").mayHaveRun());
    RejectedException refused =
        failure(RejectedException.class, Layout.STATUS_NO_WORKER | notRun, "storm");
    assertEquals(RejectedException.Reason.NO_WORKER, refused.reason());
    assertFalse(refused.mayHaveRun());
    // Its first attempt lost its worker: that is no refusal.
    WorkerCrashedException lost =
        failure(WorkerCrashedException.class, Layout.STATUS_NO_WORKER, "storm");
    assertTrue(lost.mayHaveRun());
    assertEquals(1, lost.attempts());
    assertTrue(failure(TaskCancelledException.class, Layout.STATUS_CANCELLED, "stop").mayHaveRun());
    assertFalse(
        failure(TaskTimeoutException.class, Layout.STATUS_EXPIRED | notRun, "late").mayHaveRun());
    failure(CorruptSegmentException.class, 77, "what");
    assertAllHome();
  }

  @Test
  void brokenFailureRecords() {
    for (byte[] record :
        List.of(
            new byte[0],
            new byte[] {1},
            new byte[] {-1, -1, -1, -1},
            new byte[] {2, 0, 9, 0, 'a'})) {
      CompletableFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(1));
      pool.take().complete(Layout.STATUS_FAILED, record, 0);
      failure(RemoteFailureException.class, future);
    }
    assertAllHome();
  }

  @Test
  void crashes() {
    CompletableFuture<byte[]> killed = client.submit(ECHO, SubmitTest.bytes(100));
    pool.take().crash(Layout.CAUSE_SIGNAL | 9);
    WorkerCrashedException signal = failure(WorkerCrashedException.class, killed);
    assertEquals(9, signal.signal().getAsInt());
    assertTrue(signal.exitCode().isEmpty());
    assertTrue(signal.getMessage().contains("SIGKILL"), signal.getMessage());
    CompletableFuture<byte[]> exited = client.submit(ECHO, SubmitTest.bytes(100));
    pool.take().crash(3);
    assertEquals(3, failure(WorkerCrashedException.class, exited).exitCode().getAsInt());
    CompletableFuture<byte[]> unknown = client.submit(ECHO, SubmitTest.bytes(100));
    pool.take().crash(Layout.CAUSE_UNKNOWN);
    WorkerCrashedException died = failure(WorkerCrashedException.class, unknown);
    assertTrue(died.signal().isEmpty() && died.exitCode().isEmpty() && died.mayHaveRun());
    assertAllHome();
  }

  @Test
  void cancelWhileQueued() {
    TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(100));
    assertEquals(CancelOutcome.WAS_QUEUED, future.cancelTask());
    assertTrue(future.isCancelled());
    assertThrows(CancellationException.class, future::join);
    assertEquals(CancelOutcome.ALREADY_DONE, future.cancelTask());
    assertTrue(future.cancel(true));
    assertEquals(null, pool.poll());
    assertAllHome();
  }

  @Test
  void cancelWhileRunning() {
    TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(100));
    FakeTask task = pool.take();
    assertFalse(task.cancelled());
    long wake = pool.geometry.lane(1) + Layout.LANE_WAKE;
    pool.memory.setInt(pool.geometry.lane(0) + Layout.LANE_BELL, 2);
    int rung = pool.memory.getInt(wake);
    assertEquals(CancelOutcome.WAS_RUNNING, future.cancelTask());
    assertTrue(task.cancelled());
    assertEquals(rung + 1, pool.memory.getInt(wake), "its worker is told");
    assertTrue(future.isCancelled());
    assertEquals(15, client.info().freeSlots());
    task.complete(SubmitTest.bytes(200), 0);
    assertAllHome();
  }

  @Test
  void cancelWhenDone() throws Exception {
    TaskFuture<byte[]> future = client.submit(ECHO, SubmitTest.bytes(1));
    pool.take().echo();
    future.get();
    assertEquals(CancelOutcome.ALREADY_DONE, future.cancelTask());
    assertFalse(future.cancel(true));
  }

  @Test
  void deadlineWhileQueued() {
    long start = System.nanoTime();
    TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(30));
    TaskTimeoutException late =
        failure(TaskTimeoutException.class, client.submit(ECHO, SubmitTest.bytes(100), soon));
    assertTrue(System.nanoTime() - start >= TimeUnit.MILLISECONDS.toNanos(30));
    assertFalse(late.mayHaveRun());
    assertEquals(null, pool.poll());
    assertAllHome();
  }

  @Test
  void deadlineWhileRunning() {
    Duration limit = Duration.ofMillis(30);
    TaskFuture<byte[]> future;
    FakeTask task;
    do {
      future = client.submit(ECHO, SubmitTest.bytes(100), TaskOptions.DEFAULT.timeout(limit));
      task = pool.take(future);
      limit = limit.multipliedBy(2); // too short for a loaded machine to take it in time
    } while (task == null);
    assertTrue(failure(TaskTimeoutException.class, future).mayHaveRun());
    assertTrue(task.cancelled());
    Await.until(() -> client.info().freeSlots() == 15);
    task.fail(Layout.STATUS_CANCELLED, "", "gave up", "");
    assertAllHome();
  }

  @Test
  void deadlinesInAnyOrder() {
    // Long ones first: each later one must wake the poller for a nearer time.
    List<TaskFuture<Long>> futures = new ArrayList<>();
    for (int ms : new int[] {600_000, 90, 60, 30, 120, 10, 75, 40}) {
      futures.add(client.submit(NUMBER, 1L, TaskOptions.DEFAULT.timeout(Duration.ofMillis(ms))));
    }
    for (TaskFuture<Long> future : futures.subList(1, futures.size())) {
      failure(TaskTimeoutException.class, future);
    }
    assertFalse(futures.get(0).isDone());
    pool.echo();
    assertEquals(1L, futures.get(0).join());
    // The slots are used again with an earlier look left behind: later deadlines still hold.
    for (int n = 0; n < 20; n++) {
      assertEquals(
          1L,
          client.submit(NUMBER, 1L, TaskOptions.DEFAULT.timeout(Duration.ofSeconds(30))).join());
    }
    assertAllHome();
  }

  @Test
  void deadlineInThePast() {
    for (Duration past : List.of(Duration.ZERO)) {
      TaskFuture<Long> future = client.submit(NUMBER, 1L, TaskOptions.DEFAULT.timeout(past));
      assertTrue(future.isCompletedExceptionally());
      assertFalse(failure(TaskTimeoutException.class, future).mayHaveRun());
    }
    assertEquals(16, client.info().freeSlots());
    TaskOptions never = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(Long.MAX_VALUE));
    TaskFuture<Long> forever = client.submit(NUMBER, 1L, never);
    pool.take().echo();
    assertEquals(1L, forever.join());
  }

  @Test
  void callThrowsTheFailureItself() {
    pool.lane(task -> task.fail(Layout.STATUS_FAILED, "c", "m", "l"));
    assertThrows(RemoteFailureException.class, () -> client.call(NUMBER, 1L));
    assertThrows(
        TaskTimeoutException.class,
        () -> client.call(NUMBER, 1L, TaskOptions.DEFAULT.timeout(Duration.ZERO)));
    assertThrows(NullPointerException.class, () -> client.submit(NUMBER, null));
  }

  @Test
  void codecFailures() {
    Codec<Long> broken =
        new Codec<>() {
          @Override
          public int id() {
            return LONG_ID;
          }

          @Override
          public long maxSize(Long value) {
            return value;
          }

          @Override
          public void encode(Long value, ByteBuffer target) throws IOException {
            throw new IOException("not today");
          }

          @Override
          public Long decode(ByteBuffer source) {
            throw new IllegalArgumentException("no");
          }
        };
    TaskType<Long, Long> type = TaskType.of("broken", broken, Codec.LONG);
    for (long size : new long[] {0, 88, 1000}) {
      CodecException encode = failure(CodecException.class, client.submit(type, size));
      assertFalse(encode.mayHaveRun());
      assertTrue(encode.getMessage().contains("not today"));
    }
    failure(CodecException.class, client.submit(type, -7L));
    failure(CodecException.class, client.submit(type, Codec.UNKNOWN_SIZE));
    CompletableFuture<Long> result = client.submit(TaskType.of("x", Codec.LONG, broken), 5L);
    pool.take().echo();
    assertTrue(failure(CodecException.class, result).mayHaveRun());
    CompletableFuture<Long> large =
        client.submit(TaskType.of("x", Codec.BYTES, broken), SubmitTest.bytes(500));
    pool.take().complete(SubmitTest.bytes(500), Codec.LONG_ID);
    failure(CodecException.class, large);
    CompletableFuture<Long> otherCodec = client.submit(NUMBER, 5L);
    pool.take().complete(SubmitTest.bytes(8), Codec.UTF8_ID);
    failure(CodecException.class, otherCodec);
    CompletableFuture<Long> tooShort = client.submit(NUMBER, 5L);
    pool.take().complete(SubmitTest.bytes(3), Codec.LONG_ID);
    failure(CodecException.class, tooShort);
    assertAllHome();
  }

  @Test
  void unknownSizeIsEncodedFirst() throws Exception {
    Codec<String> unknown =
        new Codec<>() {
          @Override
          public int id() {
            return 200;
          }

          @Override
          public long maxSize(String value) {
            return UNKNOWN_SIZE;
          }

          @Override
          public void encode(String value, ByteBuffer target) {
            throw new AssertionError();
          }

          @Override
          public ByteBuffer encode(String value) {
            return ByteBuffer.wrap(value.getBytes(java.nio.charset.StandardCharsets.UTF_8));
          }

          @Override
          public String decode(ByteBuffer source) throws IOException {
            return UTF8.decode(source);
          }
        };
    TaskType<String, String> type = TaskType.of("echo", unknown, unknown);
    pool.echo();
    for (int n : new int[] {0, 88, 89, 5000}) {
      assertEquals("x".repeat(n), client.call(type, "x".repeat(n)));
    }
  }
}
