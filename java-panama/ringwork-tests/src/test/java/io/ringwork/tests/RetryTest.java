package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.CancelOutcome;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.Priority;
import io.ringwork.RawCall;
import io.ringwork.RawTask;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.StockTasks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A task whose first attempt died with its worker waits for its second: however it ends then, it
 * may have run, and no caller may be told that it did not.
 */
class RetryTest {
  private static final TaskType<String, String> UNTIL_CANCELLED =
      TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8)
          .options(TaskOptions.DEFAULT.attempts(2));

  @TempDir private Path temporary;

  private static Ringwork launch() {
    return Ringwork.launch(
        Pools.roomy("RetryTest").worker(Pools.testWorker()).closeTimeout(Duration.ofMillis(50)));
  }

  /** Runs a task until its worker is killed, with every lane kept from its second attempt. */
  private TaskFuture<String> waitingForItsSecondAttempt(Ringwork pool, TaskOptions options)
      throws Exception {
    Path marker = temporary.resolve("marker");
    Path worker = temporary.resolve("worker");
    // One lane is taken for good; the other runs the task, then what is more urgent.
    pool.submit(UNTIL_CANCELLED, worker.toString(), TaskOptions.DEFAULT.attempts(1));
    Await.until("the first lane is taken", () -> Files.exists(worker));
    TaskFuture<String> task = pool.submit(UNTIL_CANCELLED, marker.toString(), options);
    Await.until("the task runs", () -> Files.exists(marker));
    TaskOptions urgent = TaskOptions.DEFAULT.priority(Priority.HIGH).attempts(3);
    for (int i = 0; i < 20; i++) {
      pool.submit(StockTasks.SLEEP, 60_000L, urgent);
    }
    for (ProcessHandle process : Pools.workers(pool)) {
      process.destroyForcibly();
      Await.until("it is dead", () -> !process.isAlive());
    }
    Await.until("both workers are back", () -> Pools.workers(pool).size() == 2);
    Await.until("both lanes are back", () -> pool.info().lanes() == 2);
    assertEquals(1, Files.readAllLines(marker).size(), "it must wait for its second attempt");
    return task;
  }

  @Test
  void itsDeadlineSaysThatItMayHaveRun() throws Exception {
    try (Ringwork pool = launch()) {
      TaskFuture<String> task =
          waitingForItsSecondAttempt(pool, TaskOptions.DEFAULT.timeout(Duration.ofSeconds(3)));
      assertTrue(Pools.failure(TaskTimeoutException.class, task).mayHaveRun());
    }
  }

  @Test
  void itsCancellationSaysThatItMayHaveRun() throws Exception {
    try (Ringwork pool = launch()) {
      TaskFuture<String> task = waitingForItsSecondAttempt(pool, TaskOptions.DEFAULT);
      assertNotEquals(CancelOutcome.WAS_QUEUED, task.cancelTask());
    }
  }

  /** The request of a raw task or call, which was written in place, is there for each attempt. */
  @Test
  void rawTasksAndCallsHaveAttempts() throws Exception {
    TaskType<String, Long> twice =
        TaskType.of("test.fragile", Codec.UTF8, Codec.LONG)
            .options(TaskOptions.DEFAULT.attempts(2));
    Path ran = temporary.resolve("ran");
    try (Ringwork pool = launch()) {
      // Short and long paths, so that the requests are inline and in a block.
      for (String path : List.of("", "/".repeat(500))) {
        byte[] request = ("1 " + path + ran).getBytes(StandardCharsets.UTF_8);
        RawTask task = pool.claim(twice, request.length, TaskOptions.DEFAULT);
        task.codec(Codec.UTF8_ID).request().copyFrom(MemorySegment.ofArray(request));
        try (ResultLease result = task.submit().get(30, TimeUnit.SECONDS)) {
          assertEquals(2, result.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        }
        try (RawCall call = pool.rawCall(twice, TaskOptions.DEFAULT)) {
          call.codec(Codec.UTF8_ID).claim(request.length).copyFrom(MemorySegment.ofArray(request));
          call.invoke(request.length);
          assertEquals(2, call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        }
      }
      byte[] request = ("1 " + ran).getBytes(StandardCharsets.UTF_8);
      try (RawCall call = pool.rawCall(twice, TaskOptions.DEFAULT.attempts(1))) {
        call.codec(Codec.UTF8_ID).claim(request.length).copyFrom(MemorySegment.ofArray(request));
        assertThrows(WorkerCrashedException.class, () -> call.invoke(request.length));
      }
    }
    assertEquals(9, Files.readAllLines(ran).size());
  }

  @Test
  void closingSaysThatItMayHaveRun() throws Exception {
    TaskFuture<String> task;
    try (Ringwork pool = launch()) {
      task = waitingForItsSecondAttempt(pool, TaskOptions.DEFAULT);
    }
    assertTrue(Pools.failure(ClosedException.class, task).mayHaveRun());
  }
}
