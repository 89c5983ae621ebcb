package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.RejectedException.Reason;
import io.ringwork.internal.Durations;
import io.ringwork.internal.Failpoints;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.queue.Backlog;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.FreeList;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.HandlerKinds;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Queued;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import io.ringwork.internal.wait.LaneWaker;
import io.ringwork.internal.wait.Poller;
import io.ringwork.internal.wait.PollerRole;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The way of a task into the pool: section 5 of docs/internals/protocol.md, and what is done when
 * there is no room.
 *
 * <p>Called from any thread. No lock and, for requests that the slot holds itself, no allocation
 * but the future. Failures of the run time end in the future, never in an exception.
 */
final class Submitter {
  /** Every task is stamped until so many were, then one in sixteen, and the first of a handler. */
  private static final int STAMP_ALL = 1024;

  /** Nanoseconds in which a submit that finds no room takes in what has ended. */
  private static final long TAKES_IN = 2_000_000;

  /** The pool that it submits to. */
  interface Pool {
    /** Asks the supervisor to wake a lane, for this process can't. */
    void nudgeSupervisor();

    /** The header says that the pool is CLOSED or FAILED. */
    void poolEnded();

    /** Whether this JVM launched the pool, and chose its options. */
    boolean isOwn();

    /** Whether callbacks run on the thread that ends their task. */
    boolean completesInline();
  }

  /** How tasks come to lanes of one kind: a ring for each priority, and what wakes a lane. */
  private record Way(HintRing[] rings, LaneWaker waker) {
    static Way of(Geometry geometry, IntFunction<HintRing> ring, LaneWaker waker) {
      HintRing[] rings = new HintRing[geometry.priorities()];
      for (int p = 0; p < rings.length; p++) {
        rings[p] = ring.apply(p);
      }
      return new Way(rings, waker);
    }
  }

  private final Lifecycle life;
  private final Pool pool;
  private final SharedMemory memory;
  private final SlotTable<TaskFuture<?>> slots;
  private final PayloadArena arena;
  private final Room room;
  private final Counters counters;
  private final PendingTasks pending;
  private final Poller poller;
  private final PollerRole role;
  private final HandlerKinds kinds;
  private final Way lanes;

  /** Null if the pool has no I/O lanes. */
  private final @Nullable Way ioLanes;

  final Backlog backlog;
  final RequestWriter requests;
  final Refusals refusals;
  final EarlyClaim earlyClaim;

  /** Tasks that were counted as submitted, and were not. */
  private final AtomicInteger countedAhead = new AtomicInteger();

  /** Counts stamps up to STAMP_ALL; races only stamp a few more. */
  private int stamped;

  Submitter(
      Lifecycle life,
      ClientSegment<TaskFuture<?>> segment,
      Counters counters,
      PendingTasks pending,
      Poller poller,
      Pool pool) {
    this.life = life;
    this.pool = pool;
    this.memory = segment.memory;
    this.slots = segment.slots;
    this.arena = segment.arena;
    this.room = segment.room;
    this.counters = counters;
    this.pending = pending;
    this.poller = poller;
    this.role = poller.role;
    Geometry geometry = segment.geometry;
    Runnable nudge = pool::nudgeSupervisor;
    this.kinds = new HandlerKinds(memory, geometry);
    this.lanes = Way.of(geometry, segment::injector, new LaneWaker(memory, geometry, nudge));
    this.ioLanes =
        geometry.hasIoLanes()
            ? Way.of(geometry, segment::ioRing, LaneWaker.ofIoLanes(memory, geometry, nudge))
            : null;
    this.backlog = new Backlog(memory, geometry, counters.runTimes);
    this.requests = new RequestWriter(segment);
    this.refusals = new Refusals(segment, pool.isOwn());
    this.earlyClaim = new EarlyClaim(slots);
    if (slots.keys != null) {
      slots.keys.hintBy(this::hintAgain);
    }
  }

