package io.ringwork.stock;

/**
 * Bytes to be compressed with zstd, for {@link StockTasks#COMPRESS}.
 *
 * @param data the bytes; not copied
 * @param level 1 to 22, or 0 for the handler's default
 */
public record Compress(byte[] data, int level) {
  Json parameters() {
    return new Json().putNonZero("level", level);
  }
}
