package io.ringwork;

import io.ringwork.internal.Durations;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a submit does when it finds no free slot, no room in the ring or no payload block.
 *
 * <p>Immutable.
 */
public final class Backpressure {
  enum Kind {
    FAIL,
    BLOCK,
    CALLER_RUNS
  }

  private static final Backpressure FAIL = new Backpressure(Kind.FAIL, 0);
  private static final Backpressure CALLER_RUNS = new Backpressure(Kind.CALLER_RUNS, 0);

  final Kind kind;
  final long blockNanos;

  private Backpressure(Kind kind, long blockNanos) {
    this.kind = kind;
    this.blockNanos = blockNanos;
  }

  /**
   * The future fails at once with {@link RejectedException}. The default.
   *
   * @return the policy
   */
  public static Backpressure fail() {
    return FAIL;
  }

  /**
   * The submitting thread waits until there is room, at most for a time; then the future fails with
   * {@link RejectedException}. The wait also ends at the task's deadline, when the thread is
   * interrupted (the interrupt status stays set) and when the client is closed. In a callback on
   * the poller thread ({@link CompletionMode#INLINE}) it behaves like {@link #fail()}, because only
   * that thread could make room.
   *
   * @param timeout the longest wait; zero does not wait and is the same as {@link #fail()}
   * @return the policy
   * @throws IllegalArgumentException if the timeout is negative
   */
  public static Backpressure block(Duration timeout) {
    long nanos = Durations.notNegative("the timeout of Backpressure.block", timeout);
    return nanos == 0 ? FAIL : new Backpressure(Kind.BLOCK, nanos);
  }

  /**
   * The submitting thread runs the type's {@linkplain TaskType#fallback fallback} itself; the
   * future is complete when submit returns. A type without a fallback fails as with {@link
   * #fail()}.
   *
   * @return the policy
   */
  public static Backpressure callerRuns() {
    return CALLER_RUNS;
  }

  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof Backpressure that && kind == that.kind && blockNanos == that.blockNanos;
  }

  @Override
  public int hashCode() {
    return Objects.hash(kind, blockNanos);
  }

  @Override
  public String toString() {
    return kind == Kind.BLOCK ? "BLOCK(" + Duration.ofNanos(blockNanos) + ")" : kind.toString();
  }
}
