package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Backpressure;
import io.ringwork.CancelOutcome;
import io.ringwork.ChunkResult;
import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.CompletionMode;
import io.ringwork.Priority;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Chunks: many requests that travel as one task, and each has its own end. */
class ChunkTest {
  private static final TaskType<Long, Long> DOUBLE =
      TaskType.of("test.i64_double", Codec.LONG, Codec.LONG);

  /** The attempt; or the end that the request asks for. */
  private static final TaskType<String, Long> FRAGILE =
      TaskType.of("test.fragile", Codec.UTF8, Codec.LONG);

  private static final TaskType<Long, Long> SLEEP =
      TaskType.of("test.sleep", Codec.LONG, Codec.LONG);

  private static final TaskType<String, String> UNTIL_CANCELLED =
      TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8);

  private static final TaskType<Long, byte[]> BIG =
      TaskType.of("test.big_result", Codec.LONG, Codec.BYTES);

  private static Ringwork pool;

  @TempDir private Path temporary;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.misbehaving("ChunkTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  @AfterEach
  void nothingIsLost() throws Exception {
    Pools.assertUsable(pool);
  }

  private static <R> ChunkResult<R> end(TaskFuture<ChunkResult<R>> chunk) throws Exception {
    return chunk.get(20, TimeUnit.SECONDS);
  }

  private static <Q, R> ChunkResult<R> run(TaskType<Q, R> type, List<Q> requests) throws Exception {
    return end(pool.submitChunk(type, requests));
  }

  private static <X extends RingworkException> X failure(
      Class<X> type, ChunkResult<?> results, int index) {
    X failure = assertInstanceOf(type, results.failure(index).orElseThrow());
    X thrown = assertThrows(type, () -> results.get(index));
    assertEquals(failure.getMessage(), thrown.getMessage());
    assertEquals(failure.mayHaveRun(), thrown.mayHaveRun());
    return failure;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 16, 17, 64, 1000, 10_000})
  void everyRequestHasItsResult(int count) throws Exception {
    List<Long> requests = LongStream.range(0, count).boxed().toList();
    ChunkResult<Long> results = run(DOUBLE, requests);
    assertEquals(count, results.size());
    assertEquals(0, results.failures());
    assertEquals(requests.stream().map(n -> 2 * n).toList(), results.values());
  }

  @Test
  void lengthsNeedNotBeEqual() throws Exception {
    List<byte[]> requests =
        IntStream.of(0, 1, 7, 8, 9, 63, 64, 65, 88, 89, 500, 0, 3000)
            .mapToObj(Pools::randomBytes)
            .toList();
    ChunkResult<byte[]> results =
        end(pool.submitChunk(StockTasks.ECHO, requests, 400, TaskOptions.DEFAULT));
    for (int i = 0; i < requests.size(); i++) {
      assertArrayEquals(requests.get(i), results.get(i));
    }
  }

  @Test
  void aChunkOfNothingIsDone() throws Exception {
    TaskFuture<ChunkResult<Long>> chunk = pool.submitChunk(DOUBLE, List.of());
    assertTrue(chunk.isDone());
    assertEquals(0, chunk.get().size());
    assertEquals(List.of(), chunk.get().values());
  }

  /** A codec that knows the size only when it has encoded, or fails. */
  private static class Late implements Codec<String> {
    @Override
    public int id() {
      return UTF8_ID;
    }

    @Override
    public long maxSize(String value) {
      return UNKNOWN_SIZE;
    }

    @Override
    public void encode(String value, ByteBuffer target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public ByteBuffer encode(String value) throws IOException {
      if (value.equals("bad")) {
        throw new IOException("it is bad");
      }
      return ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String decode(ByteBuffer source) throws IOException {
      throw new IOException("never right");
    }
  }

  @Test
  void codecsMayEncodeBeforeTheyKnowTheSize() throws Exception {
    TaskType<String, Long> type = TaskType.of("test.fragile", new Late(), Codec.LONG);
    assertEquals(List.of(1L, 1L), run(type, List.of("0", "0")).values());
    CodecException error =
        Pools.failure(CodecException.class, pool.submitChunk(type, List.of("0", "bad")));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "test.fragile", "request 1 of a chunk", "it is bad");
  }

  /** A codec that uses one buffer for all, as a codec may. */
  private static final class Thrifty extends Late {
    private final ByteBuffer buffer = ByteBuffer.allocate(10);

    @Override
    public ByteBuffer encode(String value) {
      return buffer.clear().put(value.getBytes(StandardCharsets.UTF_8)).flip();
    }
  }

  @Test
  void codecsMayUseTheirBufferAgain() throws Exception {
    TaskType<String, byte[]> type = TaskType.of("echo", new Thrifty(), Codec.BYTES);
    ChunkResult<byte[]> results = run(type, List.of("one", "three", ""));
    assertEquals("one", new String(results.get(0), StandardCharsets.UTF_8));
    assertEquals("three", new String(results.get(1), StandardCharsets.UTF_8));
    assertEquals(0, results.get(2).length);
  }

  /** A codec whose bound is wrong, or which throws an Error. */
  private static final class Broken implements Codec<String> {
    @Override
    public int id() {
      return UTF8_ID;
    }

    @Override
    public boolean accepts(int id) {
      return true;
    }

    @Override
    public long maxSize(String value) {
      return 3;
    }

    @Override
    public void encode(String value, ByteBuffer target) {
      target.put(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String decode(ByteBuffer source) {
      throw new StackOverflowError("on purpose");
    }
  }

  @Test
  void brokenCodecsCostTheirRequests() throws Exception {
    TaskType<String, byte[]> tight = TaskType.of("echo", new Broken(), Codec.BYTES);
    CodecException error =
        Pools.failure(CodecException.class, pool.submitChunk(tight, List.of("abc", "abcd")));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "echo", "request 1 of a chunk", "BufferOverflow");
    TaskType<byte[], String> deep = TaskType.of("echo", Codec.BYTES, new Broken());
    Pools.assertSays(
        failure(CodecException.class, run(deep, List.of(new byte[1])), 0), "StackOverflowError");
  }

  @Test
  void whatCannotBeDecodedCostsOneResult() throws Exception {
    TaskType<byte[], String> type = TaskType.of("echo", Codec.BYTES, new Late());
    ChunkResult<String> results = run(type, List.of(new byte[3], new byte[5]));
    for (int i = 0; i < 2; i++) {
      Pools.assertSays(failure(CodecException.class, results, i), "echo", "codec");
    }
  }

  @Test
  void failuresAndPanicsAreTheirRequestsOwn() throws Exception {
    ChunkResult<Long> results = run(FRAGILE, List.of("0", "-5", "0", "77", "0"));
    assertEquals(2, results.failures());
    for (int i : new int[] {0, 2, 4}) {
      assertEquals(1, results.get(i));
    }
    RemoteFailureException failed = failure(RemoteFailureException.class, results, 1);
    assertEquals("test.negative", failed.code());
    assertEquals("-5 is negative", failed.remoteMessage());
    assertTrue(failed.mayHaveRun());
    RemoteFailureException panicked = failure(RemoteFailureException.class, results, 3);
    assertEquals("handler.panicked", panicked.code());
    Pools.assertSays(panicked, "77 is too large", "ringwork-test-worker.rs");
    assertThrows(RemoteFailureException.class, results::values);
    assertEquals("ChunkResult[5 requests, 2 failed]", results.toString());
  }

  @Test
  void textsOfFailuresNeverTakeTheRoomOfResults() throws Exception {
    List<String> requests = new ArrayList<>(Collections.nCopies(40, "-" + "9".repeat(500)));
    requests.add("0");
    ChunkResult<Long> results = run(FRAGILE, requests);
    assertEquals(1, results.get(40));
    RemoteFailureException failed = failure(RemoteFailureException.class, results, 39);
    assertEquals("test.negative", failed.code());
  }

  @Test
  void aRequestThatCannotBeReadHasNotRun() throws Exception {
    TaskType<byte[], Long> type = TaskType.of("test.i64_double", Codec.BYTES, Codec.LONG);
    ChunkResult<Long> results = run(type, List.of(new byte[8], new byte[3], new byte[8]));
    CodecException error = failure(CodecException.class, results, 1);
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "test.i64_double", "8 bytes");
    assertEquals(1, results.failures());
  }

  @Test
  void anUnknownHandlerFailsTheChunk() {
    TaskType<Long, Long> type = TaskType.of("no.such", Codec.LONG, Codec.LONG);
    RemoteFailureException error =
        Pools.failure(RemoteFailureException.class, pool.submitChunk(type, List.of(1L, 2L)));
    assertEquals("handler.unknown", error.code());
    assertFalse(error.mayHaveRun());
  }

  @Test
  void aResultWithoutRoomCostsItselfOnly() throws Exception {
    List<Long> sizes = List.of(30L, 1000L, 64L, 64L);
    ChunkResult<byte[]> results = run(BIG, sizes);
    ResultException error = failure(ResultException.class, results, 1);
    assertEquals(ResultException.Reason.TOO_LARGE, error.reason());
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "test.big_result", "1000 bytes", "room");
    assertEquals(64, results.get(3).length); // what is kept for it is not taken
    assertEquals(1000, end(pool.submitChunk(BIG, sizes, 1000, TaskOptions.DEFAULT)).get(1).length);
    // What others leave may be taken.
    assertEquals(
        1000,
        end(pool.submitChunk(BIG, List.of(0L, 1000L), 500, TaskOptions.DEFAULT)).get(1).length);
  }

  @Test
  void moreThanTheLargestBlockIsRefused() {
    RejectedException error =
        Pools.failure(
            RejectedException.class,
            pool.submitChunk(DOUBLE, List.of(1L), Integer.MAX_VALUE, TaskOptions.DEFAULT));
    assertEquals(RejectedException.Reason.PAYLOAD_TOO_LARGE, error.reason());
    Pools.assertSays(error, "a chunk of", "test.i64_double", "fewer requests", "--arena");
    assertFalse(error.mayHaveRun());
  }

  @Test
  void programErrorsAreThrown() {
    assertThrows(
        IllegalArgumentException.class,
        () -> pool.submitChunk(DOUBLE, Collections.nCopies(65_537, 1L)));
    assertThrows(
        IllegalArgumentException.class,
        () -> pool.submitChunk(DOUBLE, List.of(1L), -1, TaskOptions.DEFAULT));
    assertThrows(NullPointerException.class, () -> pool.submitChunk(DOUBLE, null));
    assertThrows(
        NullPointerException.class,
        () -> pool.submitChunk(DOUBLE, Collections.singletonList(null)));
  }

  private List<String> notes(Path ran) throws IOException {
    try (Stream<String> lines = Files.lines(ran)) {
      return lines.toList();
    }
  }

  @Test
  void aDeadWorkerCostsOneRequest() throws Exception {
    Path ran = temporary.resolve("ran");
    ChunkResult<Long> results =
        run(FRAGILE, Stream.of("0", "0", "3", "0", "0").map(n -> n + " " + ran).toList());
    WorkerCrashedException crash = failure(WorkerCrashedException.class, results, 2);
    assertTrue(crash.mayHaveRun());
    assertEquals(1, crash.attempts());
    assertEquals(1, results.failures());
    assertEquals(1, results.get(0));
    assertEquals(1, results.get(4));
    assertEquals(List.of("0", "0", "3", "0", "0"), notes(ran)); // each once
  }

  @Test
  void aRequestThatMayRunTwiceDoes() throws Exception {
    Path ran = temporary.resolve("ran");
    ChunkResult<Long> results =
        run(
            FRAGILE.options(TaskOptions.DEFAULT.attempts(2)),
            Stream.of("0", "1", "0", "2", "0").map(n -> n + " " + ran).toList());
    assertEquals(1, results.get(0));
    assertEquals(2, results.get(1)); // its second attempt
    assertEquals(1, results.get(2));
    assertEquals(List.of("0", "1", "1", "0", "2", "2"), notes(ran));
    WorkerCrashedException crash = failure(WorkerCrashedException.class, results, 3);
    assertEquals(2, crash.attempts());
    RejectedException rest = failure(RejectedException.class, results, 4);
    assertEquals(RejectedException.Reason.CHUNK_ENDED, rest.reason());
    assertFalse(rest.mayHaveRun());
    Pools.assertSays(rest, "test.fragile", "submit it again", "killed");
  }

  @Test
  void threeDeathsEndTheChunk() throws Exception {
    ChunkResult<Long> results = run(FRAGILE, List.of("0", "9", "0", "9", "0", "9", "0", "0"));
    for (int i : new int[] {0, 2, 4}) {
      assertEquals(1, results.get(i));
    }
    for (int i : new int[] {1, 3, 5}) {
      assertTrue(failure(WorkerCrashedException.class, results, i).mayHaveRun());
    }
    for (int i : new int[] {6, 7}) {
      assertFalse(failure(RejectedException.class, results, i).mayHaveRun());
    }
  }

  @Test
  void aCancelledChunkStopsBetweenRequests() throws Exception {
    Path ran = temporary.resolve("ran");
    TaskFuture<ChunkResult<String>> chunk =
        pool.submitChunk(UNTIL_CANCELLED, Collections.nCopies(50, ran.toString()));
    Await.until("it runs", () -> Files.exists(ran));
    assertEquals(CancelOutcome.WAS_RUNNING, chunk.cancelTask());
    Pools.assertNoSlotLeaked(pool);
    assertEquals(List.of("started", "cancelled"), notes(ran));
  }

  @Test
  void theDeadlineIsTheChunks() throws Exception {
    TaskOptions hurried = TaskOptions.DEFAULT.timeout(Duration.ofMillis(150));
    TaskFuture<ChunkResult<Long>> chunk =
        pool.submitChunk(SLEEP, Collections.nCopies(1000, 20L), 64, hurried);
    try {
      // The worker saw the deadline first: some are done, the rest has failed of it.
      ChunkResult<Long> results = end(chunk);
      assertInstanceOf(
          TaskTimeoutException.class, results.failure(results.size() - 1).orElseThrow());
    } catch (ExecutionException failed) { // the poller did
      assertTrue(assertInstanceOf(TaskTimeoutException.class, failed.getCause()).mayHaveRun());
    }
    Pools.assertNoSlotLeaked(pool); // were the rest run, this would take 20 s
  }

  @Test
  void callbacksInlineSeeTheResults() throws Exception {
    try (Ringwork inline =
        Ringwork.launch(Pools.misbehaving("ChunkTest-inline").completion(CompletionMode.INLINE))) {
      long sum =
          inline
              .submitChunk(DOUBLE, List.of(1L, 2L, 3L))
              .thenApply(results -> results.values().stream().mapToLong(n -> n).sum())
              .get(20, TimeUnit.SECONDS);
      assertEquals(12, sum);
      Pools.assertUsable(inline);
    }
  }

  @Test
  void theCallerRunsWhatFindsNoRoom() throws Exception {
    TaskOptions here = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
    TaskType<Long, Long> type =
        DOUBLE.fallback(
            n -> {
              if (n == 2) {
                throw new IllegalStateException("not two");
              }
              return -n;
            });
    List<RawTask> claimed = new ArrayList<>();
    try {
      for (int free = pool.info().freeSlots(); free > 0; free--) {
        claimed.add(pool.claim("echo", 8, TaskOptions.DEFAULT.priority(Priority.HIGH)));
      }
      ChunkResult<Long> results = end(pool.submitChunk(type, List.of(1L, 2L, 3L), 64, here));
      assertEquals(-1, results.get(0));
      assertEquals(-3, results.get(2));
      assertThrows(IllegalStateException.class, () -> results.get(1));
    } finally {
      claimed.forEach(RawTask::close);
    }
  }

  @Test
  void manyChunksInFlight() throws Exception {
    List<TaskFuture<ChunkResult<Long>>> chunks = new ArrayList<>();
    for (int c = 0; c < 500; c++) {
      long first = 100L * c;
      List<Long> requests = LongStream.range(first, first + 100).boxed().toList();
      chunks.add(pool.submitChunk(DOUBLE, requests, 64, Pools.PATIENT));
    }
    for (int c = 0; c < 500; c++) {
      List<Long> values = end(chunks.get(c)).values();
      for (int i = 0; i < 100; i++) {
        assertEquals(2 * (100L * c + i), values.get(i));
      }
    }
  }
}
