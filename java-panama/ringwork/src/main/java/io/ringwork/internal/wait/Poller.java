package io.ringwork.internal.wait;

import io.ringwork.internal.Background;
import io.ringwork.internal.Cores;
import io.ringwork.internal.Durations;
import io.ringwork.internal.segment.FreeList;
import io.ringwork.internal.segment.Mapped;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * The client's own thread: polls when no other thread helps, keeps the deadlines, looks whether the
 * pool lives.
 *
 * <p>It spins only while tasks are in flight, then sleeps on the client's futex: at most 50 ms
 * while anything is in flight, else 500 ms, which is what an idle client costs.
 */
public final class Poller implements Runnable {
  private static final System.Logger LOG = System.getLogger("io.ringwork");
  private static final Mapped.Access<PollerRole, RuntimeException> WAKE = PollerRole::wakePoller;
  private static final long BUSY_SLEEP = 50_000_000;
  private static final long IDLE_SLEEP = 500_000_000;

  /** The same where the handle goes on with the next pool. */
  private static final long WATCHFUL_SLEEP = 100_000_000;

  /**
   * Without a futex, while anything is in flight: the first sleep after a completion, and the
   * longest. Each is a quarter longer than the one before.
   */
  private static final long SHORTEST_SLEEP = 50_000;

  private static final long DENIED_SLEEP = 1_000_000;

  private static final int YIELDS = 2;

  /** How long it naps while other threads do its work. */
  private static final long NAP = 200_000;

  /**
   * How long at most where one polls time and again. Each nap's end takes a core from that thread
   * or from a lane where cores are few, and perhaps until the kernel's next tick.
   */
  private static final long LONGEST_NAP = 1_000_000;

  /** How often it looks after what was handed over when it does not sleep. */
  private static final long HANDOVER_LOOK = 10_000_000;

  /** How many times in a row it looks for nothing before it naps. */
  private static final int FOR_NOTHING = 4;

  /** Whose poller it is: what it looks after besides completions. */
  public interface Owner {
    /** Looks whether the pool lives, on each round; false when it is gone. */
    boolean checkPool(long now);

    /**
     * Sees to it that what was handed over gets on.
     *
     * @return how long the poller may sleep, in nanoseconds
     */
    long lookAfterHandover(long now);

    /** Whether the end of the pool must be seen soon although nothing is in flight. */
    boolean isWatchful();

    /** Whether only a look at the supervisor's lock tells its end. */
    boolean mustProbe();

    /** Whether anything may still be submitted. */
    boolean isOpen();

    /** The poller can't go on: the pool is given up, and why. */
    void pollerFailed(Throwable broken);

    /** The thread ends. Called again if it throws for want of memory or stack. */
    void pollerEnded();
  }

  private final String name;
  private final Owner owner;
  public final PollerRole role;
  private final PollerRole.Work work;
  private final FreeList free;
  private final Timers timers;
  private final long spinNanos;
  private final Thread thread;

  private volatile boolean stopping;

  /** When it looks again by itself; MIN_VALUE while it is awake. Written by the poller only. */
  private volatile long sleepsUntil = Long.MIN_VALUE;

  private long deniedNanos = SHORTEST_SLEEP;

  /** What {@link PollerRole#helps} was before it slept last, and how often it woke for nothing. */
  private int helpsSeen;

  /** What {@link PollerRole#polls} was. */
  private int pollsSeen;

  /** What {@link PollerRole#served} was. */
  private int servedSeen;

  private int forNothing;

  private long napNanos = NAP;

  /**
   * A poller that is not started yet.
   *
   * @param name the pool's
   * @param spinNanos how long it spins while tasks are in flight, see {@link #spinNanos}
   */
  public Poller(
      String name,
      Owner owner,
      PollerRole role,
      PollerRole.Work work,
      Timers timers,
      long spinNanos) {
    this.name = name;
    this.owner = owner;
    this.role = role;
    this.work = work;
    this.free = role.free;
    this.timers = timers;
    this.spinNanos = spinNanos;
    this.thread = Background.thread("ringwork-poller-" + name, this);
  }

