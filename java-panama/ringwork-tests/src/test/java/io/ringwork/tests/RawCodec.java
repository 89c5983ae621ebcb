package io.ringwork.tests;

import io.ringwork.Codec;
import java.nio.ByteBuffer;

/** Bytes under a codec id of one's choice; as a result codec it insists on that id. */
record RawCodec(int id) implements Codec<byte[]> {
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
}
