package io.ringwork.benches;

import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Suite idle: a pool with all defaults that has worked and now has nothing to do. The round only
 * sleeps; {@code ringwork-bench} reads from /proc what this process and its children cost.
 */
final class Idle implements Case {
  private static final int CALLS = 2_000;
  private static final long SETTLE_MILLIS = 3_000;

  private @Nullable Ringwork pool;

  @Override
  public void warmUp() throws Exception {
    Ringwork started = Ringwork.launch();
    pool = started;
    byte[] request = new byte[64];
    for (int i = 0; i < CALLS; i++) {
      request[0]++;
      if (!Arrays.equals(started.call(StockTasks.ECHO, request), request)) {
        throw new AssertionError("a call did not return its request");
      }
    }
    Thread.sleep(SETTLE_MILLIS); // until the compiler threads are done
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    Thread.sleep((long) (seconds * 1000));
    Ringwork started = pool;
    if (started == null || !started.isOpen()) {
      throw new IllegalStateException("the pool has ended");
    }
    return Map.of();
  }
}
