package io.ringwork;

import org.jspecify.annotations.Nullable;

/**
 * Why a task, or a call of the client, failed. Every message names the cause and, where there is
 * one, the remedy.
 *
 * <p>Futures complete with these; {@code get} wraps them in {@link
 * java.util.concurrent.ExecutionException}, {@code join} in {@link
 * java.util.concurrent.CompletionException}, {@link Ringwork#call} throws them as they are.
 */
public abstract sealed class RingworkException extends RuntimeException
    permits RemoteFailureException,
        WorkerCrashedException,
        TaskTimeoutException,
        TaskCancelledException,
        RejectedException,
        CodecException,
        ClosedException,
        CorruptSegmentException,
        IncompatibleException,
        ConnectException,
        LaunchException {
  private static final long serialVersionUID = 1L;

  /** Whether the handler may have been started. */
  private final boolean mayHaveRun;

  RingworkException(String message, boolean mayHaveRun, @Nullable Throwable cause) {
    super(message, cause);
    this.mayHaveRun = mayHaveRun;
  }

  /**
   * Whether the work may have been done, in part or in full. If false it certainly was not started,
   * and can be submitted again without running twice.
   *
   * @return true if the handler may have been started
   */
  public boolean mayHaveRun() {
    return mayHaveRun;
  }
}
