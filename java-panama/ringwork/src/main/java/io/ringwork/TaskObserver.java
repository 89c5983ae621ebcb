package io.ringwork;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Is told of each task that a client submits and of its end: what traces and metrics by task are
 * made of. Given to a client by {@link ClientConfig#observer}; without one, tasks cost nothing for
 * it. The modules {@code ringwork-micrometer} and {@code ringwork-opentelemetry} have observers.
 *
 * <p>One submit is one observation, whatever comes of it: a task that is refused, or that a {@link
 * Reconnect} handle submits to the next pool, ends once. A chunk is one task, and each request of
 * {@link Ringwork#submitAll} is one.
 *
 * <p>What an observer throws never reaches a future or a caller: the first of it is logged.
 *
 * <pre>{@code
 * TaskObserver slow = task -> end -> {
 *   if (end.totalNanos() > 1_000_000_000) {
 *     LOG.log(WARNING, task.handler() + " took " + end.totalNanos() / 1_000_000 + " ms");
 *   }
 * };
 * Ringwork pool = Ringwork.launch(LaunchConfig.DEFAULT.observer(slow));
 * }</pre>
 */
@FunctionalInterface
public interface TaskObserver {
  /**
   * A task is about to be submitted. Called on the submitting thread, which it delays.
   *
   * @param task what is known of it
   * @return what is told of its end, or null if this task is of no interest
   */
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  @Nullable Observation submitting(Submission task);

  /**
   * A task that is about to be submitted.
   *
   * @param pool the pool's name
   * @param handler the handler's name
   * @param requests how many requests it has: 1, or those of a chunk
   * @param chunk whether it is a chunk
   * @param priority the priority
   * @param attempts how often it runs at most
   * @param traceparent the trace context of its options, as in the HTTP header
   */
  record Submission(
      String pool,
      String handler,
      int requests,
      boolean chunk,
      Priority priority,
      int attempts,
      Optional<String> traceparent) {}

  /** One task that is observed. */
  @FunctionalInterface
  interface Observation {
    /**
     * The trace context that travels with the task, in place of that of its options. Asked for
     * once, on the submitting thread.
     *
     * @return as in the HTTP header: {@code 00-<32 hex>-<16 hex>-<2 hex>}; empty for none
     */
    default Optional<String> traceparent() {
      return Optional.empty();
    }

    /**
     * Makes the submitter's context current while callbacks of the future run. Called on the thread
     * that completes the future, after {@link #ended}; the scope is closed on the same thread. Not
     * called for {@link Ringwork#call} and {@link RawCall}, whose caller is the submitter.
     *
     * @return closed when the callbacks have run
     */
    default Scope restore() {
      return Scope.NONE;
    }

    /**
     * The task has ended. Called once, before callbacks of its future run, on the thread that
     * completes it: the waiting thread, that of a {@link CompletionMode}, or the cancelling one.
     *
     * @param ending how
     */
    void ended(Ending ending);
  }

  /** A context that is current until it is closed. */
  @FunctionalInterface
  interface Scope extends AutoCloseable {
    /** Nothing was made current. */
    Scope NONE = () -> {};

    @Override
    void close();
  }

  /**
   * How a task ended. Times are of {@link System#nanoTime()}.
   *
   * @param outcome in one word
   * @param failure what the future failed with, or empty
   * @param chunk of a chunk that ended with results: what became of each request
   * @param submittedNanos when it was submitted
   * @param claimedNanos when a lane took it, the last time if it ran several times; empty if no
   *     lane did, as far as is known
   * @param endedNanos when this client had its end
   * @param attempt which attempt ended it, from 1 on; 0 if none is known to have begun
   * @param lane the lane that ran it, or empty
   * @param workerPid the process that ran it, as seen in its own PID namespace, or empty
   */
  record Ending(
      TaskOutcome outcome,
      Optional<Throwable> failure,
      Optional<ChunkResult<?>> chunk,
      long submittedNanos,
      OptionalLong claimedNanos,
      long endedNanos,
      int attempt,
      OptionalInt lane,
      OptionalInt workerPid) {
    /** All parts are there. */
    public Ending {
      Objects.requireNonNull(outcome, "outcome");
    }

    /**
     * The time from submit to end.
     *
     * @return nanoseconds
     */
    public long totalNanos() {
      return endedNanos - submittedNanos;
    }

    /**
     * The time from submit to the claim of the last attempt.
     *
     * @return nanoseconds, or empty if no lane took it
     */
    public OptionalLong queueNanos() {
      return claimedNanos.isEmpty()
          ? claimedNanos
          : OptionalLong.of(claimedNanos.getAsLong() - submittedNanos);
    }

    /**
     * The time from that claim until this client had the end: the run time, and a few microseconds.
     *
     * @return nanoseconds, or empty if no lane took it
     */
    public OptionalLong runNanos() {
      return claimedNanos.isEmpty()
          ? claimedNanos
          : OptionalLong.of(endedNanos - claimedNanos.getAsLong());
    }

    /**
     * What kind of failure it is, of few kinds: the code of a {@link RemoteFailureException}, such
     * as {@code image.undecodable}; the reason of a {@link RejectedException}, such as {@code
     * no_slot}; else the class of the failure, such as {@code WorkerCrashedException}.
     *
     * @return the kind, or empty if it did not fail
     */
    public Optional<String> errorType() {
      return failure.map(Ending::errorType);
    }

    /**
     * The same of any failure, such as that of one request of a chunk.
     *
     * @param failure what a task failed with
     * @return the kind
     */
    public static String errorType(Throwable failure) {
      return switch (failure) {
        case RemoteFailureException remote when !remote.code().isEmpty() -> remote.code();
        case RejectedException rejected -> rejected.reason().name().toLowerCase(Locale.ROOT);
        default -> failure.getClass().getSimpleName();
      };
    }
  }
}
