package io.ringwork;

/** What {@link TaskFuture#cancelTask()} found. */
public enum CancelOutcome {
  /** The task was still queued: it was taken back and never runs. */
  WAS_QUEUED,
  /**
   * The task was running: its handler is told, the future has ended, and the slot is given back
   * when the handler ends.
   */
  WAS_RUNNING,
  /** The future was done already: nothing changed. */
  ALREADY_DONE
}
