package io.ringwork;

import java.util.OptionalInt;

/** The worker process died while it ran the task, and no attempt is left. */
public final class WorkerCrashedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** The layout's cause of the crash. */
  private final int cause;

  /** How often the task was started. */
  private final int attempts;

  WorkerCrashedException(String task, int cause, int attempts) {
    super(message(task, cause, attempts), true, null);
    this.cause = cause;
    this.attempts = attempts;
  }

  private static String message(String task, int cause, int attempts) {
    return "a worker "
        + describe(cause)
        + " while it ran "
        + task
        + " (attempt "
        + attempts
        + "): the other tasks are not affected; look at the worker's log, and if the task may run"
        + " twice, allow more attempts with TaskType.withAttempts";
  }

  private static String describe(int cause) {
    if (cause == Layout.CAUSE_UNKNOWN) {
      return "died";
    }
    if ((cause & Layout.CAUSE_SIGNAL) != 0) {
      return "was killed by " + Signals.name(cause & 0xff);
    }
    return "exited with status " + (cause & 0xff);
  }

  /**
   * The signal that killed the worker.
   *
   * @return the number, or empty if it exited or the cause is not known
   */
  public OptionalInt signal() {
    return cause != Layout.CAUSE_UNKNOWN && (cause & Layout.CAUSE_SIGNAL) != 0
        ? OptionalInt.of(cause & 0xff)
        : OptionalInt.empty();
  }

  /**
   * The status that the worker exited with.
   *
   * @return the status, or empty if a signal killed it or the cause is not known
   */
  public OptionalInt exitCode() {
    return cause != Layout.CAUSE_UNKNOWN && (cause & Layout.CAUSE_SIGNAL) == 0
        ? OptionalInt.of(cause & 0xff)
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
}
