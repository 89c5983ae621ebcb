package io.ringwork.internal.queue;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * How long a task would wait for what is queued before it:
 * docs/decisions/0010-deadlines-at-the-submit.md.
 *
 * <p>Asked by submitters, from any thread, about tasks that have a deadline. It reads what the pool
 * has anyway: the lanes' idle bits, what they run how fast ({@link LanePace}), and the rings with
 * what they lead to ({@link QueueAhead}); and it knows what tasks of each handler took ({@link
 * RunTimes}). It errs towards letting in: without a few run times, beside as many lanes without
 * work as tasks are queued, or where tasks start faster than the run times say, nothing is refused.
 */
public final class Backlog {
  /** How soon it looks again after it has seen that there is no queue to speak of. */
  private static final long LOOK_EVERY = 500_000;

  /** It looks sooner when it has let in tasks that take the lanes so long, in nanoseconds. */
  private static final long LOOK_AFTER = 5_000_000;

  /** Of handlers whose tasks take less there can't come that many so soon. */
  private static final long LONG_RUN = 100_000;

  /** One task in so long is let in although it would be refused, should the estimate be wrong. */
  private static final long PROBE_EVERY = 1_000_000_000;

  /** Or in so many times as long as it takes: most probes come late, and are wasted work. */
  private static final long PROBE_RUNS = 10;

  private final SharedMemory memory;
  private final Geometry geometry;

  /** When the next look is due; races only look once more. */
  private long nextLook = System.nanoTime();

  /**
   * How long what was let in since the last look takes the lanes; races only look a little later.
   */
  private long unseen;

  private final AtomicLong nextProbe = new AtomicLong(System.nanoTime());

  /** Guards what follows; a thread that does not get it uses what was read before. */
  private final AtomicBoolean reading = new AtomicBoolean();

  private final LanePace pace;

  /** What tasks of each handler took. */
  private final RunTimes runTimes;

  /**
   * For each ring what is before a task that goes there, once that was asked for; then, for each
   * limit of concurrency and each ring, the same of a task of its handler.
   */
  private final @Nullable QueueAhead[] queues;

  private final Limits limits;

  public Backlog(SharedMemory memory, Geometry geometry, RunTimes runTimes) {
    this.runTimes = runTimes;
    this.memory = memory;
    this.geometry = geometry;
    this.pace = new LanePace(memory, geometry);
    this.limits = new Limits(memory, geometry);
    this.queues = new QueueAhead[(1 + limits.count) * geometry.priorities()];
  }

  /**
   * What a task would wait for that would come too late, in nanoseconds.
   *
   * @param delay until a lane gets to it
   * @param tasks how many are queued before it
   * @param lanes on how many lanes
   * @param run what it then takes, as it seems
   * @param left the time until its deadline
   */
  public record Estimate(long delay, int tasks, int lanes, long run, long left) {}

  /** The task will be in time behind what is queued, as it seems. */
  public static final Estimate IN_TIME = new Estimate(0, 0, 0, 0, 0);

  /**
   * Weighs whether a task will be in time.
   *
   * @param handler the id of its handler
   * @param ring the ring that it would go to
   * @param deadline its deadline, not 0
   * @return {@link #IN_TIME}, or why it is not to be let in; null if there is no queue to speak of,
   *     or not enough is known
   */
  public @Nullable Estimate weigh(long handler, int ring, long deadline) {
    long now = System.nanoTime();
    RunTimes.Handler own = runTimes.known(handler);
    int limit = own == null || limits.count == 0 ? Limits.NONE : limits.of(handler);
    Estimate permit =
        own == null || limit == Limits.NONE
            ? null
            : weighPermit(handler, limit, own, ring, now, deadline - now);
    if (permit != null && permit != IN_TIME) {
      return permit;
    }
    Estimate rings = weighRings(own, ring, now, deadline - now);
    return rings == null ? permit : rings;
  }

  /**
   * Weighs a task behind what will wait for a permit as it will: lanes may be idle beside such a
   * queue.
   */
  private @Nullable Estimate weighPermit(
      long handler, int limit, RunTimes.Handler own, int ring, long now, long left) {
    int most = limits.max(limit);
    double each = (double) own.mean() / most;
    long hints = depth(limits.ring(limit));
    for (int p = 0; p <= ring; p++) {
      hints += depth(geometry.injector(p));
    }
    if (left <= 0 || hints * each * RunTimes.MAX_MARGIN <= left - ownRun(own, left)) {
      return null;
    }
    QueueAhead queue = look(limit, handler, ring, now, each, most);
    return queue == null ? null : judge(own, queue, now, left, most);
  }

  /** How many hints are in a ring, whatever a peer has written. */
  private long depth(long at) {
    long head = memory.getLongAcquire(at + Layout.RING_HEAD);
    long depth = memory.getLongAcquire(at + Layout.RING_TAIL) - head;
    return Math.max(0, Math.min(depth, geometry.injectorCapacity()));
  }

