package io.ringwork;

import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import io.ringwork.internal.wait.Timers;
import org.jspecify.annotations.Nullable;

/** Ends tasks whose deadlines pass; asked by the poller's {@link Timers}. */
final class TaskDeadlines implements Timers.Deadlines {
  private final ClientSegment<TaskFuture<?>> segment;
  private final SlotTable<TaskFuture<?>> slots;
  private final Completer completer;
  private final Room room;
  private final Counters counters;

  TaskDeadlines(ClientSegment<TaskFuture<?>> segment, Counters counters, Completer completer) {
    this.segment = segment;
    this.slots = segment.slots;
    this.room = segment.room;
    this.counters = counters;
    this.completer = completer;
  }

  @Override
  public long of(int i) {
    TaskFuture<?> future = slots.pending(i);
    return future == null || future.isSettled() ? 0 : future.deadline;
  }

  @Override
  public void expire(int i, long now) {
    TaskFuture<?> future = slots.pending(i);
    if (isDue(future, now)) {
      expire(future);
    }
  }

  private static boolean isDue(@Nullable TaskFuture<?> future, long now) {
    return future != null && future.deadline != 0 && future.deadline <= now && !future.isSettled();
  }

  private void expire(TaskFuture<?> future) {
    if (future.slot >= 0 && slots.isKeyed(future.slot, future.generation)) {
      expireKeyed(future);
      return;
    }
    Withdrawal found = future.withdrawFrom(slots);
    if (found == Withdrawal.ENDED) {
      if (future.slot >= 0) {
        completer.tryEnd(future.slot); // its hint may be late
      }
      return;
    }
    boolean running = found == Withdrawal.RUNNING;
    if (running) {
      noteRun(future);
    }
    boolean late = future.expire(running);
    if (running) {
      completer.requestCancel(future);
    } else {
      room.freed();
      counters.expired(future.type);
    }
    if (late) {
      counters.judge(future, false);
      counters.count(Layout.CLIENT_TIMED_OUT);
      future.dispatch();
    }
  }

  /**
   * The same of a task with a key, which can't be taken back. A lane that skips it ends it as
   * cancelled, and may do so at once: so the future is settled before that is asked for.
   */
  private void expireKeyed(TaskFuture<?> future) {
    if (completer.tryEnd(future.slot) || !future.beginToExpire()) {
      return;
    }
    boolean running = true; // if closed meanwhile
    try {
      running = future.withdrawFrom(slots) != Withdrawal.SKIPPED;
      if (running) {
        noteRun(future);
        completer.requestCancel(future);
      }
      counters.judge(future, false);
      counters.count(Layout.CLIENT_TIMED_OUT);
    } finally {
      future.expired(running);
      future.dispatch();
    }
  }

  private void noteRun(TaskFuture<?> future) {
    Observed observed = future.observed();
    if (observed != null) {
      observed.note(segment, future.slot, future.generation);
    }
  }
}
