package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.StateWord;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Calls of one handler whose requests are written, and whose results are read, in shared memory;
 * for one thread that makes many of them. In the steady state a call allocates nothing: this object
 * and the memory segments are used again.
 *
 * <pre>{@code
 * try (RawCall call = pool.rawCall("sum")) {
 *   for (long n = 0; n < 1_000_000; n++) {
 *     call.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, n);
 *     call.invoke(8);
 *     total += call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
 *   }
 * }
 * }</pre>
 *
 * <p>Each call goes through {@link #claim}, {@link #invoke}, then {@link #result}; the next claim,
 * {@link #release} or {@link #close} gives slot and block back. So it holds at most one slot and
 * two blocks at a time, and after an exception of {@code invoke} none: a task that was given up
 * while a handler runs it keeps them until the handler is done.
 *
 * <p>The first use of a slot or block makes its segment; exceptions allocate, too, and waits of a
 * virtual thread or in a ForkJoinPool, and {@link Backpressure#block} when it must wait.
 *
 * <p>Not thread-safe: one thread at a time. Not reentrant: a callback that runs inside {@code
 * invoke} ({@link CompletionMode#INLINE}) needs a call of its own.
 *
 * <p><b>Stale segments.</b> A segment is a view of the memory and does not know to which task that
 * belongs. One that is kept beyond {@code invoke} or {@code release} stays accessible: a write
 * through it may change the request, and only that, of a later task that uses the same slot or
 * block, as through the segment of a {@link RawTask} that is kept. Ask {@link #request()} and
 * {@link #result()} anew for each call: they throw when there is nothing to see. After the client
 * was closed all segments throw {@link IllegalStateException}.
 */
public final class RawCall implements AutoCloseable {
  private enum State {
    IDLE,
    /** Slot and block are ours to write. */
    CLAIMED,
    /** Inside invoke. */
    RUNNING,
    /** Slot and block hold a result. */
    HELD,
    CLOSED
  }

  private static final Mapped.Access<RawCall, InterruptedException> RUN = RawCall::runTask;
  private static final Mapped.Access<RawCall, RuntimeException> TAKE_BACK = RawCall::takeBack;
  private static final Predicate<RawCall> CLAIM_AGAIN = RawCall::claimAgain;
  private static final Mapped.AccessWith<RawCall, State, RuntimeException> GIVE_BACK =
      RawCall::giveBack;

  /** Where the next one comes from when the pool has ended; null if there is none. */
  private final @Nullable Pools pools;

  /** Of a call that was made before any pool was there, the first claim sets it. */
  private Core core;

  private final TaskType<byte[], ResultLease> type;
  private final TaskOptions options;

  /** Stands in the table for the task that runs; settled by the thread in invoke only. */
  private TaskFuture<ResultLease> own;

  private State state = State.IDLE;

  /** The deadline of the task has come. */
  private boolean isLate;

  private int slot;
  private int requestCodec = Codec.BYTES_ID;
  private int requestLength;

  /** The room that was asked for; the memory may have more. */
  private long claimed;

  private int length;
  private int resultCodec;

  /** The last word of the task whose result is held. */
  private long word;

  /** The block of the request while claimed, of the result while held; 0 for the slot itself. */
  private long reference;

  RawCall(
      @Nullable Core core,
      TaskType<byte[], ResultLease> type,
      TaskOptions options,
      @Nullable Pools pools) {
    this.pools = pools;
    this.type = type;
    this.options = Objects.requireNonNull(options, "options");
    if (core != null) {
      bind(core);
    }
  }

  private void bind(Core to) {
    if (to != core) {
      core = to;
      own = new TaskFuture<>(to, type, this::hold);
    }
  }

  // ---- the request

  /**
   * Takes a slot and room for the next request. Releases what the last call left. With {@link
   * Reconnect} it is taken from the pool that is there now, whatever the one before it was.
   *
   * @param size the room in bytes
   * @return as {@link #request()}
   * @throws RejectedException if there is no room
   * @throws ClosedException if the client is closed
   * @throws IllegalArgumentException if the size is negative
   * @throws IllegalStateException if this is closed, or inside {@link #invoke}
   */
  public MemorySegment claim(long size) {
    StackRoom.require();
    if (state == State.CLOSED) {
      throw new IllegalStateException("the call was closed");
    }
    if (!claimsAgain(size)) {
      release();
      try {
        slot = pools == null ? core.submitter.claim(type, size, options) : claim(size, pools);
      } catch (RingworkException refused) {
        Observed observed = core == null ? null : core.observe(type, options);
        if (observed != null) {
          observed.ended(refused);
        }
        throw refused;
      }
      reference = core.segment.slots.reserved(slot);
    }
    claimed = size;
    state = State.CLAIMED;
    return request();
  }

  /** Whether the slot of the last result serves the next request, too. */
  private boolean claimsAgain(long size) {
    return state == State.HELD
        && reference == 0
        && size >= 0
        && size <= Layout.INLINE
        && Mapped.test(this, CLAIM_AGAIN);
  }

  private boolean claimAgain() {
    return core.submitter.claimAgain(slot, StateWord.generation(word));
  }

  /** Claims from the present client, or the one after it. Nothing of the last is held. */
  private int claim(long size, Pools source) {
    Pools.checkRoom(size);
    TaskOptions left = options;
    Patience patience = null;
    for (Core next = source.current(); ; next = source.next(next, type.name(), patience)) {
      if (next != null) {
        try {
          bind(next);
          return next.submitter.claim(type, size, left);
        } catch (ClosedException | RejectedException refused) {
          if (!Pools.isTurnedAway(refused)) {
            throw refused;
          }
        }
      }
      if (patience == null) {
        patience = new Patience(options);
      }
      left = patience.left();
    }
  }

  /**
   * The room for the request, in shared memory. At least as large as was claimed: 88 bytes, or a
   * whole block. What is in it at first is arbitrary. Not to be touched after {@link #invoke}.
   *
   * @return the memory
   * @throws IllegalStateException if nothing is claimed
   */
  public MemorySegment request() {
    require(State.CLAIMED, "there is no claim");
    return core.segment.views.request(slot, reference);
  }

  /**
   * The codec id that travels with this and all later requests. Default {@link Codec#BYTES_ID}.
   *
   * @param id 0 to 255
   * @return this
   * @throws IllegalArgumentException if out of range
   */
  public RawCall codec(int id) {
    if (id < 0 || id > 255) {
      throw new IllegalArgumentException("a codec id is 0 to 255, not " + id);
    }
    requestCodec = id;
    return this;
  }

  // ---- the call

  /**
   * Runs the task and waits for its result, as {@link Ringwork#call} does. The deadline of the
   * options starts now.
   *
   * @param requestLength the bytes that are part of the request, from the start of the room; at
   *     most as many as were claimed
   * @return the length of the result in bytes
   * @throws RingworkException if it fails; nothing is claimed or held then
   * @throws InterruptedException if interrupted; the task is cancelled then
   * @throws IllegalArgumentException if longer than what was claimed; it stays claimed
   * @throws IllegalStateException if nothing is claimed
   */
  public long invoke(long requestLength) throws InterruptedException {
    StackRoom.require();
    require(State.CLAIMED, "there is no claim");
    if (requestLength < 0 || requestLength > claimed) {
      throw RawTask.outOfRoom(requestLength, claimed);
    }
    if (Thread.interrupted()) {
      release();
      throw new InterruptedException();
    }
    this.requestLength = (int) requestLength;
    Observed observed = core.observe(type, options);
    if (observed == null) {
      return invoke();
    }
    own = new ObservedFuture<>(core, type, this::hold, observed);
    try {
      long result = invoke();
      observed.ended(Outcome.HELD, false);
      return result;
    } catch (Throwable failed) {
      observed.ended(failed);
      throw failed;
    } finally {
      own = new TaskFuture<>(core, type, this::hold); // the next one is perhaps of no interest
    }
  }

  private long invoke() throws InterruptedException {
    own.renew();
    isLate = false;
    state = State.RUNNING;
    try {
      Throwable gone = Mapped.fault(this, RUN);
      if (gone != null) {
        throw core.life.closedException(own.slot >= 0, gone);
      }
    } catch (InterruptedException interrupted) {
      if (giveUp()) {
        core.counters.count(Layout.CLIENT_CANCELLED);
      } else if (state == State.HELD) {
        release();
      }
      throw interrupted;
    } finally {
      leave();
    }
    if (own.outcome() instanceof Failure failure) {
      throw RingworkException.ofCall(failure.error());
    }
    return length;
  }

  private void runTask() throws InterruptedException {
    long deadline = Submitter.deadline(options);
    boolean nested = core.role.isMine();
    boolean helps = !nested && core.waiting.helps();
    core.waiting.willWait(own, helps);
    try {
      submit(deadline, helps);
      core.waiting.awaitOwn(own, helps, nested, deadline == 0 ? Long.MAX_VALUE : deadline);
    } finally {
      if (helps) {
        core.leaveRole(); // it has done so, unless something was thrown
      }
    }
    isLate = !core.life.isFailing(); // or else the wait has ended for another reason
    if (!own.isSettled() && giveUp()) {
      throw gaveUp();
    }
  }

  private void submit(long deadline, boolean helps) {
    RingworkException refused = core.submitter.refusal(own, deadline, type, options);
    if (refused != null) {
      core.segment.slots.giveBack(slot, reference);
      core.segment.room.freed();
      throw refused;
    }
    core.submitter.publish(own, slot, requestCodec, requestLength, deadline, options);
    RejectedException.Reason full = core.submitter.hint(own, options, helps);
    if (full != null) {
      core.counters.reject(type, full);
      throw core.submitter.refusals.noRoom(full, type, requestLength, options, false);
    }
    core.submitter.announce(own, helps);
    core.submitter.published(own);
  }

  /** Called by the completer, on the thread in invoke: the result is there. */
  private void hold(int i, long lastWord, long resultReference, int resultLength, int codec) {
    slot = i;
    word = lastWord;
    reference = resultReference;
    length = resultLength;
    resultCodec = codec;
    state = State.HELD;
  }

  /**
   * Takes the task back, or leaves it to the lane that runs it; {@code hasRunBefore} says which.
   *
   * @return false if there is nothing to give up: it was not published, or has ended
   */
  private boolean giveUp() {
    if (own.slot < 0 || own.isSettled()) {
      return false;
    }
    if (!Mapped.run(this, TAKE_BACK)) {
      own.hasRunBefore = true; // closed meanwhile
      own.slot = -1;
    }
    return own.slot < 0;
  }

  private void takeBack() {
    int i = own.slot;
    switch (own.withdrawFrom(core.segment.slots)) {
      case WITHDRAWN -> {
        own.slot = -1;
        core.segment.room.freed();
        if (isLate) {
          core.counters.expired(type);
        } else {
          core.counters.cancelled(type);
        }
        return;
      }
      case ENDED -> {
        core.completer.endOwn(own); // its hint may be late
        if (own.isSettled()) {
          return;
        }
      }
      case SKIPPED -> {
        leave(i);
        return;
      }
      default -> {} // it runs
    }
    own.hasRunBefore = true;
    Observed observed = own.observed();
    if (observed != null) {
      observed.note(core.segment, own.slot, own.generation);
    }
    core.completer.requestCancel(own.slot, own.generation);
    leave(i);
  }

  /** The task is the lane's that runs it, or leaves it out. */
  private void leave(int i) {
    core.segment.slots.replace(i, own.placeholder());
    own.slot = -1;
    core.completer.tryEnd(i); // a hint that came before that was not heeded
  }

  private RingworkException gaveUp() {
    if (core.life.isFailing()) {
      core.counters.count(Layout.CLIENT_FAILED);
      return core.life.closedException(own.hasRunBefore, null);
    }
    core.counters.judge(own, false);
    core.counters.count(Layout.CLIENT_TIMED_OUT);
    return TaskFuture.late(type.name(), own.hasRunBefore, own.hasRunBefore);
  }

  /** However invoke ends, nothing of the task is left to this object but a result. */
  private void leave() {
    if (state == State.RUNNING) {
      giveUp(); // not by now only if there is no stack or memory left
      state = State.IDLE;
    }
    own.consumed = true;
  }

  // ---- the result

  /**
   * The memory of the result, read-only: its first bytes, as many as {@link #invoke} returned. What
   * is behind them is arbitrary: the segment is that of the whole slot or block, so that none need
   * be made for each result. So ask {@link #resultLength()}, and not its {@code byteSize}.
   *
   * @return the memory; not to be touched after {@link #release()}
   * @throws IllegalStateException if no result is held
   */
  public MemorySegment result() {
    require(State.HELD, "there is no result");
    return core.segment.views.result(slot, reference);
  }

  /**
   * The length of the result.
   *
   * @return bytes, as {@link #invoke} returned them
   * @throws IllegalStateException if no result is held
   */
  public long resultLength() {
    require(State.HELD, "there is no result");
    return length;
  }

  /**
   * What the bytes of the result are.
   *
   * @return the codec id that the worker gave
   * @throws IllegalStateException if no result is held
   */
  public int resultCodec() {
    require(State.HELD, "there is no result");
    return resultCodec;
  }

  /**
   * Gives slot and blocks back, be they claimed or hold a result; else does nothing.
   *
   * @throws IllegalStateException inside {@link #invoke}
   */
  public void release() {
    StackRoom.require();
    State was = state;
    if (was == State.RUNNING) {
      throw new IllegalStateException("the call is inside invoke: it can't be used by others");
    }
    if (was != State.CLAIMED && was != State.HELD) {
      return;
    }
    state = State.IDLE;
    Mapped.run(this, was, GIVE_BACK); // if closed meanwhile the reaper frees it
  }

  private void giveBack(State was) {
    if (was == State.CLAIMED) {
      core.segment.slots.giveClaimBack(slot, reference);
    } else {
      core.segment.slots.release(slot, word, reference);
    }
    core.segment.room.freed();
  }

  /**
   * Releases, and takes no more claims. The client need not be open.
   *
   * @throws IllegalStateException inside {@link #invoke}
   */
  @Override
  public void close() {
    release();
    state = State.CLOSED;
  }

  private void require(State needed, String otherwise) {
    if (state != needed) {
      throw new IllegalStateException(otherwise);
    }
  }
}
