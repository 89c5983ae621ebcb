package io.ringwork.stock;

import java.util.Locale;
import java.util.Objects;

/**
 * Bytes to be compressed, for {@link StockTasks#COMPRESS}.
 *
 * @param data the bytes; not copied
 * @param format the format of the result
 * @param level zstd: -7 to 22; gzip: 0 (stored) to 9; lower is faster, higher is smaller; or {@link
 *     #DEFAULT_LEVEL}
 */
public record Compress(byte[] data, Format format, int level) {
  /** The handler's default level: 3 for zstd, 6 for gzip. */
  public static final int DEFAULT_LEVEL = Integer.MIN_VALUE;

  /** The format of a result. */
  public enum Format {
    /** One zstd frame with its content size and a checksum. The default. */
    ZSTD,
    /** One gzip member. */
    GZIP
  }

  /**
   * Checks that data and format are there.
   *
   * @throws IllegalArgumentException if the format has no such level
   */
  public Compress {
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(format, "format");
    int low = format == Format.ZSTD ? -7 : 0;
    int high = format == Format.ZSTD ? 22 : 9;
    if (level != DEFAULT_LEVEL && (level < low || level > high)) {
      throw new IllegalArgumentException(
          "a level of "
              + format
              + " is "
              + low
              + " to "
              + high
              + ", or Compress.DEFAULT_LEVEL, and not "
              + level);
    }
  }

  /**
   * Bytes to be compressed with zstd.
   *
   * @param data the bytes; not copied
   * @param level -7 to 22; 0 is zstd's own default, which is 3
   */
  public Compress(byte[] data, int level) {
    this(data, Format.ZSTD, level);
  }

  /**
   * Bytes to be compressed with gzip at its default level.
   *
   * @param data the bytes; not copied
   * @return the request
   */
  public static Compress gzip(byte[] data) {
    return new Compress(data, Format.GZIP, DEFAULT_LEVEL);
  }

  Json parameters() {
    Json json = new Json().put("format", format.name().toLowerCase(Locale.ROOT));
    return level == DEFAULT_LEVEL ? json : json.put("level", level);
  }
}
