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
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Lets settled futures complete where the mode wants it, whatever the executor, the heap and the
 * stack do meanwhile. Any thread hands over; the poller {@linkplain #look looks after} it.
 *
 * <p>Invariant: a future that was handed over and is not done is known to one of three. {@code
 * given}: an executor of the user has it, and the closer has it completed at the latest. {@code
 * batches}: virtual threads have it; when they do not begin in time (the threads that carry them
 * are all busy), it goes into {@code owed}. {@code owed}: no executor could be given it, or its
 * completion ended in an Error for want of memory or stack; the poller has it tried again.
 */
final class Handover {
  /** How long the poller sleeps at most while there is something to look after. */
  private static final long LOOK_AGAIN_NANOS = 10_000_000;

  /** How long it sleeps when no other thread looks after it. */
  private static final long PAUSE_NANOS = 1_000_000;

  /** From then on an executor's {@code execute} has blocked the thread that calls it. */
  private static final long HELD_UP_NANOS = 100_000_000;

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
  private final OwedFutures owed = new OwedFutures();
  private final Mentions mentions;

  private final AtomicInteger rescuers = new AtomicInteger();

  /** When a rescuer was started last. */
  private volatile long rescued = System.nanoTime() - BatchList.LATE_NANOS;

  /** The client closes: what is owed is completed on threads of ours, which it does not await. */
  private volatile boolean closing;

  /** The poller has ended: the thread that owes something sees to it. */
  private volatile boolean unattended;

  /** A thread of our own does, then. */
  private final AtomicBoolean attended = new AtomicBoolean();

  Handover(Lifecycle life, CompletionMode mode) {
    this.life = life;
    this.mode = mode;
    this.foreign = mode != CompletionMode.VIRTUAL_THREADS;
    this.batches = new BatchList(foreign, this::owe);
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
      if (!foreign || batch.size() > 1) {
        batches.add(batch);
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

  /** The executor of the user has been given a batch: it must not have taken long to take it. */
  private void tellHowLong(long nanos) {
    if (nanos < HELD_UP_NANOS) {
      return;
    }
    try {
      mentions.mention(
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
      mentions.mention(
          "the completion executor failed ("
              + failed
              + "): futures are completed on the thread "
              + Thread.currentThread().getName()
              + " instead. Is it shut down, or full?");
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
    if (!owed.any() && batches.isEmpty()) {
      return Long.MAX_VALUE;
    }
    batches.look(now);
    if (owed.any()) {
      pay(now);
    }
    return owed.any() || !batches.isEmpty() ? LOOK_AGAIN_NANOS : Long.MAX_VALUE;
  }

  private void pay(long now) {
    if (foreign && !closing) {
      payHere();
    } else if (rescuers.get() == 0
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
      for (TaskFuture<?> future = owed.take(); future != null; future = owed.take()) {
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
    return owed.any() || !foreign && !batches.isEmpty();
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
