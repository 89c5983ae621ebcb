package io.ringwork;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.queue.RunTimes;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SharedMemory;

/** What is counted of tasks, in the client's entry ({@code Layout.CLIENT_*}), and timed. */
final class Counters {
  private final Lifecycle life;
  private final SharedMemory memory;
  private final long entry;

  /** How long tasks took. */
  final RunTimes runTimes = new RunTimes();

  Counters(Lifecycle life, ClientSegment<?> segment) {
    this.life = life;
    this.memory = segment.memory;
    this.entry = segment.entry;
  }

  /** Adds one to a counter. */
  void count(int counter) {
    count(counter, 1);
  }

  /** Adds to a counter. */
  void count(int counter, int by) {
    if (life.isTruncated()) {
      return;
    }
    Mapped.add(memory, entry + counter, by);
    if (Failpoints.ON) Failpoints.hit("client.counted");
  }

  /** Counts a task that was rejected, in all and by its reason. */
  void reject(RejectedException.Reason why) {
    count(
        switch (why) {
          case NO_SLOT -> Layout.CLIENT_REJECTED_NO_SLOT;
          case TOO_MANY_IN_FLIGHT -> Layout.CLIENT_REJECTED_IN_FLIGHT;
          case DEADLINE_UNREACHABLE -> Layout.CLIENT_REJECTED_DEADLINE;
          case RING_FULL -> Layout.CLIENT_REJECTED_RING;
          case ARENA_EXHAUSTED -> Layout.CLIENT_REJECTED_ARENA;
          case PAYLOAD_TOO_LARGE -> Layout.CLIENT_REJECTED_TOO_LARGE;
          case DRAINING, DISCONNECTED, NO_WORKER, CHUNK_ENDED -> Layout.CLIENT_REJECTED_STATE;
        });
    count(Layout.CLIENT_REJECTED);
  }

  /**
   * Whether a task came in time that was let in since it seemed to; the next are judged by that.
   */
  void judge(TaskFuture<?> future, boolean inTime) {
    if (future.weighed) {
      runTimes.ended(future.type.handlerId, inTime);
    }
  }
}
