package io.ringwork.internal.process;

import org.jspecify.annotations.Nullable;

/**
 * Why a pool can't be started or connected to: what the public exceptions are made of, for this
 * package knows none of them.
 */
public final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What kind of reason it is. */
  public enum Kind {
    /** It is there, but can't be used. */
    UNUSABLE,
    /** There is no pool at all: it may not have been started yet. */
    ABSENT,
    /** It is of another version. */
    INCOMPATIBLE
  }

  private final Kind kind;

  public Refusal(String message, @Nullable Throwable cause) {
    this(Kind.UNUSABLE, message, cause);
  }

  public Refusal(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /** There is no pool at all. */
  public static Refusal absent(String message, @Nullable Throwable cause) {
    return new Refusal(Kind.ABSENT, message, cause);
  }

  public Kind kind() {
    return kind;
  }
}
