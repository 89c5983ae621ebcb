package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Ends tasks that are pending for another reason than a result: they are cancelled, or the client
 * or the pool ends.
 *
 * <p>A task that is submitted while the client ends is ended all the same: the closer stores
 * FAILING, then looks at all slots; the submitter publishes its slot, passes a full fence, then
 * looks at the state ({@link Submitter#published}). One sees the other, and ending a task twice is
 * prevented by {@link SlotTable}.
 */
final class PendingTasks {
  private static final Mapped.AccessWith<PendingTasks, TaskFuture<?>, RuntimeException> TRY_END =
      PendingTasks::tryEnd;
  private static final BiFunction<PendingTasks, TaskFuture<?>, Boolean> WITHDRAW =
      PendingTasks::withdraw;
  private static final BiFunction<PendingTasks, TaskFuture<?>, Fate> TAKE_BACK =
      PendingTasks::takeBack;
  private static final Mapped.Access<PendingTasks, RuntimeException> FAIL_QUEUED =
      PendingTasks::failQueued;

  private final Lifecycle life;
  private final ClientSegment<TaskFuture<?>> segment;
  private final SlotTable<TaskFuture<?>> slots;
  private final Room room;
  private final Counters counters;
  private final Completer completer;

  /** Threads that are failing what is pending: callbacks may run on them. */
  private final Set<Thread> failing = ConcurrentHashMap.newKeySet();

  PendingTasks(
      Lifecycle life,
      ClientSegment<TaskFuture<?>> segment,
      Counters counters,
      Completer completer) {
    this.life = life;
    this.segment = segment;
    this.slots = segment.slots;
    this.room = segment.room;
    this.counters = counters;
    this.completer = completer;
  }

  /** Whether this thread may be in a callback of a task that fails. */
  boolean isFailingHere() {
    return failing.contains(Thread.currentThread());
  }

  /** Whether any is still to be ended. */
  boolean any() {
    for (int i = 0; i < slots.count; i++) {
      if (pending(i) != null) {
        return true;
      }
    }
    return false;
  }

  /**
   * A task was cancelled: takes it back, or asks its handler to stop.
   *
   * @return whether it may have run
   */
  boolean cancel(TaskFuture<?> future) {
    boolean ran = future.slot >= 0 && Mapped.get(this, future, WITHDRAW, true);
    counters.count(Layout.CLIENT_CANCELLED);
    return ran;
  }

  private void tryEnd(TaskFuture<?> future) {
    completer.tryEnd(future.slot);
  }

  /** Takes the result of a task in if it is there. */
  void takeIn(TaskFuture<?> future) {
    Mapped.run(this, future, TRY_END);
  }

  /**
   * Takes a task back, or asks its handler to stop.
   *
   * @return whether it may have run
   */
  private boolean withdraw(TaskFuture<?> future) {
    Withdrawal found = future.withdrawFrom(slots);
    if (found == Withdrawal.WITHDRAWN) {
      room.freed();
      counters.cancelled(future.type);
      return future.hasRunBefore;
    }
    if (found == Withdrawal.SKIPPED) {
      return future.hasRunBefore;
    }
    noteRun(future);
    completer.requestCancel(future);
    return true;
  }

  /** Has observers know which lane runs a task that ends without its result. */
  private void noteRun(TaskFuture<?> future) {
    Observed observed = future.observed();
    int i = future.slot;
    if (observed != null && i >= 0) {
      observed.note(segment, i, future.generation);
    }
  }

  /** Ends a task because the client or the pool ends; one whose result is there gets it. */
  void failOne(TaskFuture<?> future) {
    if (future.holder != null) {
      future.wakeWaiter(); // it ends the task itself, when it sees what we are
      return;
    }
    if (life.isTruncated()) {
      future.fail(life.closedFailure(true, null));
      return;
    }
    Fate fate = Mapped.get(this, future, TAKE_BACK, Fate.MAY_HAVE_RUN);
    if (fate != Fate.ELSEWHERE && !future.isSettled()) {
      counters.count(Layout.CLIENT_FAILED);
      future.fail(life.closedFailure(fate != Fate.NOT_RUN, null));
    }
  }

  /** What becomes of a task that is to end without its result. */
  private enum Fate {
    NOT_RUN,
    MAY_HAVE_RUN,
    /** Another thread ends it. */
    ELSEWHERE
  }

  private Fate takeBack(TaskFuture<?> future) {
    Fate fate = Fate.MAY_HAVE_RUN;
    switch (future.withdrawFrom(slots)) {
      case WITHDRAWN -> {
        counters.cancelled(future.type);
        fate = future.hasRunBefore ? Fate.MAY_HAVE_RUN : Fate.NOT_RUN;
      }
      case SKIPPED -> fate = future.hasRunBefore ? Fate.MAY_HAVE_RUN : Fate.NOT_RUN;
      case RUNNING -> {
        noteRun(future);
        if (completer.requestCancel(future)) {
          return Fate.ELSEWHERE; // it had ended before
        }
      }
      case ENDED -> {
        int i = future.slot;
        if (i < 0) {
          return Fate.ELSEWHERE; // not published: its submitter looks at the state, and ends it
        }
        completer.tryEnd(i);
        if (slots.pending(i) != future) {
          return Fate.ELSEWHERE;
        }
      }
    }
    room.freed();
    return fate;
  }

  /**
   * Ends what is pending: first what is queued, lest lanes that are told to stop take it meanwhile.
   */
  void fail() {
    boolean outermost = failing.add(Thread.currentThread());
    try {
      failEach();
    } finally {
      if (outermost) {
        failing.remove(Thread.currentThread());
      }
    }
  }

  private void failQueued() {
    for (int i = 0; i < slots.count && !life.isTruncated(); i++) {
      TaskFuture<?> future = pending(i);
      if (future != null && slots.isQueued(i, future.generation)) {
        failOne(future);
      }
    }
  }

  private void failEach() {
    Mapped.run(this, FAIL_QUEUED);
    for (int i = 0; i < slots.count; i++) {
      TaskFuture<?> future = pending(i);
      if (future != null) {
        try {
          failOne(future);
        } catch (InternalError truncated) { // where compiled code lets it surface late
          future.fail(life.closedFailure(true, truncated));
        }
      }
    }
  }

  /** The future of a slot that is still to be ended. */
  private @Nullable TaskFuture<?> pending(int i) {
    TaskFuture<?> future = slots.pending(i);
    return future == null || future.isSettled() ? null : future;
  }

  /**
   * As {@link #fail}, again until there was memory for it. On threads of the client's own, whose
   * stacks are not deep.
   */
  void failInsisting() {
    for (; ; ) {
      try {
        fail();
        return;
      } catch (OutOfMemoryError | StackOverflowError | InternalError shortage) {
        Background.pause();
      }
    }
  }

  /** All that are still to be ended. */
  List<TaskFuture<?>> unsettled() {
    List<TaskFuture<?>> futures = new ArrayList<>();
    for (int i = 0; i < slots.count; i++) {
      TaskFuture<?> future = pending(i);
      if (future != null) {
        futures.add(future);
      }
    }
    return futures;
  }
}
