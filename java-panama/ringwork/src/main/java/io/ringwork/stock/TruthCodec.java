package io.ringwork.stock;

import io.ringwork.Codec;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The texts "true" and "false". */
final class TruthCodec implements Codec<Boolean> {
  @Override
  public int id() {
    return UTF8_ID;
  }

  @Override
  public long maxSize(Boolean value) {
    return 5;
  }

  @Override
  public void encode(Boolean value, ByteBuffer target) throws IOException {
    UTF8.encode(value.toString(), target);
  }

  @Override
  public Boolean decode(ByteBuffer source) throws IOException {
    String text = UTF8.decode(source);
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IOException("neither true nor false: " + text);
    };
  }
}
