package io.ringwork;

import java.util.concurrent.CompletableFuture;

/**
 * The future of a submitted task.
 *
 * @param <R> the result
 */
public final class TaskFuture<R> extends CompletableFuture<R> {
  TaskFuture() {}

  /**
   * Cancels the task and says what became of it. The future completes with {@link
   * java.util.concurrent.CancellationException} unless it was done.
   *
   * @return what the task was doing
   */
  public CancelOutcome cancelTask() {
    throw new UnsupportedOperationException();
  }
}
