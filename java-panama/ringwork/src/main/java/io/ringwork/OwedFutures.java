package io.ringwork;

import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * Settled futures whose completion is to be tried again, for want of memory, stack, or a thread.
 * They are linked through {@link TaskFuture#owedNext}, the last one to itself, so that this takes
 * no memory.
 */
final class OwedFutures {
  /** What is asked for before a future fails: for a few dependents, and when memory was short. */
  private static final int PROBE = 512;

  private static final int PROBE_SHORT = 1 << 16;

  /** How long memory is taken to be short after it was. */
  private static final long SHORTAGE_NANOS = 1_000_000_000;

  /** Lists of the same futures share it: each future is on one of them at most. */
  private final Object lock;

  /** The newest; guarded by the lock. */
  private @Nullable TaskFuture<?> first;

  /** Whether there are any, to be read without the lock. */
  private volatile boolean any;

  /** When something was owed last, perhaps for want of memory. */
  private volatile long owedAt;

  private volatile boolean owedOnce;

  OwedFutures(Object lock) {
    this.lock = lock;
  }

  boolean any() {
    return any;
  }

  /** Notes a future; takes no memory. */
  void add(TaskFuture<?> future) {
    owedAt = System.nanoTime();
    owedOnce = true;
    synchronized (lock) {
      if (future.owedNext == null) {
        future.owedNext = first == null ? future : first;
        first = future;
        any = true;
      }
    }
  }

  /** Takes one out; null if there is none. */
  @Nullable TaskFuture<?> take() {
    synchronized (lock) {
      TaskFuture<?> taken = first;
      if (taken == null) {
        any = false;
        return null;
      }
      TaskFuture<?> next = taken.owedNext;
      first = next == taken ? null : next;
      any = first != null;
      taken.owedNext = null;
      return taken;
    }
  }

  /**
   * Asks for some memory before a future fails that has dependents, of which each takes a little:
   * one that gets none does not end, for the JDK drops it on the way. Throws if there is none; then
   * the future is tried again later.
   *
   * @param certainly whether memory was short just now
   */
  void probe(boolean certainly) {
    boolean recently = certainly || owedOnce && System.nanoTime() - owedAt < SHORTAGE_NANOS;
    Reference.reachabilityFence(new byte[recently ? PROBE_SHORT : PROBE]);
  }
}
