package io.ringwork.benches;

import io.ringwork.Backpressure;
import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** The work on Rust workers. */
record RingworkSide(Ringwork pool) implements Side {
  /** Waits for room rather than fail: the whole load is submitted at once. */
  static final TaskOptions OPTIONS =
      TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(60)));

  @Override
  public <R> CompletableFuture<R> submit(Work<R> work, int i) {
    return work.onRingwork(pool, i);
  }

  @Override
  public void close() {
    pool.close();
  }
}
