package io.ringwork.internal.queue;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * How long the tasks of each handler took of late, as this client has seen them: from the claim,
 * which lanes note for tasks with time stamps, until the result was taken in. That is the run time
 * and a little more; the shortest of several is the run time where a pool is not overloaded. And
 * whether those with deadlines came in time that were let in, by which the next are judged.
 *
 * <p>Told by the threads that end tasks, asked by those that submit. Updates may be lost in a race:
 * a time less is known then.
 */
public final class RunTimes {
  /** The fewest run times by which a handler is known. */
  private static final int ENOUGH = 3;

  /** Shortest and longest are those of at least so many run times, and of at most twice as many. */
  private static final int WINDOW = 32;

  /** The lower quartile is that of so many run times. */
  private static final int RECENT = 16;

  /** The handlers of which something is kept; what others take is not known. */
  private static final int MOST = 128;

  private static final int PLACES = 2 * MOST;

  /**
   * What a wait is multiplied by, at least. In a flood the queue is always as long as it may be, so
   * one that is held just too long would have all of its tasks come just too late.
   */
  public static final double LEAST_MARGIN = 1.1;

  /** The same at most. */
  static final double MAX_MARGIN = 4;

  /** The margin is changed by what became of so many tasks. */
  private static final int JUDGED = 4;

  /** A margin that was judged so long ago says nothing any more. */
  private static final long STALE_AFTER = 10_000_000_000L;

  /** What is known of one handler. */
  public static final class Handler {
    private final long id;
    private long samples;
    private boolean known;
    private long lowest = Long.MAX_VALUE;
    private long highest;
    private long lowestBefore = Long.MAX_VALUE;
    private long highestBefore;
    private long quarter;
    private final long[] recent = new long[RECENT];
    private long mean;

    private double margin = LEAST_MARGIN;
    private int ended;
    private int late;
    private long judgedAt = System.nanoTime();

    /** What ends before was let in by an older margin. */
    private long deafUntil = judgedAt;

    /** The time that the last one had of which {@link #ended} will tell; races do no harm. */
    private long time;

    private Handler(long id) {
      this.id = id;
    }

    /** The shortest run time of late, in nanoseconds. */
    public long shortest() {
      return Math.min(lowest, lowestBefore);
    }

    /** The longest run time of late, in nanoseconds. */
    public long longest() {
      return Math.max(highest, highestBefore);
    }

    /** The run time than which a quarter of the last ones were shorter, in nanoseconds. */
    public long quarter() {
      return quarter;
    }

    /** The mean of the last few run times, in nanoseconds. */
    public long mean() {
      return mean;
    }

    /**
     * What a wait is multiplied by before it is compared with the time that a task has left. It
     * grows while tasks that were let in come too late, as where run times vary more than usual,
     * and shrinks when they come in time.
     */
    public double margin(long now) {
      return now - judgedAt < STALE_AFTER ? margin : LEAST_MARGIN;
    }

    /** A task was let in that has so many nanoseconds; what becomes of it is told later. */
    public void letIn(long left) {
      time = left;
    }

    /**
     * Takes in what became of a task that was let in. After a change of the margin none is heeded
     * for as long as tasks have: they were let in before.
     */
    public void ended(boolean inTime, long now) {
      if (now - deafUntil < 0) {
        return;
      }
      late += inTime ? 0 : 1;
      if (++ended < JUDGED) {
        return;
      }
      double was = margin(now);
      if (late > 1) {
        margin = Math.min(MAX_MARGIN, was * (1 + (double) late / JUDGED));
      } else {
        margin = late == 0 ? Math.max(LEAST_MARGIN, was * 0.9) : was;
      }
      if (margin != was) {
        deafUntil = now + time;
      }
      judgedAt = now;
      ended = 0;
      late = 0;
    }

