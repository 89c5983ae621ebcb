package io.ringwork.benches;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;

/** The work on the threads of a Java pool. */
record JavaSide(ExecutorService pool) implements Side {
  @Override
  public <R> CompletableFuture<R> submit(Work<R> work, int i) {
    return CompletableFuture.supplyAsync(() -> work.inJava(i), pool);
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
