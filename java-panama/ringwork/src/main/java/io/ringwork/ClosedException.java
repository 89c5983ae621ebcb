package io.ringwork;

import org.jspecify.annotations.Nullable;

/** The client was closed, or its pool has ended; the message says which and why. */
public final class ClosedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  ClosedException(String message, boolean mayHaveRun, @Nullable Throwable cause) {
    super(message, mayHaveRun, cause);
  }

  /** For what is asked of a handle after its close. */
  static ClosedException ofClient(String pool) {
    return new ClosedException("pool " + pool + ": the client was closed", false, null);
  }

  @Override
  ClosedException again() {
    return new ClosedException(getMessage(), mayHaveRun(), getCause());
  }
}
