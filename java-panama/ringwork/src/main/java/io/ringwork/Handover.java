package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.Durations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets settled futures complete where the mode wants it, whatever the executor, the heap and the
 * stack do meanwhile. Any thread hands over; the poller {@linkplain #look looks after} it.
 *
 * <p>Invariant: a future that was handed over and is not done is known to one of three. {@code
 * batches}: threads of an executor have it, or the {@link Giver} has, which gives it to one of the
 * user's. When virtual threads do not begin in time (the threads that carry them are all busy), it
 * goes into {@code owed}; when an executor of the user does not, or blocks the giver, into {@code
 * overdue}. {@code owed}: no executor could be given it, or its completion ended in an Error for
 * want of memory or stack; the poller has it tried again. {@code overdue}: threads of ours complete
 * it. What executors of the user were given is in {@code given}, too, for the closer.
 */
final class Handover {
  /** How long the poller sleeps at most while there is something to look after. */
  private static final long LOOK_AGAIN_NANOS = 10_000_000;

  /** The same where an executor of the user has it, which takes its time. */
  private static final long LOOK_AGAIN_FOREIGN_NANOS = 100_000_000;

  /** From then on an executor's {@code execute} has blocked the thread that calls it. */
  private static final long HELD_UP_NANOS = 100_000_000;

  /** From then on threads of ours complete what waits behind it. */
  private static final long BLOCKED_NANOS = 1_000_000_000;

  /** Threads that complete what is owed: another one while the last is stuck in a callback. */
  private static final int MAX_RESCUERS = 64;

  private final Lifecycle life;
  private final CompletionMode mode;

  /** Whether the executor may drop what it is given, or have it wait for ever. */
  private final boolean foreign;

  /** Made once: a batch costs one object. */
  private final Consumer<TaskFuture<?>> complete = this::complete;

  private final Set<TaskFuture<?>> given = ConcurrentHashMap.newKeySet();

  private final BatchList batches;
  private final OwedFutures owed;

  /** What the executor of the user has not begun in time. */
  private final OwedFutures overdue;

  private final Giver giver;
  private final Mentions mentions;

  private final AtomicInteger rescuers = new AtomicInteger();

  /** When a rescuer was started last. */
  private volatile long rescued = System.nanoTime() - BatchList.LATE_NANOS;

  /** The client closes: what is owed is completed on threads of ours, which it does not await. */
  private volatile boolean closing;

  /** The poller has ended: the thread that owes something sees to it. */
  private volatile boolean unattended;

  /** The batch that blocks the giver, and was told of; a lost write does no harm. */
  private volatile @Nullable CompletionBatch toldOf;

  /** A thread of our own does, then. */
  private final AtomicBoolean attended = new AtomicBoolean();

  Handover(Lifecycle life, CompletionMode mode) {
    this.life = life;
    this.mode = mode;
    this.foreign = mode != CompletionMode.VIRTUAL_THREADS;
    this.batches = new BatchList(foreign, this::late);
    Object lock = new Object();
    this.owed = new OwedFutures(lock);
    this.overdue = new OwedFutures(lock);
    this.giver = new Giver("ringwork-give-" + life.name, this::give);
    this.mentions = new Mentions(life.name);
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
      if (mode != CompletionMode.INLINE || batch.size() > 1) {
        batches.add(batch);
      }
    } catch (Throwable shortage) {
      owe(batch);
      return;
    }
    if (mode.mayBlock || !taken(batch)) {
      giver.add(batch);
    }
    settleUp(batch);
  }

  /** Whether an executor that does not block has taken it. */
  private boolean taken(CompletionBatch batch) {
    try {
      mode.executor.execute(batch);
      return true;
    } catch (Throwable failed) {
      if (mode == CompletionMode.VIRTUAL_THREADS || mode == CompletionMode.INLINE) {
        owe(batch);
        return true;
      }
      return false; // the giver tries again, and may complete it itself, which this thread may not
    }
  }

  /** On the giver's thread: the executor of the user may block it. */
  private void give(CompletionBatch batch) {
    if (batch.isTaken()) {
      return; // it was overdue
    }
    long begun = System.nanoTime();
    try {
      mode.executor.execute(batch);
      tellHowLong(System.nanoTime() - begun);
    } catch (OutOfMemoryError shortage) {
      owe(batch);
    } catch (Throwable failed) {
      completeHere(batch, failed);
    }
    settleUp(batch);
  }

  /** The end may have come before this was given. */
  private void settleUp(CompletionBatch batch) {
    if (foreign && life.isReleased()) {
      owe(batch); // the closer may have looked at what was given before this was
    } else if (foreign && unattended) {
      attend();
    }
  }

  /** The executor of the user has been given a batch: it must not have taken long to take it. */
  private void tellHowLong(long nanos) {
    if (nanos < HELD_UP_NANOS) {
      return;
    }
    try {
      mentions.mention(
          "the completion executor "
              + mode.executorName()
              + " held up the thread "
              + Thread.currentThread().getName()
              + ", which hands futures to it, for "
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
      mentions.mention(
          "the completion executor "
              + mode.executorName()
              + " failed ("
              + failed
              + "): futures are completed on the thread "
              + Thread.currentThread().getName()
              + " instead. Is it shut down, or full?");
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** Takes a batch back that was not begun in time, or is stuck in a dependent. */
  private void late(CompletionBatch batch) {
    if (!foreign || batch.isBegun()) {
      owe(batch);
      return;
    }
    int n = overdue(batch);
    if (n == 0) {
      return;
    }
    try {
      mentions.mention(
          "the completion executor "
              + mode.executorName()
              + " has taken "
              + (n == 1 ? "a completion" : n + " completions")
              + " and not begun within "
              + Durations.text(BatchList.FOREIGN_LATE_NANOS)
              + ": threads of the client complete the futures instead. Does it drop tasks, has it"
              + " too few threads, or are they all blocked?");
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** Has threads of ours complete what no other thread has begun; how many that are. */
  private int overdue(CompletionBatch batch) {
    int n = 0;
    for (TaskFuture<?> future = batch.draw(); future != null; future = batch.draw()) {
      if (future.isDone()) {
        given.remove(future); // completed by hand, perhaps
      } else {
        overdue.add(future);
        n++;
      }
    }
    return n;
  }

  /** Sees to what waits for the executor while that blocks the thread of the giver. */
  private void lookAtGiver(long now) {
    giver.start(); // if there was no memory for it
    CompletionBatch blocked = giver.heldUp(now, BLOCKED_NANOS);
    if (blocked == null) {
      return;
    }
    int n = overdue(blocked);
    for (CompletionBatch next = giver.poll(); next != null; next = giver.poll()) {
      n += overdue(next);
    }
    if (blocked == toldOf && n == 0) {
      return;
    }
    toldOf = blocked;
    try {
      mentions.mention(
          "the completion executor "
              + mode.executorName()
              + " has blocked the thread "
              + giver.threadName()
              + ", which hands futures to it, for more than "
              + Durations.text(BLOCKED_NANOS)
              + (n == 0
                  ? ""
                  : ": threads of the client complete "
                      + (n == 1 ? "a future" : n + " futures")
                      + " instead")
              + ". Its execute must not block: let it reject what it has no room for");
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** Completes a future on the thread that it was given to. */
  void complete(TaskFuture<?> future) {
    future.completeNow();
    if (foreign && future.isDone()) {
      given.remove(future);
    }
  }

  /** How often an executor was mentioned that failed, or blocked. */
  int mentions() {
    return mentions.count();
  }

  /** What executors of the user were given and is not done. */
  List<TaskFuture<?>> given() {
    return new ArrayList<>(given);
  }

  // ---- what is owed

  /** See {@link OwedFutures#probe}. */
  void probe(boolean certainly) {
    owed.probe(certainly);
  }

  /** Notes a settled future to be completed later; takes no memory. */
  void owe(TaskFuture<?> future) {
    owed.add(future);
    if (unattended) {
      attend();
    }
  }

  private void owe(CompletionBatch batch) {
    for (TaskFuture<?> future = batch.draw(); future != null; future = batch.draw()) {
      owe(future);
    }
  }

  // ---- looking after it; by the poller, the closer, or a thread that takes the poller's place

  /**
   * Sees to it that what was handed over gets on.
   *
   * @return how long the caller may sleep, in nanoseconds
   */
  long look(long now) {
    if (isQuiet()) {
      return Long.MAX_VALUE;
    }
    batches.look(now);
    if (foreign) {
      lookAtGiver(now);
    }
    boolean here = foreign && !closing;
    if (owed.any() && here) {
      payHere();
    }
    if (overdue.any() || owed.any() && !here) {
      startRescuer(now);
    }
    if (owed.any() || overdue.any() || !foreign && !batches.isEmpty()) {
      return LOOK_AGAIN_NANOS;
    }
    return isQuiet() ? Long.MAX_VALUE : LOOK_AGAIN_FOREIGN_NANOS;
  }

  /** Whether there is nothing to look after. */
  private boolean isQuiet() {
    return !isLeft() && !giver.isBusy();
  }

  private void startRescuer(long now) {
    if (rescuers.get() == 0
        || now - rescued >= BatchList.LATE_NANOS && rescuers.get() < MAX_RESCUERS) {
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
    for (TaskFuture<?> future = owed.take(); future != null; future = owed.take()) {
      if (mode == CompletionMode.INLINE) {
        future.completeNow();
      } else {
        execute(future);
      }
      if (owed.any() && !future.isDone()) {
        return; // still no memory, perhaps
      }
    }
  }

  /** On a platform thread, for callbacks may block, and virtual threads are what does not work. */
  private void rescue() {
    try {
      for (TaskFuture<?> future = takeOurs(); future != null; future = takeOurs()) {
        complete(future);
        if (!future.isDone()) {
          Background.pause(); // owed again: memory is short
        }
      }
    } finally {
      rescuers.decrementAndGet();
    }
  }

  /** The next future that a thread of ours is to complete; null if there is none. */
  private @Nullable TaskFuture<?> takeOurs() {
    TaskFuture<?> future = overdue.take();
    return future != null || foreign && !closing ? future : owed.take();
  }

  // ---- the end

  /** From now on callbacks run on threads that no other thread waits for. */
  void closing() {
    closing = true;
    giver.closing();
  }

  /** The poller ends, when it has seen to what is left; other threads see to what comes yet. */
  void leave() {
    while (hasWork()) {
      lookOn();
    }
    unattended = true;
    attend();
  }

  private void attend() {
    if (!isLeft() || !attended.compareAndSet(false, true)) {
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
      while (isLeft()) {
        lookOn();
      }
      attended.set(false);
    } while (isLeft());
  }

  /** Whether any future is; an executor that blocks the giver for ever need not be waited for. */
  private boolean isLeft() {
    return owed.any() || overdue.any() || !batches.isEmpty();
  }

  /** Whether the poller has to stay for it: executors of the user take their time. */
  private boolean hasWork() {
    return owed.any() || overdue.any() || !foreign && !batches.isEmpty();
  }

  private void lookOn() {
    closing = true; // no thread is left that code of the user may block
    try {
      look(System.nanoTime());
    } catch (OutOfMemoryError shortage) {
      // again, after the pause
    }
    Background.pause();
  }
}
