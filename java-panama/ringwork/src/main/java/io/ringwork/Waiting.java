package io.ringwork;

import io.ringwork.internal.Cores;
import io.ringwork.internal.Durations;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.Poller;
import io.ringwork.internal.wait.PollerRole;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.locks.LockSupport;

/**
 * How a thread waits for one task: it spins as the strategy allows, polling for all tasks if it
 * gets the {@linkplain PollerRole poller's role}, then parks until the outcome is handed to it.
 *
 * <p>While it spins it watches the ended word of its own slot: the end is published there before
 * the hint is in the ring, which saves two crossings of cache lines (speculation).
 */
final class Waiting {
  /** How long {@code ADAPTIVE} spins before it parks. */
  private static final long ADAPTIVE_NANOS = Cores.FEW ? 60_000 : 50_000;

  /**
   * From when on it yields where cores are few: the lane that it waits for may need this one. With
   * one core it does.
   */
  private static final long YIELD_AFTER = Cores.ONE ? 0 : 10_000;

  /** How often a spinning thread looks at the clock, and whether it is interrupted. */
  private static final int CLOCK_EVERY = 256;

  /** How often it looks at the ring, in spins: for others, and for hints that went stale. */
  private static final int RING_EVERY = 1024;

  private static final int RING_EVERY_BUSY = 32;

  /**
   * How many looks there are without a pause: where the processor's pause is long it would cost a
   * third.
   */
  private static final int EAGER = 500;

  /** How long it sleeps in the poller's place. */
  private static final long SHORT_SLEEP = 1_000_000;

  /** Hints that a thread takes in before it looks at its own task. */
  private static final int OTHERS_FIRST = 64;

  /** How many calls may leave their stale hint in the ring before one sweeps it. */
  private static final int SWEEP_EVERY = 64;

  private static final Mapped.AccessWith<Waiting, TaskFuture<?>, RuntimeException> HELP =
      Waiting::helpOnce;

  private final Lifecycle life;
  private final Submitter submitter;
  private final PendingTasks pending;
  private final Poller poller;
  private final SlotTable<TaskFuture<?>> slots;
  private final Completer completer;
  private final PollerRole role;
  private final WaitStrategy strategy;
  private final int sweepEvery;

  /** Calls since the last sweep; guarded by the role. */
  private int unswept;

  Waiting(
      Lifecycle life,
      Poller poller,
      Submitter submitter,
      Completer completer,
      PendingTasks pending,
      WaitStrategy strategy) {
    this.life = life;
    this.poller = poller;
    this.submitter = submitter;
    this.completer = completer;
    this.pending = pending;
    this.strategy = strategy;
    this.role = poller.role;
    this.slots = completer.slots;
    this.sweepEvery = Math.min(SWEEP_EVERY, slots.count);
  }

  /** How long the poller spins while tasks are in flight, in nanoseconds. */
  static long pollerSpins(WaitStrategy strategy) {
    return switch (strategy) {
      case PARK -> 0;
      case ADAPTIVE -> Cores.FEW ? 10_000 : 50_000;
      case SPIN -> Long.MAX_VALUE;
    };
  }

  /** Whether this thread takes the poller's role for a while. */
  boolean helps() {
    // A virtual thread that spins keeps its carrier from others; one that yields would keep the
    // role while it is not mounted.
    return !Thread.currentThread().isVirtual()
        && (strategy != WaitStrategy.PARK || sleepsAsPoller());
  }

  /**
   * Before a submit: whether the thread that will wait {@linkplain #helps helps}, and so looks at
   * its own slot first. Unless it parks no lane need write a hint for it.
   */
  void willWait(TaskFuture<?> future, boolean helps) {
    if (helps && spins()) {
      future.setWatched();
    }
  }

  private boolean spins() {
    return strategy != WaitStrategy.PARK;
  }

  /** Whether this thread may sleep on the futex: a fork-join pool must be told of a sleeper. */
  private boolean sleepsAsPoller() {
    return role.hasFutex() && !(Thread.currentThread() instanceof ForkJoinWorkerThread);
  }

