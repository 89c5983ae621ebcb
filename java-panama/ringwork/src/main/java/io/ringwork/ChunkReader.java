package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SharedMemory;
import org.jspecify.annotations.Nullable;

/** Reads what became of the requests of a chunk, from the block in which they went. */
final class ChunkReader<R> {
  private final TaskType<?, R> type;

  ChunkReader(TaskType<?, R> type) {
    this.type = type;
  }

  /**
   * Each number once, and checked before it is used: lanes have written them.
   *
   * @param at the block
   * @param size its size
   * @param end how the task ended, if not by the end of its last request
   * @return the {@link ChunkResult}, or a {@link Failure} if nothing was begun
   */
  Object read(SharedMemory memory, long at, long size, @Nullable RingworkException end) {
    int count = memory.getInt(at + Layout.CHUNK_COUNT);
    long cursor = memory.getLong(at + Layout.CHUNK_CURSOR);
    long ended = cursor & Layout.CURSOR_ENDED_MASK;
    int attempt = (int) (cursor >>> Layout.CURSOR_ATTEMPT_SHIFT & Layout.CURSOR_ATTEMPT_MASK);
    if (end != null && ended == 0 && attempt == 0) {
      return new Failure(end);
    }
    long results = Integer.toUnsignedLong(memory.getInt(at + Layout.CHUNK_RESULTS));
    long heads = at + results;
    if (results % Long.BYTES != 0
        || count <= 0
        || count > Layout.CHUNK_MAX
        || Chunk.line(heads + 8L * count) > at + size
        || (end == null ? ended != count : ended > count)) {
      return corrupt("its head or its cursor, 0x" + Long.toHexString(cursor));
    }
    int attempts = attempts(memory, at);
    Object[] outcomes = new Object[count];
    long from = Chunk.line(heads + 8L * count);
    for (int i = 0; i < ended; i++) {
      long head = memory.getLong(heads + 8L * i);
      int length = (int) head;
      if (length < 0 || length > at + size - from) {
        return corrupt("the length of result " + i + ", " + Integer.toUnsignedString(length));
      }
      outcomes[i] = one(memory, head, from, length, attempts);
      from += Chunk.padded(length);
    }
    if (end != null) {
      rest(outcomes, (int) ended, Math.min(attempt, attempts), end);
    }
    return new ChunkResult<R>(outcomes);
  }

  private Failure corrupt(String what) {
    return new Failure(
        new CorruptSegmentException(
            "a chunk of "
                + type.name()
                + " came back wrong: "
                + what
                + "; the worker or the segment is damaged",
            true));
  }

  /** How often each request may run, as {@link Chunk} has written it. */
  private static int attempts(SharedMemory memory, long at) {
    int found = memory.getInt(at + Layout.CHUNK_CODEC) >>> 8 & 0xff;
    return Math.clamp(found, 1, Layout.MAX_ATTEMPTS);
  }

  private Object one(SharedMemory memory, long head, long from, int length, int attempts) {
    int status = (int) (head >>> Layout.CHUNK_HEAD_STATUS_SHIFT) & 0xffff;
    if (status == Layout.STATUS_OK) {
      return decode(memory, (int) (head >>> Layout.CHUNK_HEAD_CODEC_SHIFT) & 0xff, from, length);
    }
    if (status == Layout.STATUS_CRASHED) {
      return new Failure(WorkerCrashedException.last(type.name(), Layout.CAUSE_UNKNOWN, attempts));
    }
    return new Failure(
        FailureRecord.parse(memory.bytes(from, length)).toException(type.name(), status, 1));
  }

  private Object decode(SharedMemory memory, int found, long from, int length) {
    Codec<R> codec = type.resultCodec();
    try {
      if (!codec.accepts(found)) {
        return Codecs.undecodable(type.name(), Codecs.otherCodec(found, codec));
      }
      return Outcome.of(
          codec instanceof DirectCodec<R> direct
              ? direct.read(memory, from, length)
              : codec.decode(memory.readOnlyBuffer(from, length)));
    } catch (Throwable failed) { // whatever a codec of others throws
      Mapped.rethrowIfGone(memory, failed); // the bytes vanished, not the codec failed
      return Codecs.undecodable(type.name(), failed);
    }
  }

  /** What had not ended: one request may have run, those after it did not. */
  private void rest(Object[] outcomes, int ended, int attempt, RingworkException end) {
    int next = ended;
    if (attempt > 0 && next < outcomes.length) {
      outcomes[next++] =
          new Failure(
              end instanceof WorkerCrashedException crash ? crash.of(type.name(), attempt) : end);
    }
    if (next < outcomes.length) {
      Failure failure =
          new Failure(
              new RejectedException(
                  RejectedException.Reason.CHUNK_ENDED,
                  "the chunk of this request for "
                      + type.name()
                      + " ended before its turn; submit it again. "
                      + end.getMessage()));
      while (next < outcomes.length) {
        outcomes[next++] = failure;
      }
    }
  }
}
