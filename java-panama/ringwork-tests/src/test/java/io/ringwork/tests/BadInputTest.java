package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Backpressure;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.RejectedException.Reason;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultException;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What bad input and bad handlers get: an exception of the right class that names cause and remedy
 * and says whether the work may have run; and after each of them the pool works as before.
 */
class BadInputTest {
  private static final TaskType<String, String> FAIL =
      TaskType.of("test.fail", Codec.UTF8, Codec.UTF8);
  private static final TaskType<String, String> PANIC =
      TaskType.of("test.panic", Codec.UTF8, Codec.UTF8);
  private static final TaskType<Long, byte[]> BIG_RESULT =
      TaskType.of("test.big_result", Codec.LONG, Codec.BYTES);
  private static final TaskType<byte[], byte[]> NEVER =
      TaskType.of("test.never", Codec.BYTES, Codec.BYTES);
  private static final byte[] NOTHING = {};

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.misbehaving("BadInputTest").arguments("--overrun-grace", "200ms"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  @AfterEach
  void aGoodTaskWorks() throws Exception {
    Pools.assertUsable(pool);
  }

  // ---- handlers

  @Test
  void unknownHandler() {
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(TaskType.of("imgae.resize", Codec.BYTES, Codec.BYTES), NOTHING));
    assertFalse(error.mayHaveRun());
    assertEquals("handler.unknown", error.code());
    Pools.assertSays(error, "imgae.resize", "image.resize", "echo", "test.fail");
  }

  @Test
  void anErrorOfTheHandler() {
    RemoteFailureException error =
        Pools.failure(RemoteFailureException.class, pool.submit(FAIL, "the kettle is empty"));
    assertTrue(error.mayHaveRun());
    assertEquals("test.failed", error.code());
    assertEquals("the kettle is empty", error.remoteMessage());
    Pools.assertSays(error, "test.fail", "the kettle is empty", error.location());
    assertTrue(error.location().matches(".*ringwork-test-worker\\.rs:\\d+.*"), error.location());
  }

  @Test
  void aPanic() {
    long worker = Pools.workers(pool).getFirst().pid();
    RemoteFailureException error =
        Pools.failure(RemoteFailureException.class, pool.submit(PANIC, "no tea"));
    assertTrue(error.mayHaveRun());
    assertEquals("handler.panicked", error.code());
    Pools.assertSays(error, "test.panic", "no tea", "ringwork-test-worker.rs:");
    assertEquals(worker, Pools.workers(pool).getFirst().pid(), "the worker must live on");
  }

