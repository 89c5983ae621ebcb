package io.ringwork;

import org.jspecify.annotations.Nullable;

/** A pool of one's own could not be started: no binary, or it failed at start. */
public final class LaunchException extends RingworkException {
  private static final long serialVersionUID = 1L;

  LaunchException(String message, @Nullable Throwable cause) {
    super(message, false, cause);
  }

  @Override
  LaunchException again() {
    return new LaunchException(getMessage(), getCause());
  }
}
