package io.ringwork;

/**
 * The task was not taken, and has not run: {@link #mayHaveRun()} is false, so it can be submitted
 * again. {@link #reason()} says what there was no room for. (A task that has run, and whose result
 * had no room, fails with {@link ResultException}.)
 */
public final class RejectedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** What there was no room for. */
  public enum Reason {
    /**
     * All slots of this client are in use, but for those that are kept for {@link Priority#HIGH}.
     */
    NO_SLOT,
    /**
     * As many tasks of the type are in flight as {@link TaskType#maxInFlight(int)} lets this client
     * have.
     */
    TOO_MANY_IN_FLIGHT,
    /**
     * What is queued before the task takes longer than it has time, by the run times of late: its
     * deadline would pass before a lane gets to it. See {@link TaskOptions#admitLate(boolean)}.
     */
    DEADLINE_UNREACHABLE,
    /** The injector ring of the task's priority is full. */
    RING_FULL,
    /** No payload block that holds the request is free. */
    ARENA_EXHAUSTED,
    /** The request is larger than the largest block for requests. */
    PAYLOAD_TOO_LARGE,
    /** The task has a key, and the pool takes no tasks with keys. */
    KEY,
    /** The pool is draining and takes no new tasks. */
    DRAINING,
    /**
     * No pool is connected at the moment; the client looks for one. Only with {@link Reconnect}.
     */
    DISCONNECTED,
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

  RejectedException(Reason reason, String message) {
    super(message, false, null);
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

  @Override
  RejectedException again() {
    return new RejectedException(reason, getMessage());
  }
}
