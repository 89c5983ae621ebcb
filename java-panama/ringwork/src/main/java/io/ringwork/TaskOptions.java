package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.Plural;
import io.ringwork.internal.Traceparent;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.OrderKey;
import java.nio.charset.StandardCharsets;
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

  private static final int TIMEOUT = 1;
  private static final int PRIORITY = 2;
  private static final int BACKPRESSURE = 4;
  private static final int TRACE = 8;
  private static final int ADMIT_LATE = 16;
  private static final int ATTEMPTS = 32;
  private static final int KEY = 64;
  private static final int ON_FAILURE = 128;

  /**
   * Nothing is set. Built in are: no timeout, {@link Priority#NORMAL}, one attempt, {@link
   * Backpressure#fail()}, no trace, no key.
   */
  public static final TaskOptions DEFAULT = new TaskOptions(new Draft());

  /** Which of the options are set; the others have what is built in. */
  private final int set;

  final long timeoutNanos;
  final Priority priority;
  final int attempts;
  final Backpressure backpressure;
  final byte @Nullable [] trace;

  /** Whether the task is let in though its deadline can't be met, by all that is known. */
  final boolean admitLate;

  /** The hash of the key, 0 for none. */
  final long key;

  private final OnFailure onFailure;

  /** What {@link #over} made last; races only make it anew. */
  private @Nullable Merged merged;

  private record Merged(TaskOptions below, TaskOptions options) {}

  private TaskOptions(Draft draft) {
    this.set = draft.set;
    this.timeoutNanos = draft.timeoutNanos;
    this.priority = draft.priority;
    this.attempts = draft.attempts;
    this.backpressure = draft.backpressure;
    this.trace = draft.trace;
    this.admitLate = draft.admitLate;
    this.key = draft.key;
    this.onFailure = draft.onFailure;
  }

  /** What options are made of, before they are made. */
  private static final class Draft {
    int set;
    long timeoutNanos = NO_TIMEOUT;
    Priority priority = Priority.NORMAL;
    int attempts = 1;
    Backpressure backpressure = Backpressure.fail();
    byte @Nullable [] trace;
    boolean admitLate;
    long key;
    OnFailure onFailure = OnFailure.CONTINUE;

    /** Takes some of the options of others. */
    void take(int some, TaskOptions from) {
      set |= some & from.set;
      timeoutNanos = (some & TIMEOUT) != 0 ? from.timeoutNanos : timeoutNanos;
      priority = (some & PRIORITY) != 0 ? from.priority : priority;
      attempts = (some & ATTEMPTS) != 0 ? from.attempts : attempts;
      backpressure = (some & BACKPRESSURE) != 0 ? from.backpressure : backpressure;
      trace = (some & TRACE) != 0 ? from.trace : trace;
      admitLate = (some & ADMIT_LATE) != 0 ? from.admitLate : admitLate;
      key = (some & KEY) != 0 ? from.key : key;
      onFailure = (some & ON_FAILURE) != 0 ? from.onFailure : onFailure;
    }
  }

  /** All of these options, of which one is about to be set. */
  private Draft with(int option) {
    Draft draft = new Draft();
    draft.take(set, this);
    draft.set |= option;
    return draft;
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
    Draft draft = with(0);
    draft.take(missing, below);
    TaskOptions made = new TaskOptions(draft);
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
    Draft draft = with(TIMEOUT);
    draft.timeoutNanos = nanos;
    return new TaskOptions(draft);
  }

  /**
   * No timeout, also where the type or the connection has one.
   *
   * @return a copy
   */
  public TaskOptions noTimeout() {
    return timeoutNanos(NO_TIMEOUT);
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
    Draft draft = with(PRIORITY);
    draft.priority = Objects.requireNonNull(priority, "priority");
    return new TaskOptions(draft);
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
   * How often the task runs at most. With more than one attempt the pool runs it again when a
   * worker died over it: at least once, so the handler should be idempotent. A handler that has
   * returned, with a result or an error, is not run again.
   *
   * @param attempts how often at most, 1 to 3; 1 by default: at most once
   * @return a copy
   * @throws IllegalArgumentException if out of range
   */
  public TaskOptions attempts(int attempts) {
    if (attempts < 1 || attempts > Layout.MAX_ATTEMPTS) {
      throw new IllegalArgumentException(
          "attempts are 1 to " + Layout.MAX_ATTEMPTS + ", not " + attempts);
    }
    Draft draft = with(ATTEMPTS);
    draft.attempts = attempts;
    return new TaskOptions(draft);
  }

  /**
   * How often the task runs at most.
   *
   * @return 1 to 3; 1 if nothing is set
   */
  public int attempts() {
    return attempts;
  }

  /**
   * What to do when the pool is full.
   *
   * @param backpressure the policy
   * @return a copy
   */
  public TaskOptions backpressure(Backpressure backpressure) {
    Draft draft = with(BACKPRESSURE);
    draft.backpressure = Objects.requireNonNull(backpressure, "backpressure");
    return new TaskOptions(draft);
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
    Draft draft = with(ADMIT_LATE);
    draft.admitLate = admitLate;
    return new TaskOptions(draft);
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
    Draft draft = with(TRACE);
    draft.trace = Traceparent.parse(traceparent);
    return new TaskOptions(draft);
  }

  /**
   * The trace context.
   *
   * @return as in the HTTP header, or empty
   */
  public Optional<String> traceparent() {
    return trace == null ? Optional.empty() : Optional.of(Traceparent.format(trace));
  }

  /**
   * What orders the task: tasks of one key of one connection run in the order of their submits,
   * each after the end of the one before it, and no two tasks of one key run at a time, whichever
   * client they are of. Tasks of other keys, and those without one, run beside them. A key is not
   * bound to a handler.
   *
   * <p>A task that is cancelled, or whose deadline passes, before its turn ends at once and is left
   * out when its turn comes; it keeps its slot until then. {@link Backpressure#callerRuns} does not
   * run it. A chunk is one task: it has the key until its last request has ended. The pool must
   * take keys ({@code serve --keys true}, and by default from a segment of 512 MiB on), or the
   * submit fails with {@link RejectedException.Reason#KEY}.
   *
   * @param key 1 to 1,024 bytes in UTF-8; of something longer take a hash
   * @return a copy
   * @throws IllegalArgumentException if it is empty or too long
   */
  public TaskOptions key(String key) {
    return key(key.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * As {@link #key(String)} of bytes. The text and its bytes in UTF-8 are the same key.
   *
   * @param key 1 to 1,024 bytes, of which no copy is kept
   * @return a copy
   * @throws IllegalArgumentException if it is empty or too long
   */
  public TaskOptions key(byte[] key) {
    if (key.length == 0 || key.length > Layout.KEY_BYTES_MAX) {
      throw new IllegalArgumentException(
          "a key of "
              + Plural.of(key.length, "byte")
              + " can't order tasks: it has 1 to "
              + Layout.KEY_BYTES_MAX
              + " bytes; of something longer take a hash, and of nothing no key");
    }
    return keyHash(OrderKey.hash(key));
  }

  private TaskOptions keyHash(long hash) {
    Draft draft = with(KEY);
    draft.key = hash;
    return new TaskOptions(draft);
  }

  /**
   * No key, also where the type or the connection has one.
   *
   * @return a copy
   */
  public TaskOptions noKey() {
    return keyHash(0);
  }

  /**
   * Whether the task has a key.
   *
   * @return true if so; false if none is set
   */
  public boolean hasKey() {
    return key != 0;
  }

  /**
   * What becomes of the tasks of its key that are queued behind it, if it fails. Without effect on
   * a task that has no key.
   *
   * @param onFailure what
   * @return a copy
   */
  public TaskOptions onFailure(OnFailure onFailure) {
    Draft draft = with(ON_FAILURE);
    draft.onFailure = Objects.requireNonNull(onFailure, "onFailure");
    return new TaskOptions(draft);
  }

  /**
   * What becomes of the tasks behind it, if it fails.
   *
   * @return what; {@link OnFailure#CONTINUE} if nothing is set
   */
  public OnFailure onFailure() {
    return onFailure;
  }

  boolean failsKey() {
    return onFailure == OnFailure.FAIL_KEY;
  }

  /** Equal if the same options are set to equal values. */
  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof TaskOptions that
        && set == that.set
        && timeoutNanos == that.timeoutNanos
        && priority == that.priority
        && attempts == that.attempts
        && admitLate == that.admitLate
        && key == that.key
        && onFailure == that.onFailure
        && backpressure.equals(that.backpressure)
        && Arrays.equals(trace, that.trace);
  }

  @Override
  public int hashCode() {
    return Objects.hash(
        set,
        timeoutNanos,
        priority,
        attempts,
        backpressure,
        admitLate,
        key,
        onFailure,
        Arrays.hashCode(trace));
  }

  /** What is set. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("TaskOptions[");
    if ((set & TIMEOUT) != 0) {
      append(text, "timeout", timeout().map(Duration::toString).orElse("none"));
    }
    if ((set & PRIORITY) != 0) {
      append(text, "priority", priority);
    }
    if ((set & ATTEMPTS) != 0) {
      append(text, "attempts", attempts);
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
    if ((set & KEY) != 0) {
      append(text, "key", hasKey() ? "0x" + Long.toHexString(key) : "none"); // its hash
    }
    if ((set & ON_FAILURE) != 0) {
      append(text, "onFailure", onFailure);
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
