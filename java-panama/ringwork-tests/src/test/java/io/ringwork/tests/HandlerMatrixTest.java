package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.cbor.CborCodec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The crash matrix of handlers as Java sees it: each misbehaviour while the request is decoded, in
 * the handler's body, while the result is encoded, and when it is dropped. What happens to the
 * tasks beside it is tried in tests/tests/handler_matrix.rs.
 */
class HandlerMatrixTest {
  private static final TaskType<String, String> MISBEHAVE =
      TaskType.of("test.misbehave", CborCodec.of(String.class), CborCodec.of(String.class));
  private static final List<String> PLACES = List.of("decode", "run", "encode", "drop");

  /** A worker for each place: a death costs no other place its task. */
  private static Ringwork launch() {
    return Ringwork.launch(
        Pools.misbehaving("HandlerMatrixTest")
            .workers(PLACES.size())
            .arguments(
                "--overrun-grace=200ms",
                "--worker-memory=256MiB",
                "--worker-threads=64",
                "--worker-core-size=0"));
  }

  /** Submits the misbehaviour at all places at once. */
  private static Map<String, TaskFuture<String>> everywhere(
      Ringwork pool, String misbehaviour, TaskOptions options) {
    Map<String, TaskFuture<String>> futures = new LinkedHashMap<>();
    PLACES.forEach(
        place -> futures.put(place, pool.submit(MISBEHAVE, misbehaviour + " " + place, options)));
    return futures;
  }

  @ParameterizedTest
  @CsvSource({
    "panic_while_panicking, 6, SIGABRT, a panic while panicking",
    "null_dereference, 11, SIGSEGV, test.misbehave",
    "abort, 6, SIGABRT, test.misbehave",
    "stack_overflow, 6, SIGABRT, a stack overflow",
    "memory, 6, SIGABRT, out of memory",
    "threads, 9, SIGKILL, too many threads"
  })
  void aMisbehaviourThatKillsTheProcess(String misbehaviour, int signal, String name, String words)
      throws Exception {
    try (Ringwork pool = launch()) {
      for (TaskFuture<String> future :
          everywhere(pool, misbehaviour, TaskOptions.DEFAULT).values()) {
        WorkerCrashedException error = Pools.failure(WorkerCrashedException.class, future);
        assertEquals(OptionalInt.of(signal), error.signal());
        assertEquals(1, error.attempts());
        assertTrue(error.mayHaveRun());
        Pools.assertSays(error, name, words, "test.misbehave");
      }
      Pools.assertUsable(pool);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void aMisbehaviourThatExits(int status) throws Exception {
    try (Ringwork pool = launch()) {
      for (TaskFuture<String> future :
          everywhere(pool, "exit_" + status, TaskOptions.DEFAULT).values()) {
        WorkerCrashedException error = Pools.failure(WorkerCrashedException.class, future);
        assertEquals(OptionalInt.of(status), error.exitCode());
        Pools.assertSays(error, "exited with status " + status);
      }
      Pools.assertUsable(pool);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"endless_loop", "endless_sleep"})
  void aMisbehaviourThatNeverEnds(String misbehaviour) throws Exception {
    TaskOptions limit = TaskOptions.DEFAULT.timeout(Duration.ofMillis(300));
    try (Ringwork pool = launch()) {
      for (TaskFuture<String> future : everywhere(pool, misbehaviour, limit).values()) {
        TaskTimeoutException error = Pools.failure(TaskTimeoutException.class, future);
        assertTrue(error.mayHaveRun());
      }
      // Slots come home when the workers are killed.
      Pools.assertUsable(pool);
    }
  }

  @Test
  void panics() throws Exception {
    try (Ringwork pool = launch()) {
      List<Long> workers = Pools.workers(pool).stream().map(ProcessHandle::pid).toList();
      everywhere(pool, "panic", TaskOptions.DEFAULT)
          .forEach(
              (place, future) -> {
                RemoteFailureException error = Pools.failure(RemoteFailureException.class, future);
                assertEquals("handler.panicked", error.code());
                assertEquals("a misbehaviour at " + place, error.remoteMessage());
                assertTrue(error.location().contains("misbehaviour.rs:"), error.location());
                assertTrue(error.mayHaveRun());
              });
      Pools.assertUsable(pool);
      assertEquals(workers, Pools.workers(pool).stream().map(ProcessHandle::pid).toList());
    }
  }

  @Test
  void closingAllDescriptorsCostsNoTask() throws Exception {
    try (Ringwork pool = launch()) {
      List<Long> workers = Pools.workers(pool).stream().map(ProcessHandle::pid).toList();
      for (TaskFuture<String> future :
          everywhere(pool, "close_all", TaskOptions.DEFAULT).values()) {
        assertEquals("done", future.get(20, TimeUnit.SECONDS));
      }
      Await.until(
          "a worker without descriptors is replaced",
          () -> Pools.workers(pool).stream().anyMatch(worker -> !workers.contains(worker.pid())));
      Pools.assertUsable(pool);
    }
  }

  @Test
  void writingTheResultTwice() throws Exception {
    TaskType<byte[], byte[]> twice = TaskType.of("test.twice", Codec.BYTES, Codec.BYTES);
    TaskType<byte[], byte[]> encoded = TaskType.of("test.twice_encoded", Codec.BYTES, Codec.BYTES);
    byte[] last = new byte[100];
    Arrays.fill(last, (byte) 2);
    try (Ringwork pool = launch()) {
      for (String place : List.of("decode", "run")) {
        byte[] request = place.getBytes(StandardCharsets.UTF_8);
        assertArrayEquals(last, pool.submit(twice, request).get(20, TimeUnit.SECONDS));
      }
      assertArrayEquals(last, pool.submit(encoded, new byte[0]).get(20, TimeUnit.SECONDS));
      RemoteFailureException error =
          Pools.failure(
              RemoteFailureException.class,
              pool.submit(twice, "drop".getBytes(StandardCharsets.UTF_8)));
      assertEquals("result.beyond_room", error.code());
      Pools.assertUsable(pool);
    }
  }
}
