package io.ringwork.internal.segment;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where threads wait that submit and are to block until there is room.
 *
 * <p>They are woken when this client frees a slot, and look again every millisecond anyway, for
 * other clients don't tell when they free a block or a ring's cell.
 */
public final class Room {
  private static final long LOOK_AGAIN_NANOS = 1_000_000;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition freed = lock.newCondition();
  private volatile int waiting;

  /** Whether a thread waits. */
  public boolean isAwaited() {
    return waiting > 0;
  }

  /** Called after a slot was given back. */
  public void freed() {
    if (waiting > 0) {
      lock.lock();
      try {
        freed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Sleeps until something may have been freed, at most so long. */
  public void await(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      waiting++;
      freed.awaitNanos(Math.min(nanos, LOOK_AGAIN_NANOS));
    } finally {
      waiting--;
      lock.unlock();
    }
  }
}
