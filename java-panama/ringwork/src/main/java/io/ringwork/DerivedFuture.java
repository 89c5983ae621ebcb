package io.ringwork;

import io.ringwork.internal.Durations;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A future made from others, which are cancelled with it. A thread that waits for it waits for its
 * source, if it has but one: so it is served as that one is (see {@link TaskFuture}).
 */
final class DerivedFuture<R> extends CompletableFuture<R> {
  private final List<? extends CompletableFuture<?>> sources;

  DerivedFuture(Collection<? extends CompletableFuture<?>> sources) {
    this.sources = List.copyOf(sources);
  }

  /** What a stage was given, without the wrapper that a stage in front of it put around it. */
  static Throwable unwrapped(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof CompletionException && cause != null ? cause : failure;
  }

  /** Cancels its sources, but for this one (null: all), whatever comes of each. */
  void cancelSources(CompletableFuture<?> but) {
    Throwable shortage = null;
    for (CompletableFuture<?> source : sources) {
      try {
        if (source != but) {
          source.cancel(true);
        }
      } catch (Throwable thrown) { // of memory or stack: the others are cancelled all the same
        shortage = thrown;
      }
    }
    if (shortage instanceof Error error) {
      throw error;
    }
    if (shortage instanceof RuntimeException error) {
      throw error;
    }
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    if (isDone()) {
      return isCancelled();
    }
    // First, for a source that is cancelled may end this one: with a cancellation, too.
    super.completeExceptionally(new CancellationException("cancelled, and its tasks with it"));
    cancelSources(null);
    return isCancelled();
  }

  @Override
  public R get() throws InterruptedException, ExecutionException {
    if (!isDone() && sources.size() == 1) {
      try {
        sources.get(0).get();
      } catch (CancellationException | ExecutionException toldBelow) {
        // it ends this one, too
      }
    }
    return super.get();
  }

  @Override
  public R get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    long end = Durations.saturatedAdd(System.nanoTime(), unit.toNanos(timeout));
    if (!isDone() && sources.size() == 1) {
      try {
        sources.get(0).get(timeout, unit);
      } catch (CancellationException | ExecutionException toldBelow) {
        // it ends this one, too
      }
    }
    return super.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
  }

  @Override
  public R join() {
    if (!isDone() && sources.size() == 1) {
      try {
        sources.get(0).join();
      } catch (CancellationException | CompletionException toldBelow) {
        // it ends this one, too
      }
    }
    return super.join();
  }

  /** Dependents are plain futures: cancelling one of several must not end what the others await. */
  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
