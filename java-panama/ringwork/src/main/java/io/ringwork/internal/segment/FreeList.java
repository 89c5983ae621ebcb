package io.ringwork.internal.segment;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The free slots of this client: a lock-free LIFO, private to the process.
 *
 * <p>A Treiber stack: the head is tag(32) | index + 1 (32), and the tag grows with every change, so
 * a head that was popped and pushed again is another one (no ABA). LIFO keeps the working set small
 * and lets an idle lane guess the next slot. {@link #CLOSED} is a state of the head that nothing
 * leaves.
 */
public final class FreeList {
  /** What {@link #pop} returns when no slot is free. */
  public static final int EMPTY = -1;

  /** What {@link #pop} returns after {@link #close}. */
  public static final int CLOSED = -2;

  private static final long CLOSED_INDEX = 0xffff_ffffL;
  private static final VarHandle HEAD = MethodHandles.arrayElementVarHandle(long[].class);

  /** The head is in the middle of this array: 128 bytes on both sides have no other use. */
  private static final int AT = 16;

  private final long[] head = new long[2 * AT + 1];
  private final int[] next;

  /** How many slots are in the list from this one down, written before it is pushed. */
  private final int[] depth;

  public FreeList(int count) {
    next = new int[count];
    depth = new int[count];
    for (int i = count - 1; i >= 0; i--) {
      push(i);
    }
  }

  private static long head(long old, long index) {
    return ((old >>> 32) + 1 << 32) | index;
  }

  private long load() {
    return (long) HEAD.getVolatile(head, AT);
  }

  /** Takes a slot, or returns {@link #EMPTY} or {@link #CLOSED}. */
  public int pop() {
    return pop(0);
  }

  /**
   * Takes a slot, unless no more than so many are free.
   *
   * @return the slot, {@link #EMPTY} or {@link #CLOSED}
   */
  public int pop(int keep) {
    for (; ; ) {
      long h = load();
      long index = h & 0xffff_ffffL;
      if (index == 0) {
        return EMPTY;
      }
      if (index == CLOSED_INDEX) {
        return CLOSED;
      }
      if (keep > 0 && depth[(int) index - 1] <= keep) {
        if (load() == h) {
          return EMPTY; // the depth was that of this head
        }
        continue;
      }
      // May be stale when someone pops it first: then the CAS fails.
      int below = next[(int) index - 1];
      if (HEAD.compareAndSet(head, AT, h, head(h, below))) {
        return (int) index - 1;
      }
      Thread.onSpinWait();
    }
  }

  /**
   * Takes up to {@code wanted} slots with one change of the head, and leaves {@code keep} of them.
   *
   * @return how many, at least one; or {@link #EMPTY} or {@link #CLOSED}
   */
  public int popMany(int[] into, int wanted, int keep) {
    for (; ; ) {
      long h = load();
      long below = h & 0xffff_ffffL;
      if (below == 0) {
        return EMPTY;
      }
      if (below == CLOSED_INDEX) {
        return CLOSED;
      }
      int most = wanted;
      if (keep > 0) {
        most = Math.min(wanted, depth[(int) below - 1] - keep);
        if (most <= 0) {
          if (load() == h) {
            return EMPTY; // the depth was that of this head
          }
          continue;
        }
      }
      int n = 0;
      while (below != 0 && n < most) {
        int slot = (int) below - 1;
        into[n++] = slot;
        below = next[slot]; // may be stale when others pop meanwhile: then the CAS fails
      }
      if (HEAD.compareAndSet(head, AT, h, head(h, below))) {
        return n;
      }
      Thread.onSpinWait();
    }
  }

  /** Gives several slots back with one change of the head; without effect once closed. */
  public void pushMany(int[] slots, int n) {
    for (; n > 0; ) {
      long h = load();
      long index = h & 0xffff_ffffL;
      if (index == CLOSED_INDEX) {
        return;
      }
      int below = (int) index;
      int depthBelow = below == 0 ? 0 : depth[below - 1];
      for (int s = 0; s < n; s++) {
        next[slots[s]] = below;
        depth[slots[s]] = ++depthBelow;
        below = slots[s] + 1;
      }
      if (HEAD.compareAndSet(head, AT, h, head(h, below))) {
        return;
      }
      Thread.onSpinWait();
    }
  }

  /** Gives a slot back; without effect once closed. */
  public void push(int slot) {
    for (; ; ) {
      long h = load();
      long index = h & 0xffff_ffffL;
      if (index == CLOSED_INDEX) {
        return;
      }
      next[slot] = (int) index;
      depth[slot] = 1 + (index == 0 ? 0 : depth[(int) index - 1]);
      if (HEAD.compareAndSet(head, AT, h, head(h, slot + 1L))) {
        return;
      }
      Thread.onSpinWait();
    }
  }

  private int depth(long h) {
    long index = h & 0xffff_ffffL;
    return index == 0 || index == CLOSED_INDEX ? 0 : depth[(int) index - 1];
  }

  /** How many slots are not in the list: taken, in flight, leased. 0 once closed. */
  public int inUse() {
    long h = load();
    return (h & 0xffff_ffffL) == CLOSED_INDEX ? 0 : next.length - depth(h);
  }

  /**
   * Closes the list for good.
   *
   * @return true if all slots were in it: then no thread holds one, and none will
   */
  public boolean close() {
    for (; ; ) {
      long h = load();
      if ((h & 0xffff_ffffL) == CLOSED_INDEX) {
        return false;
      }
      int free = depth(h);
      if (HEAD.compareAndSet(head, AT, h, head(h, CLOSED_INDEX))) {
        return free == next.length;
      }
    }
  }
}