  /**
   * Submits a task.
   *
   * @param helped whether the calling thread will take the poller's role
   */
  <Q, R> void submit(
      TaskFuture<R> future, TaskType<Q, R> type, Q request, TaskOptions options, boolean helped) {
    try {
      if (place(future, type, request, options, helped)) {
        announce(future, helped);
        published(future);
      }
    } catch (RingworkException
        | IllegalStateException
        | IndexOutOfBoundsException
        | InternalError failed) {
      refuse(future, failed);
    }
  }

  /** The absolute deadline, 0 for none. */
  static long deadline(TaskOptions options) {
    return options.timeoutNanos == TaskOptions.NO_TIMEOUT
        ? 0
        : Durations.saturatedAdd(System.nanoTime(), options.timeoutNanos);
  }

  /** As {@link #announce(boolean, boolean)} of one task, as far as it needs that. */
  void announce(TaskFuture<?> future, boolean helped) {
    if (future.isPlain()) {
      announce(future.isForIo(), helped);
    } else if (!helped) {
      VarHandle.fullFence(); // as there
      role.submitted();
    }
  }

  /**
   * Wakes a lane, and sees to it that a thread polls. One full fence, after the hints.
   *
   * @param forIo whether the tasks are for I/O lanes
   */
  void announce(boolean forIo, boolean helped) {
    // pairs with the fences of lanes and poller before their last look; see LaneWaker, PollerRole.
    VarHandle.fullFence();
    if (Failpoints.ON) Failpoints.hit("submit.fenced");
    way(forIo).waker.wakeOne();
    if (Failpoints.ON) Failpoints.hit("submit.woken");
    if (!helped) {
      role.submitted();
    }
  }

  /** What is left to do for a task that is published, off the critical path. */
  void published(TaskFuture<?> future) {
    if (future.deadline != 0) {
      poller.deadline(future.slot, future.deadline);
    }
    counted(future);
  }

  private void count(TaskFuture<?> future) {
    if (countedAhead.get() == 0 || !takeAhead()) {
      counters.count(Layout.CLIENT_SUBMITTED);
    }
    future.setCounted();
    if (Failpoints.ON) Failpoints.hit("submit.counted");
  }

  private void counted(TaskFuture<?> future) {
    if (!future.isCounted()) {
      count(future);
    }
    if (life.isFailing()) {
      pending.failOne(future); // close looked at the slots before it could see this one
    }
  }

  /** Fails a future whose task could not be submitted. */
  void refuse(TaskFuture<?> future, Throwable why) {
    if (why instanceof RingworkException refused) {
      uncount(future);
      if (refused instanceof RejectedException rejected) {
        counters.reject(future.type, rejected.reason());
      } else if (refused instanceof TaskTimeoutException) {
        counters.reject(future.type, RejectedException.Reason.DEADLINE_UNREACHABLE);
      }
      future.failedAtSubmit(refused);
    } else {
      future.failedAtSubmit(life.closedException(future.slot >= 0, why));
    }
    future.slot = -1;
  }

  /**
   * A task was counted too early: the ring had no room for its hint. The next one is left out, for
   * the supervisor takes a counter that goes back for damage.
   */
  private void uncount(TaskFuture<?> future) {
    if (future.isCounted()) {
      countedAhead.incrementAndGet();
      future.setUncounted();
    }
  }

  private boolean takeAhead() {
    return countedAhead.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
  }

  /** As {@link #refuse}, for what no code of ours throws unless memory or stack is short. */
  void refuseBroken(TaskFuture<?> future, Throwable why) {
    boolean ours =
        why instanceof RingworkException
            || why instanceof IllegalStateException
            || why instanceof IndexOutOfBoundsException
            || why instanceof InternalError;
    refuse(future, ours ? why : unsent(why));
  }

  private static RingworkException unsent(Throwable why) {
    try {
      return new CodecException("it was not submitted: " + CodecException.text(why), false, why);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      StackRoom.looks = StackRoom.MANY;
      return Failure.unsent();
    }
  }