  @ParameterizedTest
  @CsvSource({"test.segv,11,SIGSEGV", "test.overflow,6,SIGABRT", "test.abort,6,SIGABRT"})
  void aHandlerThatKillsItsProcess(String handler, int signal, String name) {
    WorkerCrashedException error =
        Pools.failure(
            WorkerCrashedException.class,
            pool.submit(TaskType.of(handler, Codec.BYTES, Codec.BYTES), NOTHING));
    assertTrue(error.mayHaveRun());
    assertEquals(OptionalInt.of(signal), error.signal());
    assertEquals(1, error.attempts());
    Pools.assertSays(error, name, handler, "log", "attempts");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3})
  void aHandlerThatExits(long status) {
    WorkerCrashedException error =
        Pools.failure(
            WorkerCrashedException.class,
            pool.submit(TaskType.of("test.exit", Codec.LONG, Codec.BYTES), status));
    assertEquals(OptionalInt.of((int) status), error.exitCode());
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "exited with status " + status, "test.exit");
  }

  @Test
  void aHandlerThatNeverReturnsIsKilledAfterItsDeadline() {
    TaskTimeoutException error = null;
    // One that a loaded machine begins too late is tried again with more time.
    for (long limit = 100; limit <= 1_600 && (error == null || !error.mayHaveRun()); limit *= 4) {
      long start = System.nanoTime();
      error =
          Pools.failure(
              TaskTimeoutException.class,
              pool.submit(NEVER, NOTHING, TaskOptions.DEFAULT.timeout(Duration.ofMillis(limit))));
      assertTrue(System.nanoTime() - start < 6_000_000_000L, "the future waited for the handler");
    }
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "deadline", "test.never");
    // assertUsable waits for the slot: it comes home when the worker was killed
  }

  @Test
  void aHandlerThatNeverReturnsDoesNotHoldUpClose() throws Exception {
    TaskFuture<byte[]> never;
    long start = System.nanoTime();
    try (Ringwork own =
        Ringwork.launch(Pools.misbehaving("BadInputTest").closeTimeout(Duration.ofMillis(50)))) {
      never = own.submit(NEVER, NOTHING);
    }
    assertTrue(System.nanoTime() - start < 10_000_000_000L);
    Pools.failure(ClosedException.class, never);
  }

  // ---- no room

  @Test
  void aRequestLargerThanTheLargestBlock() {
    long limit = pool.info().maxPayloadBytes();
    RejectedException error =
        Pools.failure(
            RejectedException.class,
            pool.submit(StockTasks.ECHO, new byte[Math.toIntExact(limit + 1)]));
    assertEquals(Reason.PAYLOAD_TOO_LARGE, error.reason());
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "echo", Long.toString(limit + 1), Long.toString(limit), "--");
    assertEquals(
        Reason.PAYLOAD_TOO_LARGE,
        assertThrows(RejectedException.class, () -> pool.claim("echo", limit + 1)).reason());
  }

  @Test
  void aResultLargerThanTheLargestBlock() {
    long limit = pool.info().maxPayloadBytes();
    ResultException error =
        Pools.failure(ResultException.class, pool.submit(BIG_RESULT, limit + 1));
    assertEquals(ResultException.Reason.TOO_LARGE, error.reason());
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "test.big_result", Long.toString(limit + 1), Long.toString(limit));
  }

  @Test
  void theArenaIsExhausted() throws Exception {
    int size = Math.toIntExact(pool.info().maxPayloadBytes());
    List<RawTask> claimed = new ArrayList<>();
    RejectedException thrown =
        assertThrows(
            RejectedException.class,
            () -> {
              while (true) {
                claimed.add(pool.claim("echo", size));
              }
            });
    assertFalse(claimed.isEmpty());
    assertEquals(Reason.ARENA_EXHAUSTED, thrown.reason());
    RejectedException error =
        Pools.failure(RejectedException.class, pool.submit(StockTasks.ECHO, new byte[size]));
    assertEquals(Reason.ARENA_EXHAUSTED, error.reason());
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "LaunchConfig.segmentSize", Integer.toString(size), "at a time");
    // BLOCK waits until there is room.
    Thread other = Thread.ofVirtual().start(() -> claimed.forEach(RawTask::close));
    assertEquals(size, pool.submit(StockTasks.ECHO, new byte[size], Pools.PATIENT).get().length);
    other.join();
  }

  @Test
  void resultsThatNobodyClosesExhaustTheArena() throws Exception {
    long size = pool.info().maxPayloadBytes();
    List<ResultLease> leases = new ArrayList<>();
    TaskOptions brief = TaskOptions.DEFAULT.timeout(Duration.ofMillis(300));
    try {
      ResultException error = null;
      int unbegun = 0;
      while (error == null) {
        try (RawTask task = pool.claim("test.big_result", 8, brief)) {
          task.codec(Codec.LONG_ID)
              .request()
              .asByteBuffer()
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(size);
          TaskFuture<ResultLease> future = task.submit();
          try {
            leases.add(future.get(20, TimeUnit.SECONDS));
          } catch (ExecutionException e) {
            if (e.getCause() instanceof TaskTimeoutException late) {
              if (!late.mayHaveRun() && ++unbegun < 5) {
                continue; // a loaded machine did not begin it in time
              }
              assertTrue(late.mayHaveRun());
              return; // the client's timer was first: as good
            }
            error = assertInstanceOf(ResultException.class, e.getCause());
          }
        }
      }
      assertEquals(ResultException.Reason.ARENA_EXHAUSTED, error.reason());
      assertTrue(error.mayHaveRun());
      Pools.assertSays(error, "lease", "segment-size");
    } finally {
      leases.forEach(ResultLease::close);
    }
  }

  @Test
  void allSlotsAreTaken() throws Exception {
    try (Ringwork small =
        Ringwork.launch(Pools.misbehaving("BadInputTest").slots(4).closeTimeout(Duration.ZERO))) {
      List<TaskFuture<Long>> sleeping = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        sleeping.add(small.submit(StockTasks.SLEEP, 60_000L));
      }
      RejectedException error =
          Pools.failure(RejectedException.class, small.submit(StockTasks.SLEEP, 1L));
      assertEquals(Reason.NO_SLOT, error.reason());
      assertFalse(error.mayHaveRun());
      Pools.assertSays(error, "4", "LaunchConfig.slots", "block");
      long start = System.nanoTime();
      Pools.failure(
          RejectedException.class,
          small.submit(
              StockTasks.SLEEP,
              1L,
              TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofMillis(50)))));
      assertTrue(System.nanoTime() - start >= 50_000_000);
      assertEquals(
          -7L,
          small.call(
              StockTasks.SLEEP.fallback(request -> -request),
              7L,
              TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns())));
      sleeping.forEach(TaskFuture::cancelTask);
      assertEquals(1, small.call(StockTasks.echo(Codec.LONG), 1L, Pools.PATIENT));
    }
  }

  // ---- deadlines and cancelling

  @Test
  void aDeadlineThatHasPassed() {
    TaskTimeoutException error =
        Pools.failure(
            TaskTimeoutException.class,
            pool.submit(StockTasks.SLEEP, 60_000L, TaskOptions.DEFAULT.timeout(Duration.ZERO)));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "deadline", "sleep");
    IllegalArgumentException negative =
        assertThrows(
            IllegalArgumentException.class,
            () -> TaskOptions.DEFAULT.timeout(Duration.ofMillis(-5)));
    Pools.assertSays(negative, "negative", "Duration.ZERO");
  }

  @Test
  void cancelKeepsTheContractOfCompletableFuture() {
    TaskFuture<Long> future = pool.submit(StockTasks.SLEEP, 60_000L);
    assertTrue(future.cancel(true));
    assertTrue(future.isCancelled());
    assertThrows(CancellationException.class, future::join);
    assertThrows(CancellationException.class, future::get);
    assertTrue(future.cancel(true));
  }

  @Test
  void anInterruptedCallIsCancelled() throws Exception {
    Thread caller =
        Thread.ofPlatform()
            .start(
                () ->
                    assertThrows(
                        InterruptedException.class, () -> pool.call(StockTasks.SLEEP, 60_000L)));
    Await.until("the call has a slot", () -> pool.info().freeSlots() < pool.info().slots());
    caller.interrupt();
    caller.join(20_000);
    assertFalse(caller.isAlive());
  }

  // ---- codecs

  private static <T> Codec<T> codec(
      int id, long size, ThrowingEncoder<T> encoder, ThrowingDecoder<T> decoder) {
    return new Codec<>() {
      @Override
      public int id() {
        return id;
      }

      @Override
      public long maxSize(T value) {
        return size;
      }

      @Override
      public void encode(T value, ByteBuffer target) throws IOException {
        encoder.encode(value, target);
      }

      @Override
      public T decode(ByteBuffer source) throws IOException {
        return decoder.decode(source);
      }
    };
  }

  private interface ThrowingEncoder<T> {
    void encode(T value, ByteBuffer target) throws IOException;
  }

  private interface ThrowingDecoder<T> {
    T decode(ByteBuffer source) throws IOException;
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 8_000})
  void aRequestThatCannotBeEncoded(int size) {
    IOException cause = new IOException("no such thing in this codec");
    TaskType<String, byte[]> type =
        TaskType.of(
            "echo",
            codec(
                Codec.BYTES_ID,
                size,
                (value, target) -> {
                  throw cause;
                },
                source -> ""),
            Codec.BYTES);
    CodecException error = Pools.failure(CodecException.class, pool.submit(type, "x"));
    assertFalse(error.mayHaveRun());
    assertSame(cause, error.getCause());
    Pools.assertSays(error, "echo", "no such thing in this codec");
  }

  @Test
  void aCodecThatWritesMoreThanItSaid() {
    TaskType<String, byte[]> type =
        TaskType.of(
            "echo",
            codec(Codec.BYTES_ID, 4, (value, target) -> target.put(new byte[100]), source -> ""),
            Codec.BYTES);
    CodecException error = Pools.failure(CodecException.class, pool.submit(type, "x"));
    assertFalse(error.mayHaveRun());
    assertInstanceOf(BufferOverflowException.class, error.getCause());
    Pools.assertSays(error, "echo");
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 8_000})
  void aResultThatCannotBeDecoded(int size) {
    IllegalStateException cause = new IllegalStateException("what is this?");
    TaskType<byte[], String> type =
        TaskType.of(
            "echo",
            Codec.BYTES,
            codec(
                Codec.BYTES_ID,
                0,
                (value, target) -> {},
                source -> {
                  throw cause;
                }));
    CodecException error = Pools.failure(CodecException.class, pool.submit(type, new byte[size]));
    assertTrue(error.mayHaveRun());
    assertSame(cause, error.getCause());
    Pools.assertSays(error, "echo", "what is this?");
  }

  @Test
  void aResultOfAnotherCodec() {
    CodecException error =
        Pools.failure(
            CodecException.class,
            pool.submit(TaskType.of("echo", Codec.UTF8, Codec.LONG), "12345678"));
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "echo", "codec");
  }

  @Test
  void aRequestThatTheWorkerCannotDecode() {
    CodecException error =
        Pools.failure(
            CodecException.class,
            pool.submit(TaskType.of("sleep", Codec.BYTES, Codec.LONG), new byte[3]));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "sleep", "8 bytes", "3");
    error =
        Pools.failure(
            CodecException.class,
            pool.submit(TaskType.of("sleep", Codec.UTF8, Codec.LONG), "soon"));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "i64", "utf8");
  }

  // ---- errors of the program

  @Test
  void errorsOfTheProgramAreThrownAtOnce() {
    assertThrows(IllegalArgumentException.class, () -> TaskType.of("", Codec.BYTES, Codec.BYTES));
    assertThrows(
        IllegalArgumentException.class,
        () -> TaskType.of("x".repeat(500), Codec.BYTES, Codec.BYTES));
    assertThrows(IllegalArgumentException.class, () -> TaskOptions.DEFAULT.attempts(0));
    assertThrows(IllegalArgumentException.class, () -> TaskOptions.DEFAULT.attempts(4));
    assertThrows(IllegalArgumentException.class, () -> pool.claim("echo", -1));
    assertThrows(IllegalArgumentException.class, () -> TaskOptions.DEFAULT.traceparent("nonsense"));
    assertThrows(IllegalArgumentException.class, () -> Ringwork.connect("../etc"));
    assertThrows(IllegalArgumentException.class, () -> Pools.stock("x").workers(0));
  }
}
