package io.ringwork.stock;

import io.ringwork.Codec;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;

/**
 * The handlers of the stock worker as task types. All run at most once; {@link
 * TaskOptions#attempts(int)} allows more, which is safe for each of them.
 */
public final class StockTasks {
  /** Hashes a password; the result is a PHC string (argon2id) or a bcrypt string. */
  public static final TaskType<PasswordHash, String> PASSWORD_HASH =
      TaskType.of(
          "password.hash",
          new ParamsCodec<>(PasswordHash::parameters, PasswordHash::password),
          Codec.UTF8);

  /** Checks a password against a hash string. */
  public static final TaskType<PasswordVerify, Boolean> PASSWORD_VERIFY =
      TaskType.of(
          "password.verify",
          new ParamsCodec<>(PasswordVerify::parameters, PasswordVerify::password),
          new TruthCodec());

  /** Tells whether a stored hash is weaker than new ones would be. */
  public static final TaskType<PasswordRehash, Boolean> PASSWORD_NEEDS_REHASH =
      TaskType.of(
          "password.needs_rehash",
          new ParamsCodec<>(PasswordRehash::parameters, rehash -> new byte[0]),
          new TruthCodec());

  /** Scales an image; the result is an image file. */
  public static final TaskType<ImageResize, byte[]> IMAGE_RESIZE =
      TaskType.of(
          "image.resize",
          new ParamsCodec<>(ImageResize::parameters, ImageResize::image),
          Codec.BYTES);

  /** Makes a thumbnail of an image; the result is an image file. */
  public static final TaskType<ImageResize, byte[]> IMAGE_THUMBNAIL =
      TaskType.of(
          "image.thumbnail",
          new ParamsCodec<>(ImageResize::parameters, ImageResize::image),
          Codec.BYTES);

  /** Describes an image by its header, without decoding it. The request is the image file. */
  public static final TaskType<byte[], ImageInfo> IMAGE_INFO =
      TaskType.of(
          "image.info",
          new ParamsCodec<>(image -> new Json(), image -> image),
          new ImageInfoCodec());

  /** Digests bytes; the result is the raw digest. */
  public static final TaskType<Digest, byte[]> DIGEST =
      TaskType.of("digest", new ParamsCodec<>(d -> d.parameters("raw"), Digest::data), Codec.BYTES);

  /** Digests bytes; the result is the digest in lower-case hex. */
  public static final TaskType<Digest, String> DIGEST_HEX =
      TaskType.of("digest", new ParamsCodec<>(d -> d.parameters("hex"), Digest::data), Codec.UTF8);

  /** Compresses bytes with zstd or gzip. */
  public static final TaskType<Compress, byte[]> COMPRESS =
      TaskType.of("compress", new ParamsCodec<>(Compress::parameters, Compress::data), Codec.BYTES);

  /** Decompresses zstd or gzip data, up to a limit. */
  public static final TaskType<Decompress, byte[]> DECOMPRESS =
      TaskType.of(
          "decompress", new ParamsCodec<>(Decompress::parameters, Decompress::data), Codec.BYTES);

  /** Gives the request back. */
  public static final TaskType<byte[], byte[]> ECHO = TaskType.of("echo", Codec.BYTES, Codec.BYTES);

  /** Sleeps for some milliseconds; the result is how many it slept. Ends early when cancelled. */
  public static final TaskType<Long, Long> SLEEP = TaskType.of("sleep", Codec.LONG, Codec.LONG);

  private StockTasks() {}

  /**
   * Gives the request back, for a codec of your choice.
   *
   * @param codec how the value travels both ways
   * @param <T> the value
   * @return the task type
   */
  public static <T> TaskType<T, T> echo(Codec<T> codec) {
    return TaskType.of("echo", codec, codec);
  }
}
