package io.ringwork;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How long a task would wait for what is queued before it:
 * docs/adr/0010-deadlines-at-the-submit.md.
 *
 * <p>Asked by submitters, from any thread, about tasks that have a deadline. It reads what the pool
 * has anyway: the rings' heads and tails, the lanes' idle bits, and their histograms of run times,
 * of which only what was added while all lanes had work counts. It errs towards letting a task in:
 * without a few run times, beside a lane that is free, or where the queue moves faster than they
 * say, nothing is refused.
 */
final class Backlog {
  /** How soon it looks again after it has seen that there is no queue to speak of. */
  private static final long LOOK_EVERY = 500_000;

  /** How often it reads the histograms, at most. */
  private static final long READ_EVERY = 50_000_000;

  /** Run times that were read so long ago say nothing about what runs now. */
  private static final long STALE_AFTER = 10_000_000_000L;

  /** The time over which the pace of the queue is measured, at most. */
  private static final long LONGEST_WINDOW = 2_000_000_000;

  /** One task in so long is let in although it would be refused, should the estimate be wrong. */
  private static final long PROBE_EVERY = 1_000_000_000;

  /** The fewest run times that make an estimate. */
  private static final int ENOUGH = 8;

  private final Client client;
  private final SharedMemory memory;
  private final Geometry geometry;

  /** When the next look is due; races only look once more. */
  private long nextLook = System.nanoTime();

  private final AtomicLong nextProbe = new AtomicLong(System.nanoTime());

  /** Guards what follows; a thread that does not get it uses what was read before. */
  private final AtomicBoolean reading = new AtomicBoolean();

  private final long[] before = new long[Layout.HISTOGRAM_BUCKETS];
  private final long[] latest = new long[Layout.HISTOGRAM_BUCKETS];
  private boolean counting;
  private long readAt = System.nanoTime();
  private long windowStart;
  private long windowTaken;

  /** Nanoseconds of processing for each hint, by the run times; 0 if not known. */
  private volatile double cost;

  /** The pace at which hints were seen to be taken; an upper bound of what the cost may be. */
  private volatile double pace = Double.POSITIVE_INFINITY;

  private volatile int lanes;

  Backlog(Client client, SharedMemory memory, Geometry geometry) {
    this.client = client;
    this.memory = memory;
    this.geometry = geometry;
  }

  /**
   * Why a task is not let in, or null.
   *
   * @param ring the ring that it would go to
   * @param deadline its deadline, not 0
   */
  @Nullable RejectedException refusal(
      TaskType<?, ?> type, int ring, TaskOptions options, long deadline) {
    long now = System.nanoTime();
    if (now - nextLook < 0 || options.admitLate) {
      return null;
    }
    if (anyLaneWaits()) {
      forget();
      nextLook = now + LOOK_EVERY;
      return null;
    }
    long ahead = 0;
    long taken = 0;
    for (int p = 0; p < geometry.priorities(); p++) {
      long at = geometry.injector(p);
      long head = memory.getLongAcquire(at + Layout.RING_HEAD);
      long depth = memory.getLongAcquire(at + Layout.RING_TAIL) - head;
      taken += head;
      if (p <= ring) {
        ahead += Math.max(0, Math.min(depth, geometry.injectorCapacity())); // a peer may lie
      }
    }
    read(now, taken);
    long left = deadline - now;
    if (left <= 0) {
      return null; // it has passed, which its future says
    }
    double wait = waitFor(ahead);
    if (!(wait > left)) {
      if (wait < LOOK_EVERY) {
        nextLook = now + LOOK_EVERY;
      }
      return null;
    }
    if (anyLaneIsFree()) {
      return null;
    }
    ahead = Math.min(ahead, alive() - lanes); // without hints whose tasks were given up
    wait = waitFor(ahead);
    if (!(wait > left) || isProbe(now)) {
      return null;
    }
    return new RejectedException(
        RejectedException.Reason.DEADLINE_UNREACHABLE,
        type.name()
            + " would wait about "
            + Durations.text((long) wait)
            + " for the "
            + ahead
            + " tasks that are queued before it on "
            + lanes
            + " lanes, and its deadline is in "
            + Durations.text(left)
            + ": submit fewer tasks (TaskType.maxInFlight), give it Priority.HIGH, more time, or"
            + " the pool more lanes; TaskOptions.admitLate lets it in all the same");
  }

  private double waitFor(long ahead) {
    double known = cost;
    return ahead <= 0 || known == 0 ? 0 : ahead * Math.min(known, pace);
  }

  private boolean isProbe(long now) {
    long next = nextProbe.get();
    return now - next >= 0 && nextProbe.compareAndSet(next, now + PROBE_EVERY);
  }

