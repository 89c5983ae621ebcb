package io.ringwork.benches;

import java.util.concurrent.CompletableFuture;

/** Where work is done in a round. */
interface Side extends AutoCloseable {
  /** Starts a task; its future completes when it is done. */
  <R> CompletableFuture<R> submit(Work<R> work, int i);

  @Override
  void close();
}
