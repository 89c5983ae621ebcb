package io.ringwork;

import io.ringwork.internal.Durations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Several futures as one: the first, all, or one no later than a time. What they are made from is
 * cancelled where its result is of no use any more: tasks are taken out of the queue, or their
 * handlers asked to stop.
 *
 * <p>They take {@link TaskFuture}s and any other {@link CompletableFuture}, also those that they
 * make. A future of theirs that is cancelled cancels what it was made from.
 *
 * <pre>{@code
 * TaskFuture<String> near = pool.submit(NEAR, question);
 * TaskFuture<String> far = pool.submit(FAR, question);
 * String fastest = Tasks.firstOf(List.of(near, far)).get(); // the slower one is cancelled
 * }</pre>
 */
public final class Tasks {
  private Tasks() {}

  /**
   * The first that ends, be it with a result or a failure. The others are cancelled before the
   * result can be seen.
   *
   * @param futures at least one
   * @param <R> the result
   * @return ends as the first of them
   * @throws IllegalArgumentException if there are none: it would never end
   */
  public static <R> CompletableFuture<R> firstOf(
      Collection<? extends CompletableFuture<? extends R>> futures) {
    if (futures.isEmpty()) {
      throw new IllegalArgumentException("the first of no futures never ends: give one at least");
    }
    DerivedFuture<R> first = new DerivedFuture<>(futures);
    AtomicBoolean decided = new AtomicBoolean();
    for (CompletableFuture<? extends R> future : futures) {
      future.whenComplete(
          (result, failure) -> {
            if (decided.compareAndSet(false, true)) {
              endWithout(first, future, result, failure);
            }
          });
    }
    return first;
  }

  /**
   * All results, in the order of the futures. The first failure ends it at once, and the others are
   * cancelled: no task goes on for a list that will never be. For the end of each one, whatever
   * became of the others, wait for {@link CompletableFuture#allOf} and look at the futures.
   *
   * @param futures any number; of none it is the empty list
   * @param <R> the result
   * @return the list, which can't be changed; or the first failure
   */
  public static <R> CompletableFuture<List<R>> allOf(
      Collection<? extends CompletableFuture<? extends R>> futures) {
    DerivedFuture<List<R>> all = new DerivedFuture<>(futures);
    Object[] results = new Object[futures.size()];
    AtomicInteger missing = new AtomicInteger(results.length);
    AtomicBoolean failed = new AtomicBoolean();
    int index = 0;
    for (CompletableFuture<? extends R> future : futures) {
      int own = index++;
      future.whenComplete(
          (result, failure) -> {
            if (failure != null) {
              if (failed.compareAndSet(false, true)) {
                endWithout(all, future, null, failure);
              }
              return;
            }
            results[own] = result; // seen by the thread that counts to zero
            if (missing.decrementAndGet() == 0) {
              all.complete(listOf(results));
            }
          });
    }
    if (results.length == 0) {
      all.complete(List.of());
    }
    return all;
  }

  @SuppressWarnings("unchecked") // each is a result of a future of R
  private static <R> List<R> listOf(Object[] results) {
    return (List<R>) Collections.unmodifiableList(new ArrayList<>(Arrays.asList(results)));
  }

  /** Cancels all others, then ends. */
  private static <R> void endWithout(
      DerivedFuture<R> future,
      CompletableFuture<?> decisive,
      @Nullable R result,
      @Nullable Throwable failure) {
    try {
      future.cancelSources(decisive);
    } finally {
      end(future, result, failure);
    }
  }

  private static <R> void end(
      CompletableFuture<R> future, @Nullable R result, @Nullable Throwable failure) {
    if (failure == null) {
      future.complete(result);
    } else {
      future.completeExceptionally(DerivedFuture.unwrapped(failure));
    }
  }

  /**
   * The same result, if it comes in time. When the time is over the future is cancelled, and the
   * result fails with a {@link TaskTimeoutException}, which says whether the handler may have run.
   * It is a limit for what is submitted already, or made from several tasks; a task that should not
   * begin too late has {@link TaskOptions#timeout(Duration)}, which the workers know, too.
   *
   * @param limit from now on; of zero or less it is over at once
   * @param future what is waited for
   * @param <R> the result
   * @return ends as the future, or as said
   */
  public static <R> CompletableFuture<R> withTimeout(Duration limit, CompletableFuture<R> future) {
    long nanos = Durations.nanos(limit);
    DerivedFuture<R> timed = new DerivedFuture<>(List.of(future));
    // Its clock is the JDK's, which forgets it when it is cancelled; what is done then is not done
    // on the one thread of that clock.
    CompletableFuture<Void> clock = new CompletableFuture<>();
    AtomicBoolean decided = new AtomicBoolean();
    future.whenComplete(
        (result, failure) -> {
          clock.cancel(false);
          if (decided.compareAndSet(false, true)) {
            end(timed, result, failure);
          }
        });
    if (future.isDone()) {
      return timed;
    }
    Runnable late =
        () -> {
          if (!timed.isDone() && decided.compareAndSet(false, true)) {
            expire(timed, future, limit);
          }
        };
    if (nanos <= 0) {
      late.run();
    } else {
      clock.completeOnTimeout(null, nanos, TimeUnit.NANOSECONDS).thenRunAsync(late);
    }
    return timed;
  }

  private static <R> void expire(
      DerivedFuture<R> timed, CompletableFuture<R> future, Duration limit) {
    boolean mayHaveRun = true;
    String what = "the future";
    try {
      if (future instanceof TaskFuture<R> task) {
        what = task.type.name();
        mayHaveRun = task.cancelTask() != CancelOutcome.WAS_QUEUED || task.hasRunBefore;
      } else {
        future.cancel(true);
      }
    } finally {
      switch (future.state()) {
        case SUCCESS -> timed.complete(future.resultNow()); // it came at the last moment
        case FAILED -> timed.completeExceptionally(future.exceptionNow());
        default ->
            timed.completeExceptionally(
                new TaskTimeoutException(
                    what
                        + " did not end within "
                        + Durations.text(Durations.nanos(limit))
                        + " and was cancelled"
                        + (mayHaveRun ? "" : " before a worker took it"),
                    mayHaveRun));
      }
    }
  }
}
