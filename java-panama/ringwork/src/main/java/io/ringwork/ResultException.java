package io.ringwork;

/**
 * The handler has run, but its result had no room in the pool and is lost; see {@link #reason()}.
 * What the handler did stays done, so {@link #mayHaveRun()} is true.
 */
public final class ResultException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** What the result had no room in. */
  public enum Reason {
    /**
     * The result is larger than the largest block, or than what is left of the room of its chunk.
     */
    TOO_LARGE,
    /** No payload block that holds the result came free in time. */
    ARENA_EXHAUSTED
  }

  /** What the result had no room in. */
  private final Reason reason;

  ResultException(Reason reason, String message) {
    super(message, true, null);
    this.reason = reason;
  }

  /**
   * What the result had no room in.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }

  @Override
  ResultException again() {
    return new ResultException(reason, getMessage());
  }
}