  /** Puts the task into a slot and a ring; false if the future has ended instead. */
  private <Q, R> boolean place(
      TaskFuture<R> future, TaskType<Q, R> type, Q request, TaskOptions options, boolean watched) {
    checkOpen();
    if (options.timeoutNanos <= 0) {
      throw new TaskTimeoutException(
          "the deadline of " + type.name() + " had passed at the submit", false);
    }
    checkKey(options);
    ByteBuffer encoded = null;
    long size = RequestWriter.sizeOf(type, request);
    if (size == Codec.UNKNOWN_SIZE) {
      encoded = RequestWriter.encode(type, request);
      size = encoded.remaining();
    }
    refusals.checkSize(type, size);
    RejectedException late = unreachable(future, type, options);
    if (late != null) {
      Function<? super Q, ? extends R> here = fallback(type, options);
      if (here != null) {
        runHere(future, here, request);
        return false;
      }
      throw late;
    }
    Reason full = attempt(future, type, request, encoded, (int) size, options);
    if (full == null) {
      full = hint(future, options, watched);
    }
    return full == null
        || new Unplaced<>(future, type, request, encoded, (int) size, options).submit(this, full);
  }

  /** Why a task will not meet its deadline, or null if it may. */
  @Nullable RejectedException unreachable(
      TaskFuture<?> future, TaskType<?, ?> type, TaskOptions options) {
    return unreachable(future, future.deadline, type, options);
  }

  @Nullable RejectedException unreachable(
      TaskFuture<?> future, long deadline, TaskType<?, ?> type, TaskOptions options) {
    // No I/O lane runs a task to its end: nothing waits for those before it.
    if (deadline == 0 || options.admitLate || kinds.isIo(type.handlerId)) {
      return null;
    }
    Backlog.Estimate found = backlog.weigh(type.handlerId, ring(options), deadline);
    future.weighed = found == Backlog.IN_TIME;
    return found == null || future.weighed ? null : Refusals.late(type, found);
  }

  /**
   * Why a task whose request was written in place is not submitted, or null. Its slot and block are
   * the caller's to give back.
   */
  @Nullable RingworkException refusal(
      TaskFuture<?> future, long deadline, TaskType<?, ?> type, TaskOptions options) {
    if (deadline != 0 && System.nanoTime() >= deadline) {
      return new TaskTimeoutException(
          "the deadline of " + type.name() + " had passed at the submit", false);
    }
    if (!life.isOpen()) {
      return life.closedException(false, null);
    }
    RejectedException late = unreachable(future, deadline, type, options);
    if (late != null) {
      counters.reject(type, late.reason());
    }
    return late;
  }

  private void checkKey(TaskOptions options) {
    if (options.key != 0 && slots.keys == null) {
      throw refusals.noKeys();
    }
  }

  /**
   * What the caller runs itself where there is no room, or null. A task with a key is none: others
   * of its key run before it, or at the same time.
   */
  static <Q, R> @Nullable Function<? super Q, ? extends R> fallback(
      TaskType<Q, R> type, TaskOptions options) {
    return options.backpressure.kind == Backpressure.Kind.CALLER_RUNS && options.key == 0
        ? type.fallback
        : null;
  }

  void checkOpen() {
    if (!life.isOpen()) {
      throw life.closedException(false, null);
    }
    int state = memory.getIntAcquire(Layout.H_POOL_STATE);
    if (state == Layout.POOL_DRAINING) {
      throw new RejectedException(Reason.DRAINING, "the pool is draining and takes no new tasks");
    }
    if (state != Layout.POOL_SERVING && state != Layout.POOL_STARTING) {
      pool.poolEnded();
      throw life.closedException(false, null);
    }
  }

  /**
   * One try; null if the task is published, its {@link #hint} still missing, else what was full.
   */
  private <Q, R> @Nullable Reason attempt(
      TaskFuture<R> future,
      TaskType<Q, R> type,
      Q request,
      @Nullable ByteBuffer encoded,
      int size,
      TaskOptions options) {
    int codec = RequestWriter.codecOf(type);
    int i = pop(type, options);
    if (i < 0) {
      return noSlot(i);
    }
    if (Failpoints.ON) Failpoints.hit("submit.slot");
    int length = requests.prepare(i, type, request, encoded, size);
    if (length < 0) {
      return Reason.ARENA_EXHAUSTED;
    }
    publish(future, i, codec, length, future.deadline, options);
    return null;
  }

