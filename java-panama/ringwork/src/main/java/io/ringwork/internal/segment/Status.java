// Generated from ring/src/format/states.rs by `make layout`; do not edit.
package io.ringwork.internal.segment;

import org.jspecify.annotations.Nullable;

/** How a task has ended that a worker has answered. */
public enum Status {
  /** The result is the handler's. */
  OK,
  /** The handler returned an error. */
  FAILED,
  /** The handler panicked. */
  PANICKED,
  /** No handler has that name; none ran. */
  UNKNOWN_HANDLER,
  /** The request could not be decoded (then no handler ran), or the result not be encoded. */
  CODEC,
  /** The result is larger than the largest block. */
  RESULT_TOO_LARGE,
  /** No block of the arena came free for the result. */
  ARENA_EXHAUSTED,
  /** The caller gave the task up, before the handler started or while it ran. */
  CANCELLED,
  /** The deadline had passed before the handler started. */
  EXPIRED,
  /** No worker is there, nor will be soon; no handler ran. */
  NO_WORKER,
  /** Of a request in a chunk: a worker died over it, and no attempt is left. */
  CRASHED,
  /** A task of its key before it has failed, and was to be followed by none; no handler ran. */
  KEY_POISONED;

  /** The value of a stored word, or null for one that this version does not write. */
  public static @Nullable Status of(int word) {
    return switch (word) {
      case Layout.STATUS_OK -> OK;
      case Layout.STATUS_FAILED -> FAILED;
      case Layout.STATUS_PANICKED -> PANICKED;
      case Layout.STATUS_UNKNOWN_HANDLER -> UNKNOWN_HANDLER;
      case Layout.STATUS_CODEC -> CODEC;
      case Layout.STATUS_RESULT_TOO_LARGE -> RESULT_TOO_LARGE;
      case Layout.STATUS_ARENA_EXHAUSTED -> ARENA_EXHAUSTED;
      case Layout.STATUS_CANCELLED -> CANCELLED;
      case Layout.STATUS_EXPIRED -> EXPIRED;
      case Layout.STATUS_NO_WORKER -> NO_WORKER;
      case Layout.STATUS_CRASHED -> CRASHED;
      case Layout.STATUS_KEY_POISONED -> KEY_POISONED;
      default -> null;
    };
  }
}
