package io.ringwork.internal.segment;

import io.ringwork.internal.Failpoints;

/**
 * A ring of hints (slot indices) in shared memory: many producers, many consumers, no allocation.
 *
 * <p>Invariant: a cell goes from one lap to the next by one CAS, so there is never a position that
 * is reserved but not published, and a process that dies leaves no hole. See section 4 of
 * docs/internals/protocol.md. A hint proves nothing: its slot's state word does.
 */
public final class HintRing {
  /**
   * No honest contention needs so many tries: the ring's words contradict each other. With the
   * pauses between them well below a second.
   */
  private static final int CORRUPT_AFTER = 1 << 18;

  /** A producer that has lost often in a row waits at most 2 to this power spins. */
  private static final int LONGEST_WAIT = 6;

  private final SharedMemory memory;
  private final long head;
  private final long tail;
  private final long cells;
  private final int capacity;
  private final int shift;
  private final Damage damage;

  /**
   * A head seen earlier. Head only grows, so a room computed from it is never too large; reading it
   * anew only when it seems full spares producers the line that consumers write to.
   */
  private long headSeen;

  /**
   * A ring at a place.
   *
   * @param damage what is thrown if its words contradict each other
   */
  public HintRing(SharedMemory memory, long at, int capacity, Damage damage) {
    this.memory = memory;
    this.damage = damage;
    this.head = at + Layout.RING_HEAD;
    this.tail = at + Layout.RING_TAIL;
    this.cells = at + Layout.RING_CELLS;
    this.capacity = capacity;
    this.shift = Integer.numberOfTrailingZeros(capacity);
  }

  public static long bytes(int capacity) {
    return Layout.RING_CELLS + 8L * capacity;
  }

  private long cell(long position) {
    return cells + ((position & capacity - 1) << 3);
  }

  private int lap(long position) {
    return (int) ((position >>> shift) + 1);
  }

  /**
   * Adds a hint; false when full.
   *
   * @throws RuntimeException of {@link Damage} if the ring's words are impossible
   */
  public boolean offer(int slot) {
    for (int tries = 0; tries < CORRUPT_AFTER; tries++) {
      if (tries > 0) {
        backOff(tries);
      }
      long t = memory.getLongAcquire(tail);
      long c = memory.getLongAcquire(cell(t));
      int lap = lap(t);
      int found = (int) (c >>> 32);
      if (found == lap) {
        // Its producer died, or is slow: the cell is there, so help the tail on.
        memory.casLong(tail, t, t + 1);
        continue;
      }
      if (!hasRoomAt(t)) {
        return false;
      }
      if (found != lap - 1) {
        continue; // t was stale
      }
      if (Failpoints.ON) Failpoints.hit("ring.enqueuing");
      if (memory.casLong(cell(t), c, (long) lap << 32 | slot)) {
        if (Failpoints.ON) Failpoints.hit("ring.cell_written");
        memory.casLong(tail, t, t + 1); // its failure means that someone helped
        if (Failpoints.ON) Failpoints.hit("ring.tail_moved");
        return true;
      }
    }
    throw damage.of("a hint ring contradicts itself: restart the pool", true);
  }

  /**
   * Adds several hints: one CAS for each cell, and one for the tail, which meanwhile lags behind by
   * as many as are in. Other producers help it on, one position at a time.
   *
   * @param hints at most {@link Layout#RING_BATCH} of them
   * @return how many of the first went in; fewer than {@code n} only when full
   * @throws RuntimeException of {@link Damage} if the ring's words are impossible
   */
  public int offerAll(int[] hints, int n) {
    int in = 0;
    for (int tries = 0; tries < CORRUPT_AFTER; tries++) {
      if (tries > 0) {
        backOff(tries);
      }
      long first = memory.getLongAcquire(tail);
      long t = first;
      boolean lost = false;
      boolean full = false;
      while (in < n && !lost) {
        long c = memory.getLongAcquire(cell(t));
        int lap = lap(t);
        full = !hasRoomAt(t);
        if (full || (int) (c >>> 32) != lap - 1) {
          break;
        }
        if (Failpoints.ON) Failpoints.hit("ring.run_enqueuing");
        lost = !memory.casLong(cell(t), c, (long) lap << 32 | hints[in]);
        if (!lost) {
          if (Failpoints.ON) Failpoints.hit("ring.run_cell_written");
          in++;
          t++;
        }
      }
      if (t != first) {
        moveTail(first, t);
        if (Failpoints.ON) Failpoints.hit("ring.run_tail_moved");
      }
      if (in == n || full) {
        return in;
      }
      if ((int) (memory.getLongAcquire(cell(t)) >>> 32) == lap(t)) {
        memory.casLong(tail, t, t + 1); // another producer's cell: help, as in offer
      }
    }
    throw damage.of("a hint ring contradicts itself: restart the pool", true);
  }

  /** Whether a position can be put in without overwriting what was not taken. */
  private boolean hasRoomAt(long t) {
    if (t - headSeen < capacity) {
      return true;
    }
    long now = memory.getLongAcquire(head); // not read back: a slower thread may store an older one
    headSeen = now;
    return t - now < capacity;
  }

  /**
   * From where this producer's cells begin to behind them; others may have helped it on its way.
   */
  private void moveTail(long from, long to) {
    long seen = from;
    for (long left = to - from; left >= 0 && seen - to < 0; left--) {
      if (memory.casLong(tail, seen, to)) {
        return;
      }
      seen = memory.getLongAcquire(tail);
    }
  }

  /**
   * Lets the winner of a race go on: producers that all try again at once only take the tail's line
   * away from each other (docs/lab/2026-11-contention-model.md has it counted).
   */
  private static void backOff(int lost) {
    for (int n = 1 << Math.min(lost, LONGEST_WAIT); n > 0; n--) {
      Thread.onSpinWait();
    }
  }

  /**
   * Takes up to {@code into.length} hints.
   *
   * @return how many, 0 when empty
   */
  public int poll(int[] into) {
    for (int tries = 0; tries < CORRUPT_AFTER; tries++) {
      long h = memory.getLongAcquire(head);
      int n = 0;
      while (n < into.length) {
        long c = memory.getLongAcquire(cell(h + n));
        if ((int) (c >>> 32) != lap(h + n)) {
          break;
        }
        into[n++] = (int) c;
      }
      if (n == 0 || memory.casLong(head, h, h + n)) {
        return n;
      }
    }
    throw damage.of("a hint ring contradicts itself: restart the pool", true);
  }

  public boolean isEmpty() {
    long h = memory.getLongAcquire(head);
    return (int) (memory.getLongAcquire(cell(h)) >>> 32) != lap(h);
  }
}
