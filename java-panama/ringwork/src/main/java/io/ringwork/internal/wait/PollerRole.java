package io.ringwork.internal.wait;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.FreeList;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Which thread polls: the poller thread, or a thread that waits for its own task and helps.
 *
 * <p>What there is to know of the poller stands in one word, {@code attention}, whose bits change
 * by the named transitions below only. The role itself, {@code held}, is a word of its own, for it
 * is given up by a plain store, where a bit would take a locked instruction.
 *
 * <p>docs/internals/poller.md tells the states, the transitions, and step by step why no completion
 * is missed; the step numbers in comments here are of that page.
 */
public final class PollerRole {
  /** waiting was set to 0 by a helper, and the poller may sleep. */
  public static final int DISARMED = 1;

  /** The poller sleeps for long, for nothing was in flight: the next submit tells it. */
  public static final int LONG_SLEEP = 2;

  /** The poller looks by itself, soon. */
  public static final int NAPPING = 4;

  /** The poller sleeps on its own word, for a helper has the role. */
  public static final int ASIDE = 8;

  /** Bytes of the memory that is no other process's business. */
  public static final int OWN_BYTES = 24;

  /** What there is to do for the thread that has the role. */
  public interface Work {
    /** Whether anything has been announced. */
    boolean hasWork();

    /**
     * Ends what was announced.
     *
     * @return how many hints it took
     */
    int drain();

    /** As {@link #drain}, by the poller thread itself. */
    int drainForPoller();

    /** Whether a thread is at it; a glance, without the role. */
    boolean isDraining();

    /** A thread depends on what the poller will find. */
    void want();

    /** Whether any dependent waited for what was found since the last question. */
    boolean takeWanted();
  }

  /** How the poller is to sleep. */
  public enum Sleep {
    /** Not at all: there is something to do. */
    NOT,
    /** On the client's futex: it is armed. */
    ARMED,
    /** On its own word: a helper has the role. */
    ASIDE
  }

