package io.ringwork.stock;

import io.ringwork.Codec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;

/**
 * Parameters and a body: u32 length of a JSON object, the object, the body. Only requests are of
 * this kind.
 *
 * @param <T> the request
 */
final class ParamsCodec<T> implements Codec<T> {
  private final Function<T, Json> parameters;
  private final Function<T, byte[]> body;

  ParamsCodec(Function<T, Json> parameters, Function<T, byte[]> body) {
    this.parameters = parameters;
    this.body = body;
  }

  @Override
  public int id() {
    return PARAMS_ID;
  }

  private byte[] json(T value) {
    return parameters.apply(value).toString().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public long maxSize(T value) {
    return 4L + json(value).length + body.apply(value).length;
  }

  @Override
  public void encode(T value, ByteBuffer target) {
    byte[] json = json(value);
    target.putInt(json.length).put(json).put(body.apply(value));
  }

  @Override
  public T decode(ByteBuffer source) {
    throw new UnsupportedOperationException("parameters travel to the worker only");
  }
}
