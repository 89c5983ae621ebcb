package io.ringwork;

import java.util.concurrent.CompletableFuture;

/**
 * A result that another thread will give, once. The thread that has the promise keeps it; those
 * that have its {@link #future()} can only wait, or cancel that future.
 *
 * <p>Closing one that was not kept rejects it: in try-with-resources no future stays open, whatever
 * is thrown.
 *
 * <pre>{@code
 * Promise<String> order = new Promise<>();
 * CompletableFuture<String> taken = order.future();
 * order.resolve("tea");
 * }</pre>
 *
 * @param <R> the result
 */
public final class Promise<R> implements AutoCloseable {
  private final CompletableFuture<R> own = new CompletableFuture<>();

  /** Makes one that is open. */
  public Promise() {}

  /**
   * A future of the result. Each call makes another one: what is done to it by hand, such as
   * cancelling, is not seen by the others.
   *
   * @return ends as the promise is kept
   */
  public CompletableFuture<R> future() {
    CompletableFuture<R> future = new CompletableFuture<>();
    own.whenComplete(
        (result, failure) -> {
          if (failure == null) {
            future.complete(result);
          } else {
            future.completeExceptionally(failure);
          }
        });
    return future;
  }

  /**
   * Keeps it with a result.
   *
   * @param result may be null
   * @return false if it was kept or rejected before
   */
  public boolean resolve(R result) {
    return own.complete(result);
  }

  /**
   * Ends it with a failure.
   *
   * @param why what its futures fail with
   * @return false if it was kept or rejected before
   */
  public boolean reject(Throwable why) {
    return own.completeExceptionally(why);
  }

  /**
   * Whether it is done.
   *
   * @return true if it was kept or rejected
   */
  public boolean isDone() {
    return own.isDone();
  }

  /** Rejects it with an {@link IllegalStateException} unless it is done. */
  @Override
  public void close() {
    if (!own.isDone()) {
      own.completeExceptionally(
          new IllegalStateException("the promise was closed without a result"));
    }
  }
}
