package io.ringwork;

import io.ringwork.Outcome.Failure;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * How far the end of a connection has come, and why.
 *
 * <p>OPEN → DRAINING (nothing new is taken) → FAILING (what is left is failed) → CLOSED, and beside
 * it {@code ended}: why the pool is gone.
 */
final class Lifecycle {
  private static final int OPEN = 0;
  private static final int DRAINING = 1;
  private static final int FAILING = 2;
  private static final int CLOSED = 3;

  private static final String TRUNCATED =
      "its memory is gone: somebody has truncated the segment while it was in use; start the pool"
          + " again";

  private static final VarHandle STATE;
  private static final VarHandle ENDED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(Lifecycle.class, "state", int.class);
      ENDED = lookup.findVarHandle(Lifecycle.class, "ended", String.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** The pool's name. */
  final String name;

  private volatile int state = OPEN;
  private volatile @Nullable String ended;

  Lifecycle(String name) {
    this.name = name;
  }

  // ---- on the way down

  /** OPEN → DRAINING; false if another thread was first. */
  boolean drain() {
    return STATE.compareAndSet(this, OPEN, DRAINING);
  }

  /** DRAINING → FAILING: a task that is published from now on is failed by its submitter. */
  void fail() {
    STATE.compareAndSet(this, DRAINING, FAILING);
    VarHandle.fullFence(); // pairs with the submitter's before it looks whether we fail
  }

  /** → CLOSED: the memory was given up. */
  void close() {
    state = CLOSED;
  }

  /** The pool is gone; false if that was known, or means nothing any more. */
  boolean end(String why) {
    return state != CLOSED && ENDED.compareAndSet(this, null, why);
  }

  /** As {@link #end}, for the memory has shrunk; then it must not be touched any more. */
  boolean endTruncated() {
    return end(TRUNCATED);
  }

  // ---- where it is

  boolean isOpen() {
    return state == OPEN && ended == null;
  }

  /**
   * Whether a task that was just published would be overlooked by the thread that ends what is
   * pending.
   */
  boolean isFailing() {
    return state >= FAILING || ended != null;
  }

  /** Whether the pool is gone. */
  boolean hasEnded() {
    return ended != null;
  }

  /** Whether the memory must not be touched any more: such faults surface late, anywhere. */
  boolean isTruncated() {
    return ended == TRUNCATED;
  }

  /** Whether the memory was given up, and no thread looks after executors any more. */
  boolean isReleased() {
    return state == CLOSED;
  }

  /** As users are told it. */
  ConnectionState connectionState() {
    return state != OPEN
        ? ConnectionState.CLOSED
        : ended == null ? ConnectionState.CONNECTED : ConnectionState.DISCONNECTED;
  }

  /** Why the pool has ended, as far as is known. */
  String whyEnded() {
    String why = ended;
    return why == null ? "the connection has ended" : why;
  }

  // ---- what tasks are told

  /** Why nothing can be submitted, or a pending task ends. */
  ClosedException closedException(boolean mayHaveRun, @Nullable Throwable cause) {
    String why = ended;
    if (why == null) {
      why = cause instanceof InternalError ? TRUNCATED : "the client was closed";
    }
    return new ClosedException("pool " + name + ": " + why, mayHaveRun, cause);
  }

  /** As {@link #closedException}, of which there is one also without memory. */
  Failure closedFailure(boolean mayHaveRun, @Nullable Throwable cause) {
    try {
      return new Failure(closedException(mayHaveRun, cause));
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      return mayHaveRun ? Failure.GONE_RAN : Failure.GONE;
    }
  }
}
