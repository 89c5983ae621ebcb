package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.Durations;
import java.lang.System.Logger.Level;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets settled futures complete where the mode wants it, whatever the executor, the heap and the
 * stack do meanwhile. Any thread hands over; the poller {@linkplain #look looks after} it.
 *
 * <p>Invariant: a future that was handed over and is not done is known to one of three. {@code
 * given}: an executor of the user has it, and the closer has it completed at the latest. The list
 * of batches: virtual threads have it; when they do not begin in time (the threads that carry them
 * are all busy), it goes into {@code owed}. {@code owed}: no executor could be given it, or its
 * completion ended in an Error for want of memory or stack; the poller has it tried again.
 */
final class Handover {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** A virtual thread that has not begun by then does not get a processor. */
  private static final long LATE_NANOS = 50_000_000;

  /** A batch that was begun and is not through by then is stuck in a dependent. */
  static final long STUCK_NANOS = 10_000_000;

  /** How long the poller sleeps at most while there is something to look after. */
  private static final long LOOK_AGAIN_NANOS = 10_000_000;

  /** How long it sleeps when no other thread looks after it. */
  private static final long PAUSE_NANOS = 1_000_000;

  /** What is asked for before a future fails: for a few dependents, and when memory was short. */
  private static final int PROBE = 512;

  private static final int PROBE_SHORT = 1 << 16;

  /** How long memory is taken to be short after it was. */
  private static final long SHORTAGE_NANOS = 1_000_000_000;

  /** From then on an executor's {@code execute} has blocked the thread that calls it. */
  private static final long HELD_UP_NANOS = 100_000_000;

  /** How long an executor that fails, or blocks, is not mentioned again. */
  private static final long SILENCE_NANOS = 10_000_000_000L;

  /** Batches that are looked at each time, from the oldest on. */
  private static final int LOOKED_AT = 64;

  /** Threads that complete what is owed: another one while the last is stuck in a callback. */
  private static final int MAX_RESCUERS = 64;

  private static final VarHandle NEW_BATCHES;

  static {
    try {
      NEW_BATCHES =
          MethodHandles.lookup().findVarHandle(Handover.class, "newBatches", CompletionBatch.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Lifecycle life;
  private final CompletionMode mode;

  /** Whether the executor may drop what it is given, or have it wait for ever. */
  private final boolean foreign;

  /** Made once: a batch costs one object. */
  private final Consumer<TaskFuture<?>> complete = this::complete;

  private final Set<TaskFuture<?>> given = ConcurrentHashMap.newKeySet();

  /** What was handed over since the last look, the newest first, linked. */
  @SuppressWarnings("unused") // through NEW_BATCHES
  private volatile @Nullable CompletionBatch newBatches;

  /** What is looked after, the oldest first, linked. Guarded by {@link #looking}. */
  private volatile @Nullable CompletionBatch oldest;

  private @Nullable CompletionBatch newest;

  private final Object looking = new Object();

  /**
   * What is to be tried again, linked through {@link TaskFuture#owedNext}, the last one to itself,
   * so that this takes no memory. Guarded by this.
   */
  private @Nullable TaskFuture<?> owed;

  /** When something was owed last, perhaps for want of memory. */
  private volatile long owedAt;

  private volatile boolean owedOnce;

  /** Whether {@link #owed} is not empty, to be read without the lock. */
  private volatile boolean owes;

  private final AtomicInteger rescuers = new AtomicInteger();

  /** When a rescuer was started last. */
  private volatile long rescued = System.nanoTime() - LATE_NANOS;

  /** The client closes: what is owed is completed on threads of ours, which it does not await. */
  private volatile boolean closing;

  /** The poller has ended: the thread that owes something sees to it. */
  private volatile boolean unattended;

  /** A thread of our own does, then. */
  private final AtomicBoolean attended = new AtomicBoolean();

  /** When such an executor was mentioned last, and how many more times it was so since. */
  private final AtomicLong mentioned = new AtomicLong(System.nanoTime() - SILENCE_NANOS);

  private final AtomicLong unmentioned = new AtomicLong();

  private final AtomicInteger mentions = new AtomicInteger();

  Handover(Lifecycle life, CompletionMode mode) {
    this.life = life;
    this.mode = mode;
    this.foreign = mode != CompletionMode.VIRTUAL_THREADS;
  }

  /** Whether futures are completed by the thread that settles them. */
  boolean isInline() {
    return mode == CompletionMode.INLINE;
  }

  // ---- giving

  /** Completes a future where the mode wants it. Throws nothing. */
  void execute(TaskFuture<?> future) {
    CompletionBatch batch;
    try {
      batch = new CompletionBatch(complete, future, System.nanoTime());
    } catch (Throwable shortage) { // of memory or stack
      owe(future);
      return;
    }
    execute(batch);
  }

  /** As {@link #execute(TaskFuture)} for the first {@code n} of several at once. */
  void execute(TaskFuture<?>[] futures, int n) {
    CompletionBatch batch;
    try {
      batch = new CompletionBatch(complete, Arrays.copyOf(futures, n), System.nanoTime());
    } catch (Throwable shortage) {
      for (int i = 0; i < n; i++) {
        owe(futures[i]);
      }
      return;
    }
    execute(batch);
  }

  private void execute(CompletionBatch batch) {
    try {
      for (int i = 0; foreign && i < batch.size(); i++) {
        given.add(batch.get(i));
      }
      if (!foreign || batch.size() > 1) {
        add(batch);
      }
      mode.executor.execute(batch);
      if (foreign && mode != CompletionMode.INLINE) {
        tellHowLong(System.nanoTime() - batch.since);
      }
    } catch (Throwable failed) {
      if (foreign && !(failed instanceof OutOfMemoryError)) {
        completeHere(batch, failed);
      } else {
        owe(batch);
      }
    }
    if (foreign && life.isReleased()) {
      owe(batch); // the closer may have looked at what was given before this was
    }
  }

  private void add(CompletionBatch batch) {
    CompletionBatch first;
    do {
      first = newBatches;
      batch.after = first;
    } while (!NEW_BATCHES.compareAndSet(this, first, batch));
  }

  /** The executor of the user has been given a batch: it must not have taken long to take it. */
  private void tellHowLong(long nanos) {
    if (nanos < HELD_UP_NANOS) {
      return;
    }
    try {
      mention(
          "the completion executor held up the thread "
              + Thread.currentThread().getName()
              + ", which completes futures, for "
              + Durations.text(nanos)
              + ". Its execute must not block: let it reject what it has no room for");
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** The executor of the user rejects it, or throws. */
  private void completeHere(CompletionBatch batch, Throwable failed) {
    batch.run();
    try {
      mention(
          "the completion executor failed ("
              + failed
              + "): futures are completed on the thread "
              + Thread.currentThread().getName()
              + " instead. Is it shut down, or full?");
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** Logs what is wrong with the executor, once in a while. */
  private void mention(String what) {
    long now = System.nanoTime();
    long last = mentioned.get();
    if (now - last < SILENCE_NANOS || !mentioned.compareAndSet(last, now)) {
      unmentioned.incrementAndGet();
      return;
    }
    mentions.incrementAndGet();
    long more = unmentioned.getAndSet(0);
    LOG.log(
        Level.WARNING,
        "pool "
            + life.name
            + ": "
            + what
            + (more == 0 ? "" : " (so it was for " + more + " more since the last such message)"));
  }

  /** How often an executor was mentioned that failed, or blocked. */
  int mentions() {
    return mentions.get();
  }

  /** Completes a future on the thread that it was given to. */
  void complete(TaskFuture<?> future) {
    future.completeNow();
    if (foreign && future.isDone()) {
      given.remove(future);
    }
  }

  /** What executors of the user were given and is not done. */
  List<TaskFuture<?>> given() {
    return new ArrayList<>(given);
  }

  // ---- what is owed

  /**
   * Asks for some memory before a future fails that has dependents, of which each takes a little:
   * one that gets none does not end, for the JDK drops it on the way. Throws if there is none; then
   * the future is tried again later.
   *
   * @param certainly whether memory was short just now
   */
  void probe(boolean certainly) {
    boolean recently = certainly || owedOnce && System.nanoTime() - owedAt < SHORTAGE_NANOS;
    Reference.reachabilityFence(new byte[recently ? PROBE_SHORT : PROBE]);
  }

  /** Notes a settled future to be completed later; takes no memory. */
  void owe(TaskFuture<?> future) {
    owedAt = System.nanoTime();
    owedOnce = true;
    synchronized (this) {
      if (future.owedNext == null) {
        future.owedNext = owed == null ? future : owed;
        owed = future;
        owes = true;
      }
    }
    if (unattended) {
      attend();
    }
  }

  private void owe(CompletionBatch batch) {
    for (TaskFuture<?> future = batch.draw(); future != null; future = batch.draw()) {
      owe(future);
    }
  }

  private synchronized @Nullable TaskFuture<?> takeOwed() {
    TaskFuture<?> first = owed;
    if (first == null) {
      owes = false;
      return null;
    }
    TaskFuture<?> next = first.owedNext;
    owed = next == first ? null : next;
    owes = owed != null;
    first.owedNext = null;
    return first;
  }

  // ---- looking after it; by the poller, the closer, or a thread that takes the poller's place

  /**
   * Sees to it that what was handed over gets on.
   *
   * @return how long the caller may sleep, in nanoseconds
   */
  long look(long now) {
    if (!owes && newBatches == null && oldest == null) {
      return Long.MAX_VALUE;
    }
    synchronized (looking) {
      takeNew();
      lookAtBatches(now);
    }
    if (owes) {
      pay(now); // outside the monitor: it may run code of the user
    }
    return owes || oldest != null ? LOOK_AGAIN_NANOS : Long.MAX_VALUE;
  }

  /** Moves what is new behind what is older. */
  private void takeNew() {
    CompletionBatch batch = (CompletionBatch) NEW_BATCHES.getAndSet(this, null);
    CompletionBatch reversed = null;
    CompletionBatch last = batch;
    while (batch != null) {
      CompletionBatch after = batch.after;
      batch.after = reversed;
      reversed = batch;
      batch = after;
    }
    if (reversed == null) {
      return;
    }
    if (newest == null) {
      oldest = reversed;
    } else {
      newest.after = reversed;
    }
    newest = last;
  }

  private void lookAtBatches(long now) {
    CompletionBatch before = null;
    CompletionBatch batch = oldest;
    for (int n = 0; n < LOOKED_AT && batch != null; n++) {
      boolean taken = batch.isTaken();
      // An executor of the user may take its time to begin.
      boolean late =
          batch.isBegun()
              ? batch.isLate(now, STUCK_NANOS)
              : !foreign && batch.isLate(now, LATE_NANOS);
      if (!taken && late) {
        owe(batch);
      }
      CompletionBatch after = batch.after;
      if (taken || late) {
        remove(batch, before);
      } else {
        before = batch;
      }
      batch = after;
    }
  }

  private void remove(CompletionBatch batch, @Nullable CompletionBatch before) {
    if (before == null) {
      oldest = batch.after;
    } else {
      before.after = batch.after;
    }
    if (newest == batch) {
      newest = before;
    }
  }

  private void pay(long now) {
    if (foreign && !closing) {
      payHere();
    } else if (rescuers.get() == 0
        || now - rescued >= LATE_NANOS && rescuers.get() < MAX_RESCUERS) {
      rescued = now;
      rescuers.incrementAndGet();
      boolean started = false;
      try {
        Background.thread("ringwork-rescue-" + life.name, this::rescue).start();
        started = true;
      } catch (OutOfMemoryError shortage) {
        // at the next look
      } finally {
        if (!started) {
          rescuers.decrementAndGet();
        }
      }
    }
  }

  private void payHere() {
    for (TaskFuture<?> future = takeOwed(); future != null; future = takeOwed()) {
      if (mode == CompletionMode.INLINE) {
        future.completeNow();
      } else {
        execute(future);
      }
      if (owes && !future.isDone()) {
        return; // still no memory, perhaps
      }
    }
  }

  /** On a platform thread, for callbacks may block, and virtual threads are what does not work. */
  private void rescue() {
    try {
      for (TaskFuture<?> future = takeOwed(); future != null; future = takeOwed()) {
        complete(future);
        if (!future.isDone()) {
          Background.pause(); // owed again: memory is short
        }
      }
    } finally {
      rescuers.decrementAndGet();
    }
  }

  // ---- the end

  /** From now on callbacks run on threads that no other thread waits for. */
  void closing() {
    closing = true;
  }

  /** The poller ends, when it has seen to what is left; other threads see to what comes yet. */
  void leave() {
    lookOn();
    unattended = true;
    attend();
  }

  private void attend() {
    if (!hasWork() || !attended.compareAndSet(false, true)) {
      return;
    }
    boolean started = false;
    try {
      Background.thread("ringwork-rescue-" + life.name, this::standIn).start();
      started = true;
    } catch (Throwable shortage) {
      // the next thread that owes something tries again, and so does the closer
    } finally {
      if (!started) {
        attended.set(false);
      }
    }
  }

  private void standIn() {
    do {
      attended.set(true);
      lookOn();
      attended.set(false);
    } while (hasWork());
  }

  private boolean hasWork() {
    return owes || !foreign && (newBatches != null || oldest != null);
  }

  private void lookOn() {
    closing = true; // no thread is left that code of the user may block
    while (hasWork()) {
      try {
        look(System.nanoTime());
      } catch (OutOfMemoryError shortage) {
        // again, after the pause
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
