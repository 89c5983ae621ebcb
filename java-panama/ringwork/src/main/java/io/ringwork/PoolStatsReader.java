package io.ringwork;

import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.segment.EntryWord;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads {@link PoolStats}: loads from the mapping, and no system call. */
final class PoolStatsReader {
  private static final String UNKNOWN = "(unknown)";
  private static final String OTHERS = "(others)";

  /** Of a handler: what was not taken, in the order of {@link TaskCounts.Rejected}. */
  private static final int[] REJECTED = {
    Layout.LOSSES_REJECTED_NO_SLOT,
    Layout.LOSSES_REJECTED_IN_FLIGHT,
    Layout.LOSSES_REJECTED_DEADLINE,
    Layout.LOSSES_REJECTED_RING,
    Layout.LOSSES_REJECTED_ARENA,
    Layout.LOSSES_REJECTED_TOO_LARGE,
    Layout.LOSSES_REJECTED_STATE,
  };

  private final SharedMemory memory;
  private final Geometry geometry;
  private final Map<String, Sum> sums = new TreeMap<>();

  private PoolStatsReader(Attachment attachment) {
    this.memory = attachment.memory;
    this.geometry = attachment.geometry;
  }

  static PoolStats read(Attachment attachment) {
    return new PoolStatsReader(attachment).read(attachment.index);
  }

  /** What is counted of a handler, over all its records. */
  private static final class Sum {
    long completed;
    long failed;
    long panicked;
    long expired;
    long cancelled;
    long waitedNanos;
    long ranNanos;
    long crashed;
    long retried;
    final long[] rejected = new long[REJECTED.length];
    final long[] queue = TimeHistogram.emptyBuckets();
    final long[] run = TimeHistogram.emptyBuckets();
  }

  private PoolStats read(int client) {
    addKnown();
    addCounts();
    addLosses();
    List<HandlerStats> handlers = new ArrayList<>();
    sums.forEach(
        (name, sum) ->
            handlers.add(
                new HandlerStats(
                    name,
                    sum.completed,
                    sum.failed,
                    sum.panicked,
                    sum.expired,
                    sum.cancelled,
                    sum.crashed,
                    sum.retried,
                    rejected(sum.rejected, 0),
                    new TimeHistogram(sum.queue, sum.waitedNanos),
                    new TimeHistogram(sum.run, sum.ranNanos))));
    long now = System.nanoTime();
    int[] lanes = lanes();
    return new PoolStats(
        now,
        Math.max(0, now - memory.getLong(Layout.H_CREATED_NS)),
        clientCounts(client, client + 1, true),
        clientCounts(0, geometry.maxClients(), false),
        queued(),
        lanes[1],
        lanes[0],
        arena(),
        handlers);
  }

  private Sum sum(String name) {
    return sums.computeIfAbsent(name, key -> new Sum());
  }

  /** Handlers of which there was no task have zeros. */
  private void addKnown() {
    for (int place = 0; place < geometry.handlerCapacity(); place++) {
      String name = Attachment.handlerName(memory, geometry, place);
      if (name != null) {
        sum(name);
      }
    }
  }

  private void addCounts() {
    Geometry.@Nullable Section section = geometry.section(Layout.SECTION_HANDLER_COUNTS);
    for (int r = 0; section != null && r < section.count(); r++) {
      long at = section.record(r);
      long key = memory.getLong(at + Layout.COUNTS_KEY);
      if (key == 0) {
        continue;
      }
      Sum sum = sum(key == Layout.COUNTS_KEY_REST ? OTHERS : name((int) key - 1));
      sum.completed += memory.getLong(at + Layout.COUNTS_COMPLETED);
      long refused = memory.getLong(at + Layout.COUNTS_REFUSED);
      sum.failed += memory.getLong(at + Layout.COUNTS_FAILED) - refused;
      sum.rejected[REJECTED.length - 1] += refused;
      sum.panicked += memory.getLong(at + Layout.COUNTS_PANICKED);
      sum.expired += memory.getLong(at + Layout.COUNTS_EXPIRED);
      sum.cancelled += memory.getLong(at + Layout.COUNTS_CANCELLED);
      sum.waitedNanos += memory.getLong(at + Layout.COUNTS_WAITED_NS);
      sum.ranNanos += memory.getLong(at + Layout.COUNTS_SAMPLED_NS);
      for (int bucket = 0; bucket < sum.queue.length; bucket++) {
        sum.queue[bucket] += memory.getLong(at + Layout.COUNTS_QUEUE_HISTOGRAM + 8L * bucket);
        sum.run[bucket] += memory.getLong(at + Layout.COUNTS_RUN_HISTOGRAM + 8L * bucket);
      }
    }
  }