  /** Whether a lane sleeps, or searches for work. */
  private boolean anyLaneWaits() {
    long waiting = 0;
    for (int w = 0; w < (geometry.maxLanes() + 63) / 64; w++) {
      waiting |=
          memory.getLongAcquire(Layout.H_IDLE + 8L * w)
              | memory.getLongAcquire(Layout.H_SEARCHING + 8L * w);
    }
    return waiting != 0;
  }

  private boolean isActive(long lane) {
    return (memory.getLongAcquire(lane + Layout.LANE_WORD) & 0xff) == Layout.ENTRY_ACTIVE;
  }

  private boolean anyLaneIsFree() {
    for (int l = 0; l < geometry.maxLanes(); l++) {
      long lane = geometry.lane(l);
      if (isActive(lane) && memory.getIntAcquire(lane + Layout.LANE_CURRENT) == 0) {
        return true;
      }
    }
    return false;
  }

  /** The tasks of all clients that are queued or run, by their counters. */
  private long alive() {
    long alive = 0;
    for (int c = 0; c < geometry.maxClients(); c++) {
      long entry = geometry.client(c);
      if ((memory.getLongAcquire(entry + Layout.CLIENT_WORD) & 0xff) == Layout.ENTRY_ACTIVE) {
        alive +=
            Math.max(
                0,
                memory.getLong(entry + Layout.CLIENT_SUBMITTED)
                    - memory.getLong(entry + Layout.CLIENT_COMPLETED)
                    - memory.getLong(entry + Layout.CLIENT_FAILED)
                    - memory.getLong(entry + Layout.CLIENT_TIMED_OUT)
                    - memory.getLong(entry + Layout.CLIENT_CANCELLED));
      }
    }
    return alive;
  }

  /** A lane has nothing to do: what ran before says nothing about the next queue. */
  private void forget() {
    if ((cost != 0 || counting) && reading.compareAndSet(false, true)) {
      counting = false;
      cost = 0;
      reading.set(false);
    }
  }

  private void read(long now, long taken) {
    if (now - readAt < READ_EVERY && counting || !reading.compareAndSet(false, true)) {
      return;
    }
    try {
      boolean goesOn = counting && now - readAt < STALE_AFTER;
      readAt = now;
      readLanes();
      if (!goesOn || lanes == 0) {
        begin(now, taken);
      } else {
        learnCost();
        learnPace(now, taken);
      }
    } finally {
      reading.set(false);
    }
  }

  private void begin(long now, long taken) {
    counting = true;
    cost = 0;
    System.arraycopy(latest, 0, before, 0, before.length);
    windowStart = now;
    windowTaken = taken;
    pace = Double.POSITIVE_INFINITY;
  }

  private void readLanes() {
    int active = 0;
    Arrays.fill(latest, 0);
    for (int l = 0; l < geometry.maxLanes(); l++) {
      long lane = geometry.lane(l);
      if (isActive(lane)) {
        active++;
        for (int b = 0; b < latest.length; b++) {
          latest[b] += memory.getLong(lane + Layout.LANE_RUN_HISTOGRAM + 8L * b);
        }
      }
    }
    lanes = active;
  }

  /** The mean of the run times that were added, once they are enough. */
  private void learnCost() {
    long samples = 0;
    double sum = 0;
    for (int b = 0; b < latest.length; b++) {
      long more = latest[b] - before[b];
      if (more < 0) { // a lane has gone
        System.arraycopy(latest, 0, before, 0, before.length);
        return;
      }
      samples += more;
      sum += (double) more * bucketFloor(b);
    }
    if (samples >= ENOUGH) {
      double each = sum / samples / lanes;
      cost = cost == 0 ? each : (cost + each) / 2;
      System.arraycopy(latest, 0, before, 0, before.length);
    }
  }

  /** Lanes that begin at the same time take as many hints at once: these are not counted. */
  private void learnPace(long now, long taken) {
    long moved = taken - windowTaken;
    long elapsed = now - windowStart;
    boolean over = moved > 8L * lanes || elapsed > LONGEST_WINDOW;
    double seen =
        moved > 2L * lanes ? (double) elapsed / (moved - lanes) : Double.POSITIVE_INFINITY;
    pace = over ? seen : Math.min(pace, seen);
    if (over) {
      windowStart = now;
      windowTaken = taken;
    }
  }

  /** As {@code bucket_floor} in ring/src/stats.rs. */
  static long bucketFloor(int bucket) {
    return bucket < 8 ? bucket : (4L + bucket % 4) << bucket / 4 - 1;
  }
}
