package io.ringwork;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A request could not be encoded, or a result not be decoded, here or in the worker. */
public final class CodecException extends RingworkException {
  private static final long serialVersionUID = 1L;

  CodecException(String message, boolean mayHaveRun, @Nullable Throwable cause) {
    super(message, mayHaveRun, cause);
  }

  /**
   * What a codec threw, as text: of an IOException what it says; its class where even that fails.
   */
  static String text(Throwable thrown) {
    try {
      String said = thrown.getClass() == IOException.class ? thrown.getMessage() : null;
      return said != null ? said : thrown.toString();
    } catch (Throwable unprintable) { // of others
      return thrown.getClass().getName();
    }
  }

  @Override
  CodecException again() {
    return new CodecException(getMessage(), mayHaveRun(), getCause());
  }
}
