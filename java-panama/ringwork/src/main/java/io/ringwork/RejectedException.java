package io.ringwork;

/** The task was not taken, or its result had no room; see {@link #reason()}. */
public final class RejectedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** What there was no room for. */
  public enum Reason {
    /** All slots of this client are in use. */
    NO_SLOT,
    /** The injector ring of the task's priority is full. */
    RING_FULL,
    /** No payload block that holds the request, or the result, is free. */
    ARENA_EXHAUSTED,
    /** The request is larger than the largest block for requests. */
    PAYLOAD_TOO_LARGE,
    /** The result is larger than the largest block; the handler has run. */
    RESULT_TOO_LARGE,
    /** The pool is draining and takes no new tasks. */
    DRAINING,
    /**
     * No worker is left, and none is started: workers died too often in too short a time (a crash
     * storm). The message says why; see {@link PoolInfo#ready()}.
     */
    NO_WORKER,
    /**
     * The chunk in which the request was ended before its turn, since its workers died or it was
     * given up.
     */
    CHUNK_ENDED
  }

  /** What there was no room for. */
  private final Reason reason;

  RejectedException(Reason reason, String message, boolean mayHaveRun) {
    super(message, mayHaveRun, null);
    this.reason = reason;
  }

  /**
   * What there was no room for.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }
}
