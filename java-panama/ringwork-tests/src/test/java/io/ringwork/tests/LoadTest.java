package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.Priority;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many tasks, all sizes, every result checked. */
class LoadTest {
  private static final TaskType<Long, Long> ECHO = StockTasks.echo(Codec.LONG);
  private static final int THREADS = 8;

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    // A segment whose classes are what the sizes below are about.
    pool = Ringwork.launch(Pools.roomy("LoadTest").segmentSize(62 << 20));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  @AfterEach
  void nothingLeaks() {
    Pools.assertNoSlotLeaked(pool);
  }

  private interface Work {
    void run(int thread) throws Exception;
  }

  private static void inThreads(int threads, Work work) throws Exception {
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int thread = t;
        running.add(
            executor.submit(
                () -> {
                  work.run(thread);
                  return null;
                }));
      }
      for (Future<?> one : running) {
        one.get();
      }
    }
  }

  /** No two tasks of a test have the same request, so no result can pass for another. */
  private static long token(int thread, long number) {
    return (number << 8 | thread) * 0x9e3779b97f4a7c15L;
  }

  @Test
  void aMillionTasksFromEightThreads() throws Exception {
    int each = 1_000_000 / THREADS;
    int window = 100;
    long start = System.nanoTime();
    inThreads(
        THREADS,
        thread -> {
          TaskOptions options =
              Pools.PATIENT.priority(Priority.values()[thread % Priority.values().length]);
          ArrayDeque<TaskFuture<Long>> flying = new ArrayDeque<>(window);
          for (int i = 0; i < each + window; i++) {
            if (i >= window) {
              assertEquals(token(thread, i - window), flying.remove().join());
            }
            if (i < each) {
              flying.add(pool.submit(ECHO, token(thread, i), options));
            }
          }
        });
    report("1,000,000 tasks, windows of " + window, 1_000_000, start);
  }

  @Test
  void callsFromEightThreads() throws Exception {
    int each = 10_000;
    long start = System.nanoTime();
    inThreads(
        THREADS,
        thread -> {
          for (int i = 0; i < each; i++) {
            assertEquals(token(thread, i), pool.call(ECHO, token(thread, i)));
          }
        });
    report(THREADS * each + " calls", THREADS * each, start);
  }

  /** Callbacks, counted: each future completes once, also when a slow callback blocks others. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void everyCallbackRunsOnce(boolean inline) throws Exception {
    int tasks = 100_000;
    AtomicIntegerArray completed = new AtomicIntegerArray(tasks);
    AtomicIntegerArray wrong = new AtomicIntegerArray(1);
    long start = System.nanoTime();
    try (Ringwork own =
        Ringwork.launch(
            Pools.stock("LoadTest")
                .completion(inline ? CompletionMode.INLINE : CompletionMode.VIRTUAL_THREADS))) {
      inThreads(
          2,
          thread -> {
            for (int i = thread; i < tasks; i += 2) {
              int index = i;
              own.submit(ECHO, token(0, i), Pools.PATIENT)
                  .whenComplete(
                      (result, error) -> {
                        completed.incrementAndGet(index);
                        if (error != null || result != token(0, index)) {
                          wrong.incrementAndGet(0);
                        }
                      });
            }
          });
      Await.until(
          "all callbacks have run",
          Duration.ofSeconds(30),
          () -> {
            for (int i = 0; i < tasks; i++) {
              if (completed.get(i) == 0) {
                return false;
              }
            }
            return true;
          });
      Pools.assertUsable(own);
    }
    assertEquals(0, wrong.get(0), "wrong results");
    for (int i = 0; i < tasks; i++) {
      assertEquals(1, completed.get(i), "completions of task " + i);
    }
    report(tasks + " callbacks, " + (inline ? "INLINE" : "virtual threads"), tasks, start);
  }

  @Test
  void batches() throws Exception {
    int each = 20;
    int size = 5_000; // more than there are slots
    long start = System.nanoTime();
    inThreads(
        2,
        thread -> {
          for (int batch = 0; batch < each; batch++) {
            int first = batch * size;
            List<Long> requests =
                LongStream.range(first, first + size).mapToObj(i -> token(thread, i)).toList();
            List<TaskFuture<Long>> futures = pool.submitAll(ECHO, requests, Pools.PATIENT);
            for (int i = 0; i < size; i++) {
              assertEquals(requests.get(i), futures.get(i).join());
            }
          }
        });
    report(2 * each * size + " tasks in batches of " + size, 2L * each * size, start);
  }

  /** The classes of the default segment; 88 is what travels inline. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 88, 1 << 10, 16 << 10, 128 << 10, 1 << 20, 4 << 20, 16 << 20})
  void sizesAroundEachClass(int limit) throws Exception {
    for (int size = Math.max(0, limit - 1); size <= limit + 1; size++) {
      byte[] request = Pools.randomBytes(size);
      if (size > pool.info().maxPayloadBytes()) {
        RejectedException error =
            Pools.failure(RejectedException.class, pool.submit(StockTasks.ECHO, request));
        assertEquals(RejectedException.Reason.PAYLOAD_TOO_LARGE, error.reason());
        Pools.assertSays(error, Integer.toString(size), Integer.toString(limit));
      } else {
        assertArrayEquals(
            request, pool.submit(StockTasks.ECHO, request, Pools.PATIENT).get(), size + " bytes");
        assertArrayEquals(
            request, pool.call(StockTasks.ECHO, request, Pools.PATIENT), size + " bytes");
      }
    }
    assertEquals(16 << 20, pool.info().maxPayloadBytes());
  }

  /** Payloads of all sizes at once: blocks go to and fro between the tasks. */
  @Test
  void mixedSizesFromFourThreads() throws Exception {
    long start = System.nanoTime();
    inThreads(
        4,
        thread -> {
          for (int i = 0; i < 2_000; i++) {
            byte[] request = Pools.randomBytes(1 << (i + thread) % 17);
            assertArrayEquals(request, pool.call(StockTasks.ECHO, request, Pools.PATIENT));
          }
        });
    report("8000 payloads of 1 B to 64 KiB", 8_000, start);
  }

  @Test
  void rawTasksAndLeases() throws Exception {
    int each = 10_000;
    long start = System.nanoTime();
    inThreads(
        4,
        thread -> {
          for (int i = 0; i < each; i++) {
            rawTask(i % 8 == 0 ? 20_000 : i % 200, token(thread, i));
          }
        });
    report(4 * each + " raw tasks", 4L * each, start);
  }

  private static void rawTask(int size, long seed) throws Exception {
    TaskFuture<ResultLease> future;
    try (RawTask task = pool.claim("echo", size, Pools.PATIENT)) {
      MemorySegment request = task.request();
      assertEquals(size, request.byteSize());
      fill(request, seed);
      future = task.submit();
    }
    try (ResultLease lease = future.get(20, TimeUnit.SECONDS)) {
      byte[] expected = new byte[size];
      fill(MemorySegment.ofArray(expected), seed);
      assertEquals(-1, lease.segment().mismatch(MemorySegment.ofArray(expected)));
      assertEquals(Codec.BYTES_ID, lease.codec());
    }
  }

  /** By way of an array: byte by byte into a segment takes most of the test's time. */
  private static void fill(MemorySegment segment, long seed) {
    byte[] bytes = new byte[(int) segment.byteSize()];
    for (int at = 0; at < bytes.length; at++) {
      bytes[at] = (byte) (seed >>> (at & 7) * 8);
    }
    MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
  }

  @Test
  void aShorterRequestAndAnAbandonedClaim() throws Exception {
    pool.claim("echo", 5_000).close();
    try (RawTask task = pool.claim("echo", 5_000)) {
      task.request().set(ValueLayout.JAVA_BYTE, 0, (byte) 42);
      try (ResultLease lease = task.length(1).submit().get(20, TimeUnit.SECONDS)) {
        assertEquals(1, lease.segment().byteSize());
        assertEquals(42, lease.segment().get(ValueLayout.JAVA_BYTE, 0));
      }
    }
  }

  private static void report(String what, long tasks, long start) {
    long nanos = System.nanoTime() - start;
    System.out.printf(
        "%s: %.1f s, %,d tasks/s%n", what, nanos / 1e9, tasks * 1_000_000_000L / nanos);
  }
}