  /** Whether the calling thread is inside a drain: then no other one polls. */
  boolean isNested() {
    return role.isMine();
  }

  /** Waits for a future that was just submitted, without completing it, for no one sees it. */
  @SuppressWarnings("unchecked") // the codec of `type` made the outcome
  <R> R awaitCall(TaskFuture<R> future, boolean nested, boolean helps) throws InterruptedException {
    Object how = future.slot < 0 ? future.takeOutcome() : null;
    try {
      if (how == null) {
        if (helps) {
          waitHelping(future, Long.MAX_VALUE, true);
        }
        while ((how = future.takeOutcome()) == null) {
          sleep(future, nested, Long.MAX_VALUE);
          if (Thread.interrupted()) {
            throw new InterruptedException();
          }
        }
      }
    } finally {
      if (how == null) {
        future.cancelTask(); // left by an exception: no thread waits any more
      }
      future.consumed = true;
    }
    Observed observed = future.observed();
    if (observed != null) {
      observed.ended(how, true);
    }
    if (how instanceof Outcome.Failure failure) {
      throw RingworkException.ofCall(failure.error());
    }
    return how == Outcome.NULL ? (R) null : (R) how;
  }

  /**
   * Waits until a future is done, or a time. Returns early if another thread is its waiter already:
   * the caller then waits the CompletableFuture's own way.
   */
  void await(TaskFuture<?> future, long end, boolean interruptible) throws InterruptedException {
    if (interruptible && Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (!future.enterWait()) {
      return;
    }
    boolean interrupted = false;
    try {
      boolean nested = role.isMine();
      if (!nested && helps()) {
        waitHelping(future, end, false);
      }
      while (!future.isHanded()
          && !(interrupted && interruptible)
          && (end == Long.MAX_VALUE || System.nanoTime() < end)) {
        sleep(future, nested, end);
        interrupted |= Thread.interrupted();
      }
    } finally {
      future.leaveWait();
    }
    if (interrupted) {
      if (interruptible && !future.isDone()) {
        throw new InterruptedException();
      }
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits for the task of a {@link RawCall}, which only this thread ends. Returns when it has
   * ended, at a time, or when the client fails what is pending.
   */
  void awaitOwn(TaskFuture<?> own, boolean helps, boolean nested, long end)
      throws InterruptedException {
    if (helps) {
      waitHelping(own, end, true);
      if (own.isSettled()) {
        return;
      }
    }
    VarHandle.fullFence(); // pairs with the closer's: it sees the task, or we see that it fails all
    for (; ; ) {
      completer.endOwn(own);
      if (own.isSettled()
          || life.isFailing()
          || end != Long.MAX_VALUE && System.nanoTime() >= end) {
        return;
      }
      if (!nested) {
        sleep(own, false, end);
      } else {
        helpOnce(own);
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  private void helpOnce(TaskFuture<?> future) {
    int ended = completer.drainNested();
    poller.runTimersIfMine();
    if (ended == 0 && !future.isHanded()) {
      LockSupport.parkNanos(future, 50_000);
    }
  }

  // ---- with the poller's role: spinning, and a short sleep

  private void waitHelping(TaskFuture<?> future, long end, boolean unannounced) {
    try {
      boolean helper = role.isMine() || role.enter(); // its submit may have entered
      if (!helper && unannounced) {
        role.submitted(); // the helper may leave before it sees this task
      }
      try {
        if (spins()) {
          spinWith(future, helper, end);
          stopWatching(future);
        }
        if (helper && strategy != WaitStrategy.SPIN && !future.isHanded() && sleepsAsPoller()) {
          sleepAsPoller(future, end);
        }
        if (helper && ++unswept >= sweepEvery) {
          unswept = 0;
          completer.drain();
        }
      } finally {
        if (helper) {
          role.leave(future.outcome() == Outcome.HELD ? 1 : 0);
        }
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile: close settles the future
    }
  }

  /** This thread is going to sleep, or to leave: from now on it counts on the hint. */
  private void stopWatching(TaskFuture<?> future) {
    if (future.isWatched() && !future.isHanded()) {
      slots.requestHint(future.slot, future.generation);
      completer.tryEnd(future.slot); // it may have ended before the lane could see that
    }
  }

  private void spinWith(TaskFuture<?> future, boolean helper, long end) {
    int i = future.slot;
    long g = future.generation;
    boolean many = slots.free.inUse() > 1;
    int ringEvery = many ? RING_EVERY_BUSY : RING_EVERY;
    long start = 0;
    if (helper && many) {
      completer.drain(OTHERS_FIRST); // taking the role for each by itself would cost more
    }
    for (int n = 1; ; n++) {
      if (StateWord.generation(slots.ended(i)) == g) {
        completer.tryEnd(i);
      }
      if (future.isHanded()) {
        if (future.isClaimedAtOnce()) {
          submitter.earlyClaim.endedAfter(n);
        }
        return;
      }
      if (helper && n % ringEvery == 0) {
        completer.drain();
      }
      if (n % CLOCK_EVERY == 0) {
        long now = System.nanoTime();
        if (start == 0) {
          start = now;
          role.tellLongSleeper(); // this takes longer: a thread must look after the supervisor
        }
        if (spunEnough(now, start, end)) {
          return;
        }
        if (future.holder != null) {
          completer.endOwn(future); // no other thread sees that its word makes no sense
        }
        if (Cores.FEW && (now - start >= YIELD_AFTER || !helper)) {
          Thread.yield();
        }
      }
      if (n > EAGER) {
        Thread.onSpinWait();
      }
    }
  }

  /**
   * Sleeps in the poller's place, for a short while: an interrupt does not end such a sleep, and
   * others may need a thread that completes their futures elsewhere.
   */
  private void sleepAsPoller(TaskFuture<?> future, long end) {
    long until = Math.min(end, Durations.saturatedAdd(System.nanoTime(), SHORT_SLEEP));
    while (true) {
      completer.drain();
      if (future.isHanded() || Thread.currentThread().isInterrupted() || !life.isOpen()) {
        return;
      }
      long nanos = until - System.nanoTime();
      if (nanos <= 0) {
        return;
      }
      int seen = role.lieDown();
      try {
        if (role.prepareSleepAsPoller() && !future.isHanded() && life.isOpen()) {
          role.sleepAsPoller(seen, nanos);
        }
      } finally {
        role.risen();
      }
    }
  }

  private boolean spunEnough(long now, long start, long end) {
    return now >= end
        || strategy == WaitStrategy.ADAPTIVE && now - start > ADAPTIVE_NANOS
        || Thread.currentThread().isInterrupted()
        || !life.isOpen();
  }

  // ---- sleeping

  private void sleep(TaskFuture<?> future, boolean nested, long end) {
    if (nested) {
      help(future, end);
      return;
    }
    role.demand();
    if (Thread.currentThread() instanceof ForkJoinWorkerThread) {
      try {
        ForkJoinPool.managedBlock(new Blocker(future, end));
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    } else if (!future.isHanded()) {
      park(future, end);
    }
  }

  private static void park(TaskFuture<?> future, long end) {
    if (end == Long.MAX_VALUE) {
      LockSupport.park(future);
    } else {
      LockSupport.parkNanos(future, end - System.nanoTime());
    }
  }

  /** Lets a fork-join pool replace its thread while this one sleeps. */
  private record Blocker(TaskFuture<?> future, long end) implements ForkJoinPool.ManagedBlocker {
    @Override
    public boolean block() {
      if (!isReleasable()) {
        park(future, end);
      }
      return true;
    }

    @Override
    public boolean isReleasable() {
      return future.isHanded();
    }
  }

  /** For a thread inside an INLINE callback: no other thread polls, so it does. */
  private void help(TaskFuture<?> future, long end) {
    Thread me = Thread.currentThread();
    while (!future.isHanded() && System.nanoTime() < end && !me.isInterrupted()) {
      if (!Mapped.run(this, future, HELP)) {
        pending.failOne(future);
        return;
      }
    }
  }
}