  public void start() {
    role.setPoller(thread);
    thread.start();
  }

  public boolean isMe() {
    return Thread.currentThread() == thread;
  }

  /** Called by a submitter after it published a task with a deadline and passed a full fence. */
  public void deadline(int slot, long deadline) {
    if (timers.submitted(slot, deadline) && deadline < sleepsUntil) {
      wake();
    }
  }

  private void wake() {
    Mapped.run(role, WAKE);
  }

  /** Ends the thread; it may still run a callback. */
  public void stop() {
    stopping = true;
    wake();
    LockSupport.unpark(thread);
  }

  /** Waits for the end of the thread; false if it did not end in time. */
  public boolean join(long nanos) {
    return Background.join(thread, nanos);
  }

  /** Deadlines, for a callback that waits on the poller thread. */
  public void runTimersIfMine() {
    if (isMe()) {
      timers.run(System.nanoTime());
    }
  }

  /** Any call may be the first, for which the JVM needs memory: all of them are within the loop. */
  @Override
  public void run() {
    boolean polled = false;
    boolean ended = false;
    while (!ended) {
      try {
        if (polled || pollWhileMemoryLasts()) {
          polled = true;
          owner.pollerEnded();
          ended = true;
        } else {
          Background.pause();
        }
      } catch (OutOfMemoryError | StackOverflowError shortage) {
        // again
      }
    }
  }

  /** False if there was no memory, or stack in a callback, for a moment: then it goes on. */
  private boolean pollWhileMemoryLasts() {
    try (Arena arena = Arena.ofConfined()) {
      poll(arena.allocate(2 * Long.BYTES, Long.BYTES));
      return true;
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      sleepsUntil = Long.MIN_VALUE;
      return stopping;
    } catch (Throwable broken) {
      return stopping || fail(broken);
    }
  }

  /** False if the pool could not be given up: there was no memory, even for a class. */
  private boolean fail(Throwable broken) {
    try {
      owner.pollerFailed(broken);
    } catch (Throwable shortage) {
      return !owner.isOpen(); // what is pending ends with the thread
    }
    try {
      LOG.log(Level.ERROR, "the poller of " + name + " failed", broken);
    } catch (Throwable lost) {
      // of the application's logger, or for want of memory: the reason of the pool's end has it
    }
    return true;
  }

  private void poll(MemorySegment timespec) {
    long spinUntil = 0;
    int yields = 0;
    boolean slept = false;
    while (!stopping) {
      Thread.interrupted(); // of a callback: neither the sleep nor the files must see it
      role.adoptFutex();
      int seen = role.wakeValue(); // before the try for the role: see PollerRole
      int seenOwn = role.ownValue();
      boolean spared = isPolledByOthers() || slept && isSpared();
      slept = false;
      int ended = spared ? 0 : role.poll();
      long now = System.nanoTime();
      timers.run(now);
      if (!owner.checkPool(now)) {
        return;
      }
      if (now - handoverLookedAt >= HANDOVER_LOOK) { // it may not come to sleep for long
        handoverLookedAt = now;
        owner.lookAfterHandover(now);
      }
      boolean busy = free.inUse() > 0;
      if (spared && (busy || isServedByOthers())) {
        sleepAtInterval(timespec, seenOwn, now);
        slept = true;
      } else if (ended > 0) {
        spinUntil = Durations.saturatedAdd(now, spinNanos);
        yields = 0;
        deniedNanos = SHORTEST_SLEEP;
      } else if (ended == 0 && busy && now < spinUntil) {
        spin();
      } else if (ended == 0 && busy && spinNanos > 0 && yields++ < YIELDS) {
        Thread.yield();
      } else {
        sleep(timespec, seen, seenOwn, now, busy);
        spinUntil = Durations.saturatedAdd(System.nanoTime(), spinNanos);
        yields = 0;
        slept = true;
      }
    }
  }

