package io.ringwork;

import io.ringwork.internal.process.Refusal;
import org.jspecify.annotations.Nullable;

/** A pool can't be connected to: missing, not ready, of another user, or with all entries taken. */
public final class ConnectException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** Whether there is no pool at all: it may not have been started yet. */
  private final boolean absent;

  ConnectException(String message, @Nullable Throwable cause) {
    this(message, cause, false);
  }

  private ConnectException(String message, @Nullable Throwable cause, boolean absent) {
    super(message, false, cause);
    this.absent = absent;
  }

  /** What was refused below the public types. */
  static ConnectException of(Refusal why) {
    return new ConnectException(
        String.valueOf(why.getMessage()), why.getCause(), why.kind() == Refusal.Kind.ABSENT);
  }

  static ConnectException absent(String message, @Nullable Throwable cause) {
    return new ConnectException(message, cause, true);
  }

  boolean isAbsent() {
    return absent;
  }

  @Override
  ConnectException again() {
    return new ConnectException(getMessage(), getCause(), absent);
  }
}