  /** Weighs a task behind what is queued in its ring and in those before it. */
  private @Nullable Estimate weighRings(
      RunTimes.@Nullable Handler own, int ring, long now, long left) {
    if (now - nextLook < 0 && !isMuchUnseen(own)) {
      return null;
    }
    unseen = 0;
    long hints = 0;
    long taken = 0;
    for (int p = 0; p < geometry.priorities(); p++) {
      taken += memory.getLongAcquire(geometry.injector(p) + Layout.RING_HEAD);
      if (p <= ring) {
        hints += depth(geometry.injector(p));
      }
    }
    int waiting = waitingLanes();
    if (hints < waiting) {
      forget();
      nextLook = now + LOOK_EVERY;
      return null;
    }
    readLanes(now, taken);
    if (left <= 0) {
      return null; // it has passed, which its future says
    }
    int lanes = pace.lanes;
    double each = pace.each;
    double most = Math.max(each, (double) runTimes.slowest() / Math.max(1, lanes));
    long run = ownRun(own, left);
    if (!((hints + (double) Layout.HELD * lanes) * most > left - run)) {
      if (hints * most < LOOK_EVERY) {
        nextLook = now + LOOK_EVERY;
      }
      return null;
    }
    QueueAhead queue = look(Limits.NONE, 0, ring, now, each, Math.max(1, lanes));
    if (queue == null) {
      return null;
    }
    if (queue.tasks < waiting) {
      forget(); // as above, beside stale hints
      return null;
    }
    return judge(own, queue, now, left, lanes);
  }

  private @Nullable Estimate judge(
      RunTimes.@Nullable Handler own, QueueAhead queue, long now, long left, int lanes) {
    long wait = queue.startsAt - now;
    if (wait <= 0) {
      return null;
    }
    long run = ownRun(own, left);
    double margin = own == null ? RunTimes.LEAST_MARGIN : own.margin(now);
    if (wait * margin <= left - run) {
      if (own != null) {
        own.letIn(left);
        return IN_TIME;
      }
      return null;
    }
    return isProbe(now, run) ? null : new Estimate(wait, queue.tasks, lanes, run, left);
  }

  /**
   * Whether tasks of a handler take so long that each is to be hinted before the next is weighed:
   * what has no hint yet is not seen.
   */
  public boolean isOneByOne(long handler) {
    RunTimes.Handler known = runTimes.known(handler);
    return known != null && known.quarter() >= LONG_RUN;
  }

  /**
   * Whether a look is due although the last one found no queue: since many tasks have come at once.
   */
  private boolean isMuchUnseen(RunTimes.@Nullable Handler own) {
    if (own == null || own.quarter() < LONG_RUN) {
      return false;
    }
    long much = unseen + own.quarter() / Math.max(1, pace.lanes);
    unseen = much;
    return much > LOOK_AFTER;
  }

  /**
   * What the task itself will take, in nanoseconds. Tasks are refused for what is queued before
   * them, and not since their own handler is slow: half of the time that is left, at most, counts
   * for it, unless it never took less.
   */
  private long ownRun(RunTimes.@Nullable Handler own, long left) {
    return own == null ? pace.shortest : Math.max(own.shortest(), Math.min(own.mean(), left / 2));
  }

  /**
   * Looks at what is before a task: all, or what is for its handler, if that has a limit.
   *
   * @return null if another thread is at it, and what was seen before is old
   */
  private @Nullable QueueAhead look(
      int limit, long handler, int ring, long now, double each, int lanes) {
    int place = (limit + 1) * geometry.priorities() + ring;
    if (reading.compareAndSet(false, true)) {
      try {
        QueueAhead queue = queues[place];
        if (queue == null) {
          long only = limit == Limits.NONE ? 0 : handler;
          queue = new QueueAhead(memory, geometry, runTimes, rings(limit, ring), only);
          queues[place] = queue;
        }
        queue.look(now, each, lanes);
        return queue;
      } finally {
        reading.set(false);
      }
    }
    QueueAhead queue = queues[place]; // as another thread has seen it just now
    return queue == null || !queue.isFresh(now) ? null : queue;
  }

  private long[] rings(int limit, int last) {
    long[] rings = new long[last + (limit == Limits.NONE ? 1 : 2)];
    for (int p = 0; p <= last; p++) {
      rings[p] = geometry.injector(p);
    }
    if (limit != Limits.NONE) {
      rings[last + 1] = limits.ring(limit);
    }
    return rings;
  }

  private boolean isProbe(long now, long run) {
    long next = nextProbe.get();
    long pause = Math.max(PROBE_EVERY, PROBE_RUNS * Math.min(run, PROBE_EVERY));
    return now - next >= 0 && nextProbe.compareAndSet(next, now + pause);
  }

  /**
   * How many lanes sleep, or search for work. They take as many tasks as they are at once, but they
   * may have been woken, or wait for the processor, while others are queued behind these. A lane
   * that is between two tasks is not free: it will take what is queued, and where lanes get little
   * of the processor it is often seen so.
   */
  private int waitingLanes() {
    int waiting = 0;
    for (int w = 0; w < (geometry.maxLanes() + 63) / 64; w++) {
      waiting +=
          Long.bitCount(
              memory.getLongAcquire(Layout.H_IDLE + 8L * w)
                  | memory.getLongAcquire(Layout.H_SEARCHING + 8L * w));
    }
    return waiting;
  }

  /** A lane has nothing to do: what ran before says nothing about the next queue. */
  private void forget() {
    if (pace.isKnown() && reading.compareAndSet(false, true)) {
      pace.forget();
      reading.set(false);
    }
  }

  private void readLanes(long now, long taken) {
    if (pace.isDue(now) && reading.compareAndSet(false, true)) {
      try {
        pace.read(now, taken);
      } finally {
        reading.set(false);
      }
    }
  }
}
