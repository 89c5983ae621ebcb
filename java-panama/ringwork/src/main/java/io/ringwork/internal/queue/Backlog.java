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
  public final RunTimes runTimes = new RunTimes();

  /** For each ring what is before a task that goes there, once that was asked for. */
  private final @Nullable QueueAhead[] queues;

  public Backlog(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.geometry = geometry;
    this.pace = new LanePace(memory, geometry);
    this.queues = new QueueAhead[geometry.priorities()];
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
    if (now - nextLook < 0 && !isMuchUnseen(own)) {
      return null;
    }
    unseen = 0;
    long hints = 0;
    long taken = 0;
    for (int p = 0; p < geometry.priorities(); p++) {
      long at = geometry.injector(p);
      long head = memory.getLongAcquire(at + Layout.RING_HEAD);
      long depth = memory.getLongAcquire(at + Layout.RING_TAIL) - head;
      taken += head;
      if (p <= ring) {
        hints += Math.max(0, Math.min(depth, geometry.injectorCapacity())); // a peer may lie
      }
    }
    int waiting = waitingLanes();
    if (hints < waiting) {
      forget();
      nextLook = now + LOOK_EVERY;
      return null;
    }
    readLanes(now, taken);
    long left = deadline - now;
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
    QueueAhead queue = look(ring, now, each, lanes);
    if (queue == null) {
      return null;
    }
    if (queue.tasks < waiting) {
      forget(); // as above, beside stale hints
      return null;
    }
    long wait = queue.startsAt - now;
    double margin = own == null ? RunTimes.LEAST_MARGIN : own.margin(now);
    if (wait * margin <= left - run || wait <= 0) {
      if (own != null && wait > 0) {
        own.letIn(left);
        return IN_TIME;
      }
      return null;
    }
    if (isProbe(now, run)) {
      return null;
    }
    return new Estimate(wait, queue.tasks, lanes, run, left);
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

  private @Nullable QueueAhead look(int ring, long now, double each, int lanes) {
    if (reading.compareAndSet(false, true)) {
      try {
        QueueAhead queue = queues[ring];
        if (queue == null) {
          queue = new QueueAhead(memory, geometry, runTimes, ring);
          queues[ring] = queue;
        }
        queue.look(now, each, Math.max(1, lanes));
        return queue;
      } finally {
        reading.set(false);
      }
    }
    QueueAhead queue = queues[ring]; // as another thread has seen it just now
    return queue == null || !queue.isFresh(now) ? null : queue;
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
