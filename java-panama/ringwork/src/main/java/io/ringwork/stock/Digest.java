package io.ringwork.stock;

import java.util.List;
import java.util.Objects;

/**
 * Bytes to be digested, for {@link StockTasks#DIGEST} and {@link StockTasks#DIGEST_HEX}.
 *
 * @param data the bytes; not copied
 * @param algorithm {@code sha256}, {@code sha512}, {@code blake3}, {@code hmac-sha256} or {@code
 *     hmac-sha512}
 * @param key the key of an HMAC, at least one byte; not copied; empty for the others
 */
public record Digest(byte[] data, String algorithm, byte[] key) {
  private static final byte[] NO_KEY = {};

  private static final List<String> KNOWN =
      List.of("sha256", "sha512", "blake3", "hmac-sha256", "hmac-sha512");

  /**
   * Checks that all are there.
   *
   * @throws IllegalArgumentException if the algorithm is not known, or it has a key and takes none,
   *     or needs one and has none
   */
  public Digest {
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(key, "key");
    Checks.oneOf("the algorithm of a digest", algorithm, KNOWN);
    if (algorithm.startsWith("hmac") != key.length > 0) {
      throw new IllegalArgumentException(
          key.length > 0
              ? algorithm + " takes no key: use hmac-sha256 or hmac-sha512"
              : algorithm + " needs a key of at least one byte");
    }
  }

  /**
   * A digest without a key.
   *
   * @param data the bytes; not copied
   * @param algorithm {@code sha256}, {@code sha512} or {@code blake3}
   */
  public Digest(byte[] data, String algorithm) {
    this(data, algorithm, NO_KEY);
  }

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
   * SHA-512.
   *
   * @param data the bytes
   * @return the request
   */
  public static Digest sha512(byte[] data) {
    return new Digest(data, "sha512");
  }

  /**
   * HMAC with SHA-256.
   *
   * @param data the bytes
   * @param key the key, at least one byte
   * @return the request
   */
  public static Digest hmacSha256(byte[] data, byte[] key) {
    return new Digest(data, "hmac-sha256", key);
  }

  /**
   * HMAC with SHA-512.
   *
   * @param data the bytes
   * @param key the key, at least one byte
   * @return the request
   */
  public static Digest hmacSha512(byte[] data, byte[] key) {
    return new Digest(data, "hmac-sha512", key);
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
    return new Json()
        .put("algorithm", algorithm)
        .put("encoding", encoding)
        .putBytes("key_base64", key);
  }
}
