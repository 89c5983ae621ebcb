package io.ringwork;

/** The deadline passed before the result was there. */
public final class TaskTimeoutException extends RingworkException {
  private static final long serialVersionUID = 1L;

  TaskTimeoutException(String message, boolean mayHaveRun) {
    super(message, mayHaveRun, null);
  }

  @Override
  TaskTimeoutException again() {
    return new TaskTimeoutException(getMessage(), mayHaveRun());
  }
}
