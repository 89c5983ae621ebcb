package io.ringwork.tests;

import io.ringwork.CompletionMode;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.time.Duration;

/**
 * A JVM that gives up in an INLINE callback: it exits with status 7. The usual shutdown hook closes
 * the pool.
 */
final class Quitter {
  private Quitter() {}

  /** Argument: whether the callback closes the pool first. */
  public static void main(String[] args) throws Exception {
    boolean closes = Boolean.parseBoolean(args[0]);
    Ringwork pool =
        Ringwork.launch(
            LaunchConfig.DEFAULT
                .binary(Pools.BINARY)
                .workers(1)
                .segmentSize(16 << 20)
                .log(LaunchConfig.Log.DISCARD)
                .closeTimeout(Duration.ofMinutes(10))
                .completion(CompletionMode.INLINE));
    Runtime.getRuntime().addShutdownHook(new Thread(pool::close));
    pool.submit(StockTasks.SLEEP, 100L)
        .thenRun(
            () -> {
              if (closes) {
                pool.close();
              }
              System.exit(7);
            });
    pool.submit(StockTasks.SLEEP, 500L);
    pool.submit(StockTasks.SLEEP, 1L).thenRun(() -> System.exit(7)); // one more that never returns
    Thread.sleep(600_000);
  }
}
