package io.ringwork;

import org.jspecify.annotations.Nullable;

/** A pool can't be connected to: missing, not ready, of another user, or with all entries taken. */
public final class ConnectException extends RingworkException {
  private static final long serialVersionUID = 1L;

  ConnectException(String message, @Nullable Throwable cause) {
    super(message, false, cause);
  }

  @Override
  ConnectException again() {
    return new ConnectException(getMessage(), getCause());
  }
}
