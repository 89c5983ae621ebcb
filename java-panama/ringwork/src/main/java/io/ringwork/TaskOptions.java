package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.Traceparent;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How one task is submitted. Immutable; each method with an argument returns a changed copy, so
 * keep what you use often in a constant.
 *
 * <p>What is not set here is taken from the {@linkplain TaskType#options(TaskOptions) type}, then
 * from the {@linkplain ConnectConfig#taskDefaults(TaskOptions) connection}, then is built in; each
 * option by itself. So a call that sets a priority keeps the timeout of its type.
 */
public final class TaskOptions {
  static final long NO_TIMEOUT = Long.MAX_VALUE;

  private static final int DEADLINE = 1;
  private static final int PRIORITY = 2;
  private static final int BACKPRESSURE = 4;
  private static final int TRACE = 8;
  private static final int ADMIT_LATE = 16;

  /**
   * Nothing is set. Built in are: no timeout, {@link Priority#NORMAL}, {@link Backpressure#fail()},
   * no trace.
   */
  public static final TaskOptions DEFAULT =
      new TaskOptions(0, NO_TIMEOUT, Priority.NORMAL, Backpressure.fail(), null, false);

  /** Which of the options are set; the others have what is built in. */
  private final int set;

  final long timeoutNanos;
  final Priority priority;
  final Backpressure backpressure;
  final byte @Nullable [] trace;

  /** Whether the task is let in though its deadline can't be met, by all that is known. */
  final boolean admitLate;

  /** What {@link #over} made last; races only make it anew. */
  private @Nullable Merged merged;

  private record Merged(TaskOptions below, TaskOptions options) {}

  private TaskOptions(
      int set,
      long timeoutNanos,
      Priority priority,
      Backpressure backpressure,
      byte @Nullable [] trace,
      boolean admitLate) {
    this.set = set;
    this.admitLate = admitLate;
    this.timeoutNanos = timeoutNanos;
    this.priority = priority;
    this.backpressure = backpressure;
    this.trace = trace;
  }

  /**
   * Nothing is set; {@link #DEFAULT}.
   *
   * @return the options
   */
  public static TaskOptions defaults() {
    return DEFAULT;
  }

  /** What is set here, and else what is set below. No allocation for the same pair in a row. */
  TaskOptions over(TaskOptions below) {
    int missing = below.set & ~set;
    if (missing == 0) {
      return this;
    }
    if (set == 0) {
      return below;
    }
    Merged last = merged;
    if (last != null && last.below == below) {
      return last.options;
    }
    TaskOptions made =
        new TaskOptions(
            set | below.set,
            (missing & DEADLINE) != 0 ? below.timeoutNanos : timeoutNanos,
            (missing & PRIORITY) != 0 ? below.priority : priority,
            (missing & BACKPRESSURE) != 0 ? below.backpressure : backpressure,
            (missing & TRACE) != 0 ? below.trace : trace,
            (missing & ADMIT_LATE) != 0 ? below.admitLate : admitLate);
    merged = new Merged(below, made);
    return made;
  }

  /**
   * The time within which the result must be there, from the submit on. It travels with the task: a
   * lane does not start a task whose deadline has passed, and the handler can ask for it. At the
   * deadline the future fails with {@link TaskTimeoutException} even if the worker hangs.
   *
   * @param timeout the time; zero fails the submit
   * @return a copy
   * @throws IllegalArgumentException if it is negative
   */
  public TaskOptions timeout(Duration timeout) {
    if (timeout.isNegative()) {
      throw new IllegalArgumentException(
          "a timeout is a length of time from the submit on and can't be negative: "
              + timeout
              + "; for a task that is too late already use Duration.ZERO, which fails its submit");
    }
    return timeoutNanos(Durations.nanos(timeout));
  }

  /** The same with a time that may have run out. */
  TaskOptions timeoutNanos(long nanos) {
    return new TaskOptions(set | DEADLINE, nanos, priority, backpressure, trace, admitLate);
  }

  /**
   * No timeout, also where the type or the connection has one.
   *
   * @return a copy
   */
  public TaskOptions noTimeout() {
    return new TaskOptions(set | DEADLINE, NO_TIMEOUT, priority, backpressure, trace, admitLate);
  }

  /**
   * The timeout.
   *
   * @return the time from submit to deadline, or empty if there is none, or none is set
   */
  public Optional<Duration> timeout() {
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
        set | PRIORITY,
        timeoutNanos,
        Objects.requireNonNull(priority, "priority"),
        backpressure,
        trace,
        admitLate);
  }

  /**
   * The priority.
   *
   * @return the priority; {@link Priority#NORMAL} if none is set
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
        set | BACKPRESSURE,
        timeoutNanos,
        priority,
        Objects.requireNonNull(backpressure, "backpressure"),
        trace,
        admitLate);
  }

  /**
   * The policy for a full pool.
   *
   * @return the policy; {@link Backpressure#fail()} if none is set
   */
  public Backpressure backpressure() {
    return backpressure;
  }

  /**
   * Whether a task is submitted although what is queued before it will take longer than the time
   * that it has left. By default it is not: the submit fails at once with {@link
   * RejectedException.Reason#DEADLINE_UNREACHABLE}, instead of in vain at the deadline. Without
   * effect on tasks that have no timeout.
   *
   * @param admitLate true to let the task in; false by default
   * @return a copy
   */
  public TaskOptions admitLate(boolean admitLate) {
    return new TaskOptions(
        set | ADMIT_LATE, timeoutNanos, priority, backpressure, trace, admitLate);
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
        set | TRACE,
        timeoutNanos,
        priority,
        backpressure,
        Traceparent.parse(traceparent),
        admitLate);
  }

  /**
   * The trace context.
   *
   * @return as in the HTTP header, or empty
   */
  public Optional<String> traceparent() {
    return trace == null ? Optional.empty() : Optional.of(Traceparent.format(trace));
  }

  /** Equal if the same options are set to equal values. */
  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof TaskOptions that
        && set == that.set
        && timeoutNanos == that.timeoutNanos
        && priority == that.priority
        && admitLate == that.admitLate
        && backpressure.equals(that.backpressure)
        && Arrays.equals(trace, that.trace);
  }

  @Override
  public int hashCode() {
    return Objects.hash(
        set, timeoutNanos, priority, backpressure, admitLate, Arrays.hashCode(trace));
  }

  /** What is set. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("TaskOptions[");
    if ((set & DEADLINE) != 0) {
      append(text, "timeout", timeout().map(Duration::toString).orElse("none"));
    }
    if ((set & PRIORITY) != 0) {
      append(text, "priority", priority);
    }
    if ((set & BACKPRESSURE) != 0) {
      append(text, "backpressure", backpressure);
    }
    if ((set & ADMIT_LATE) != 0) {
      append(text, "admitLate", admitLate);
    }
    if ((set & TRACE) != 0) {
      append(text, "traceparent", traceparent().orElse(""));
    }
    return text.append(']').toString();
  }

  private static void append(StringBuilder text, String name, Object value) {
    if (text.charAt(text.length() - 1) != '[') {
      text.append(", ");
    }
    text.append(name).append('=').append(value);
  }
}
