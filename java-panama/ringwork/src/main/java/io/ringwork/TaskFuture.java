package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Durations;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The future of a submitted task. It completes exactly once: with the result, or with a {@link
 * RingworkException}, or, when cancelled, with {@link CancellationException}.
 *
 * <p>{@link #get()} and {@link #join()} are served directly: the waiting thread may spin for the
 * result, as the {@link WaitStrategy} says, and is woken by the thread that found it; it then
 * completes the future itself, so dependents run on it. Virtual threads wait without pinning their
 * carrier. Completing the future by hand abandons the task: it may still run, its result is
 * dropped.
 *
 * @param <R> the result
 */
public sealed class TaskFuture<R> extends CompletableFuture<R> permits ObservedFuture {
  /*
   * How it completes exactly once. Poller, helper, timer, canceller, close and the death of the
   * pool all end in settle(): one CAS of `outcome` from null. The winner decides which thread
   * completes the CompletableFuture (whose own completion is a CAS too): the waiter if there is
   * one, else the executor. waiter and outcome are both volatile, and each side writes its own
   * before it reads the other's, so a waiter that leaves and a winner that looks for it can't miss
   * each other; both may complete, which is harmless.
   *
   * Ending the *slot* is another matter: see SlotTable. A future that is settled early leaves its
   * task in the table until the lane is done with it.
   */
  private static final VarHandle OUTCOME;
  private static final VarHandle WAITER;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      OUTCOME = lookup.findVarHandle(TaskFuture.class, "outcome", Object.class);
      WAITER = lookup.findVarHandle(TaskFuture.class, "waiter", Thread.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final Engine engine;
  final TaskType<?, R> type;

  /** Absolute System.nanoTime, or 0 for none. */
  final long deadline;

  /** The id of the thread that made it: it can't add dependents while it waits for another one. */
  final int submitter = threadId();

  /**
   * If not null, this is the one future of a {@link RawCall}, used for each of its tasks: only the
   * thread inside {@link RawCall#invoke} ends and settles it, all others but wake that thread. No
   * user ever sees it, and it never completes as a CompletableFuture.
   */
  final Engine.@Nullable Holder holder;

  /** Written before the slot is published, by the submitting thread. */
  int slot = -1;

  /** Which task of the slot this future awaits. */
  long generation;

  private static final byte COUNTED = 1;
  private static final byte CLAIMED = 2;
  private static final byte WATCHED = 4;
  private static final byte FOR_IO = 8;
  private static final byte BEHIND = 16;

  /**
   * What is special about its submit; submitting thread only. One field: this object has no byte to
   * spare.
   */
  private byte submit;

  /** Let in since it seemed to be in time behind what was queued; written by its submitter. */
  boolean weighed;

  /** An earlier attempt died; written and read by the thread that withdrew the task. */
  boolean hasRunBefore;

  /** {@code call} has its outcome: no thread will complete this future. */
  boolean consumed;

  /** The next one that {@link Handover} owes; guarded by it. */
  @Nullable TaskFuture<?> owedNext;

  private volatile @Nullable Object outcome;
  private volatile @Nullable Thread waiter;

  TaskFuture(Engine engine, TaskType<?, R> type, long deadline, @Nullable Thread waiter) {
    this.engine = engine;
    this.type = type;
    this.deadline = deadline;
    this.holder = null;
    if (waiter != null) {
      WAITER.set(this, waiter); // plain: published with the slot
    }
  }

  /**
   * A future without a client, for a task that was never in a pool: it is settled and completed
   * before any other code sees it, and from then on no method looks at the client.
   */
  TaskFuture(TaskType<?, R> type) {
    this.engine = null;
    this.type = type;
    this.deadline = 0;
    this.holder = null;
  }

  /** The future of a raw call, which keeps the deadline itself. */
  TaskFuture(Engine engine, TaskType<?, R> type, Engine.Holder holder) {
    this.engine = engine;
    this.type = type;
    this.deadline = 0;
    this.holder = holder;
  }

  /** Of the current thread; an int keeps this object at 72 bytes, and so many threads are none. */
  static int threadId() {
    return (int) Thread.currentThread().threadId();
  }

  // ---- its submit, by the submitting thread

  /** Whether it is counted as submitted. */
  boolean isCounted() {
    return (submit & COUNTED) != 0;
  }

  void setCounted() {
    submit |= COUNTED;
  }

  void setUncounted() {
    submit &= ~COUNTED;
  }

  /**
   * Whether its thread looks at the ended word until it has ended, or asks for the hint: then the
   * lane writes none.
   */
  boolean isWatched() {
    return (submit & WATCHED) != 0;
  }

  void setWatched() {
    submit |= WATCHED;
  }

  /** Whether it was published for I/O lanes. */
  boolean isForIo() {
    return (submit & FOR_IO) != 0;
  }

  /** Before it is published, perhaps once more. */
  void setForIo(boolean forIo) {
    submit = (byte) (forIo ? submit | FOR_IO : submit & ~FOR_IO);
  }

  /** Whether another task of its key leads to its hint; when it is published, perhaps again. */
  void setBehind(boolean behind) {
    submit = (byte) (behind ? submit | BEHIND : submit & ~BEHIND);
  }

  /** Whether a lane is to be woken for it: it is neither claimed nor behind another one. */
  boolean isPlain() {
    return (submit & (CLAIMED | BEHIND)) == 0;
  }

  /** Whether a lane was seen to have claimed it before its hint was written. */
  boolean isClaimedAtOnce() {
    return (submit & CLAIMED) != 0;
  }

  void setClaimedAtOnce() {
    submit |= CLAIMED;
  }

  /** What observers are told of it, or null. No field: this object has no byte to spare. */
  @Nullable Observed observed() {
    return null;
  }

  // ---- the future of a raw call

  /** Makes it the future of the next task, which this thread waits for. */
  void renew() {
    slot = -1;
    submit = 0;
    weighed = false;
    hasRunBefore = false;
    consumed = false;
    WAITER.set(this, Thread.currentThread()); // both plain: published with the slot
    OUTCOME.set(this, null);
  }

  /** Whether only another thread may end the task. */
  boolean isForeign() {
    return holder != null && waiter != Thread.currentThread();
  }

  /** A future without a waiter, to stay in the table until the lane is done with the task. */
  TaskFuture<R> placeholder() {
    TaskFuture<R> other = new TaskFuture<>(engine, type, 0, null);
    other.slot = slot;
    other.generation = generation;
    other.settle(Outcome.TAKEN);
    return other;
  }

  /** Whether its outcome can be had, or was. */
  boolean isHanded() {
    Object how = outcome;
    return how != null && how != Outcome.TAKEN || isDone();
  }

  // ---- settling: package-private, see the comment above

  boolean isSettled() {
    return outcome != null;
  }

  @Nullable Object outcome() {
    return outcome;
  }

  /** Decides how the future ends; false if that was decided before. */
  boolean settle(Object how) {
    return OUTCOME.compareAndSet(this, null, how);
  }

  /**
   * As {@link #settle} for the future of a raw call that has a result: no other thread competes.
   */
  void settleOwn(Object how) {
    OUTCOME.setRelease(this, how);
  }

  /** After a settle that was won: has the future completed where the mode wants it. */
  void dispatch() {
    if (engine.completesInline()) {
      completeNow();
      return;
    }
    Thread waiting = waiter;
    if (waiting == null) {
      engine.hand(this);
    } else {
      wake(waiting);
    }
  }

  private void wake(Thread waiting) {
    if (waiting != Thread.currentThread()) {
      LockSupport.unpark(waiting);
      engine.wake(waiting);
    }
  }

  /** Settles and dispatches. */
  boolean fail(RuntimeException error) {
    return fail(failure(error));
  }

  /** As {@link #fail(RuntimeException)}, and takes no memory. */
  boolean fail(Failure failure) {
    if (!settle(failure)) {
      return false;
    }
    dispatch();
    return true;
  }

  private static Failure failure(RuntimeException error) {
    try {
      return new Failure(error);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      return Failure.UNSAID;
    }
  }

  /** Fails a future that never got a slot: no other thread knows it. */
  TaskFuture<R> failedAtSubmit(RuntimeException error) {
    settle(failure(error));
    completeNow();
    return this;
  }

  /** Takes what was decided; decodes it if that was left to us. Null: another thread does. */
  @Nullable Object takeOutcome() {
    Object how = outcome;
    if (how instanceof Deferred deferred) {
      if (!OUTCOME.compareAndSet(this, how, Outcome.TAKEN)) {
        return null;
      }
      how = engine.decode(this, deferred);
      outcome = how;
    }
    return how == Outcome.TAKEN ? null : how;
  }

  /**
   * Completes the future on this thread with what was decided. Throws nothing: if it can't, for
   * want of memory or stack, it is done later, on another thread.
   */
  void completeNow() {
    try {
      completeOrThrow();
    } catch (Throwable shortage) { // what a callback throws ends in its own future
      engine.owe(this);
    }
  }

  private void completeOrThrow() {
    Object how = holder == null ? takeOutcome() : null;
    if (how != null) {
      completeWith(how);
      wakeWaiter();
    }
  }

  /** Completes it with an outcome that was taken; callbacks run. */
  @SuppressWarnings("unchecked") // the codec of `type` made it
  void completeWith(Object how) {
    if (how instanceof Failure failure) {
      if (getNumberOfDependents() > 0) {
        engine.probe(failure.isOfShortage());
      }
      super.completeExceptionally(failure.error());
    } else if (!super.complete(how == Outcome.NULL ? null : (R) how)
        && how instanceof ResultLease lease
        && (isCompletedExceptionally() || getNow(null) != how)) {
      lease.close(); // completed by hand meanwhile: it has no reader
    }
  }

  /** Completes it on the thread that has cancelled it; callbacks run. */
  void completeCancelled(CancellationException why) {
    super.completeExceptionally(why);
  }

  void wakeWaiter() {
    Thread waiting = waiter;
    if (waiting != null) {
      wake(waiting);
    }
  }

  // ---- waiting

  /** Makes this thread the one that is handed the outcome; false if there is one already. */
  boolean enterWait() {
    return WAITER.compareAndSet(this, null, Thread.currentThread());
  }

  /** Whether a thread waits, which completes what is settled, or did so. */
  boolean isAwaited() {
    return waiter != null || isDone();
  }

  /** No longer waits; completes what was handed over meanwhile. */
  void leaveWait() {
    waiter = null;
    if (outcome != null) {
      completeNow();
    }
  }

  @Override
  public R get() throws InterruptedException, ExecutionException {
    if (!isDone()) {
      await(Long.MAX_VALUE, true);
    }
    return super.get();
  }

  @Override
  public R get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    long nanos = unit.toNanos(timeout);
    if (isDone() || nanos <= 0) {
      return super.get(0, TimeUnit.NANOSECONDS);
    }
    long end = Durations.saturatedAdd(System.nanoTime(), nanos);
    await(end, true);
    // Not done: time is up, or another thread is the waiter and we are the CompletableFuture's.
    return super.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
  }

  @Override
  public R join() {
    if (!isDone()) {
      try {
        await(Long.MAX_VALUE, false);
      } catch (InterruptedException impossible) {
        throw new AssertionError(impossible);
      }
    }
    return super.join();
  }

  private void await(long end, boolean interruptibly) throws InterruptedException {
    StackRoom.require();
    try {
      engine.await(this, end, interruptibly);
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      throw overflow;
    }
  }

  // ---- cancelling

  /**
   * Cancels the task and says what became of it. Unless it was done the future completes with
   * {@link CancellationException} before this returns, and dependents run on this thread.
   *
   * @return what the task was doing
   */
  public CancelOutcome cancelTask() {
    if (isDone()) {
      return CancelOutcome.ALREADY_DONE;
    }
    StackRoom.require();
    try {
      if (slot >= 0 && !isSettled()) {
        engine.takeIn(this); // a result that is there is not thrown away
      }
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      throw overflow;
    }
    if (!settle(Outcome.TAKEN)) {
      completeNow(); // decided, but not told yet
      return CancelOutcome.ALREADY_DONE;
    }
    boolean ran;
    try {
      ran = engine.cancel(this);
      completeCancelled(
          new CancellationException(
              ran
                  ? type.name() + " was cancelled while it ran; its handler has been told"
                  : type.name() + " was cancelled while it was queued; it never ran"));
      wakeWaiter();
    } catch (Throwable shortage) { // of memory or stack: this thread alone may end it
      StackRoom.looks = StackRoom.MANY;
      outcome = Failure.CANCELLED;
      engine.owe(this);
      throw shortage;
    }
    return ran ? CancelOutcome.WAS_RUNNING : CancelOutcome.WAS_QUEUED;
  }

  /**
   * Cancels the task; a handler that runs is told, whatever the argument. See {@link #cancelTask()}
   * for what became of it.
   *
   * @param mayInterruptIfRunning has no effect
   * @return whether the future is cancelled now
   */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    cancelTask();
    return isCancelled();
  }

  /**
   * A future of what a function makes of the result; cancelling it cancels the task. (A future of
   * {@code thenApply} that is cancelled leaves the task running.) A failure of the task is its
   * failure, and so is what the function throws, both without a wrapper.
   *
   * <p>The function runs where a callback of this future would. A thread that waits for the new
   * future is served as if it waited for this one.
   *
   * @param function makes the new result
   * @param <U> the new result
   * @return the future of it
   */
  public <U> CompletableFuture<U> map(Function<? super R, ? extends U> function) {
    Objects.requireNonNull(function, "function");
    DerivedFuture<U> mapped = new DerivedFuture<>(List.of(this));
    whenComplete(
        (result, failure) -> {
          if (failure != null) {
            mapped.completeExceptionally(failure);
            return;
          }
          try {
            if (!mapped.isDone()) {
              mapped.complete(function.apply(result));
            }
          } catch (Throwable thrown) {
            mapped.completeExceptionally(thrown);
          }
        });
    return mapped;
  }

  /**
   * Takes the task back if no lane has it; notes whether an earlier attempt has died.
   *
   * @return {@link Withdrawal#WITHDRAWN}, or {@link Withdrawal#SKIPPED}, also if so
   */
  Withdrawal withdrawFrom(SlotTable<TaskFuture<?>> slots) {
    int i = slot;
    if (i < 0) {
      return Withdrawal.ENDED; // its submitter has taken it back and tries again
    }
    Withdrawal found = slots.withdraw(i, generation);
    return switch (found) {
      case WITHDRAWN_AFTER_ATTEMPT -> notedRun(true, Withdrawal.WITHDRAWN);
      case SKIPPED_AFTER_ATTEMPT -> notedRun(true, Withdrawal.SKIPPED);
      case WITHDRAWN, SKIPPED -> notedRun(false, found);
      case RUNNING, ENDED -> found;
    };
  }

  private Withdrawal notedRun(boolean before, Withdrawal found) {
    hasRunBefore = before;
    return found;
  }

  /** Its deadline has passed. */
  boolean expire(boolean running) {
    return settle(lateFailure(running, running || hasRunBefore));
  }

  /**
   * Its deadline has passed, and what became of it is found out after this: an end that comes
   * meanwhile is none of this future's any more.
   */
  boolean beginToExpire() {
    return settle(Outcome.TAKEN);
  }

  /** As {@link #expire} after {@link #beginToExpire}. */
  void expired(boolean running) {
    outcome = lateFailure(running, running || hasRunBefore);
  }

  /** The task is out of the table perhaps: it ends also if there is no memory to say why. */
  private Failure lateFailure(boolean running, boolean ran) {
    try {
      return new Failure(late(type.name(), running, ran));
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      return ran ? Failure.LATE_RAN : Failure.LATE;
    }
  }

  static TaskTimeoutException late(String name, boolean running, boolean ran) {
    return new TaskTimeoutException(
        "the deadline of "
            + name
            + (running
                ? " passed while it ran; its handler has been told to stop"
                : " passed before a worker took it: give it more time, or the pool more lanes"),
        ran);
  }

  // ---- completing by hand: the task is abandoned, the waiter told

  private boolean abandoned(boolean done) {
    if (done) {
      settle(Outcome.TAKEN);
      Observed observed = observed();
      if (observed != null) {
        observed.abandoned();
      }
      wakeWaiter();
    }
    return done;
  }

  @Override
  public boolean complete(R value) {
    return abandoned(super.complete(value));
  }

  @Override
  public boolean completeExceptionally(Throwable error) {
    return abandoned(super.completeExceptionally(error));
  }

  @Override
  public void obtrudeValue(R value) {
    super.obtrudeValue(value);
    abandoned(true);
  }

  @Override
  public void obtrudeException(Throwable error) {
    super.obtrudeException(error);
    abandoned(true);
  }

  @Override
  public CompletableFuture<R> completeAsync(Supplier<? extends R> supplier, Executor executor) {
    executor.execute(
        () -> {
          try {
            if (!isDone()) {
              complete(supplier.get());
            }
          } catch (RuntimeException | Error failed) {
            completeExceptionally(failed);
          }
        });
    return this;
  }

  @Override
  public CompletableFuture<R> completeAsync(Supplier<? extends R> supplier) {
    return completeAsync(supplier, defaultExecutor());
  }

  /** Dependents are plain futures: no task is behind them. */
  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