  private static final VarHandle HELD;
  private static final VarHandle ATTENTION;
  private static final VarHandle POLLS;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      HELD = lookup.findVarHandle(PollerRole.class, "held", int.class);
      ATTENTION = lookup.findVarHandle(PollerRole.class, "attention", int.class);
      POLLS = lookup.findVarHandle(PollerRole.class, "polls", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final SharedMemory memory;
  public final FreeList free;
  private final Work work;
  private final long waitingWord;
  private final long wakeWord;

  @SuppressWarnings("unused") // through HELD
  private volatile int held;

  private volatile int attention;

  /** How often a helper has left; written by the thread that has the role, for {@link #helps}. */
  private int helps;

  private int polls;

  /** How many hints threads took that polled in passing; as {@code helps}. */
  private int served;

  /** The thread that has the role; only ever compared with the current thread. */
  private @Nullable Thread owner;

  private volatile @Nullable Thread poller;

  /**
   * Whether the poller sleeps on futexes, so that it has to be woken there; it parks until then.
   * The poller sets it once the futex is linked, before it reads the words that it sleeps on. A
   * waker adds to the word first, then reads this: one of them sees the other.
   */
  private volatile boolean futex;

  /** The helper that sleeps on the client's futex. */
  private volatile @Nullable Thread sleeper;

  /** Memory of this process: the word that the poller sleeps on while it is ASIDE or NAPPING. */
  private final SharedMemory own;

  /** For the futex calls of helpers; guarded by the role. */
  private final MemorySegment timespec;

  public PollerRole(SharedMemory memory, FreeList free, Work work, long entry, SharedMemory own) {
    this.memory = memory;
    this.free = free;
    this.work = work;
    this.waitingWord = entry + Layout.CLIENT_WAITING;
    this.wakeWord = entry + Layout.CLIENT_WAKE;
    this.own = own;
    this.timespec = own.slice(8, 16);
  }

  public void setPoller(Thread thread) {
    poller = thread;
  }

  /** The poller is awake, and about to look: from now on it sleeps on futexes, if there are any. */
  public void adoptFutex() {
    if (!futex && Futex.available()) {
      futex = true;
    }
  }

  /** Whether threads of this client sleep on futexes. */
  public boolean hasFutex() {
    return futex;
  }

  /** Whether anything has been announced. */
  public boolean hasWork() {
    return work.hasWork();
  }

  /** Whether a thread is ending what has come; a glance, without the role. */
  public boolean isDraining() {
    return work.isDraining();
  }

  /**
   * Whether the current thread has the role: it is inside a drain, in an INLINE callback, or has
   * submitted a task and is about to wait for it.
   */
  public boolean isMine() {
    return owner == Thread.currentThread();
  }

  // ---- transitions of the word

  private boolean is(int bits) {
    return (attention & bits) != 0;
  }

  /** A helper has the role: lanes need wake no thread. */
  private void disarm() {
    ATTENTION.getAndBitwiseOr(this, DISARMED);
  }

  /** Lanes wake the poller, or the helper that sleeps in its place. */
  private void arm() {
    ATTENTION.getAndBitwiseAnd(this, ~DISARMED);
    memory.setIntOpaque(waitingWord, 1);
    if (Failpoints.ON) Failpoints.hit("poll.waiting");
    VarHandle.fullFence(); // step 4: pairs with the lane's between its hint and its look at waiting
  }

  /** The poller looks by itself, soon. */
  private void beginIntervals() {
    ATTENTION.getAndBitwiseOr(this, NAPPING);
  }

  private void endIntervals() {
    ATTENTION.getAndBitwiseAnd(this, ~NAPPING);
  }

  private void beginLongSleep() {
    ATTENTION.getAndBitwiseOr(this, LONG_SLEEP);
  }

  private void endLongSleep() {
    ATTENTION.getAndBitwiseAnd(this, ~LONG_SLEEP);
  }

  /** The poller sleeps on its own word. */
  private void goAside() {
    ATTENTION.getAndBitwiseOr(this, ASIDE);
  }

  /** The poller is awake: no word makes others wake it. */
  private void endSleep() {
    ATTENTION.getAndBitwiseAnd(this, ~(LONG_SLEEP | ASIDE));
  }

  /** The poller arms itself before it sleeps: no submitter need do so. */
  private void forgetDisarmed() {
    ATTENTION.getAndBitwiseAnd(this, ~DISARMED);
  }

  // ---- the role

  private boolean tryTake() {
    if ((int) HELD.getOpaque(this) != 0 || !HELD.compareAndSet(this, 0, 1)) {
      return false;
    }
    owner = Thread.currentThread();
    return true;
  }

  private void giveUp() {
    owner = null;
    HELD.setRelease(this, 0);
  }

  // ---- the helper

  /** Takes the role for a thread that will spin; false if another has it. */
  public boolean enter() {
    if (!tryTake()) {
      return false;
    }
    try {
      if (!is(DISARMED)) {
        // Step 2, in this order: the arming of a submitter in between is not undone.
        memory.setIntOpaque(waitingWord, 0);
        disarm();
      }
    } catch (Throwable broken) { // a role that is never given up would stop all completions
      giveUp();
      throw broken;
    }
    return true;
  }

  /**
   * One poll of a thread that comes by again and again, and does not wait.
   *
   * @return how many hints it took
   */
  public int pollInPassing() {
    POLLS.setOpaque(this, polls + 1); // it may lose one to another thread: it only has to change
    if (!work.hasWork() || !enter()) {
      return 0;
    }
    try {
      int ended = work.drain();
      served += ended;
      work.takeWanted(); // its dependents have it
      return ended;
    } finally {
      leave();
    }
  }

  /**
   * One drain of a thread that waits for something else than a task.
   *
   * @return how many hints it took; -1 if another thread has the role
   */
  public int help() {
    if (!enter()) {
      return -1;
    }
    try {
      return work.drain();
    } finally {
      leave();
    }
  }

  /** Gives the role back if this thread has it, and is not inside a drain. */
  public void leaveIfMine() {
    if (isMine()) {
      leave();
    }
  }

  /** As {@link #leave(int)} of a thread that holds no slot. */
  public void leave() {
    leave(0);
  }

  /**
   * Gives the role back and sees to it that what is in flight has a thread that waits for it.
   *
   * @param held how many slots the thread has whose tasks have ended
   */
  public void leave(int held) {
    boolean idle = false;
    boolean napping = false;
    helps++;
    try {
      if (!is(DISARMED)) {
        // A submitter armed meanwhile, and its task may have ended: the next one must arm again.
        disarm();
      }
      idle = free.inUse() <= held;
      napping = is(NAPPING);
      if (!idle && !napping) {
        arm();
      }
    } finally {
      giveUp();
    }
    VarHandle.fullFence(); // step 6: pairs with the lane's, and orders the look after giving up
    if (napping) {
      if (!is(NAPPING)) {
        wakePoller(); // it was refused the role meanwhile, and counts on our arming
      }
      return;
    }
    if (idle && is(DISARMED)) {
      return; // no thread has armed since, so none counts on the poller
    }
    takeOver();
  }

  /** After arming: the poller is the one to be woken from now on. */
  private void takeOver() {
    if (work.hasWork()) {
      wakePoller();
    } else if (is(ASIDE)) {
      wakeOwn(); // it has to sleep where lanes wake it
    }
    tellLongSleeper();
  }

  /** Wakes the poller if it sleeps for long; it then looks after deadlines and the supervisor. */
  public void tellLongSleeper() {
    if (is(LONG_SLEEP)) {
      endLongSleep();
      wakePoller();
    }
  }

  // ---- the submitter

  /** Called after a task was published and a full fence passed, if no helper stands behind it. */
  public void submitted() {
    if (attention != 0) {
      attend();
    }
  }

  private void attend() {
    if (is(NAPPING)) {
      return; // it looks soon
    }
    if (is(DISARMED)) {
      arm();
      takeOver();
    } else {
      tellLongSleeper();
    }
  }

  // ---- the poller thread

  /** One poll of the poller thread; -1 if a helper has the role. */
  public int poll() {
    if (!tryTake()) {
      return -1;
    }
    try {
      return work.drainForPoller();
    } finally {
      giveUp();
    }
  }

  /** How often threads have polled in passing; a count that is only ever compared. */
  public int polls() {
    return (int) POLLS.getOpaque(this);
  }

  /** How many hints they took; a count that is only ever compared. */
  public int served() {
    return served;
  }

  /** How often a helper has left; a count that is only ever compared. */
  public int helps() {
    return helps;
  }

  /** The poller is going to sleep at intervals. */
  public void sleepAtIntervals() {
    beginIntervals();
  }

  /** A thread will park until its task has ended: the poller must be told of completions. */
  public void demand() {
    if (is(NAPPING)) {
      work.want();
      endIntervals();
      wakeOwn();
    }
  }

  // ---- a helper that sleeps

  /**
   * Begins one sleep of a helper, with the role: others can see the sleeper from here on. What it
   * waits for is looked at after {@link #prepareSleepAsPoller}, then it {@linkplain #sleepAsPoller
   * sleeps}, and {@linkplain #risen ends} it in any case.
   *
   * @return what the sleep is to be given
   */
  public int lieDown() {
    int seen = wakeValue(); // before the looks
    sleeper = Thread.currentThread();
    return seen;
  }

  /** Arms for a helper; whether it may sleep then. */
  public boolean prepareSleepAsPoller() {
    arm();
    return !work.hasWork();
  }

  /**
   * Sleeps until a lane or {@link #wake} wakes the caller.
   *
   * @param seen of {@link #lieDown}
   * @param nanos the longest time
   */
  public void sleepAsPoller(int seen, long nanos) {
    Futex.await(wakeAddress(), seen, timespec, nanos);
  }

  /** The helper no longer sleeps. */
  public void risen() {
    sleeper = null;
  }

  /** Wakes a thread whose future was just settled, if it sleeps in the poller's place. */
  public void wake(Thread waiting) {
    if (sleeper == waiting) {
      memory.addInt(wakeWord, 1);
      Futex.wake(wakeAddress());
    }
  }

  public int wakeValue() {
    return memory.getIntVolatile(wakeWord);
  }

  public long wakeAddress() {
    return memory.address(wakeWord);
  }

  public int ownValue() {
    return own.getIntVolatile(0);
  }

  public long ownAddress() {
    return own.address(0);
  }

  private void wakeOwn() {
    own.addInt(0, 1);
    if (futex) {
      Futex.wake(ownAddress());
    } else {
      LockSupport.unpark(poller);
    }
  }

  /** The poller has nothing to do: how it is to sleep. */
  public Sleep prepareSleep(boolean tellMe) {
    if (is(NAPPING)) {
      endIntervals();
    }
    if (tellMe) {
      beginLongSleep();
    }
    VarHandle.fullFence(); // step 8: pairs with that of a helper that leaves and did not arm
    if (!tryTake()) {
      return stepAside();
    }
    boolean announced;
    try {
      arm();
      announced = work.hasWork();
    } finally {
      giveUp();
    }
    if (Failpoints.ON) Failpoints.hit("poll.parking");
    return announced ? Sleep.NOT : Sleep.ARMED;
  }

  /** The helper arms when it leaves, and tells. */
  private Sleep stepAside() {
    if (!futex) {
      VarHandle.fullFence();
      return Sleep.ARMED; // no thread sleeps on a futex, so none is woken in another's place
    }
    goAside();
    VarHandle.fullFence(); // step 9: pairs with the helper's after it gave the role up
    if ((int) HELD.getVolatile(this) == 0) {
      return Sleep.NOT;
    }
    if (sleeper != null) {
      Futex.wake(wakeAddress()); // a wake that we got may have been the helper's
    }
    return Sleep.ASIDE;
  }

  /** The poller is awake: it clears the words that make others wake it. */
  public void awake() {
    if (Failpoints.ON) Failpoints.hit("poll.awake");
    endSleep();
    if (tryTake()) {
      try {
        forgetDisarmed(); // it arms itself before it sleeps
        memory.setIntOpaque(waitingWord, 0);
      } finally {
        giveUp();
      }
    }
  }

  /** Makes the poller look again, also if it is only about to sleep. */
  public void wakePoller() {
    memory.addInt(wakeWord, 1);
    if (Failpoints.ON) Failpoints.hit("poll.bumped");
    if (!futex) {
      LockSupport.unpark(poller);
      return;
    }
    Futex.wake(wakeAddress());
    if (is(ASIDE | NAPPING)) {
      wakeOwn();
    }
  }
}
