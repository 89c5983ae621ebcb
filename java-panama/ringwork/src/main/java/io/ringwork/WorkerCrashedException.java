package io.ringwork;

import io.ringwork.internal.Signals;
import io.ringwork.internal.segment.Layout;
import java.util.OptionalInt;

/** The worker process died while it ran the task, and no attempt, or no worker, is left. */
public final class WorkerCrashedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** The layout's cause of the crash. */
  private final int cause;

  /** How often the task was started. */
  private final int attempts;

  private WorkerCrashedException(String message, int cause, int attempts) {
    super(message, true, null);
    this.cause = cause;
    this.attempts = attempts;
  }

  /** A task that is not tried again, since it has no attempt left. */
  static WorkerCrashedException last(String task, int cause, int attempts) {
    return new WorkerCrashedException(message(task, cause, attempts), cause, attempts);
  }

  /** A task that would be tried again, had the pool a worker left. */
  static WorkerCrashedException withoutSuccessor(String task, String why, int attempts) {
    return new WorkerCrashedException(
        "a worker died while it ran " + task + ", and no worker is left to try it again" + why,
        Layout.CAUSE_UNKNOWN,
        attempts);
  }

  /** The same death, of a task that was started so often. */
  WorkerCrashedException of(String task, int started) {
    return last(task, cause, started);
  }

  private static String message(String task, int cause, int attempts) {
    String times =
        attempts == 1
            ? "it was its only attempt. Look at the worker's log; if the task may run twice, allow"
                + " more attempts with TaskType.attempts"
            : "it was the last of its "
                + attempts
                + " attempts, and each lost its worker: it is not tried again. The supervisor's log"
                + " and `ringwork stat` name it with a digest of its request";
    return "a worker " + describe(cause) + " while it ran " + task + "; " + times;
  }

  private static String describe(int cause) {
    if (cause == Layout.CAUSE_UNKNOWN) {
      return "died";
    }
    String detail =
        switch (cause >>> Layout.CAUSE_DETAIL_SHIFT & Layout.CAUSE_DETAIL_MASK) {
          case Layout.CAUSE_STACK_OVERFLOW -> ": a stack overflow";
          case Layout.CAUSE_OUT_OF_MEMORY -> ": out of memory, an allocation failed";
          case Layout.CAUSE_TIME_LIMIT -> " by its supervisor: a task ran past its time limit";
          case Layout.CAUSE_THREADS -> " by its supervisor: it had too many threads";
          case Layout.CAUSE_DOUBLE_PANIC -> ": a panic while panicking";
          default -> "";
        };
    if (isSignal(cause)) {
      return "was killed by " + Signals.name(code(cause)) + detail;
    }
    return "exited with status " + code(cause) + detail;
  }

  private static boolean isSignal(int cause) {
    return (cause & Layout.CAUSE_SIGNAL) != 0;
  }

  /** The number of the signal, or the exit status. */
  private static int code(int cause) {
    return cause & 0xff;
  }

  /**
   * The signal that killed the worker.
   *
   * @return the number, or empty if it exited or the cause is not known
   */
  public OptionalInt signal() {
    return cause != Layout.CAUSE_UNKNOWN && isSignal(cause)
        ? OptionalInt.of(code(cause))
        : OptionalInt.empty();
  }

  /**
   * The status that the worker exited with.
   *
   * @return the status, or empty if a signal killed it or the cause is not known
   */
  public OptionalInt exitCode() {
    return cause != Layout.CAUSE_UNKNOWN && !isSignal(cause)
        ? OptionalInt.of(code(cause))
        : OptionalInt.empty();
  }

  /**
   * How often the task was started.
   *
   * @return 1 to 3
   */
  public int attempts() {
    return attempts;
  }

  @Override
  WorkerCrashedException again() {
    return new WorkerCrashedException(getMessage(), cause, attempts);
  }
}