  /**
   * Takes a slot for a task.
   *
   * @return the slot; {@link FreeList#EMPTY}, {@link FreeList#CLOSED}, or {@link
   *     SlotTable#TOO_MANY}
   */
  int pop(TaskType<?, ?> type, TaskOptions options) {
    int keep = keptFrom(options);
    return type.maxInFlight == TaskType.NO_LIMIT
        ? slots.free.pop(keep)
        : slots.popCounted(type.name(), type.maxInFlight, keep);
  }

  /** How many free slots a task must leave to others. */
  int keptFrom(TaskOptions options) {
    return options.priority == Priority.HIGH ? 0 : slots.reserve;
  }

  /**
   * Takes a slot, and a block where needed, for a request that is written in place: the raw API.
   *
   * @return the slot, {@linkplain SlotTable#reserved reserved} with its block
   */
  int claim(TaskType<?, ?> type, long size, TaskOptions options) {
    if (size < 0) {
      throw new IllegalArgumentException("a request has no negative size: " + size);
    }
    try {
      checkOpen();
      checkKey(options);
      refusals.checkSize(type, size);
      return claimOrThrow(type, size, options);
    } catch (RejectedException rejected) {
      counters.reject(type, rejected.reason());
      throw rejected;
    } catch (IllegalStateException | InternalError unmapped) {
      throw life.closedException(false, unmapped);
    }
  }

  /**
   * As {@link #claim} where the caller has a slot already, whose result it no longer needs: the
   * next request goes into the same slot, which no other thread sees between two tasks.
   *
   * @param g the generation of the task that has ended
   * @return false if the slot is to be given back, and {@link #claim} to say what is wrong, if
   *     anything is
   */
  boolean claimAgain(int i, long g) {
    if (room.isAwaited()
        || !life.isOpen()
        || memory.getIntAcquire(Layout.H_POOL_STATE) != Layout.POOL_SERVING) {
      return false;
    }
    slots.retire(i, g);
    return true;
  }

  private int claimOrThrow(TaskType<?, ?> type, long size, TaskOptions options) {
    Backpressure policy = options.backpressure;
    long end = Long.MIN_VALUE;
    if (policy.kind == Backpressure.Kind.BLOCK && !role.isMine()) {
      end = Durations.saturatedAdd(System.nanoTime(), policy.blockNanos);
    }
    long start = 0;
    boolean last = false;
    for (; ; ) {
      int i = pop(type, options);
      Reason full;
      if (i < 0) {
        full = noSlot(i);
      } else if (size <= Layout.INLINE) {
        slots.reserve(i, 0);
        return i;
      } else {
        long owner = PayloadArena.requestOwner(slots.global(i), slots.generation(i));
        long reference = arena.take(size, owner);
        if (reference != 0) {
          if (Failpoints.ON) Failpoints.hit("raw.taken");
          slots.reserve(i, reference);
          return i;
        }
        slots.giveBack(i, 0);
        full = Reason.ARENA_EXHAUSTED;
      }
      start = start == 0 ? System.nanoTime() : start;
      // A drain may have ended between the attempt and the look that sees none: once more.
      boolean more = tookResultsIn(start);
      if (!more && !last) {
        last = true;
        continue;
      }
      if (!more && (end == Long.MIN_VALUE || !awaitRoom(end))) {
        throw refusals.noRoom(full, type, size, options, end != Long.MIN_VALUE);
      }
      checkOpen();
    }
  }

  Reason noSlot(int found) {
    if (found == FreeList.CLOSED) {
      throw life.closedException(false, null);
    }
    return found == SlotTable.TOO_MANY ? Reason.TOO_MANY_IN_FLIGHT : Reason.NO_SLOT;
  }

