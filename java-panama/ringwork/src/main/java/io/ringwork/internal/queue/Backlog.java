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
 * what they lead to ({@link QueueAhead}). It errs towards letting in: without a few run times,
 * beside a lane that finds nothing to do, or where tasks start faster than the run times say,
 * nothing is refused.
 */
public final class Backlog {
  /** How soon it looks again after it has seen that there is no queue to speak of. */
  private static final long LOOK_EVERY = 500_000;

  /** One task in so long is let in although it would be refused, should the estimate be wrong. */
  private static final long PROBE_EVERY = 1_000_000_000;

  /**
   * What a wait is multiplied by. In a flood the queue is always as long as it may be, so one that
   * is held just too long would have all of its tasks come just too late.
   */
  private static final double MARGIN = 1.1;

  private final SharedMemory memory;
  private final Geometry geometry;

  /** When the next look is due; races only look once more. */
  private long nextLook = System.nanoTime();

  private final AtomicLong nextProbe = new AtomicLong(System.nanoTime());

  /** Guards what follows; a thread that does not get it uses what was read before. */
  private final AtomicBoolean reading = new AtomicBoolean();

  private final LanePace pace;

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
   * @param run what it then takes at least
   * @param left the time until its deadline
   */
  public record Estimate(long delay, int tasks, int lanes, long run, long left) {}

  /**
   * Why a task is not let in, or null.
   *
   * @param ring the ring that it would go to
   * @param deadline its deadline, not 0
   */
  public @Nullable Estimate refusal(int ring, long deadline) {
    long now = System.nanoTime();
    if (now - nextLook < 0) {
      return null;
    }
    if (anyLaneWaits()) {
      forget();
      nextLook = now + LOOK_EVERY;
      return null;
    }
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
    readLanes(now, taken);
    long left = deadline - now;
    if (left <= 0) {
      return null; // it has passed, which its future says
    }
    double each = pace.each;
    if (!((hints + (double) Layout.HELD * pace.lanes) * each > left - pace.shortest)) {
      if (hints * each < LOOK_EVERY) {
        nextLook = now + LOOK_EVERY;
      }
      return null;
    }
    QueueAhead queue = look(ring, now, each);
    if (queue == null) {
      return null;
    }
    long wait = queue.startsAt - now;
    long run = pace.shortest;
    if (wait * MARGIN <= left - run || wait <= 0 || isProbe(now)) {
      return null;
    }
    return new Estimate(wait, queue.tasks, pace.lanes, run, left);
  }

  private @Nullable QueueAhead look(int ring, long now, double each) {
    if (reading.compareAndSet(false, true)) {
      try {
        QueueAhead queue = queues[ring];
        if (queue == null) {
          queue = new QueueAhead(memory, geometry, ring);
          queues[ring] = queue;
        }
        queue.look(now, each);
        return queue;
      } finally {
        reading.set(false);
      }
    }
    QueueAhead queue = queues[ring]; // as another thread has seen it just now
    return queue == null || !queue.isFresh(now) ? null : queue;
  }

  private boolean isProbe(long now) {
    long next = nextProbe.get();
    return now - next >= 0 && nextProbe.compareAndSet(next, now + PROBE_EVERY);
  }

  /**
   * Whether a lane sleeps, or searches for work. One that is between two tasks is not free: it will
   * take what is queued, and where lanes get little of the processor it is often seen so.
   */
  private boolean anyLaneWaits() {
    long waiting = 0;
    for (int w = 0; w < (geometry.maxLanes() + 63) / 64; w++) {
      waiting |=
          memory.getLongAcquire(Layout.H_IDLE + 8L * w)
              | memory.getLongAcquire(Layout.H_SEARCHING + 8L * w);
    }
    return waiting != 0;
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
