package io.ringwork.internal.wait;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * When the poller must look at which slot, because the task in it has a deadline.
 *
 * <p>A binary heap of slots, owned by the poller thread, with at most one entry a slot. Submitting
 * costs one comparison in the common case: {@code key[i]} is the time at which the poller looks at
 * slot i anyway, left there by an earlier task; only a deadline before it is put into the inbox. A
 * look that comes too early enters the slot again under its present deadline. So nothing needs to
 * be removed when a task ends, and the heap never outgrows the slots.
 *
 * <p>No deadline is missed: the submitter writes {@code pending[i]}, passes a full fence, then
 * reads {@code key[i]}; the poller writes {@code key[i]}, passes a full fence, then reads {@code
 * pending[i]}. One of them sees the other.
 */
public final class Timers {
  /** The key of a slot that has no entry. */
  private static final long NONE = Long.MAX_VALUE;

  private static final int END = -1;
  private static final int ABSENT = -2;
  private static final VarHandle KEY = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle NEXT = MethodHandles.arrayElementVarHandle(int[].class);
  private static final VarHandle INBOX;

  static {
    try {
      INBOX = MethodHandles.lookup().findVarHandle(Timers.class, "inbox", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** The tasks in the slots, as far as their deadlines go. */
  public interface Deadlines {
    /** The deadline of the task in a slot, which is not settled; 0 if there is none. */
    long of(int i);

    /** Ends the task in a slot if its deadline has passed. */
    void expire(int i, long now);
  }

  private final Deadlines deadlines;
  private final long[] key;

  /** Intrusive stack of slots with a nearer deadline; ABSENT when not in it. */
  private final int[] next;

  private final int[] heap;
  private final int[] place;
  private int size;

  @SuppressWarnings("unused") // through INBOX
  private volatile int inbox = END;

  public Timers(int slots, Deadlines deadlines) {
    this.deadlines = deadlines;
    key = new long[slots];
    next = new int[slots];
    heap = new int[slots];
    place = new int[slots];
    for (int i = 0; i < slots; i++) {
      key[i] = NONE;
      next[i] = ABSENT;
      place[i] = -1;
    }
  }

  /**
   * Called by a submitter, after it has published the task and passed a full fence.
   *
   * @return true if the poller would look too late: it has mail now
   */
  public boolean submitted(int i, long deadline) {
    if (deadline >= (long) KEY.getVolatile(key, i)) {
      return false;
    }
    if (!NEXT.compareAndSet(next, i, ABSENT, END)) {
      return true; // in the inbox already, and not yet read
    }
    for (; ; ) {
      int top = inbox;
      NEXT.setVolatile(next, i, top);
      if (INBOX.compareAndSet(this, top, i)) {
        return true;
      }
    }
  }

  public boolean hasMail() {
    return inbox != END;
  }

  /** When to look next, as System.nanoTime; {@link Long#MAX_VALUE} for never. Poller only. */
  public long nextLook() {
    return size == 0 ? NONE : key[heap[0]];
  }

  /** Ends what is due. Poller only. */
  public void run(long now) {
    if (inbox != END) {
      readInbox();
    }
    while (size > 0 && key[heap[0]] <= now) {
      int i = heap[0];
      removeFirst();
      KEY.setVolatile(key, i, NONE);
      VarHandle.fullFence(); // pairs with the submitter's: see the class comment
      boolean looked = false;
      try {
        look(i, now);
        looked = true;
      } finally {
        if (!looked) {
          enter(i, now); // there was no memory: again, when the poller goes on
        }
      }
    }
  }

  private void readInbox() {
    int i = (int) INBOX.getAndSet(this, END);
    while (i != END) {
      int after = (int) NEXT.getVolatile(next, i);
      // Before the look: a nearer deadline that comes after it is put in again.
      NEXT.setVolatile(next, i, ABSENT);
      VarHandle.fullFence();
      long deadline = deadlines.of(i);
      if (deadline != 0 && deadline < key[i]) {
        enter(i, deadline);
      }
      i = after;
    }
  }

  private void look(int i, long now) {
    long deadline = deadlines.of(i);
    if (deadline == 0) {
      return;
    }
    if (deadline <= now) {
      deadlines.expire(i, now);
    } else {
      enter(i, deadline);
    }
  }

  private void enter(int i, long deadline) {
    KEY.setVolatile(key, i, deadline);
    VarHandle.fullFence();
    if (place[i] < 0) {
      place[i] = size;
      heap[size++] = i;
    }
    up(place[i]);
  }

  private void removeFirst() {
    place[heap[0]] = -1;
    size--;
    if (size > 0) {
      heap[0] = heap[size];
      place[heap[0]] = 0;
      down(0);
    }
  }

  private void up(int at) {
    int i = heap[at];
    while (at > 0) {
      int parent = at - 1 >>> 1;
      if (key[heap[parent]] <= key[i]) {
        break;
      }
      heap[at] = heap[parent];
      place[heap[at]] = at;
      at = parent;
    }
    heap[at] = i;
    place[i] = at;
  }

  private void down(int at) {
    int i = heap[at];
    for (; ; ) {
      int child = 2 * at + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size && key[heap[child + 1]] < key[heap[child]]) {
        child++;
      }
      if (key[heap[child]] >= key[i]) {
        break;
      }
      heap[at] = heap[child];
      place[heap[at]] = at;
      at = child;
    }
    heap[at] = i;
    place[i] = at;
  }
}