  /**
   * Fills and publishes a slot, whose block is {@linkplain SlotTable#reserved reserved}; its hint
   * is the caller's to {@linkplain #hint write}.
   *
   * @param deadline the task's, which for a raw call is not its future's
   */
  void publish(
      TaskFuture<?> future, int i, int codec, int length, long deadline, TaskOptions options) {
    TaskType<?, ?> type = future.type;
    // A chunk is taken up again, however often its requests may run: lanes see to those.
    int attempts = type.kind == ResultKind.CHUNK ? Layout.MAX_ATTEMPTS : options.attempts;
    long run = PublishedWord.of(attempts, ring(options), codec);
    boolean forIo = kinds.isIo(type.handlerId);
    future.setForIo(forIo);
    if (forIo) {
      run |= Layout.PUBLISHED_IO;
    }
    if (future.isWatched()) {
      run |= Layout.PUBLISHED_WATCHED;
    }
    Observed observed = future.observed();
    long stamp = observed == null ? stamp(i, type) : System.nanoTime();
    long word = slots.fill(i, type.handlerId, length, run, deadline, stamp);
    byte[] trace = observed == null ? options.trace : observed.trace(options);
    if (trace != null) {
      word = slots.trace(i, word, trace);
    }
    if (Failpoints.ON) Failpoints.hit("submit.filled");
    future.slot = i;
    future.generation = slots.generation(i);
    if (options.key == 0) {
      slots.publish(i, word, future);
    } else {
      publishKeyed(word, future, options);
    }
  }

  /** With its hint; {@link #hint} tells if there was no room for that. */
  private void publishKeyed(long word, TaskFuture<?> future, TaskOptions options) {
    HintRing ring = ring(future, options);
    Queued queued = slots.publish(future.slot, word, future, options.key, options.failsKey(), ring);
    future.setBehind(queued == Queued.BEHIND);
    if (queued == Queued.FULL) {
      future.slot = -1;
    }
  }

  /** Writes the hint of a task whose turn it is, as the end of the one before it has shown. */
  private void hintAgain(int i) {
    long published = slots.published(i);
    Way way = way(PublishedWord.has(published, Layout.PUBLISHED_IO));
    int ring = Math.min(PublishedWord.priority(published), way.rings.length - 1);
    try {
      // If it is full the supervisor writes the hint.
      way.rings[ring].offer(slots.global(i));
    } catch (CorruptSegmentException contradicts) {
      return; // the next submit is told
    }
    VarHandle.fullFence(); // as in announce
    way.waker.wakeOne();
  }

  /** Which one of the rings a task goes to. */
  private int ring(TaskOptions options) {
    return Math.min(options.priority.ordinal(), lanes.rings.length - 1);
  }

  private Way way(boolean forIo) {
    Way io = ioLanes;
    return forIo && io != null ? io : lanes;
  }

  /** The ring for the hint of a task that was published. */
  HintRing ring(TaskFuture<?> future, TaskOptions options) {
    return way(future.isForIo()).rings[ring(options)];
  }

  /**
   * Puts the hint of a task that was just published into the ring, unless it has a key: then that
   * is done. Null, or RING_FULL.
   *
   * @param watched whether the caller takes the poller's role, which it may have from here on, and
   *     looks first if a lane needs the hint
   */
  @Nullable Reason hint(TaskFuture<?> future, TaskOptions options, boolean watched) {
    int i = future.slot;
    if (options.key != 0) {
      return i < 0 ? Reason.RING_FULL : null;
    }
    if (watched && earlyClaim.isWorthALook()) {
      // While the lane has it: what would delay the caller later costs no time now.
      count(future);
      role.enter();
      if (earlyClaim.isSeen(i, future.generation)) {
        future.setClaimedAtOnce();
        return null;
      }
    }
    if (ring(future, options).offer(slots.global(i))
        || future.withdrawFrom(slots) != Withdrawal.WITHDRAWN) {
      return null; // if it could not be taken back, a lane, or the timer, has it already
    }
    future.slot = -1;
    uncount(future);
    if (watched) {
      role.leaveIfMine(); // it may have to wait for room
    }
    return Reason.RING_FULL;
  }

