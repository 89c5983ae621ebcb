package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SharedMemory;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Requests on their way into one block: section 15 of docs/internals/protocol.md.
 *
 * <p>Made for one submit and used by one thread.
 */
final class Chunk<Q> {
  /**
   * Requests, results and heads of results begin at such offsets: each is at home in whole lines.
   */
  private static final int LINE = 64;

  /** Bytes of room for each result, at least and by default. */
  static final int LEAST_ROOM = 64;

  /** Room for the texts of failures beside that for results: for one or a few. */
  private static final int FAILURES = 512;

  /** Lines taken at once. */
  private static final int BURST = 16;

  /** How many bytes before the last line that was taken the requests are when others are taken. */
  private static final int AHEAD = 2 * LINE;

  final List<? extends Q> requests;
  private final String task;
  private final Codec<Q> codec;
  private final int resultRoom;
  private final int attempts;

  /** Encoded beforehand, where only that tells the size. */
  private byte @Nullable [] @Nullable [] encoded;

  /** The bound of each, asked for once: what a codec says twice may differ. */
  private final int[] sizes;

  private long results;
  private long size;

  /** Requests that may run so often each, with so many bytes of room for each result. */
  Chunk(TaskType<Q, ?> type, List<? extends Q> requests, int resultRoom, int attempts) {
    this.requests = requests;
    this.codec = type.requestCodec;
    this.attempts = attempts;
    this.task = type.name();
    this.resultRoom = resultRoom;
    this.sizes = new int[requests.size()];
  }

  static long padded(long length) {
    return length + 7 & -8;
  }

  static long line(long offset) {
    return offset + LINE - 1 & -LINE;
  }

  /** Where the requests begin. */
  private long first() {
    return line(Layout.CHUNK_LENGTHS + 4L * requests.size());
  }

  /** The bytes that requests and room for results take at most. */
  private long measure() {
    long at = first();
    int n = requests.size();
    for (int i = 0; i < n; i++) {
      at += padded(sizeOf(i));
    }
    results = line(at);
    size = line(results + 8L * n) + n * padded(resultRoom) + FAILURES;
    return size;
  }

  private long sizeOf(int i) {
    Q request = requests.get(i);
    long bound = codec.maxSize(request);
    if (bound == Codec.UNKNOWN_SIZE) {
      return encode(i, request);
    }
    if (bound < 0 || bound > Integer.MAX_VALUE) {
      throw new IllegalStateException("request " + i + " of the chunk has the size " + bound);
    }
    sizes[i] = (int) bound;
    return bound;
  }

  /** Encodes beforehand, into a copy: the codec may use its buffer again for the next one. */
  private int encode(int i, Q request) {
    ByteBuffer bytes;
    try {
      bytes = codec.encode(request);
    } catch (Throwable failed) { // whatever a codec of others throws
      throw unencodable(i, failed);
    }
    if (bytes == null) {
      throw unencodable(i, "encode gave null", null);
    }
    if (encoded == null) {
      encoded = new byte[requests.size()][];
    }
    byte[] copy = new byte[bytes.remaining()];
    bytes.duplicate().get(copy);
    encoded[i] = copy;
    return copy.length;
  }

  private int write(SharedMemory memory, long at) {
    int n = requests.size();
    memory.setInt(at + Layout.CHUNK_COUNT, n);
    memory.setInt(at + Layout.CHUNK_RESULTS, (int) results);
    memory.setInt(at + Layout.CHUNK_CODEC, codec.id() | attempts << 8);
    memory.setInt(at + Layout.CHUNK_ROOM, (int) padded(resultRoom));
    memory.setLong(at + Layout.CHUNK_CURSOR, 0);
    long to = at + first();
    long lengths = at + Layout.CHUNK_LENGTHS;
    long mine = to;
    for (int i = 0; i < n; i++) {
      if (to + AHEAD > mine) {
        mine = takeLines(memory, Math.max(mine, line(to)), at + results);
      }
      int length = write(i, memory, to);
      memory.setInt(lengths + 4L * i, length);
      to += padded(length);
    }
    return (int) size;
  }

  /**
   * Takes the lines of the requests to come away from the lane, which has read them last: all at
   * once, since the processor then has many of them under way. One by one, each would hold up all
   * stores after it.
   */
  private static long takeLines(SharedMemory memory, long from, long end) {
    long to = Math.min(from + BURST * LINE, end);
    for (long line = from; line < to; line += LINE) {
      memory.setLong(line, 0);
    }
    return to;
  }

  private int write(int i, SharedMemory memory, long to) {
    if (encoded != null && encoded[i] != null) {
      memory.put(to, encoded[i]);
      return encoded[i].length;
    }
    Q request = requests.get(i);
    if (codec instanceof DirectCodec<Q> direct) {
      return direct.write(request, memory, to);
    }
    ByteBuffer target = memory.buffer(to, sizes[i]);
    try {
      codec.encode(request, target);
    } catch (Throwable failed) {
      Mapped.rethrowIfGone(memory, failed); // the target vanished, not the codec failed
      throw unencodable(i, failed);
    }
    return target.position();
  }

  private CodecException unencodable(int i, Throwable failed) {
    return unencodable(i, CodecException.text(failed), failed);
  }

  private CodecException unencodable(int i, String why, @Nullable Throwable cause) {
    return new CodecException(
        "request " + i + " of a chunk of " + task + " can't be encoded: " + why, false, cause);
  }

  /** The codec of a whole chunk. */
  static final class Writer<Q> implements DirectCodec<Chunk<Q>> {
    @Override
    public int id() {
      return Layout.CODEC_CHUNK;
    }

    @Override
    public long maxSize(Chunk<Q> chunk) {
      return chunk.measure();
    }

    @Override
    public int write(Chunk<Q> chunk, SharedMemory memory, long at) {
      return chunk.write(memory, at);
    }

    @Override
    public void encode(Chunk<Q> chunk, ByteBuffer target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Chunk<Q> read(SharedMemory memory, long at, int length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Chunk<Q> decode(ByteBuffer source) {
      throw new UnsupportedOperationException();
    }
  }
}
