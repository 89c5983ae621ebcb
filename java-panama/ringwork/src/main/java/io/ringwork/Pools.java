package io.ringwork;

import org.jspecify.annotations.Nullable;

/** Connections to the pools of one name, one after the other. */
interface Pools {
  /** The present one, or the last one, which may have ended; null if there was none yet. */
  @Nullable Core current();

  /**
   * The one that comes after one that has turned a task away; waits for it as the patience says.
   *
   * @throws RingworkException if there is none in time
   */
  Core next(@Nullable Core refused, String task, Patience patience);

  /** Refuses a size that no request has. */
  static void checkRoom(long size) {
    if (size < 0) {
      throw new IllegalArgumentException("a request has no negative size: " + size);
    }
  }

  /** Whether a task was refused since its pool takes none: it has not run, and another may. */
  static boolean isTurnedAway(Throwable refused) {
    return refused instanceof ClosedException closed && !closed.mayHaveRun()
        || refused instanceof RejectedException rejected
            && rejected.reason() == RejectedException.Reason.DRAINING;
  }
}
