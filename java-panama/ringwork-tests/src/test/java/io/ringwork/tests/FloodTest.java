package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.Priority;
import io.ringwork.RejectedException;
import io.ringwork.RejectedException.Reason;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A flood of one type of tasks, in a real pool: what becomes of the others. */
@Timeout(180)
class FloodTest {
  private static final TaskType<byte[], byte[]> ECHO =
      TaskType.of("echo", Codec.BYTES, Codec.BYTES);

  /** What a task of the flood takes at least, in milliseconds. */
  private static final long SLEEP = 20;

  private static RingworkException failure(TaskFuture<?> future) {
    return Pools.failure(RingworkException.class, future);
  }

  @Test
  void whatComesTooLateIsRefusedAndTheUrgentIsServed() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("FloodTest").slots(4096))) {
      List<TaskFuture<Long>> flood = new ArrayList<>();
      for (int n = 0; n < 2048; n++) { // 20 s for two lanes
        flood.add(pool.submit(StockTasks.SLEEP, SLEEP));
      }
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(1));
      List<TaskFuture<byte[]>> requests = new ArrayList<>();
      Await.until(
          "a task is refused",
          () -> {
            TaskFuture<byte[]> request = pool.submit(ECHO, new byte[1], soon);
            requests.add(request);
            return request.isDone()
                && failure(request) instanceof RejectedException refused
                && refused.reason() == Reason.DEADLINE_UNREACHABLE
                && !refused.mayHaveRun();
          });
      // Those before it were let in, when nothing was known, and could only wait in vain.
      for (TaskFuture<byte[]> request : requests.subList(0, requests.size() - 1)) {
        assertTrue(failure(request) instanceof TaskTimeoutException);
      }
      TaskOptions urgent = TaskOptions.DEFAULT.priority(Priority.HIGH);
      assertEquals(1, pool.submit(ECHO, new byte[1], urgent).get(30, TimeUnit.SECONDS).length);
      TaskFuture<byte[]> late = pool.submit(ECHO, new byte[1], soon.admitLate(true));
      assertFalse(late.isCompletedExceptionally() && failure(late) instanceof RejectedException);
      flood.forEach(task -> task.cancel(true));
      // The flood is over, and with it what was known of it.
      Await.until(
          "a task is answered in time",
          () -> !pool.submit(ECHO, new byte[1], soon).handle((x, e) -> e != null).join());
      Pools.assertUsable(pool);
    }
  }

  private static boolean isRefused(TaskFuture<?> task) {
    return task.isDone()
        && task.isCompletedExceptionally()
        && failure(task) instanceof RejectedException refused
        && refused.reason() == Reason.DEADLINE_UNREACHABLE;
  }

  @Test
  void aFloodOfDeadlinesIsRefused() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("FloodTest").slots(8192))) {
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(3));
      List<TaskFuture<Long>> letIn = new ArrayList<>();
      int refused = 0;
      while (refused < 200) { // more than two lanes can do
        TaskFuture<Long> task = pool.submit(StockTasks.SLEEP, SLEEP, soon);
        if (isRefused(task)) {
          assertFalse(failure(task).mayHaveRun());
          refused++;
        } else {
          letIn.add(task);
        }
        LockSupport.parkNanos(2_000_000);
      }
      // How many of these are in time is a matter of how even the machine is.
      int inTime = 0;
      for (TaskFuture<Long> task : letIn) {
        inTime += task.handle((x, e) -> e == null ? 1 : 0).get(60, TimeUnit.SECONDS);
      }
      assertTrue(inTime > 0);
    }
  }

  @Test
  void aBurstOnAWarmPoolIsRefusedAtOnce() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("FloodTest").slots(4096))) {
      for (int n = 0; n < 5; n++) {
        pool.call(StockTasks.SLEEP, 10 * SLEEP);
      }
      // All lanes sleep. Two can do about twenty in two seconds.
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(2));
      List<TaskFuture<Long>> burst = new ArrayList<>();
      for (int n = 0; n < 461; n++) {
        burst.add(pool.submit(StockTasks.SLEEP, 10 * SLEEP, soon));
      }
      int refused = 0;
      int inTime = 0;
      for (TaskFuture<Long> task : burst) {
        if (isRefused(task)) {
          refused++;
        } else {
          inTime += task.handle((x, e) -> e == null ? 1 : 0).get(60, TimeUnit.SECONDS);
        }
      }
      assertTrue(refused > 200, refused + " were refused");
      assertTrue(inTime > 0);
    }
  }

  @Test
  void aBurstOfAHandlerWithALimitIsRefusedThoughALaneIsIdle() throws Exception {
    try (Ringwork pool =
        Ringwork.launch(
            Pools.roomy("FloodTest").slots(4096).arguments("--limit", "sleep:concurrency=1"))) {
      for (int n = 0; n < 5; n++) {
        pool.call(StockTasks.SLEEP, 10 * SLEEP);
      }
      List<TaskFuture<Long>> flood = new ArrayList<>();
      for (int n = 0; n < 300; n++) { // a minute
        flood.add(pool.submit(StockTasks.SLEEP, 10 * SLEEP));
      }
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(5));
      Await.until("one is refused", () -> isRefused(pool.submit(StockTasks.SLEEP, SLEEP, soon)));
      Await.until( // nothing is before it, once those have stepped aside
          "another kind is served",
          () -> pool.submit(ECHO, new byte[1], soon).handle((x, e) -> e == null).join());
      flood.forEach(each -> each.cancel(true));
    }
  }

  @Test
  void whatWillHaveExpiredIsNotWaitedFor() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("FloodTest").slots(4096))) {
      List<TaskFuture<Long>> flood = new ArrayList<>();
      for (int n = 0; n < 1200; n++) { // two minutes for two lanes, but most of it expires
        Duration deadline = n < 200 ? Duration.ofMinutes(10) : Duration.ofSeconds(5);
        TaskOptions options = TaskOptions.DEFAULT.timeout(deadline).admitLate(true);
        flood.add(pool.submit(StockTasks.SLEEP, 10 * SLEEP, options));
      }
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(1));
      Await.until("it is known", () -> isRefused(pool.submit(ECHO, new byte[1], soon)));
      TaskOptions later = TaskOptions.DEFAULT.timeout(Duration.ofMinutes(1));
      TaskFuture<byte[]> task = pool.submit(ECHO, new byte[1], later);
      flood.forEach(each -> each.cancel(true));
      assertEquals(1, task.get(60, TimeUnit.SECONDS).length);
    }
  }
}
