package io.ringwork.internal.queue;

import io.ringwork.internal.segment.EntryWord;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.util.Arrays;

/**
 * How fast the lanes run tasks, by their histograms of run times and their counters of started
 * tasks, of which only what was added in this stretch of work counts.
 *
 * <p>One thread at a time calls the methods; all may read the fields.
 */
public final class LanePace {
  /** How often the lanes are read, at most. */
  private static final long READ_EVERY = 50_000_000;

  /** Run times that were read so long ago say nothing about what runs now. */
  private static final long STALE_AFTER = 10_000_000_000L;

  /** The time over which the pace is measured, at most. */
  private static final long LONGEST_WINDOW = 2_000_000_000;

  /** The fewest run times that make an estimate. */
  private static final int ENOUGH = 8;

  private final SharedMemory memory;
  private final Geometry geometry;
  private final long[] before = new long[Layout.HISTOGRAM_BUCKETS];
  private final long[] latest = new long[Layout.HISTOGRAM_BUCKETS];
  private volatile boolean counting;
  private volatile long readAt = System.nanoTime();
  private long started;
  private long windowStart;
  private long windowTaken;
  private long windowStarted;

  /**
   * Nanoseconds of processing for each hint by the run times, each of which counts as the lower end
   * of its bucket; 0 if not known.
   */
  private double least;

  /** The same by the upper ends. */
  private double most;

  /** The pace at which tasks were seen to start: exact where all lanes always had work. */
  private double pace = Double.POSITIVE_INFINITY;

  /** What one more task before it delays a task by, in nanoseconds; 0 if not known. */
  public volatile double each;

  /**
   * The shortest run time of late, in nanoseconds: what a task takes at least, as it seems. It
   * grows slowly, so that one kind of short tasks among long ones is remembered.
   */
  public volatile long shortest;

  public volatile int lanes;

  public LanePace(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.geometry = geometry;
  }

  /** Whether a lane is in use that runs tasks to their end. */
  public static boolean isActive(SharedMemory memory, long lane) {
    return EntryWord.state(memory.getLongAcquire(lane + Layout.LANE_WORD)) == Layout.ENTRY_ACTIVE
        && memory.getInt(lane + Layout.LANE_KIND) == Layout.LANE_KIND_CPU;
  }

  /** Whether there is anything to forget. */
  public boolean isKnown() {
    return counting;
  }

  /** A lane has nothing to do: what ran before says nothing about the next queue. */
  public void forget() {
    counting = false;
    each = 0;
  }

  /** Whether it is time to read the lanes. */
  public boolean isDue(long now) {
    return !counting || now - readAt >= READ_EVERY;
  }

  /**
   * Reads the lanes.
   *
   * @param taken how many hints have been taken out of the rings
   */
  public void read(long now, long taken) {
    boolean goesOn = counting && now - readAt < STALE_AFTER;
    readAt = now;
    readLanes();
    if (!goesOn || lanes == 0) {
      counting = true;
      least = 0;
      most = 0;
      shortest = 0;
      System.arraycopy(latest, 0, before, 0, before.length);
      beginWindow(now, taken, Double.POSITIVE_INFINITY);
    } else {
      learnCost();
      learnPace(now, taken);
    }
    each = pace == Double.POSITIVE_INFINITY ? least : Math.min(pace, most);
  }

  private void readLanes() {
    int active = 0;
    long starts = 0;
    Arrays.fill(latest, 0);
    for (int l = 0; l < geometry.maxLanes(); l++) {
      long lane = geometry.lane(l);
      if (isActive(memory, lane)) {
        active++;
        // Those that came too late, or gave up, took less time than a task does.
        starts +=
            memory.getLong(lane + Layout.LANE_STARTED)
                - memory.getLong(lane + Layout.LANE_EXPIRED)
                - memory.getLong(lane + Layout.LANE_CANCELLED);
        for (int b = 0; b < latest.length; b++) {
          latest[b] += memory.getLong(lane + Layout.LANE_RUN_HISTOGRAM + 8L * b);
        }
      }
    }
    lanes = active;
    started = starts;
  }

  /** The mean of the run times that were added, once they are enough. */
  private void learnCost() {
    long samples = 0;
    double floors = 0;
    double ceilings = 0;
    long lowest = Long.MAX_VALUE;
    for (int b = 0; b < latest.length; b++) {
      long more = latest[b] - before[b];
      if (more < 0) { // a lane has gone
        System.arraycopy(latest, 0, before, 0, before.length);
        return;
      }
      if (more > 0) {
        lowest = Math.min(lowest, bucketFloor(b));
      }
      samples += more;
      floors += (double) more * bucketFloor(b);
      ceilings += (double) more * bucketFloor(b + 1);
    }
    if (samples >= ENOUGH) {
      least = mean(least, floors / samples / lanes);
      shortest = shortest == 0 ? lowest : Math.min(lowest, 2 * shortest);
      most = mean(most, ceilings / samples / lanes);
      System.arraycopy(latest, 0, before, 0, before.length);
    }
  }

  private static double mean(double known, double more) {
    return known == 0 ? more : (known + more) / 2;
  }

  /**
   * Hints of tasks that were given up or have expired are taken and never started; a chunk is one
   * hint and many starts: the smaller number counts. Lanes that begin at the same time start as
   * many tasks at once: these do not count.
   */
  private void learnPace(long now, long taken) {
    if (started - windowStarted < 0) { // a lane has gone
      beginWindow(now, taken, pace);
      return;
    }
    long moved = Math.min(taken - windowTaken, started - windowStarted);
    long elapsed = now - windowStart;
    double seen =
        moved > 2L * lanes ? (double) elapsed / (moved - lanes) : Double.POSITIVE_INFINITY;
    if (moved > 8L * lanes || elapsed > LONGEST_WINDOW) {
      beginWindow(now, taken, seen);
    } else {
      pace = Math.min(pace, seen);
    }
  }

  private void beginWindow(long now, long taken, double known) {
    windowStart = now;
    windowTaken = taken;
    windowStarted = started;
    pace = known;
  }

  /** As {@code bucket_floor} in ring/src/records/histogram.rs. */
  public static long bucketFloor(int bucket) {
    return bucket < 8 ? bucket : (4L + bucket % 4) << bucket / 4 - 1;
  }
}
