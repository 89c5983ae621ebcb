package io.ringwork;

import java.util.concurrent.CancellationException;
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

  /**
   * A task that failed. The constants are for a thread that has no memory or stack left to say it
   * better.
   */
  record Failure(RuntimeException error) {
    private static final String SHORTAGE =
        ": there was no memory or stack left to say more, or to take the result in";

    static final Failure UNSAID =
        new Failure(new CodecException("it failed" + SHORTAGE, true, null).shared());
    static final Failure LATE_RAN = new Failure(late(true));
    static final Failure LATE = new Failure(late(false));
    static final Failure GONE_RAN = new Failure(gone(true));
    static final Failure GONE = new Failure(gone(false));
    static final Failure CANCELLED =
        new Failure(new CancellationException("the task was cancelled" + SHORTAGE));

    private static final RingworkException UNSENT =
        new CodecException("it was not submitted" + SHORTAGE, false, null).shared();

    /** For a task that was not submitted. */
    static RingworkException unsent() {
      return UNSENT;
    }

    /** Whether it is one of the constants. */
    boolean isOfShortage() {
      String text = error.getMessage();
      return text != null && text.endsWith(SHORTAGE);
    }

    private static RuntimeException late(boolean ran) {
      return new TaskTimeoutException("the deadline of the task passed" + SHORTAGE, ran).shared();
    }

    private static RuntimeException gone(boolean ran) {
      return new ClosedException("the client was closed, or its pool is gone" + SHORTAGE, ran, null)
          .shared();
    }
  }

  /**
   * A result that is still in its block: the thread that completes the future decodes it, so that
   * the poller never copies megabytes. Slot and block are freed by the same thread. Of a chunk,
   * whose results are in the block of the request, it says how the task ended, if not well.
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
