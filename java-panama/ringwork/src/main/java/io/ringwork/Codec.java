package io.ringwork;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Turns values of a task into bytes in shared memory and back.
 *
 * <p>Implementations are called from many threads at once: from the threads that submit, and for
 * results from the poller, from completion threads and from threads that wait. They keep no
 * reference to a buffer after they return: it is shared memory that is given to another task.
 * Buffers are little-endian, their position is 0. What {@code encode} or {@code decode} throws
 * becomes the cause of a {@link CodecException}; the slot is given back in any case.
 *
 * @param <T> the type of value
 */
public interface Codec<T> {
  /** Raw bytes; as a result codec it takes a result of any codec. */
  Codec<byte[]> BYTES = new BuiltinCodecs.Bytes();

  /** UTF-8 text. Unpaired surrogates become {@code '?'}, malformed bytes U+FFFD. */
  Codec<String> UTF8 = new BuiltinCodecs.Utf8();

  /** One little-endian 64-bit integer. */
  Codec<Long> LONG = new BuiltinCodecs.Int64();

  /** What {@link #maxSize} returns when only encoding tells the size. */
  long UNKNOWN_SIZE = -1;

  /** Codec id of raw bytes. */
  int BYTES_ID = Layout.CODEC_BYTES;

  /** Codec id of UTF-8 text. */
  int UTF8_ID = Layout.CODEC_UTF8;

  /** Codec id of one little-endian 64-bit integer. */
  int LONG_ID = Layout.CODEC_I64;

  /** Codec id of one CBOR item (RFC 8949). */
  int CBOR_ID = Layout.CODEC_CBOR;

  /** Codec id of parameters and a body: u32 length of a JSON object, the object, the body. */
  int PARAMS_ID = Layout.CODEC_PARAMS;

  /**
   * The id that travels with the bytes, so that the other side knows what they are.
   *
   * @return one of the ids above, or one of your own from 128 to 255
   */
  int id();

  /**
   * Whether a result that the worker marked with this id can be decoded.
   *
   * @param id the id found beside the result
   * @return true to decode it, false to fail the task with {@link CodecException}
   */
  default boolean accepts(int id) {
    return id == id();
  }

  /**
   * The number of bytes that {@link #encode(Object, ByteBuffer)} needs at most. It decides where
   * the request is put (inline up to 88 bytes, else a block of the arena that holds so many) and
   * whether it is too large, so a tight bound pays.
   *
   * @param value the value to be encoded
   * @return the size or an upper bound in bytes; {@link #UNKNOWN_SIZE} makes the client call {@link
   *     #encode(Object)} instead
   */
  long maxSize(T value);

  /**
   * Writes the value straight into shared memory, from the buffer's position on; where the position
   * stands at the end is where the encoding ends.
   *
   * @param value the value
   * @param target at least {@link #maxSize} bytes
   * @throws IOException if the value can't be encoded
   */
  void encode(T value, ByteBuffer target) throws IOException;

  /**
   * Encodes into a buffer of the codec's own; called only when {@link #maxSize} says {@link
   * #UNKNOWN_SIZE}. The client copies what is between position and limit before it returns from
   * submit.
   *
   * @param value the value
   * @return the encoding, from position to limit
   * @throws IOException if the value can't be encoded
   */
  default ByteBuffer encode(T value) throws IOException {
    throw new UnsupportedOperationException(
        getClass().getName() + " returns UNKNOWN_SIZE, so it must implement encode(T)");
  }

  /**
   * Reads a value. The bytes are in shared memory that a faulty worker could still write to: check
   * what you have copied, not what you are about to copy.
   *
   * @param source a read-only view of exactly the bytes of the result
   * @return the value
   * @throws IOException if the bytes are no such value
   */
  T decode(ByteBuffer source) throws IOException;
}
