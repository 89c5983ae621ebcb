package io.ringwork;

import io.ringwork.internal.Plural;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SegmentViews;
import java.lang.foreign.MemorySegment;

/**
 * A claimed slot and the room for its request, to be written in place and then submitted.
 *
 * <p>Not thread-safe: one thread at a time. Either {@link #submit()} or {@link #close()} it; until
 * then it takes a slot, and a block if the request is larger than 88 bytes.
 */
public final class RawTask implements AutoCloseable {
  private static final Mapped.Access<RawTask, RuntimeException> GIVE_BACK = RawTask::giveBack;

  private final Core core;
  private final TaskType<byte[], ResultLease> type;
  private final TaskOptions options;
  private final long deadline;
  private final int slot;
  private final long reference;
  private final MemorySegment room;
  private long length;
  private int codec = Codec.BYTES_ID;
  private boolean done;

  private RawTask(
      Core core,
      TaskType<byte[], ResultLease> type,
      TaskOptions options,
      long deadline,
      int slot,
      MemorySegment room) {
    this.core = core;
    this.type = type;
    this.options = options;
    this.deadline = deadline;
    this.slot = slot;
    this.reference = core.segment.slots.reserved(slot);
    this.room = room;
    this.length = room.byteSize();
  }

  static RawTask claim(
      Core core, TaskType<byte[], ResultLease> type, long size, TaskOptions options) {
    long deadline = Submitter.deadline(options);
    int slot = core.submitter.claim(type, size, options);
    long reference = core.segment.slots.reserved(slot);
    try {
      MemorySegment room = SegmentViews.first(core.segment.views.request(slot, reference), size);
      return new RawTask(core, type, options, deadline, slot, room);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      core.segment.slots.giveClaimBack(slot, reference);
      throw shortage;
    }
  }

  private void checkUsable() {
    if (done) {
      throw new IllegalStateException("the task was submitted or closed");
    }
  }

  /**
   * The room for the request, in shared memory, as large as was asked for. What is in it at first
   * is arbitrary. It must not be touched after {@link #submit()}: a handler reads it.
   *
   * @return the memory
   * @throws IllegalStateException if submitted or closed
   */
  public MemorySegment request() {
    checkUsable();
    return room;
  }

  /**
   * Makes the request shorter than the room.
   *
   * @param length the bytes that are part of the request, from the start
   * @return this
   * @throws IllegalArgumentException if longer than the room
   * @throws IllegalStateException if submitted or closed
   */
  public RawTask length(long length) {
    checkUsable();
    if (length < 0 || length > room.byteSize()) {
      throw outOfRoom(length, room.byteSize());
    }
    this.length = length;
    return this;
  }

  static IllegalArgumentException outOfRoom(long length, long claimed) {
    return new IllegalArgumentException(
        "a request of " + Plural.of(length, "byte") + ", and room for " + claimed + " was claimed");
  }

  /**
   * The codec id that travels with the request. Default {@link Codec#BYTES_ID}.
   *
   * @param id 0 to 255
   * @return this
   * @throws IllegalArgumentException if out of range
   * @throws IllegalStateException if submitted or closed
   */
  public RawTask codec(int id) {
    checkUsable();
    if (id < 0 || id > 255) {
      throw new IllegalArgumentException("a codec id is 0 to 255, not " + id);
    }
    this.codec = id;
    return this;
  }

  /**
   * Submits the request. Never blocks; what goes wrong is told by the future.
   *
   * @return the future of the result, which must be closed once read
   * @throws IllegalStateException if submitted or closed
   */
  public TaskFuture<ResultLease> submit() {
    StackRoom.require();
    checkUsable();
    done = true;
    TaskFuture<ResultLease> future = core.future(type, deadline, null, core.observe(type, options));
    Throwable gone = Mapped.fault(this, future, RawTask::submit);
    if (gone != null && future.slot < 0) {
      future.failedAtSubmit(core.life.closedException(false, gone));
    } else if (gone != null) {
      future.fail(core.life.closedFailure(true, gone));
    }
    return future;
  }

  private void submit(TaskFuture<ResultLease> future) {
    RingworkException refused = core.submitter.refusal(future, deadline, type, options);
    if (refused != null) {
      core.segment.slots.giveBack(slot, reference);
      core.segment.room.freed();
      future.failedAtSubmit(refused);
      return;
    }
    core.submitter.publish(future, slot, codec, (int) length, deadline, options);
    RejectedException.Reason full = core.submitter.hint(future, options, false);
    if (full != null) {
      core.counters.reject(type, full);
      future.failedAtSubmit(core.submitter.refusals.noRoom(full, type, length, options, false));
      return;
    }
    core.submitter.announce(future, false);
    core.submitter.published(future);
  }

  /** Gives slot and room back if not submitted; else does nothing. */
  @Override
  public void close() {
    if (!done) {
      StackRoom.require();
      done = true;
      Mapped.run(this, GIVE_BACK); // if the client was closed meanwhile the reaper frees it
    }
  }

  private void giveBack() {
    core.segment.slots.giveClaimBack(slot, reference);
    core.segment.room.freed();
  }
}
