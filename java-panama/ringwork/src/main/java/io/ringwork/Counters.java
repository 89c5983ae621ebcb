package io.ringwork;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.queue.RunTimes;
import io.ringwork.internal.segment.ClientSegment;
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

  /**
   * Whether a task came in time that was let in since it seemed to; the next are judged by that.
   */
  void judge(TaskFuture<?> future, boolean inTime) {
    if (future.weighed) {
      runTimes.ended(future.type.handlerId, inTime);
    }
  }
}
