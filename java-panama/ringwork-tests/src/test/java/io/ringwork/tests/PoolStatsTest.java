package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.HandlerStats;
import io.ringwork.PoolStats;
import io.ringwork.RawCall;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a pool of real workers has counted by handler. */
class PoolStatsTest {
  private static final TaskType<byte[], byte[]> UNKNOWN =
      TaskType.of("no.such.handler", Codec.BYTES, Codec.BYTES);

  /** Not a number: the handler refuses it. */
  private static final TaskType<byte[], byte[]> BAD_SLEEP =
      TaskType.of("sleep", Codec.BYTES, Codec.BYTES);

  @Test
  void tasksAreCountedByHandlerAndOutcome() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("PoolStatsTest"))) {
      assertEquals(List.of(), names(pool.stats()));
      HandlerStats idle = pool.stats().handler("echo").orElseThrow();
      assertEquals(
          List.of(0L, 0L, 0L), List.of(idle.completed(), idle.failed(), idle.run().samples()));
      for (TaskFuture<byte[]> future : pool.submitAll(StockTasks.ECHO, requests(100))) {
        future.get();
      }
      for (int i = 0; i < 3; i++) {
        assertThrows(CodecException.class, () -> pool.call(BAD_SLEEP, new byte[] {1, 2, 3}));
      }
      TaskFuture<Long> cancelled = pool.submit(StockTasks.SLEEP, 60_000L);
      // It has to run, or else it is taken out of the queue and no worker's.
      Await.until("the task runs", () -> pool.stats().busyLanes() == 1);
      cancelled.cancel(true);
      assertThrows(RemoteFailureException.class, () -> pool.call(UNKNOWN, new byte[0]));

      // A lane counts a task behind its end, which the client may have seen before.
      Await.until(
          "all are counted",
          () ->
              pool.stats().handler("echo").map(HandlerStats::completed).orElse(0L) == 100
                  && pool.stats().handler("sleep").map(HandlerStats::failed).orElse(0L) == 4
                  && pool.stats().handler("(unknown)").isPresent());
      PoolStats stats = pool.stats();
      HandlerStats echo = stats.handler("echo").orElseThrow();
      assertEquals(0, echo.failed());
      assertTrue(echo.run().samples() > 0 && echo.run().samples() <= 100, echo.toString());
      assertEquals(echo.run().samples(), echo.queue().samples());
      HandlerStats sleep = stats.handler("sleep").orElseThrow();
      assertEquals(1, sleep.cancelled());
      assertEquals(0, sleep.completed());
      assertEquals(1, stats.handler("(unknown)").orElseThrow().failed());
      assertEquals(List.of("(unknown)", "echo", "sleep"), names(stats));
      assertEquals(105, stats.client().submitted());
      assertEquals(100, stats.client().completed());
      assertEquals(4, stats.client().failed());
      assertEquals(1, stats.client().cancelled());
      assertEquals(2, stats.lanes());
    }
  }

  @Test
  void whatNoLaneEndsIsCountedForItsHandler() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("PoolStatsTest-lost"))) {
      List<TaskFuture<Long>> running =
          List.of(pool.submit(StockTasks.SLEEP, 60_000L), pool.submit(StockTasks.SLEEP, 60_000L));
      Await.until("both lanes are busy", () -> pool.stats().busyLanes() == 2);
      TaskFuture<byte[]> cancelled = pool.submit(StockTasks.ECHO, new byte[0]);
      assertTrue(cancelled.cancel(true));
      TaskFuture<byte[]> late =
          pool.submit(
              StockTasks.ECHO,
              new byte[0],
              TaskOptions.DEFAULT.timeout(Duration.ofMillis(20)).admitLate(true));
      assertThrows(ExecutionException.class, late::get);
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(20)).admitLate(true);
      try (RawCall call = pool.rawCall("echo", soon)) {
        call.claim(0);
        assertThrows(TaskTimeoutException.class, () -> call.invoke(0));
      }
      Pools.failure(RejectedException.class, pool.submit(StockTasks.ECHO, new byte[64 << 20]));
      HandlerStats echo = pool.stats().handler("echo").orElseThrow();
      assertEquals(
          List.of(0L, 3L, 2L, 1L),
          List.of(echo.completed(), echo.failed(), echo.expired(), echo.cancelled()));
      assertEquals(1, echo.rejected().payloadTooLarge());
      assertEquals(1, echo.rejected().total());
      running.forEach(task -> task.cancel(true));
    }
  }

  private static List<byte[]> requests(int count) {
    return IntStream.range(0, count).mapToObj(i -> new byte[64]).toList();
  }

  /** Those of which there were tasks. */
  private static List<String> names(PoolStats stats) {
    return stats.handlers().stream()
        .filter(of -> of.completed() + of.failed() > 0)
        .map(HandlerStats::handler)
        .toList();
  }
}
