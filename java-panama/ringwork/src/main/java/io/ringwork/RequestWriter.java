package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Failpoints;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes requests into their slots and blocks, and stands between the client and codecs, which may
 * throw whatever they like. Called from any thread.
 */
final class RequestWriter {
  private final SharedMemory memory;
  private final SlotTable<TaskFuture<?>> slots;
  private final PayloadArena arena;

  RequestWriter(ClientSegment<TaskFuture<?>> segment) {
    this.memory = segment.memory;
    this.slots = segment.slots;
    this.arena = segment.arena;
  }

  /** How many bytes a request takes at most, or {@link Codec#UNKNOWN_SIZE}. */
  static <Q> long sizeOf(TaskType<Q, ?> type, Q request) {
    try {
      return type.requestCodec.maxSize(request);
    } catch (CodecException told) { // of a chunk, with the number of the request
      throw told;
    } catch (Throwable failed) { // whatever a codec of others throws
      throw unencodable(type, failed);
    }
  }

  /** Encodes a request whose size only that tells. */
  static <Q> ByteBuffer encode(TaskType<Q, ?> type, Q request) {
    ByteBuffer encoded;
    try {
      encoded = type.requestCodec.encode(request);
    } catch (Throwable failed) {
      throw unencodable(type, failed);
    }
    if (encoded == null) {
      throw new CodecException(
          "the request of " + type.name() + " can't be encoded: encode gave null", false, null);
    }
    return encoded;
  }

  /** The id of a request's codec; asked for before a slot is taken, for it may throw. */
  static int codecOf(TaskType<?, ?> type) {
    int id;
    try {
      id = type.requestCodec.id();
    } catch (Throwable failed) {
      throw unencodable(type, failed);
    }
    if (id < 0 || id > 255) {
      throw new CodecException(
          "the codec of " + type.name() + " gave the id " + id + ": 0 to 255 are possible",
          false,
          null);
    }
    return id;
  }

  private static RingworkException unencodable(TaskType<?, ?> type, Throwable failed) {
    try {
      return new CodecException(
          "the request of " + type.name() + " can't be encoded: " + CodecException.text(failed),
          false,
          failed);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      StackRoom.looks = StackRoom.MANY;
      return Failure.unsent();
    }
  }

  /**
   * Writes the request into a slot that was popped, or into a block that the slot then has
   * {@linkplain SlotTable#reserved reserved}.
   *
   * @return the length; -1 if there was no block. Then, and after an exception, the slot is given
   *     back
   */
  <Q> int prepare(int i, TaskType<Q, ?> type, Q request, @Nullable ByteBuffer encoded, int size) {
    long reference = 0;
    try {
      if (size > Layout.INLINE) {
        reference =
            arena.take(size, PayloadArena.requestOwner(slots.global(i), slots.generation(i)));
        if (reference == 0) {
          slots.giveBack(i, 0);
          return -1;
        }
      }
      int length = write(i, reference, type, request, encoded, size);
      if (Failpoints.ON) Failpoints.hit("submit.written");
      slots.reserve(i, reference);
      return length;
    } catch (Throwable failed) {
      slots.giveBack(i, reference);
      throw failed;
    }
  }

  private <Q> int write(
      int i,
      long reference,
      TaskType<Q, ?> type,
      Q request,
      @Nullable ByteBuffer encoded,
      int size) {
    if (type.requestCodec instanceof DirectCodec<Q> direct) {
      return direct.write(request, memory, slots.requestAt(i, reference));
    }
    ByteBuffer target =
        reference == 0 ? slots.inlineRequest(i, size) : memory.buffer(arena.at(reference), size);
    if (encoded != null) {
      target.put(encoded.duplicate());
      return size;
    }
    try {
      type.requestCodec.encode(request, target);
    } catch (Throwable failed) {
      Mapped.rethrowIfGone(memory, failed); // the target vanished, not the codec failed
      throw unencodable(type, failed);
    }
    return target.position();
  }
}
