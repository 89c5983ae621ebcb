package io.ringwork.stock;

import java.util.Objects;

/**
 * Zstd or gzip data to be decompressed, for {@link StockTasks#DECOMPRESS}.
 *
 * @param data the compressed bytes: one or more zstd frames, or gzip members; not copied
 * @param limit the most bytes that may come out, or 0 for the handler's default: the pool's largest
 *     payload (16 MiB in a segment of 62 MiB), at most 64 MiB
 */
public record Decompress(byte[] data, long limit) {
  /**
   * Checks that the data are there.
   *
   * @throws IllegalArgumentException if the limit is negative
   */
  public Decompress {
    Objects.requireNonNull(data, "data");
    Checks.notNegative("the limit on the bytes that come out", limit);
  }

  Json parameters() {
    return new Json().putNonZero("limit", limit);
  }
}