  private void addLosses() {
    Geometry.@Nullable Section section = geometry.section(Layout.SECTION_HANDLER_LOSSES);
    for (int r = 0; section != null && r < section.count(); r++) {
      long at = section.record(r);
      if (isEmpty(at, section.recordBytes())) {
        continue;
      }
      Sum sum = sum(name(r));
      long expired = memory.getLong(at + Layout.LOSSES_EXPIRED);
      long cancelled = memory.getLong(at + Layout.LOSSES_CANCELLED);
      sum.crashed += memory.getLong(at + Layout.LOSSES_CRASHED);
      sum.retried += memory.getLong(at + Layout.LOSSES_RETRIED);
      sum.failed += expired + cancelled;
      sum.expired += expired;
      sum.cancelled += cancelled;
      for (int reason = 0; reason < REJECTED.length; reason++) {
        sum.rejected[reason] += memory.getLong(at + REJECTED[reason]);
      }
    }
  }

  private boolean isEmpty(long record, int bytes) {
    for (int word = 0; word < bytes; word += Long.BYTES) {
      if (memory.getLong(record + word) != 0) {
        return false;
      }
    }
    return true;
  }

  /** The name at a place of the handler table; of tasks without a handler if there is none. */
  private String name(int place) {
    if (place < 0 || place >= geometry.handlerCapacity()) {
      return UNKNOWN;
    }
    String name = Attachment.handlerName(memory, geometry, place);
    return name == null ? UNKNOWN : name;
  }

  private TaskCounts clientCounts(int from, int to, boolean sinceAttach) {
    long[] counts = new long[Attachment.counters()];
    for (int client = from; client < to; client++) {
      Attachment.addCounters(memory, geometry.client(client), sinceAttach, counts);
    }
    return new TaskCounts(
        counts[0], counts[2], counts[3], counts[4], counts[5], rejected(counts, 6));
  }

  /** What was rejected, of counts in the order of {@link #REJECTED}. */
  private static TaskCounts.Rejected rejected(long[] counts, int at) {
    return new TaskCounts.Rejected(
        counts[at],
        counts[at + 1],
        counts[at + 2],
        counts[at + 3],
        counts[at + 4],
        counts[at + 5],
        counts[at + 6]);
  }

  private long queued() {
    long queued = 0;
    boolean io = geometry.hasIoLanes();
    for (int priority = 0; priority < geometry.priorities(); priority++) {
      queued += depth(geometry.injector(priority));
      queued += io ? depth(geometry.ioRing(priority)) : 0;
    }
    return queued;
  }

  private long depth(long ring) {
    long head = memory.getLongAcquire(ring + Layout.RING_HEAD);
    long depth = memory.getLongAcquire(ring + Layout.RING_TAIL) - head;
    return Math.clamp(depth, 0, geometry.injectorCapacity());
  }

  /** A block is taken while it has an owner. */
  private List<PoolStats.Blocks> arena() {
    List<PoolStats.Blocks> arena = new ArrayList<>();
    for (Geometry.SizeClass blocks : geometry.classes()) {
      int taken = 0;
      for (int b = 0; b < blocks.count(); b++) {
        taken += memory.getLong(blocks.owners() + 8L * b) == 0 ? 0 : 1;
      }
      arena.add(new PoolStats.Blocks(blocks.size(), blocks.count(), taken));
    }
    return arena;
  }

  /** How many lanes there are, and how many of them run a task. */
  private int[] lanes() {
    int[] lanes = new int[2];
    for (int n = 0; n < geometry.maxLanes(); n++) {
      long at = geometry.lane(n);
      if (EntryWord.state(memory.getLongAcquire(at + Layout.LANE_WORD)) == Layout.ENTRY_ACTIVE) {
        lanes[0]++;
        lanes[1] += memory.getInt(at + Layout.LANE_CURRENT) == 0 ? 0 : 1;
      }
    }
    return lanes;
  }
}
