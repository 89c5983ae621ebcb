package io.ringwork;

import io.ringwork.internal.process.Refusal;
import org.jspecify.annotations.Nullable;

/** A pool of one's own could not be started: no binary, or it failed at start. */
public final class LaunchException extends RingworkException {
  private static final long serialVersionUID = 1L;

  LaunchException(String message, @Nullable Throwable cause) {
    super(message, false, cause);
  }

  /** What was refused below the public types. */
  static LaunchException of(Refusal why) {
    LaunchException made = new LaunchException(String.valueOf(why.getMessage()), why.getCause());
    for (Throwable other : why.getSuppressed()) {
      made.addSuppressed(other);
    }
    return made;
  }

  @Override
  LaunchException again() {
    return new LaunchException(getMessage(), getCause());
  }
}
