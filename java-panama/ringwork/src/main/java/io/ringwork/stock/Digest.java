package io.ringwork.stock;

/**
 * Bytes to be digested, for {@link StockTasks#DIGEST}.
 *
 * @param data the bytes; not copied
 * @param algorithm {@code sha256} or {@code blake3}
 */
public record Digest(byte[] data, String algorithm) {
  /**
   * SHA-256.
   *
   * @param data the bytes
   * @return the request
   */
  public static Digest sha256(byte[] data) {
    return new Digest(data, "sha256");
  }

  /**
   * BLAKE3.
   *
   * @param data the bytes
   * @return the request
   */
  public static Digest blake3(byte[] data) {
    return new Digest(data, "blake3");
  }

  Json parameters(String encoding) {
    return new Json().put("algorithm", algorithm).put("encoding", encoding);
  }
}
