package io.ringwork;

import io.ringwork.internal.Cores;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Futures that were settled and that no thread waits for, on their way to the {@link Handover}:
 * those of one drain go together.
 */
final class SettledFutures {
  private static final int MOST = 256;

  /** From a submit to the wait for it is less, if nothing is done in between. */
  private static final long MOMENT_NANOS = 5_000;

  private final Handover handover;

  /** What the drain in progress has settled and no thread waits for; guarded by the role. */
  private final TaskFuture<?>[] settled = new TaskFuture<?>[MOST];

  private int settledCount;

  /** The thread of the drain in progress; written with the role, glanced at without it. */
  private @Nullable Thread collector;

  /** Whether a dependent was found since the poller last asked; a lost update does no harm. */
  private volatile boolean wanted;

  SettledFutures(Handover handover) {
    this.handover = handover;
  }

  /** A drain begins, on a thread with the poller's role. */
  void collect() {
    collector = Thread.currentThread();
  }

  /** Whether a drain is in progress. */
  boolean isCollecting() {
    return collector != null;
  }

  /** The drain ends: what a callback settles while it runs here goes its own way. */
  void endCollect(boolean poller) {
    collector = null;
    handOver(poller);
  }

  /**
   * Lets a settled future complete that no thread waits for: on the executor, or, where no user's
   * code can run, together with others when the drain is over.
   */
  void hand(TaskFuture<?> future) {
    if (collector != Thread.currentThread()) {
      handover.execute(future);
      return;
    }
    if (settledCount == settled.length) {
      handOver(false);
    }
    settled[settledCount++] = future;
  }

  /**
   * Completes what the drain has collected. A future with dependents gets a task of the executor of
   * its own, for its callbacks may block. One without, which this very thread has submitted, is
   * completed here: only its submitter's friends could add a dependent at this moment, and the
   * thread is one that waits for a task, never the poller. The others share one task.
   */
  private void handOver(boolean poller) {
    int me = TaskFuture.threadId();
    int rest = 0;
    for (int n = 0; n < settledCount; n++) {
      TaskFuture<?> future = settled[n];
      settled[n] = null;
      if (future.getNumberOfDependents() > 0) {
        wanted = true;
        handover.execute(future);
      } else if (future.submitter == me) {
        future.completeNow();
      } else {
        settled[rest++] = future;
      }
    }
    settledCount = 0;
    if (rest == 1) {
      if (!poller || !isAwaitedSoon(settled[0])) {
        handover.execute(settled[0]);
      }
    } else if (rest > 1) {
      handover.execute(settled, rest);
    }
    Arrays.fill(settled, 0, rest, null);
  }

  /**
   * Whether a thread comes for a future without dependents within a moment: it completes it itself
   * then. One that submits and waits is on its way between the two while the poller finds a short
   * task's end; an executor's thread for it would be made in vain. A helper does not wait here, for
   * it has its own task to look after.
   */
  private static boolean isAwaitedSoon(TaskFuture<?> future) {
    long end = System.nanoTime() + MOMENT_NANOS;
    while (!future.isAwaited()) {
      if (future.getNumberOfDependents() > 0 || System.nanoTime() >= end) {
        return false;
      }
      if (Cores.FEW) {
        Thread.yield(); // that thread may need this core
      } else {
        Thread.onSpinWait();
      }
    }
    return true;
  }

  /** A thread depends on what the poller will find. */
  void want() {
    wanted = true;
  }

  /** Whether a callback, or a parked thread, depended on what was found since the last question. */
  boolean takeWanted() {
    boolean was = wanted;
    if (was) {
      wanted = false;
    }
    return was;
  }
}
