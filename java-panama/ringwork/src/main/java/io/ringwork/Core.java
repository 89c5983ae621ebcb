package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.wait.Poller;
import io.ringwork.internal.wait.PollerRole;
import io.ringwork.internal.wait.Timers;
import org.jspecify.annotations.Nullable;

/**
 * The parts of one connection, made from the bottom up: each is given those below it. What starts
 * and ends them is the {@link Client}.
 */
final class Core implements Engine {
  private static final Mapped.AccessWith<PollerRole, Thread, RuntimeException> WAKE =
      PollerRole::wake;

  private static final Mapped.Access<PollerRole, RuntimeException> LEAVE = PollerRole::leave;

  final Lifecycle life;
  final Settings settings;
  final ClientSegment<TaskFuture<?>> segment;
  final Counters counters;
  final Handover handover;
  final Completer completer;
  final PendingTasks pending;
  final PollerRole role;
  final Poller poller;
  final Submitter submitter;
  final Waiting waiting;
  private final ResultReader reader;
  private final SettledFutures settled;

  Core(
      Lifecycle life,
      Settings settings,
      ClientSegment<TaskFuture<?>> segment,
      Poller.Owner owner,
      Submitter.Pool pool) {
    this.life = life;
    this.settings = settings;
    this.segment = segment;
    counters = new Counters(life, segment);
    handover = new Handover(life, settings.mode());
    settled = new SettledFutures(handover);
    reader = new ResultReader(life, segment);
    TaskEnder ender = new TaskEnder(life, segment, counters, reader, handover);
    completer = new Completer(segment, ender, settled);
    pending = new PendingTasks(life, segment, counters, completer);
    SharedMemory own = SharedMemory.own(PollerRole.OWN_BYTES);
    role = new PollerRole(segment.memory, segment.slots.free, completer, segment.entry, own);
    Timers timers =
        new Timers(segment.slots.count, new TaskDeadlines(segment, counters, completer));
    long spins = Waiting.pollerSpins(settings.strategy());
    poller = new Poller(life.name, owner, role, completer, timers, spins);
    submitter = new Submitter(life, segment, counters, pending, poller, pool);
    waiting = new Waiting(life, poller, submitter, completer, pending, settings.strategy());
  }

  /**
   * Submits.
   *
   * @param waiter the thread that will wait for the future, or null
   * @param helped whether that thread will take the poller's role
   * @param observed what observers are told, or null
   */
  <Q, R> TaskFuture<R> submit(
      TaskType<Q, R> type,
      Q request,
      TaskOptions options,
      @Nullable Thread waiter,
      boolean helped,
      @Nullable Observed observed) {
    TaskFuture<R> future = future(type, Submitter.deadline(options), waiter, observed);
    waiting.willWait(future, helped);
    submitter.submit(future, type, request, options, helped);
    return future;
  }

  /** The future of a task that is about to be submitted. */
  <R> TaskFuture<R> future(
      TaskType<?, R> type, long deadline, @Nullable Thread waiter, @Nullable Observed observed) {
    return observed == null
        ? new TaskFuture<>(this, type, deadline, waiter)
        : new ObservedFuture<>(this, type, deadline, waiter, observed);
  }

  /** Observers that look at this task, which is submitted to this pool alone; null for none. */
  @Nullable Observed observe(TaskType<?, ?> type, TaskOptions options) {
    Observers observers = settings.observers();
    return observers.isOff()
        ? null
        : observers.begin(life.name, type, options, Observed.ALONE, false);
  }

  /** Submits and waits. */
  <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed)
      throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    boolean nested = waiting.isNested();
    boolean helps = !nested && waiting.helps();
    try {
      return waiting.awaitCall(
          submit(type, request, options, Thread.currentThread(), helps, observed), nested, helps);
    } finally {
      if (helps) {
        leaveRole(); // it has done so, unless something was thrown
      }
    }
  }

  /** Gives the poller's role back if a call of this thread has ended with it. */
  void leaveRole() {
    if (role.isMine()) {
      Mapped.run(role, LEAVE);
    }
  }

  /** Whether results wait in their blocks to be decoded. */
  boolean hasDeferred() {
    return reader.hasDeferred();
  }

  // ---- what futures need

  @Override
  public boolean completesInline() {
    return handover.isInline();
  }

  @Override
  public void hand(TaskFuture<?> future) {
    settled.hand(future);
  }

  @Override
  public void owe(TaskFuture<?> future) {
    handover.owe(future);
  }

  @Override
  public void probe(boolean certainly) {
    handover.probe(certainly);
  }

  @Override
  public Object decode(TaskFuture<?> future, Deferred result) {
    return reader.decode(future, result);
  }

  @Override
  public void wake(Thread waiting) {
    Mapped.run(role, waiting, WAKE); // if closed meanwhile it sleeps no longer than it can bear
  }

  @Override
  public void await(TaskFuture<?> future, long end, boolean interruptibly)
      throws InterruptedException {
    waiting.await(future, end, interruptibly);
  }

  @Override
  public void takeIn(TaskFuture<?> future) {
    pending.takeIn(future);
  }

  @Override
  public boolean cancel(TaskFuture<?> future) {
    return pending.cancel(future);
  }
}