  private boolean isKnown(TaskType<?, ?> type) {
    boolean known = !counters.runTimes.wants(type.handlerId);
    type.known = known;
    return known;
  }

  private long stamp(int i, TaskType<?, ?> type) {
    if (stamped < STAMP_ALL) {
      stamped++;
    } else if ((slots.generation(i) & 15) != 0 && (type.known || isKnown(type))) {
      return 0;
    }
    return System.nanoTime();
  }

  // ---- backpressure

  /** A task that has found no room yet. */
  private record Unplaced<Q, R>(
      TaskFuture<R> future,
      TaskType<Q, R> type,
      Q request,
      @Nullable ByteBuffer encoded,
      int size,
      TaskOptions options) {
    /** Does what its backpressure says; false if it was run here instead. */
    boolean submit(Submitter to, Reason full) {
      Reason still = full;
      long start = System.nanoTime();
      while (to.tookResultsIn(start)) {
        still = again(to);
        if (still == null) {
          return true;
        }
      }
      // A drain may have ended between the attempt before and the look that saw none.
      still = again(to);
      if (still == null) {
        return true;
      }
      Function<? super Q, ? extends R> here = fallback(type, options);
      if (here != null) {
        runHere(future, here, request);
        return false;
      }
      boolean waits = options.backpressure.kind == Backpressure.Kind.BLOCK && !to.role.isMine();
      if (waits) {
        still = await(to, still);
        if (still == null) {
          return true;
        }
      }
      throw to.refusals.noRoom(still, type, size, options, waits);
    }

    /** Waits for room as long as it may; null if the task found some. */
    private @Nullable Reason await(Submitter to, Reason full) {
      Reason still = full;
      long end = Durations.saturatedAdd(System.nanoTime(), options.backpressure.blockNanos);
      if (future.deadline != 0) {
        end = Math.min(end, future.deadline);
      }
      to.announce(to.kinds.isIo(type.handlerId), false); // what a batch has queued so far
      while (to.awaitRoom(end)) {
        to.checkOpen();
        still = again(to);
        if (still == null) {
          return null;
        }
        if (System.nanoTime() - end >= 0) {
          break; // others take what becomes free: that must not make the wait endless
        }
      }
      if (future.deadline != 0 && System.nanoTime() >= future.deadline) {
        throw new TaskTimeoutException(
            "the deadline of "
                + type.name()
                + " passed while it waited for room: "
                + to.refusals.what(still, type, size, options, true),
            false);
      }
      return still;
    }

    private @Nullable Reason again(Submitter to) {
      Reason full = to.attempt(future, type, request, encoded, size, options);
      return full == null ? to.hint(future, options, false) : full;
    }
  }

  /**
   * Takes in what has ended. A task that is done keeps its slot and its blocks until its client has
   * taken the result in: no submit is refused for lack of what is free but for that.
   *
   * @param start when the submit found no room: it waits a moment at most for a thread that is at
   *     it
   * @return whether there may be more room now
   */
  private boolean tookResultsIn(long start) {
    if (role.isMine() || System.nanoTime() - start > TAKES_IN) {
      return false; // an INLINE callback: the drain that it runs in goes on when it returns
    }
    boolean waits = role.hasWork();
    if (role.isDraining() || waits && pool.completesInline()) {
      Thread.yield(); // the poller is at it; callbacks that run inline stay its own
      return true;
    }
    return waits && role.help() != 0;
  }

  /** Waits for room, helping to make some; false when the time is up. */
  boolean awaitRoom(long end) {
    if (role.help() > 0) {
      return true;
    }
    long left = end - System.nanoTime();
    if (left <= 0) {
      return false;
    }
    try {
      room.await(left);
      return true;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  static <Q, R> void runHere(
      TaskFuture<R> future, Function<? super Q, ? extends R> fallback, Q request) {
    try {
      future.settle(Outcome.of(fallback.apply(request)));
      future.completeNow();
    } catch (RuntimeException failed) {
      future.failedAtSubmit(failed);
    } catch (Throwable failed) { // an Error is the future's, too, and as it is
      future.completeExceptionally(failed);
    }
  }
}
