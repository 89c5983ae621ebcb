package io.ringwork;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.queue.RunTimes;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.HandlerLosses;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SharedMemory;

/** What is counted of tasks, in the client's entry ({@code Layout.CLIENT_*}), and timed. */
final class Counters {
  private final Lifecycle life;
  private final SharedMemory memory;
  private final long entry;
  private final HandlerLosses losses;

  /** How long tasks took. */
  final RunTimes runTimes = new RunTimes();

  Counters(Lifecycle life, ClientSegment<?> segment) {
    this.life = life;
    this.memory = segment.memory;
    this.entry = segment.entry;
    this.losses = new HandlerLosses(segment.memory, segment.geometry);
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

  /** Counts a task that was rejected: in all, by its reason, and by its handler. */
  void reject(TaskType<?, ?> type, RejectedException.Reason why) {
    switch (why) {
      case NO_SLOT -> reject(type, Layout.CLIENT_REJECTED_NO_SLOT, Layout.LOSSES_REJECTED_NO_SLOT);
      case TOO_MANY_IN_FLIGHT ->
          reject(type, Layout.CLIENT_REJECTED_IN_FLIGHT, Layout.LOSSES_REJECTED_IN_FLIGHT);
      case DEADLINE_UNREACHABLE ->
          reject(type, Layout.CLIENT_REJECTED_DEADLINE, Layout.LOSSES_REJECTED_DEADLINE);
      case RING_FULL -> reject(type, Layout.CLIENT_REJECTED_RING, Layout.LOSSES_REJECTED_RING);
      case ARENA_EXHAUSTED ->
          reject(type, Layout.CLIENT_REJECTED_ARENA, Layout.LOSSES_REJECTED_ARENA);
      case PAYLOAD_TOO_LARGE ->
          reject(type, Layout.CLIENT_REJECTED_TOO_LARGE, Layout.LOSSES_REJECTED_TOO_LARGE);
      case KEY, DRAINING, DISCONNECTED, NO_WORKER, CHUNK_ENDED ->
          reject(type, Layout.CLIENT_REJECTED_STATE, Layout.LOSSES_REJECTED_STATE);
    }
  }

  private void reject(TaskType<?, ?> type, int counter, int loss) {
    count(counter);
    count(Layout.CLIENT_REJECTED);
    lose(type, loss);
  }

  /** Counts a task of the queue that was taken back, since its deadline has come. */
  void expired(TaskType<?, ?> type) {
    lose(type, Layout.LOSSES_EXPIRED);
  }

  /** Counts a task of the queue that was taken back, since its caller does not want it any more. */
  void cancelled(TaskType<?, ?> type) {
    lose(type, Layout.LOSSES_CANCELLED);
  }

  private void lose(TaskType<?, ?> type, int loss) {
    if (!life.isTruncated()) {
      losses.count(type.handlerId, loss);
    }
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
