package io.ringwork.stock;

import java.util.List;
import java.util.Objects;

/**
 * A password to be hashed, for {@link StockTasks#PASSWORD_HASH}. A 0 stands for the handler's
 * default.
 *
 * @param password the password's bytes; not copied
 * @param algorithm {@code argon2id} or {@code bcrypt}
 * @param memoryKib argon2id: memory in KiB
 * @param iterations argon2id: passes
 * @param parallelism argon2id: threads
 * @param outputLength argon2id: bytes of the hash
 * @param cost bcrypt: the logarithm of the rounds
 * @param salt for known-answer tests only; empty for a random one
 */
public record PasswordHash(
    byte[] password,
    String algorithm,
    int memoryKib,
    int iterations,
    int parallelism,
    int outputLength,
    int cost,
    byte[] salt) {
  private static final byte[] RANDOM = {};

  /**
   * Checks that all are there.
   *
   * @throws IllegalArgumentException if a number is out of range
   */
  public PasswordHash {
    Objects.requireNonNull(password, "password");
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(salt, "salt");
    Checks.oneOf("the algorithm of a password", algorithm, List.of("argon2id", "bcrypt"));
    Checks.notNegative("Argon2's memory in KiB", memoryKib);
    Checks.notNegative("the number of Argon2's passes", iterations);
    Checks.range("Argon2's parallelism", parallelism, 1, 64);
    Checks.notNegative("the length of Argon2's output", outputLength);
    Checks.range("bcrypt's cost", cost, 4, 31);
  }

  /**
   * A password to be hashed with a random salt.
   *
   * @param password the password's bytes; not copied
   * @param algorithm {@code argon2id} or {@code bcrypt}
   * @param memoryKib argon2id: memory in KiB
   * @param iterations argon2id: passes
   * @param parallelism argon2id: threads
   * @param outputLength argon2id: bytes of the hash
   * @param cost bcrypt: the logarithm of the rounds
   */
  public PasswordHash(
      byte[] password,
      String algorithm,
      int memoryKib,
      int iterations,
      int parallelism,
      int outputLength,
      int cost) {
    this(password, algorithm, memoryKib, iterations, parallelism, outputLength, cost, RANDOM);
  }

  /**
   * Argon2id with the handler's default parameters.
   *
   * @param password the password's bytes
   * @return the request
   */
  public static PasswordHash argon2id(byte[] password) {
    return argon2id(password, 0, 0, 0);
  }

  /**
   * Argon2id.
   *
   * @param password the password's bytes
   * @param memoryKib memory in KiB
   * @param iterations passes
   * @param parallelism threads
   * @return the request
   */
  public static PasswordHash argon2id(
      byte[] password, int memoryKib, int iterations, int parallelism) {
    return new PasswordHash(password, "argon2id", memoryKib, iterations, parallelism, 0, 0);
  }

  /**
   * Bcrypt.
   *
   * @param password the password's bytes
   * @param cost the logarithm of the rounds, 4 to 31
   * @return the request
   */
  public static PasswordHash bcrypt(byte[] password, int cost) {
    return new PasswordHash(password, "bcrypt", 0, 0, 0, 0, cost);
  }

  Json parameters() {
    return new Json()
        .put("algorithm", algorithm)
        .putNonZero("memory_kib", memoryKib)
        .putNonZero("iterations", iterations)
        .putNonZero("parallelism", parallelism)
        .putNonZero("output_len", outputLength)
        .putNonZero("cost", cost)
        .putBytes("salt_base64", salt);
  }
}
