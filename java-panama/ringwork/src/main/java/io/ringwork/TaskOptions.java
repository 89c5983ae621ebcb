package io.ringwork;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How one task is submitted. Immutable; each method returns a changed copy, so keep what you use
 * often in a constant.
 */
public final class TaskOptions {
  static final long NO_TIMEOUT = Long.MAX_VALUE;

  /** No deadline, {@link Priority#NORMAL}, {@link Backpressure#fail()}, no trace. */
  public static final TaskOptions DEFAULT =
      new TaskOptions(NO_TIMEOUT, Priority.NORMAL, Backpressure.fail(), null, false);

  final long timeoutNanos;
  final Priority priority;
  final Backpressure backpressure;
  final byte @Nullable [] trace;

  /** Whether the task is let in though its deadline can't be met, by all that is known. */
  final boolean admitLate;

  private TaskOptions(
      long timeoutNanos,
      Priority priority,
      Backpressure backpressure,
      byte @Nullable [] trace,
      boolean admitLate) {
    this.admitLate = admitLate;
    this.timeoutNanos = timeoutNanos;
    this.priority = priority;
    this.backpressure = backpressure;
    this.trace = trace;
  }

  /**
   * The time within which the result must be there, from the submit on. It travels with the task: a
   * lane does not start a task whose deadline has passed, and the handler can ask for it. At the
   * deadline the future fails with {@link TaskTimeoutException} even if the worker hangs.
   *
   * @param timeout the time; zero or less fails the submit
   * @return a copy
   */
  public TaskOptions deadline(Duration timeout) {
    return new TaskOptions(Durations.nanos(timeout), priority, backpressure, trace, admitLate);
  }

  /**
   * The deadline.
   *
   * @return the time from submit to deadline, or empty
   */
  public Optional<Duration> deadline() {
    return timeoutNanos == NO_TIMEOUT
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(timeoutNanos));
  }

  /**
   * Which tasks are served first.
   *
   * @param priority the priority
   * @return a copy
   */
  public TaskOptions priority(Priority priority) {
    return new TaskOptions(
        timeoutNanos, Objects.requireNonNull(priority, "priority"), backpressure, trace, admitLate);
  }

  /**
   * The priority.
   *
   * @return the priority
   */
  public Priority priority() {
    return priority;
  }

  /**
   * What to do when the pool is full.
   *
   * @param backpressure the policy
   * @return a copy
   */
  public TaskOptions backpressure(Backpressure backpressure) {
    return new TaskOptions(
        timeoutNanos,
        priority,
        Objects.requireNonNull(backpressure, "backpressure"),
        trace,
        admitLate);
  }

  /**
   * The policy for a full pool.
   *
   * @return the policy
   */
  public Backpressure backpressure() {
    return backpressure;
  }

  /**
   * Whether a task is submitted although what is queued before it will take longer than the time
   * that it has left. By default it is not: the submit fails at once with {@link
   * RejectedException.Reason#DEADLINE_UNREACHABLE}, instead of in vain at the deadline. Without
   * effect on tasks that have no deadline.
   *
   * @param admitLate true to let the task in; false by default
   * @return a copy
   */
  public TaskOptions admitLate(boolean admitLate) {
    return new TaskOptions(timeoutNanos, priority, backpressure, trace, admitLate);
  }

  /**
   * Whether a task is let in that is likely to be too late.
   *
   * @return true if so; false by default
   */
  public boolean admitLate() {
    return admitLate;
  }

  /**
   * The W3C trace context that the worker's spans become children of.
   *
   * @param traceparent as in the HTTP header: {@code 00-<32 hex>-<16 hex>-<2 hex>}
   * @return a copy
   * @throws IllegalArgumentException if it is malformed
   */
  public TaskOptions traceparent(String traceparent) {
    return new TaskOptions(
        timeoutNanos, priority, backpressure, Traceparent.parse(traceparent), admitLate);
  }

  /**
   * The trace context.
   *
   * @return as in the HTTP header, or empty
   */
  public Optional<String> traceparent() {
    return trace == null ? Optional.empty() : Optional.of(Traceparent.format(trace));
  }

  @Override
  public String toString() {
    return "TaskOptions[deadline="
        + deadline()
        + ", priority="
        + priority
        + ", backpressure="
        + backpressure
        + "]";
  }
}
