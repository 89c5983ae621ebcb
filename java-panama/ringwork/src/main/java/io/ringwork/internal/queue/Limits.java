package io.ringwork.internal.queue;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;

/**
 * The limits of concurrency, as a client reads them: section 13 of docs/internals/protocol.md. How
 * many tasks of a handler run at a time, and the rings with the hints of those that wait.
 */
final class Limits {
  /** No limit: the place before the first. */
  static final int NONE = -1;

  private final SharedMemory memory;
  private final int maxLanes;
  private final long first;
  private final long toRing;
  private final long stride;
  final int count;

  Limits(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.maxLanes = geometry.maxLanes();
    this.first = memory.getLong(Layout.H_LIMITS);
    this.toRing = roundUp(Layout.LIMIT_PERMITS + 8L * maxLanes);
    this.stride = roundUp(toRing + HintRing.bytes(geometry.injectorCapacity()));
    int declared = memory.getInt(Layout.H_LIMIT_COUNT);
    boolean possible =
        declared >= 0
            && declared <= Layout.MAX_LIMITS
            && first >= Layout.HEADER_SIZE
            && (first & 7) == 0
            && declared * stride <= geometry.segmentSize() - first;
    this.count = possible ? declared : 0;
  }

  private static long roundUp(long bytes) {
    return (bytes + 127) / 128 * 128;
  }

  /** The limit of a handler that keeps its tasks off some lanes, or {@link #NONE}. */
  int of(long handler) {
    for (int limit = 0; limit < count; limit++) {
      if (memory.getLong(first + limit * stride + Layout.LIMIT_HANDLER) == handler) {
        return max(limit) < maxLanes ? limit : NONE;
      }
    }
    return NONE;
  }

  /** How many tasks of its handler run at a time. */
  int max(int limit) {
    int max = memory.getInt(first + limit * stride + Layout.LIMIT_MAX);
    return max <= 0 || max > maxLanes ? maxLanes : max; // 0 stands for any number
  }

  /** Where the ring is with the hints of tasks that wait for a permit. */
  long ring(int limit) {
    return first + limit * stride + toRing;
  }
}
