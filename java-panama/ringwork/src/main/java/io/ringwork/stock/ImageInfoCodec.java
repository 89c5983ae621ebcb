package io.ringwork.stock;

import io.ringwork.Codec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;

/** A description of an image, which travels as JSON. */
final class ImageInfoCodec implements Codec<ImageInfo> {
  @Override
  public int id() {
    return UTF8_ID;
  }

  @Override
  public long maxSize(ImageInfo value) {
    throw new UnsupportedOperationException("descriptions come from the worker only");
  }

  @Override
  public void encode(ImageInfo value, ByteBuffer target) {
    throw new UnsupportedOperationException("descriptions come from the worker only");
  }

  @Override
  public ImageInfo decode(ByteBuffer source) throws IOException {
    String text = UTF8.decode(source);
    Map<String, String> fields = JsonFields.of(text);
    return new ImageInfo(
        field(fields, "format"),
        (int) number(fields, "width"),
        (int) number(fields, "height"),
        (int) number(fields, "orientation"),
        Boolean.parseBoolean(field(fields, "alpha")),
        (int) number(fields, "bits"),
        Boolean.parseBoolean(field(fields, "palette")),
        number(fields, "frames"),
        // A null is no field here.
        fields.getOrDefault("profile", ""));
  }

  private static long number(Map<String, String> fields, String name) throws IOException {
    String value = field(fields, name);
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException notANumber) {
      throw new IOException(name + " is no number: " + value, notANumber);
    }
  }

  private static String field(Map<String, String> fields, String name) throws IOException {
    String value = fields.get(name);
    if (value == null) {
      throw new IOException("the description has no " + name + ": " + fields);
    }
    return value;
  }
}
