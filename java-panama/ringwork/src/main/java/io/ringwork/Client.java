package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Background;
import io.ringwork.internal.Durations;
import io.ringwork.internal.Failpoints;
import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.process.Child;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SegmentViews;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.Poller;
import io.ringwork.internal.wait.PollerRole;
import io.ringwork.internal.wait.Room;
import io.ringwork.internal.wait.Timers;
import java.lang.System.Logger.Level;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One connection: holds its parts together and ends them in order.
 *
 * <p>OPEN → DRAINING (nothing new is taken) → FAILING (what is left is failed) → CLOSED, and beside
 * it {@code ended}: why the pool is gone. A task that is submitted while these change ends all the
 * same: the closer stores FAILING, then looks at all slots; the submitter publishes its slot,
 * passes a full fence, then looks at the state ({@link Submitter#published}). One sees the other,
 * and ending a task twice is prevented by {@link SlotTable}.
 *
 * <p>The mapping is undone before the lock is given up, so no thread of this process can write into
 * slots that another client may own by then: it gets an IllegalStateException, which becomes a
 * {@link ClosedException}. The entry is marked FREE only if all slots are home; else the lock alone
 * is given up and the reaper clears the rest.
 */
final class Client extends Connection implements Poller.Owner {
  private static final System.Logger LOG = System.getLogger("io.ringwork");
  private static final int OPEN = 0;
  private static final int DRAINING = 1;
  private static final int FAILING = 2;
  private static final int CLOSED = 3;
  private static final long PROBE_EVERY = 50_000_000;

  /** How often the slots in use are looked at without a hint. */
  private static final long CHECK_EVERY = 1_000_000_000;

  static final String TRUNCATED =
      "its memory is gone: somebody has truncated the segment while it was in use; start the pool"
          + " again";
  private static final long SETTLE_NANOS = 1_000_000_000;

  /** How long close waits for the poller, which may be in a callback that never returns. */
  private static final long JOIN_NANOS = 100_000_000;

  /** How long a completion lies there until close has another thread take it in. */
  private static final long STUCK_NANOS = 20_000_000;

  /**
   * The most threads that close starts to take completions in: each may get stuck in a callback.
   */
  private static final int MOST_STAND_INS = 64;

  /** How long close waits for a thread that has taken a task out of the table to settle it. */
  private static final long STALLED_NANOS = 10 * SETTLE_NANOS;

  /** Names of handlers are the user's: what is kept of them has a bound. */
  private static final int MOST_RAW_TYPES = 256;

  private static final VarHandle STATE;
  private static final VarHandle ENDED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(Client.class, "state", int.class);
      ENDED = lookup.findVarHandle(Client.class, "ended", String.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final Settings settings;
  final SlotTable<TaskFuture<?>> slots;
  final SegmentViews views;
  final Room room = new Room();
  final Handover handover;
  final Completer completer;
  final PollerRole role;
  final Submitter submitter;
  final Waiting waiting;
  final Poller poller;
  final PayloadArena arena;
  final SharedMemory memory;
  private final Attachment attachment;
  private final @Nullable Child child;

  /** Told when the pool has ended; null if the handle ends with it. */
  private final @Nullable Runnable onEnd;

  /** Threads that are failing what is pending: callbacks may run on them. */
  private final Set<Thread> failing = ConcurrentHashMap.newKeySet();

  private final Map<String, TaskType<byte[], ResultLease>> rawTypes = new ConcurrentHashMap<>();
  private volatile int state = OPEN;
  private volatile @Nullable String ended;
  private final AtomicBoolean released = new AtomicBoolean();
  private final AtomicBoolean closer = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  /** A thread that waits for the close was interrupted: tasks in flight are not waited for. */
  private volatile boolean hurry;

  private volatile boolean releaseOnPoller;
  private long lastProbe;
  private long lastCheck = System.nanoTime();

  /** Starts a client on an entry that was just taken; it owns attachment and child from now on. */
  Client(
      Attachment attachment, Settings settings, @Nullable Child child, @Nullable Runnable onEnd) {
    this.attachment = attachment;
    this.settings = settings;
    this.child = child;
    this.onEnd = onEnd;
    this.memory = attachment.memory;
    Geometry geometry = attachment.geometry;
    int index = attachment.index;
    long entry = geometry.client(index);
    handover = new Handover(this);
    arena = new PayloadArena(memory, geometry.classes());
    slots = new SlotTable<>(memory, geometry, arena, index, CorruptSegmentException::new);
    views = new SegmentViews(memory, slots, arena);
    HintRing ring =
        new HintRing(
            memory,
            geometry.completion(index),
            geometry.completionCapacity(),
            CorruptSegmentException::new);
    completer = new Completer(this, memory, slots, ring, arena, entry);
    role =
        new PollerRole(
            memory, slots.free, completer, entry, SharedMemory.own(PollerRole.OWN_BYTES));
    submitter = new Submitter(this, memory, geometry, arena);
    waiting = new Waiting(this);
    Timers timers = new Timers(slots.count, new TaskDeadlines(slots, completer, room));
    poller = new Poller(attachment.name, this, role, completer, timers, waiting.pollerSpins());
  }

  void start() {
    try {
      poller.start();
      if (child != null) {
        child.onExit(this::supervisorEnded);
      }
    } catch (Throwable failed) { // no thread to be had
      close();
      throw failed;
    }
  }

  // ---- what Ringwork offers

  @Override
  <Q, R> TaskFuture<R> submit(TaskType<Q, R> type, Q request, TaskOptions options) {
    requireNonNull(type, request, options);
    return submitter.submit(type, request, options, null, false);
  }

  @Override
  <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type, List<? extends Q> requests, TaskOptions options) {
    requireNonNull(type, requests, options);
    Object[] copy = requests.toArray(); // a list of others may end in an exception halfway
    for (Object request : copy) {
      requireNonNull(type, request, options);
    }
    @SuppressWarnings("unchecked") // they are of `requests`
    List<Q> all = (List<Q>) Arrays.asList(copy);
    return Batch.submitAll(this, type, all, options);
  }

  @Override
  <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type, List<? extends Q> requests, int resultRoom, TaskOptions options) {
    List<Q> copy = checkedChunk(type, requests, resultRoom, options);
    TaskType<Chunk<Q>, ChunkResult<R>> chunks = type.chunks();
    if (copy.isEmpty()) {
      TaskFuture<ChunkResult<R>> nothing = new TaskFuture<>(this, chunks, 0, null);
      nothing.complete(new ChunkResult<>(new Object[0]));
      return nothing;
    }
    int room = Math.max(resultRoom, Layout.INLINE);
    return submitter.submit(chunks, new Chunk<>(type, copy, room), options, null, false);
  }

  @Override
  <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options) throws InterruptedException {
    requireNonNull(type, request, options);
    return waiting.call(type, request, options);
  }

  /** The requests of a chunk, copied; throws what is the program's error. */
  static <Q> List<Q> checkedChunk(
      TaskType<Q, ?> type, List<? extends Q> requests, int resultRoom, TaskOptions options) {
    requireNonNull(type, requests, options);
    List<Q> copy = List.copyOf(requests);
    if (copy.size() > Layout.CHUNK_MOST) {
      throw new IllegalArgumentException(
          copy.size() + " requests: a chunk has at most " + Layout.CHUNK_MOST);
    }
    if (resultRoom < 0) {
      throw new IllegalArgumentException("room for results of " + resultRoom + " bytes");
    }
    return copy;
  }

  static void requireNonNull(
      @Nullable Object type, @Nullable Object request, @Nullable Object options) {
    if (type == null || request == null || options == null) {
      throw new NullPointerException(
          type == null ? "type" : request == null ? "request" : "options");
    }
  }

  @Override
  int poll() {
    try {
      return role.pollInPassing();
    } catch (IllegalStateException | InternalError unmapped) {
      return 0; // closed meanwhile
    }
  }

  @Override
  RawTask claim(TaskType<byte[], ResultLease> type, long size, TaskOptions options) {
    return RawTask.claim(this, type, size, options);
  }

  @Override
  RawCall rawCall(TaskType<byte[], ResultLease> type, TaskOptions options) {
    return new RawCall(this, type, options, null);
  }

  /** The type of raw tasks, made once for each handler as long as they are not too many. */
  @Override
  TaskType<byte[], ResultLease> rawType(String handler) {
    Objects.requireNonNull(handler, "handler");
    TaskType<byte[], ResultLease> type = rawTypes.get(handler);
    if (type == null) {
      type = TaskType.ofRaw(handler);
      if (rawTypes.size() < MOST_RAW_TYPES) {
        rawTypes.put(handler, type);
      }
    }
    return type;
  }

  @Override
  String name() {
    return attachment.name;
  }

  /** Whether this JVM launched the pool, and chose its options. */
  boolean isOwn() {
    return child != null;
  }

  @Override
  public boolean isOpen() {
    return state == OPEN && ended == null;
  }

  @Override
  Client current() {
    return this;
  }

  @Override
  ConnectionState state() {
    return state != OPEN
        ? ConnectionState.CLOSED
        : ended == null ? ConnectionState.CONNECTED : ConnectionState.DISCONNECTED;
  }

  /**
   * Whether a task that was just published would be overlooked by the thread that ends what is
   * pending.
   */
  boolean isFailing() {
    return state >= FAILING || ended != null;
  }

  @Override
  PoolInfo info() {
    try {
      return PoolInfos.of(attachment, slots.count, slots.free.inUse(), arena.maxPayload());
    } catch (IllegalStateException | InternalError unmapped) {
      throw closedException(false, unmapped);
    }
  }

  // ---- what its parts need

  /** Has the supervisor wake a lane, for this process can't. */
  void nudgeSupervisor() {
    attachment.nudge();
  }

  /** Why nothing can be submitted, or a pending task ends. */
  ClosedException closedException(boolean mayHaveRun, @Nullable Throwable cause) {
    String why = ended;
    if (why == null) {
      why = cause instanceof InternalError ? TRUNCATED : "the client was closed";
    }
    return new ClosedException("pool " + name() + ": " + why, mayHaveRun, cause);
  }

  /** As {@link #closedException}, of which there is one also without memory. */
  Failure closedFailure(boolean mayHaveRun, @Nullable Throwable cause) {
    try {
      return new Failure(closedException(mayHaveRun, cause));
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      return mayHaveRun ? Failure.GONE_RAN : Failure.GONE;
    }
  }

  /** Ends a future because the client or the pool has ended. */
  void failClosed(TaskFuture<?> future, boolean mayHaveRun, @Nullable Throwable cause) {
    future.fail(closedFailure(mayHaveRun, cause));
  }

  /** Whether the memory must not be touched any more: such faults surface late, anywhere. */
  boolean isTruncated() {
    return ended == TRUNCATED;
  }

  /** Whether the memory was given up, and no thread looks after executors any more. */
  boolean isReleased() {
    return state == CLOSED;
  }

  /** Wakes a thread that was unparked, if it sleeps in another way. */
  void wake(Thread waiting) {
    try {
      role.wake(waiting);
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile: it sleeps no longer than it can bear
    }
  }

  /**
   * Takes a task back, or asks its handler to stop.
   *
   * @return whether it may have run
   */
  boolean withdrawOrCancel(TaskFuture<?> future) {
    if (future.slot < 0) {
      return false;
    }
    try {
      if (future.withdrawFrom(slots) == Withdrawal.WITHDRAWN) {
        room.freed();
        return future.hasRunBefore;
      }
      slots.requestCancel(future.slot, future.generation);
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
    }
    return true;
  }

  /** Ends a task because the client or the pool ends; one whose result is there gets it. */
  void failOne(TaskFuture<?> future) {
    if (future.rawCall != null) {
      future.wakeWaiter(); // it ends the task itself, when it sees what we are
      return;
    }
    if (isTruncated()) {
      failClosed(future, true, null);
      return;
    }
    boolean ran = true;
    try {
      switch (future.withdrawFrom(slots)) {
        case WITHDRAWN -> ran = future.hasRunBefore;
        case RUNNING -> slots.requestCancel(future.slot, future.generation);
        case ENDED -> {
          int i = future.slot;
          if (i < 0) {
            return; // not published: its submitter looks at the state when it has done so
          }
          completer.tryEnd(i);
          if (slots.pending(i) != future) {
            return; // another thread has ended it, and settles it
          }
        }
      }
      room.freed();
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
    }
    if (!future.isSettled()) {
      completer.count(Layout.CLIENT_FAILED);
      failClosed(future, ran, null);
    }
  }

  /**
   * Ends what is pending: first what is queued, lest lanes that are told to stop take it meanwhile.
   */
  private void failPending() {
    boolean outermost = failing.add(Thread.currentThread());
    try {
      failEachPending();
    } finally {
      if (outermost) {
        failing.remove(Thread.currentThread());
      }
    }
  }

  private void failEachPending() {
    try {
      for (int i = 0; i < slots.count && !isTruncated(); i++) {
        TaskFuture<?> future = pending(i);
        if (future != null && StateWord.kind(slots.state(i)) == Layout.KIND_QUEUED) {
          failOne(future);
        }
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
    }
    for (int i = 0; i < slots.count; i++) {
      TaskFuture<?> future = pending(i);
      if (future != null) {
        try {
          failOne(future);
        } catch (InternalError truncated) { // where compiled code lets it surface late
          failClosed(future, true, truncated);
        }
      }
    }
  }

  /** The future of a slot that is still to be ended. */
  private @Nullable TaskFuture<?> pending(int i) {
    TaskFuture<?> future = slots.pending(i);
    return future == null || future.isSettled() ? null : future;
  }

  /**
   * As {@link #failPending}, again until there was memory for it. On threads of the client's own,
   * whose stacks are not deep.
   */
  private void failAllPending() {
    for (; ; ) {
      try {
        failPending();
        return;
      } catch (OutOfMemoryError | StackOverflowError | InternalError shortage) {
        Background.pause();
      }
    }
  }

  private List<TaskFuture<?>> unsettled() {
    List<TaskFuture<?>> futures = new ArrayList<>();
    for (int i = 0; i < slots.count; i++) {
      TaskFuture<?> future = pending(i);
      if (future != null) {
        futures.add(future);
      }
    }
    return futures;
  }

  // ---- the pool's end

  /** Its end is seen by a thread of its own if it is our child. */
  @Override
  public boolean mustProbe() {
    return child == null;
  }

  @Override
  public boolean checkPool(long now) {
    boolean probe = now - lastProbe >= PROBE_EVERY;
    if (probe) {
      lastProbe = now;
      if (attachment.isTruncated()) { // first: what follows touches the memory
        die(TRUNCATED);
        return false;
      }
    }
    if (now - lastCheck >= CHECK_EVERY) {
      lastCheck = now;
      if (slots.free.inUse() > 0) {
        completer.check();
      }
    }
    if (hasEnded()) {
      poolEnded();
    } else if (probe && attachment.supervisorIsGone()) {
      supervisorIsGone();
    }
    return ended == null;
  }

  /** Its lock is free. A child of ours has a thread that sees it first, unless memory is short. */
  private void supervisorIsGone() {
    if (child != null) {
      supervisorEnded(child.describeEnd());
    } else if (hasEnded()) {
      poolEnded(); // it has said so since we looked
    } else {
      die(
          Attachment.SUPERVISOR_GONE
              + (onEnd == null ? ": connect again when it was restarted" : ""));
    }
  }

  /** Our child has exited: why, the header says if it was by its own decision. */
  private void supervisorEnded(String how) {
    try {
      if (hasEnded()) {
        poolEnded();
        return;
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile, or truncated: there is nothing to read
    }
    die("the supervisor " + how + ": look at its log");
  }

  private boolean hasEnded() {
    int pool = memory.getIntAcquire(Layout.H_POOL_STATE);
    return pool == Layout.POOL_CLOSED || pool == Layout.POOL_FAILED;
  }

  /** The header says that the pool is CLOSED or FAILED. */
  void poolEnded() {
    boolean failed = memory.getIntAcquire(Layout.H_POOL_STATE) == Layout.POOL_FAILED;
    String reason = reason();
    die((failed ? "the pool failed" : "the pool was shut down") + reason);
  }

  private String reason() {
    String reason = attachment.reason();
    return reason.isEmpty() ? "" : ": " + reason;
  }

  /** The pool is gone: fails all that is pending, and everything after it. */
  void die(String why) {
    if (state == CLOSED || !ENDED.compareAndSet(this, null, why)) {
      return;
    }
    if (onEnd != null) {
      onEnd.run();
    }
    VarHandle.fullFence(); // pairs with the submitter's before it looks whether we fail
    try {
      failPending();
      room.freed();
    } finally {
      poller.stop(); // which ends what this thread had no memory or stack for
    }
  }

  /** Why the pool has ended, as far as is known. */
  String whyEnded() {
    String why = ended;
    return why == null ? "the connection has ended" : why;
  }

  @Override
  public boolean isWatchful() {
    return onEnd != null;
  }

  /** Whether the pool takes tasks, and has workers; right at once when the supervisor has died. */
  boolean isReady() {
    try {
      return isOpen() && attachment.isReady();
    } catch (IllegalStateException | InternalError unmapped) {
      return false; // closed meanwhile
    }
  }

  /** Whether this may be a callback on a thread that ends tasks. */
  boolean isCallbackThread() {
    return poller.isMe() || role.isMine() || failing.contains(Thread.currentThread());
  }

  /**
   * Gives up a connection whose pool has ended. What is leased or claimed gets the close timeout to
   * be given back, for nothing else needs the memory any more.
   *
   * @param atOnce whether to stop waiting
   */
  void retire(BooleanSupplier atOnce) {
    long end = Durations.saturatedAdd(System.nanoTime(), settings.closeNanos());
    while ((completer.hasDeferred() || holds() > 0)
        && !atOnce.getAsBoolean()
        && System.nanoTime() < end) {
      LockSupport.parkNanos(this, 1_000_000);
    }
    close();
  }

  /** How many slots are leased, claimed, or just being filled or read: in use, but not pending. */
  private int holds() {
    int held = slots.free.inUse();
    for (int i = 0; held > 0 && i < slots.count; i++) {
      held -= slots.pending(i) != null ? 1 : 0;
    }
    return held;
  }

  // ---- close

  @Override
  void close() {
    boolean first = STATE.compareAndSet(this, OPEN, DRAINING);
    if (poller.isMe() || role.isMine()) {
      if (first) {
        closeInCallback();
      }
      return;
    }
    if (closer.compareAndSet(false, true)) {
      startCloser();
    }
    awaitClosed();
  }

  /**
   * On a thread of our own: it has stack enough, no interrupt of the application's stops it, and no
   * callback runs on the caller, which waits for it.
   */
  private void startCloser() {
    Thread thread = null;
    try {
      thread = Background.thread("ringwork-close-" + name(), this::closeNow);
      thread.start();
    } catch (Throwable shortage) { // no thread to be had
      closeNow();
    }
  }

  private void closeNow() {
    try {
      endTasks(false);
      handover.closing();
      poller.stop();
      joinPoller();
    } catch (InternalError truncated) { // where compiled code lets it surface late
      LOG.log(Level.DEBUG, "the segment of " + name() + " was truncated", truncated);
    } finally {
      release();
    }
  }

  /** The poller finishes it when the callback returns, or another closer, if there is one. */
  private void closeInCallback() {
    boolean onPoller = poller.isMe();
    try {
      endTasks(true);
    } finally {
      releaseOnPoller = onPoller;
      poller.stop();
      if (!onPoller) {
        joinPoller();
        release();
      }
    }
  }

  /** A slot that is in use may hold a result that the poller is just reading: that ends soon. */
  private void joinPoller() {
    if (!poller.join(JOIN_NANOS) && slots.free.inUse() > 0) {
      poller.join(SETTLE_NANOS);
    }
  }

  /** Waits for what is in flight as long as it may, then fails the rest. */
  private void endTasks(boolean inCallback) {
    List<TaskFuture<?>> rest = List.of();
    try {
      rest = unsettled();
      drain(inCallback);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      // then they are not waited for
    }
    if (Failpoints.ON) Failpoints.hit("close.drained");
    STATE.compareAndSet(this, DRAINING, FAILING);
    VarHandle.fullFence(); // pairs with the submitter's before it looks whether we fail
    if (!inCallback) {
      handover.closing();
    }
    List<TaskFuture<?>> failed = List.of();
    List<TaskFuture<?>> given = List.of();
    try {
      failed = unsettled();
      given = handover.given();
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      // as above
    }
    if (inCallback) {
      failPending();
    } else {
      failAllPending();
    }
    if (Failpoints.ON) Failpoints.hit("close.failed");
    awaitDone(rest, inCallback);
    awaitDone(failed, inCallback);
    awaitDone(given, inCallback);
  }

  /** An interrupt ends the wait for tasks in flight, and not the close. */
  private void awaitClosed() {
    boolean interrupted = false;
    for (; ; ) {
      try {
        closed.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        hurry = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits until nothing is pending. In a callback it polls itself, for no other thread does; else
   * others are found that do, when the thread that should is stuck in a callback.
   */
  private void drain(boolean inCallback) {
    long end = Durations.saturatedAdd(System.nanoTime(), settings.closeNanos());
    long idle = System.nanoTime();
    int standIns = 0;
    try {
      while (ended == null
          && !hurry
          && System.nanoTime() < end
          && !Thread.currentThread().isInterrupted()) {
        if (!anyPending() && !completer.hasDeferred()) {
          return;
        }
        if (inCallback) {
          completer.drainNested();
          poller.runTimersIfMine();
          LockSupport.parkNanos(this, 50_000);
          continue;
        }
        room.await(end - System.nanoTime());
        long now = System.nanoTime();
        handover.look(now);
        if (!completer.hasWork()) {
          idle = now;
        } else if (now - idle > STUCK_NANOS && standIns < MOST_STAND_INS) {
          idle = now;
          standIns++;
          Background.thread("ringwork-rescue-" + name(), this::standIn).start();
        }
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } catch (IllegalStateException | InternalError unmapped) {
      // another closer was faster, or there is no memory any more
    }
  }

  private boolean anyPending() {
    for (int i = 0; i < slots.count; i++) {
      if (pending(i) != null) {
        return true;
      }
    }
    return false;
  }

  /** Takes in what has come while the poller is stuck; it may get stuck itself. */
  private void standIn() {
    try {
      while (completer.drainNested() > 0) {
        // there may be more
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
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

  @Override
  public long lookAfterHandover(long now) {
    return handover.look(now);
  }

  @Override
  public void pollerFailed(Throwable broken) {
    die(broken instanceof InternalError ? TRUNCATED : "its poller failed: " + broken);
  }

  @Override
  public void pollerEnded() {
    if (ended != null) {
      failAllPending();
    }
    handover.leave();
    if (releaseOnPoller) {
      release();
    }
  }

  private void release() {
    if (!released.compareAndSet(false, true)) {
      return;
    }
    try {
      scanLast();
      attachment.release(slots.free.close() && !isTruncated());
    } finally {
      state = CLOSED;
      try {
        // what left its slot, but was not handed over at the close
        awaitDone(handover.given(), poller.isMe());
      } finally {
        if (child != null) {
          child.end();
        }
        closed.countDown();
      }
    }
  }

  /** Takes in abandoned tasks that have ended meanwhile. */
  private void scanLast() {
    if (isTruncated()) {
      return;
    }
    try {
      completer.scan();
    } catch (InternalError truncated) {
      LOG.log(Level.DEBUG, "the segment of " + name() + " was truncated", truncated);
    }
  }
}
