package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.Durations;
import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.wait.Poller;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * What becomes of tasks when a connection is closed: those in flight get the close timeout to end,
 * the rest is failed, and futures that are settled get a moment to complete.
 */
final class LastTasks {
  /** How long a future may take to complete that is settled: no callback is waited for. */
  private static final long SETTLE_NANOS = 1_000_000_000;

  /** How long close waits for a thread that has taken a task out of the table to settle it. */
  private static final long STALLED_NANOS = 10 * SETTLE_NANOS;

  /** How long a completion lies there until close has another thread take it in. */
  private static final long STUCK_NANOS = 20_000_000;

  /**
   * The most threads that close starts to take completions in: each may get stuck in a callback.
   */
  private static final int MAX_STAND_INS = 64;

  private final Core core;
  private final Lifecycle life;
  private final Settings settings;
  private final Room room;
  private final PendingTasks pending;
  private final Handover handover;
  private final Completer completer;
  private final Poller poller;

  /** A thread that waits for the close was interrupted: tasks in flight are not waited for. */
  private volatile boolean hurry;

  LastTasks(Core core) {
    this.core = core;
    this.life = core.life;
    this.settings = core.settings;
    this.room = core.segment.room;
    this.pending = core.pending;
    this.handover = core.handover;
    this.completer = core.completer;
    this.poller = core.poller;
  }

  /** Tasks in flight are waited for no longer. */
  void hurry() {
    hurry = true;
  }

  /** Waits for what left its slot, but was not handed over before. */
  void awaitGiven(boolean inCallback) {
    awaitDone(handover.given(), inCallback);
  }

  /** Waits for what is in flight as long as it may, then fails the rest. */
  void end(boolean inCallback) {
    List<TaskFuture<?>> rest = List.of();
    try {
      rest = pending.unsettled();
      drain(inCallback);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      // then they are not waited for
    }
    if (Failpoints.ON) Failpoints.hit("close.drained");
    life.fail();
    if (!inCallback) {
      handover.closing();
    }
    List<TaskFuture<?>> failed = List.of();
    List<TaskFuture<?>> given = List.of();
    try {
      failed = pending.unsettled();
      given = handover.given();
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      // as above
    }
    if (inCallback) {
      pending.fail();
    } else {
      pending.failInsisting();
    }
    if (Failpoints.ON) Failpoints.hit("close.failed");
    awaitDone(rest, inCallback);
    awaitDone(failed, inCallback);
    awaitDone(given, inCallback);
  }

  /**
   * Waits until nothing is pending. In a callback it polls itself, for no other thread does; else
   * others are found that do, when the thread that should is stuck in a callback.
   */
  private void drain(boolean inCallback) {
    try {
      // Gone: another closer was faster, or there is no memory any more.
      Mapped.run(this, inCallback ? LastTasks::drainHere : LastTasks::drainElsewhere);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean waitsForTasks(long end) {
    return !life.hasEnded()
        && !hurry
        && System.nanoTime() < end
        && !Thread.currentThread().isInterrupted()
        && (pending.any() || core.hasDeferred());
  }

  private long drainEnd() {
    return Durations.saturatedAdd(System.nanoTime(), settings.closeNanos());
  }

  private void drainHere() {
    long end = drainEnd();
    while (waitsForTasks(end)) {
      completer.drainNested();
      poller.runTimersIfMine();
      LockSupport.parkNanos(this, 50_000);
    }
  }

  private void drainElsewhere() throws InterruptedException {
    long end = drainEnd();
    long idle = System.nanoTime();
    int standIns = 0;
    while (waitsForTasks(end)) {
      room.await(end - System.nanoTime());
      long now = System.nanoTime();
      handover.look(now);
      if (!completer.hasWork()) {
        idle = now;
      } else if (now - idle > STUCK_NANOS && standIns < MAX_STAND_INS) {
        idle = now;
        standIns++;
        startStandIn();
      }
    }
  }

  private void startStandIn() {
    try {
      Background.thread("ringwork-rescue-" + life.name, this::standIn).start();
    } catch (OutOfMemoryError noThread) {
      // at the next look
    }
  }

  /** Takes in what has come while the poller is stuck; it may get stuck itself. */
  private void standIn() {
    while (Mapped.count(completer, Completer::drainNested) > 0) {
      // again
    }
  }

  /** Settled futures are completed by others; in a moment, for no callback is waited for. */
  private void awaitDone(List<TaskFuture<?>> futures, boolean inCallback) {
    long start = System.nanoTime();
    for (TaskFuture<?> future : futures) {
      while (!isOver(future)
          && System.nanoTime() - start < (future.isSettled() ? SETTLE_NANOS : STALLED_NANOS)) {
        if (settings.inline()) {
          completeFor(future, inCallback);
        }
        handover.look(System.nanoTime());
        LockSupport.parkNanos(this, 20_000);
      }
      if (!isOver(future) && future.isSettled()) {
        completeFor(future, inCallback); // an executor that drops it must not lose it
        while (!inCallback && !future.isDone() && System.nanoTime() - start < STALLED_NANOS) {
          handover.look(System.nanoTime());
          LockSupport.parkNanos(this, 20_000);
        }
      }
    }
  }

  private void completeFor(TaskFuture<?> future, boolean inCallback) {
    if (inCallback) {
      future.completeNow();
    } else if (future.isSettled()) {
      handover.owe(future); // and not here: a dependent may block
    }
  }

  private static boolean isOver(TaskFuture<?> future) {
    return future.isDone() || future.consumed;
  }
}
