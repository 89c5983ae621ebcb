package io.ringwork.stock;

/**
 * Zstd data to be decompressed, for {@link StockTasks#DECOMPRESS}.
 *
 * @param data the compressed bytes; not copied
 * @param limit the most bytes that may come out, or 0 for the handler's default
 */
public record Decompress(byte[] data, long limit) {
  Json parameters() {
    return new Json().putNonZero("limit", limit);
  }
}
