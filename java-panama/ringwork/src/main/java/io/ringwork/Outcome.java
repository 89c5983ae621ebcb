package io.ringwork;

import org.jspecify.annotations.Nullable;

/**
 * How a task ended, between the thread that found out and the thread that completes the future.
 *
 * <p>{@link TaskFuture#outcome} holds null (pending), a value ({@link #NULL} for null), a {@link
 * Failure}, a {@link Deferred} result, {@link #HELD}, or {@link #TAKEN}.
 */
final class Outcome {
  /** The value null. */
  static final Object NULL = new Object();

  /** Some thread is decoding the deferred result, or the user has completed the future. */
  static final Object TAKEN = new Object();

  /** A result that {@link RawCall} holds in its slot or block. */
  static final Object HELD = new Object();

  private Outcome() {}

  /** A task that failed. */
  record Failure(RuntimeException error) {}

  /**
   * A result that is still in its block: whoever completes the future decodes it, so that the
   * poller never copies megabytes. Slot and block are freed by the same thread. Of a chunk, whose
   * results are in the block of the request, it says how the task ended, if not well.
   */
  record Deferred(
      int slot,
      long word,
      long reference,
      int length,
      int codec,
      @Nullable RingworkException end) {}

  static Object of(@Nullable Object value) {
    return value == null ? NULL : value;
  }
}
