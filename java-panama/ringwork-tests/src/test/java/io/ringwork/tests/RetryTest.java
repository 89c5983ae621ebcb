package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.CancelOutcome;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.Priority;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A task whose first attempt died with its worker waits for its second: however it ends then, it
 * may have run, and no caller may be told that it did not.
 */
class RetryTest {
  private static final TaskType<String, String> UNTIL_CANCELLED =
      TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8).attempts(2);

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
    pool.submit(UNTIL_CANCELLED.attempts(1), worker.toString());
    Await.until("the first lane is taken", () -> Files.exists(worker));
    TaskFuture<String> task = pool.submit(UNTIL_CANCELLED, marker.toString(), options);
    Await.until("the task runs", () -> Files.exists(marker));
    TaskOptions urgent = TaskOptions.DEFAULT.priority(Priority.HIGH);
    for (int i = 0; i < 20; i++) {
      pool.submit(StockTasks.SLEEP.attempts(3), 60_000L, urgent);
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

  @Test
  void closingSaysThatItMayHaveRun() throws Exception {
    TaskFuture<String> task;
    try (Ringwork pool = launch()) {
      task = waitingForItsSecondAttempt(pool, TaskOptions.DEFAULT);
    }
    assertTrue(Pools.failure(ClosedException.class, task).mayHaveRun());
  }
}
