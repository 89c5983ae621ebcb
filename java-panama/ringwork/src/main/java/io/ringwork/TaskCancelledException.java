package io.ringwork;

/**
 * The pool or the handler cancelled the task. (A future that the client itself cancels completes
 * with {@link java.util.concurrent.CancellationException}, as the JDK wants it.)
 */
public final class TaskCancelledException extends RingworkException {
  private static final long serialVersionUID = 1L;

  TaskCancelledException(String message, boolean mayHaveRun) {
    super(message, mayHaveRun, null);
  }

  @Override
  TaskCancelledException again() {
    return new TaskCancelledException(getMessage(), mayHaveRun());
  }
}
