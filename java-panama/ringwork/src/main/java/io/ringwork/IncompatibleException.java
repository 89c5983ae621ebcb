package io.ringwork;

/** The segment is of another layout version, or has features that this client doesn't know. */
public final class IncompatibleException extends RingworkException {
  private static final long serialVersionUID = 1L;

  IncompatibleException(String message) {
    super(message, false, null);
  }

  @Override
  IncompatibleException again() {
    return new IncompatibleException(getMessage());
  }
}
