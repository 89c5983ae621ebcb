package io.ringwork.internal.queue;

import io.ringwork.internal.Durations;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import java.util.Arrays;

/**
 * What runs before a task that goes into a ring: the tasks that lanes hold, and those in its ring
 * and in the rings before it, by their hints. A hint counts once, and only while its slot is
 * QUEUED, and as much as tasks of its handler take ({@link RunTimes#cost}); a task whose deadline
 * will have passed when a lane gets to it counts nothing.
 *
 * <p>The hints are followed one by one, but only the new ones are between two fresh starts. One
 * thread at a time calls the methods; all may read the fields.
 */
public final class QueueAhead {
  /** All hints are followed again after this many nanoseconds at the latest; till then new ones. */
  private static final long LONGEST = 5_000_000;

  /** The pause until then is this many times as long as following all of them took. */
  private static final int TIMES = 10;

  /**
   * A task counts nothing if its deadline passes in this part of the time until a lane gets to it.
   * By all of that time a queue in which each second task expires would look as if one more task
   * could just be in time, for ever.
   */
  private static final double SURELY = 0.8;

  private final SharedMemory memory;
  private final Geometry geometry;
  private final RunTimes runTimes;

  /** The slots that were counted, a bit each. */
  private final long[] counted;

  /** Where the rings are with the hints that are followed. */
  private final long[] rings;

  /** The position behind the last hint that was followed, for each ring. */
  private final long[] reached;

  /** The handler whose tasks count; 0 for all. */
  private final long only;

  private long since;
  private long pause;
  private double each;
  private int lanes;
  private double work;

  private int ahead;
  private volatile long lookedAt;

  /** When a task would be started that comes now. */
  public volatile long startsAt;

  /** How many tasks run before it. */
  public volatile int tasks;

  /**
   * Of a ring, or of those that wait for a permit of their handler's limit.
   *
   * @param rings where the rings are with the hints of what goes before
   * @param only the handler whose tasks count; 0 for all
   */
  QueueAhead(SharedMemory memory, Geometry geometry, RunTimes runTimes, long[] rings, long only) {
    this.memory = memory;
    this.geometry = geometry;
    this.runTimes = runTimes;
    this.counted = new long[(slots() + 63) / 64];
    this.rings = rings;
    this.reached = new long[rings.length];
    this.only = only;
    this.startsAt = System.nanoTime();
  }

  /** Whether it was looked at of late. */
  public boolean isFresh(long now) {
    return now - lookedAt < 4 * LONGEST;
  }

  private int slots() {
    return geometry.maxClients() * geometry.slotsPerClient();
  }

  /**
   * Looks at the hints.
   *
   * @param each what one more task delays the next by on the mean, in nanoseconds; 0 if not known
   * @param lanes how many lanes run tasks
   */
  public void look(long now, double each, int lanes) {
    boolean anew = each != this.each || now - since >= pause;
    if (anew) {
      this.each = each;
      this.lanes = lanes;
      since = now;
      work = 0;
      ahead = 0;
      Arrays.fill(counted, 0);
      Arrays.fill(reached, 0);
      followHeld();
    }
    for (int ring = 0; ring < reached.length; ring++) {
      follow(ring);
    }
    lookedAt = now;
    if (anew) {
      pause = Math.min(LONGEST, TIMES * (System.nanoTime() - now));
    }
    tasks = ahead;
    startsAt = Durations.saturatedAdd(since, (long) work);
  }

  private void followHeld() {
    for (int l = 0; l < geometry.maxLanes(); l++) {
      long lane = geometry.lane(l);
      if (LanePace.isActive(memory, lane)) {
        for (int h = 0; h < Layout.HELD; h++) {
          count(memory.getIntAcquire(lane + Layout.LANE_HELD + 4L * h) - 1);
        }
      }
    }
  }

  private void follow(int ring) {
    long at = rings[ring];
    int capacity = geometry.injectorCapacity();
    long tail = memory.getLongAcquire(at + Layout.RING_TAIL);
    long head = memory.getLongAcquire(at + Layout.RING_HEAD);
    // Not more than a ring has, whatever a peer has written.
    long first = Math.max(Math.max(head, reached[ring]), tail - capacity);
    for (long position = first; position < tail; position++) {
      long cell = at + Layout.RING_CELLS + ((position & capacity - 1) << 3);
      count((int) memory.getLongAcquire(cell));
    }
    reached[ring] = tail;
  }

  private void count(int slot) {
    if (slot < 0 || slot >= slots() || (counted[slot >> 6] & 1L << slot) != 0) {
      return;
    }
    long at = geometry.slotsOf(0) + (long) slot * Layout.SLOT_STRIDE;
    // pairs with the release of publish: the fields are those of this task, or of a later one.
    long published = memory.getLongAcquire(at + Layout.SLOT_PUBLISHED);
    long claim = memory.getLongAcquire(at + Layout.SLOT_CLAIM);
    if (!SlotTable.waits(claim, PublishedWord.generation(published))) {
      return;
    }
    counted[slot >> 6] |= 1L << slot;
    long handler = memory.getLong(at + Layout.SLOT_HANDLER);
    if (only != 0 && only != handler) {
      return;
    }
    boolean timed = PublishedWord.has(published, Layout.PUBLISHED_DEADLINE);
    if (!timed || memory.getLong(at + Layout.SLOT_DEADLINE) - since > work * SURELY) {
      boolean chunk = PublishedWord.codec(published) == Layout.CODEC_CHUNK;
      work += runTimes.cost(handler, each, lanes, chunk);
      ahead++;
    }
  }
}
