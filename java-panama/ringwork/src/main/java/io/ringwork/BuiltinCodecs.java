package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The codecs that need no library. They copy between heap and shared memory once. */
final class BuiltinCodecs {
  private BuiltinCodecs() {}

  static final class Bytes implements DirectCodec<byte[]> {
    @Override
    public int id() {
      return BYTES_ID;
    }

    @Override
    public boolean accepts(int id) {
      return true;
    }

    @Override
    public long maxSize(byte[] value) {
      return value.length;
    }

    @Override
    public void encode(byte[] value, ByteBuffer target) {
      target.put(value);
    }

    @Override
    public byte[] decode(ByteBuffer source) {
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      return bytes;
    }

    @Override
    public int write(byte[] value, SharedMemory memory, long at) {
      memory.put(at, value);
      return value.length;
    }

    @Override
    public byte[] read(SharedMemory memory, long at, int length) {
      return memory.bytes(at, length);
    }
  }

  static final class Utf8 implements DirectCodec<String> {
    @Override
    public int id() {
      return UTF8_ID;
    }

    /** The exact size: three bytes a char at most would send short texts to the arena. */
    @Override
    public long maxSize(String value) {
      int length = value.length();
      if (length <= Layout.INLINE / 3) {
        return 3L * length;
      }
      long size = length;
      for (int i = 0; i < length; i++) {
        char c = value.charAt(i);
        if (c >= 0x80) {
          // A surrogate pair makes four bytes, two for each of its chars.
          size += c < 0x800 || Character.isSurrogate(c) ? 1 : 2;
        }
      }
      return size;
    }

    @Override
    public void encode(String value, ByteBuffer target) {
      target.put(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String decode(ByteBuffer source) {
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public int write(String value, SharedMemory memory, long at) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      memory.put(at, bytes);
      return bytes.length;
    }

    @Override
    public String read(SharedMemory memory, long at, int length) {
      return new String(memory.bytes(at, length), StandardCharsets.UTF_8);
    }
  }

  static final class Int64 implements DirectCodec<Long> {
    @Override
    public int id() {
      return LONG_ID;
    }

    @Override
    public long maxSize(Long value) {
      return Long.BYTES;
    }

    @Override
    public void encode(Long value, ByteBuffer target) {
      target.putLong(value);
    }

    @Override
    public Long decode(ByteBuffer source) throws IOException {
      check(source.remaining());
      return source.getLong();
    }

    @Override
    public int write(Long value, SharedMemory memory, long at) {
      memory.setLong(at, value);
      return Long.BYTES;
    }

    @Override
    public Long read(SharedMemory memory, long at, int length) throws IOException {
      check(length);
      return memory.getLong(at);
    }

    private static void check(int length) throws IOException {
      if (length != Long.BYTES) {
        throw new IOException("a 64-bit integer has 8 bytes, not " + length);
      }
    }
  }
}
