package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.Outcome.Failure;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/** Decodes results that were checked: at once, or when their future is completed. */
final class ResultReader {
  private static final Mapped.AccessWith<ResultReader, Deferred, RuntimeException> RELEASE =
      ResultReader::release;

  private final Lifecycle life;
  private final SharedMemory memory;
  private final PayloadArena arena;
  private final SlotTable<TaskFuture<?>> slots;
  private final Room room;

  /** Results that wait in their blocks to be decoded. */
  private final AtomicInteger deferred = new AtomicInteger();

  ResultReader(Lifecycle life, ClientSegment<TaskFuture<?>> segment) {
    this.life = life;
    this.memory = segment.memory;
    this.arena = segment.arena;
    this.slots = segment.slots;
    this.room = segment.room;
  }

  /** Whether results wait in their blocks. */
  boolean hasDeferred() {
    return deferred.get() > 0;
  }

  /** Notes a result that is to be decoded later. */
  void defer() {
    deferred.incrementAndGet();
  }

  /** A result that was noted is not wanted: frees its slot and block. */
  void drop(Deferred result) {
    deferred.decrementAndGet();
    slots.release(result.slot(), result.word(), result.reference());
  }

  /** Decodes a checked result in a block, then frees its slot and block. Never throws. */
  Object decode(TaskFuture<?> future, Deferred result) {
    Object outcome = Failure.UNSAID;
    boolean released = false;
    try {
      outcome =
          future.type.kind == ResultKind.CHUNK
              ? decodeChunk(future, result)
              : decode(future, result.codec(), result.slot(), result.reference(), result.length());
      released = true;
      release(result);
    } catch (IllegalStateException | InternalError unmapped) {
      outcome = life.closedFailure(true, unmapped);
      released = true;
    } catch (Throwable shortage) {
      // of memory or stack: it ends as that
    } finally {
      deferred.decrementAndGet();
    }
    if (!released) {
      Mapped.run(this, result, RELEASE);
    }
    return outcome;
  }

  private void release(Deferred result) {
    slots.release(result.slot(), result.word(), result.reference());
    room.freed();
  }

  private Object decodeChunk(TaskFuture<?> future, Deferred result) {
    long block = slots.reserved(result.slot());
    try {
      return future
          .type
          .chunkReader()
          .read(memory, arena.at(block), arena.sizeOf(block), result.end());
    } catch (Throwable broken) { // no memory, or a word that makes no sense: it ends all the same
      Mapped.rethrowIfGone(memory, broken);
      return Codecs.undecodable(future.type.name(), broken);
    }
  }

  /** Decodes a checked result: in its slot if the reference is 0. */
  Object decode(TaskFuture<?> future, int found, int i, long reference, int length) {
    Codec<?> codec = future.type.resultCodec();
    try {
      if (!codec.accepts(found)) {
        throw Codecs.otherCodec(found, codec);
      }
      return Outcome.of(
          codec instanceof DirectCodec<?> direct
              ? direct.read(memory, slots.resultAt(i, reference), length)
              : codec.decode(view(i, reference, length)));
    } catch (Throwable failed) { // whatever a codec of others throws
      return Mapped.isGone(memory, failed)
          ? life.closedFailure(true, failed)
          : Codecs.undecodable(future.type.name(), failed);
    }
  }

  /** The bytes of a checked result. */
  private ByteBuffer view(int i, long reference, int length) {
    return reference == 0
        ? slots.inlineResult(i, length)
        : memory.readOnlyBuffer(arena.at(reference), length);
  }
}
