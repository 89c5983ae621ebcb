package io.ringwork.internal.segment;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * How many slots of this client have tasks of one handler, of those whose types have a {@linkplain
 * TaskType#maxInFlight limit}.
 *
 * <p>Invariant: a slot is counted from the moment at which it leaves the free list for such a task
 * until the moment before it comes back, whatever has become of the future: a task that was
 * cancelled while it ran is counted until its lane is done with it.
 */
public final class InFlight {
  /** Names of handlers are the user's: what is kept of them without need has a bound. */
  private static final int MAX_IDLE = 256;

  /** The count of one that is no longer in the map. */
  private static final int REMOVED = -1;

  private final Map<String, InFlight> all;
  private final String handler;
  private final AtomicInteger count = new AtomicInteger();

  private InFlight(Map<String, InFlight> all, String handler) {
    this.all = all;
    this.handler = handler;
  }

  /** All of a client, by handler. */
  public static Map<String, InFlight> table() {
    return new ConcurrentHashMap<>();
  }

  /**
   * Counts one more.
   *
   * @return false if there are as many as may be, or the object was removed
   */
  private boolean tryEnter(int max) {
    for (; ; ) {
      int now = count.get();
      if (now == REMOVED || now >= max) {
        return false;
      }
      if (count.compareAndSet(now, now + 1)) {
        return true;
      }
      Thread.onSpinWait();
    }
  }

  /**
   * Counts one more of a handler.
   *
   * @return what is to be {@linkplain #leave left}, or null if there are as many as may be
   */
  public static @Nullable InFlight enter(Map<String, InFlight> all, String handler, int max) {
    for (; ; ) {
      InFlight known = all.get(handler);
      if (known == null) {
        InFlight made = new InFlight(all, handler);
        InFlight other = all.putIfAbsent(handler, made);
        known = other == null ? made : other;
      }
      if (known.tryEnter(max)) {
        return known;
      }
      if (known.count.get() != REMOVED) {
        return null;
      }
      all.remove(handler, known); // its remover is about to do so
    }
  }

  /** Counts one less. */
  public void leave() {
    if (count.decrementAndGet() == 0 && all.size() > MAX_IDLE && count.compareAndSet(0, REMOVED)) {
      all.remove(handler, this);
    }
  }
}