    private void add(long nanos) {
      if (samples % WINDOW == 0) {
        lowestBefore = lowest;
        highestBefore = highest;
        lowest = nanos;
        highest = nanos;
      }
      lowest = Math.min(lowest, nanos);
      highest = Math.max(highest, nanos);
      mean = mean == 0 ? nanos : mean - mean / 8 + nanos / 8;
      recent[(int) (samples % RECENT)] = nanos;
      samples++;
      if (samples < RECENT || samples % 4 == 0) { // so that many short tasks cost little
        quarter = quarterOf((int) Math.min(samples, RECENT));
      }
      known |= samples >= ENOUGH;
    }

    /** The one of the first so many recent times that a quarter of them are shorter than. */
    private long quarterOf(int n) {
      for (int candidate = 0; candidate < n; candidate++) {
        long time = recent[candidate];
        int shorter = 0;
        int equal = 0;
        for (int other = 0; other < n; other++) {
          shorter += recent[other] < time ? 1 : 0;
          equal += recent[other] == time ? 1 : 0;
        }
        if (shorter <= n / 4 && n / 4 < shorter + equal) {
          return time;
        }
      }
      return quarter; // another thread changed them
    }
  }

  private final AtomicReferenceArray<@Nullable Handler> places = new AtomicReferenceArray<>(PLACES);

  private volatile int kept;

  /** The largest lower quartile, in nanoseconds. */
  private volatile long slowest;

  /** What is kept of a handler, or null. */
  private @Nullable Handler find(long id) {
    for (int n = 0; n < PLACES; n++) {
      Handler found = places.get(place(id, n));
      if (found == null || found.id == id) {
        return found;
      }
    }
    return null;
  }

  private static int place(long id, int n) {
    return (int) (id ^ id >>> 32) + n & PLACES - 1;
  }

  /** What is known of a handler, or null if too little is. */
  public @Nullable Handler known(long id) {
    Handler found = find(id);
    return found != null && found.known ? found : null;
  }

  /** Takes in what became of a task that was let in since it seemed to be in time. */
  public void ended(long id, boolean inTime) {
    Handler handler = find(id);
    if (handler != null) {
      handler.ended(inTime, System.nanoTime());
    }
  }

  /** Whether another run time of a handler would make it known. */
  public boolean wants(long id) {
    Handler found = find(id);
    return found == null ? kept < MOST : !found.known;
  }

  /** The largest {@link Handler#quarter} of all handlers that are known, in nanoseconds. */
  public long slowest() {
    return slowest;
  }

  /** Takes in how long a task of a handler took. */
  public void ran(long id, long nanos) {
    if (nanos <= 0) {
      return; // the lane's clock is no clock of ours
    }
    Handler handler = find(id);
    if (handler == null) {
      handler = keep(id);
    }
    if (handler != null) {
      handler.add(nanos);
      if (handler.samples % WINDOW == 0 || handler.known && handler.quarter > slowest) {
        findSlowest();
      }
    }
  }

  private @Nullable Handler keep(long id) {
    if (kept >= MOST) {
      return null;
    }
    Handler made = new Handler(id);
    for (int n = 0; n < PLACES; n++) {
      Handler found = places.compareAndExchange(place(id, n), null, made);
      if (found == null) {
        kept++; // a lost update keeps one more
        return made;
      }
      if (found.id == id) {
        return found;
      }
    }
    return null;
  }

  private void findSlowest() {
    long most = 0;
    for (int p = 0; p < PLACES; p++) {
      Handler handler = places.get(p);
      if (handler != null && handler.known) {
        most = Math.max(most, handler.quarter);
      }
    }
    slowest = most;
  }

  /**
   * What a queued task delays the next by, in nanoseconds: the mean of all tasks, if that is known,
   * but not less than the shortest run time of its handler, and not more than the longest; else
   * what three quarters of its handler's tasks take.
   *
   * @param each what a task delays the next by, on the mean; 0 if not known
   * @param whole whether the task is a chunk, which may take as long as it has requests
   */
  public double cost(long id, double each, int lanes, boolean whole) {
    Handler handler = known(id);
    if (handler == null) {
      return each;
    }
    if (each == 0) {
      return (double) handler.quarter / lanes;
    }
    double most = whole ? Double.POSITIVE_INFINITY : (double) handler.longest() / lanes;
    return Math.max((double) handler.shortest() / lanes, Math.min(each, most));
  }
}
