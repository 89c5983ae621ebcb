package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Plural;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What became of the requests of a chunk, in their order: each has a result or a failure of its
 * own. Immutable, as far as the results are.
 *
 * @param <R> the result of one request
 */
public final class ChunkResult<R> {
  /** Values, {@link Outcome#NULL} and {@link Failure}s. */
  private final Object[] outcomes;

  ChunkResult(Object[] outcomes) {
    this.outcomes = outcomes;
  }

  /** What {@link Backpressure#callerRuns()} makes of a chunk. */
  static <Q, R> ChunkResult<R> of(
      List<? extends Q> requests, Function<? super Q, ? extends R> fallback) {
    Object[] outcomes = new Object[requests.size()];
    for (int i = 0; i < outcomes.length; i++) {
      try {
        outcomes[i] = Outcome.of(fallback.apply(requests.get(i)));
      } catch (RuntimeException failed) {
        outcomes[i] = new Failure(failed);
      }
    }
    return new ChunkResult<>(outcomes);
  }

  /**
   * The number of requests.
   *
   * @return 0 or more
   */
  public int size() {
    return outcomes.length;
  }

  /**
   * The result of a request.
   *
   * @param index which, from 0
   * @return the result
   * @throws RingworkException if that request failed; tells what {@link #failure} returns, with the
   *     frames of the calling thread
   * @throws IndexOutOfBoundsException if there is none of that number
   */
  @SuppressWarnings("unchecked") // the codec of the type made it
  public R get(int index) {
    Object outcome = outcomes[index];
    if (outcome instanceof Failure failure) {
      throw RingworkException.forCaller(failure.error());
    }
    return outcome == Outcome.NULL ? null : (R) outcome;
  }

  /**
   * Why a request failed.
   *
   * @param index which, from 0
   * @return a {@link RingworkException}, or what the {@linkplain TaskType#fallback fallback} threw;
   *     empty if it has a result
   * @throws IndexOutOfBoundsException if there is none of that number
   */
  public Optional<RuntimeException> failure(int index) {
    return outcomes[index] instanceof Failure failure
        ? Optional.of(failure.error())
        : Optional.empty();
  }

  /**
   * How many requests failed.
   *
   * @return 0 if all have a result
   */
  public int failures() {
    int failures = 0;
    for (Object outcome : outcomes) {
      failures += outcome instanceof Failure ? 1 : 0;
    }
    return failures;
  }

  /**
   * All results.
   *
   * @return a list of them, in the order of the requests
   * @throws RingworkException if any request failed: the first failure
   */
  public List<R> values() {
    List<R> values = new ArrayList<>(outcomes.length);
    for (int i = 0; i < outcomes.length; i++) {
      values.add(get(i));
    }
    return values;
  }

  @Override
  public String toString() {
    return "ChunkResult[" + Plural.of(size(), "request") + ", " + failures() + " failed]";
  }
}