  /** Whether a thread has come by and polled since the last question. */
  private boolean isPolledByOthers() {
    int polls = role.polls();
    boolean polled = polls != pollsSeen;
    pollsSeen = polls;
    napNanos = polled ? Math.min(2 * napNanos, LONGEST_NAP) : NAP;
    return polled;
  }

  /**
   * Whether such a thread has taken anything in since the last question. Then the next task is not
   * far: were the poller to sleep for long until that is submitted, each task might wake it.
   */
  private boolean isServedByOthers() {
    int served = role.served();
    boolean taken = served != servedSeen;
    servedSeen = served;
    return taken;
  }

  /** Whether threads that wait for their own tasks do all its work, and no other needs it. */
  private boolean isSpared() {
    int helps = role.helps();
    boolean helped = helps != helpsSeen;
    helpsSeen = helps;
    if (!helped || work.takeWanted()) {
      forNothing = 0;
    } else if (forNothing < FOR_NOTHING) {
      forNothing++;
    }
    return forNothing == FOR_NOTHING && spinNanos > 0 && spinNanos < Long.MAX_VALUE;
  }

  private void sleepAtInterval(MemorySegment timespec, int seenOwn, long now) {
    owner.lookAfterHandover(now); // the sleep is short
    role.sleepAtIntervals();
    sleepsUntil = Math.min(now + napNanos, timers.nextLook());
    VarHandle.fullFence(); // pairs with the one before a look at the mail, or at our sleep
    if (!stopping && !timers.hasMail()) {
      futexOrPark(timespec, role.ownAddress(), seenOwn, sleepsUntil - System.nanoTime());
    }
    sleepsUntil = Long.MIN_VALUE;
  }

  /** When a round has looked after what was handed over, beside the looks before it sleeps. */
  private long handoverLookedAt = System.nanoTime();

  private int spins;

  private void spin() {
    if (Cores.FEW && (++spins & 255) == 0) {
      Thread.yield();
    }
    Thread.onSpinWait();
  }

  private void sleep(MemorySegment timespec, int seen, int seenOwn, long now, boolean busy) {
    boolean futex = role.hasFutex();
    long until = now + (busy ? BUSY_SLEEP : owner.isWatchful() ? WATCHFUL_SLEEP : IDLE_SLEEP);
    until = Math.min(until, Durations.saturatedAdd(now, owner.lookAfterHandover(now)));
    if (busy && !futex) {
      until = now + deniedNanos;
      deniedNanos = Math.min(DENIED_SLEEP, deniedNanos + deniedNanos / 4);
    } else {
      deniedNanos = SHORTEST_SLEEP;
    }
    sleepsUntil = Math.min(until, timers.nextLook());
    boolean tellMe = !busy && (!futex || owner.mustProbe() || spinNanos == Long.MAX_VALUE);
    // A full fence is in it: what was written before is seen, or sees these words.
    PollerRole.Sleep how = role.prepareSleep(tellMe);
    if (how != PollerRole.Sleep.NOT
        && !stopping
        && !timers.hasMail()
        && !(tellMe && free.inUse() > 0)) {
      boolean aside = how == PollerRole.Sleep.ASIDE;
      futexOrPark(
          timespec,
          aside ? role.ownAddress() : role.wakeAddress(),
          aside ? seenOwn : seen,
          sleepsUntil - System.nanoTime());
    }
    sleepsUntil = Long.MIN_VALUE;
    role.awake();
  }

  private void futexOrPark(MemorySegment timespec, long word, int seen, long nanos) {
    if (nanos > 0 && role.hasFutex()) {
      Futex.await(word, seen, timespec, nanos);
    } else if (nanos > 0) {
      LockSupport.parkNanos(this, nanos);
    }
  }
}
