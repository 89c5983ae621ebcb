package io.ringwork.stock;

import io.ringwork.internal.Plural;
import java.util.List;
import java.util.Objects;

/**
 * A stored hash that may be weaker than new ones, for {@link StockTasks#PASSWORD_NEEDS_REHASH}. A 0
 * stands for the handler's default, which is that of {@link PasswordHash}.
 *
 * @param hash the stored hash string
 * @param algorithm the algorithm of new hashes: {@code argon2id} or {@code bcrypt}
 * @param memoryKib argon2id: memory in KiB
 * @param iterations argon2id: passes
 * @param outputLength argon2id: bytes of the hash
 * @param cost bcrypt: the logarithm of the rounds
 */
public record PasswordRehash(
    String hash, String algorithm, int memoryKib, int iterations, int outputLength, int cost) {
  /**
   * Checks that hash and algorithm are there.
   *
   * @throws IllegalArgumentException if a number is out of range
   */
  public PasswordRehash {
    Objects.requireNonNull(hash, "hash");
    Objects.requireNonNull(algorithm, "algorithm");
    Checks.oneOf("the algorithm of a password", algorithm, List.of("argon2id", "bcrypt"));
    Checks.notNegative("Argon2's memory in KiB", memoryKib);
    Checks.notNegative("the number of Argon2's passes", iterations);
    Checks.notNegative("the length of Argon2's output", outputLength);
    Checks.range("bcrypt's cost", cost, 4, 31);
  }

  /**
   * Whether a hash is of another algorithm than new ones, or lower in one of their parameters.
   *
   * @param hash the stored hash string
   * @param wanted how new passwords are hashed
   * @return the request
   */
  public static PasswordRehash of(String hash, PasswordHash wanted) {
    return new PasswordRehash(
        hash,
        wanted.algorithm(),
        wanted.memoryKib(),
        wanted.iterations(),
        wanted.outputLength(),
        wanted.cost());
  }

  Json parameters() {
    return new Json()
        .put("hash", hash)
        .put("algorithm", algorithm)
        .putNonZero("memory_kib", memoryKib)
        .putNonZero("iterations", iterations)
        .putNonZero("output_len", outputLength)
        .putNonZero("cost", cost);
  }

  /** Without the hash, as requests end up in logs. */
  @Override
  public String toString() {
    return "PasswordRehash[hash of "
        + Plural.of(hash.length(), "character")
        + ", algorithm="
        + algorithm
        + ", memoryKib="
        + memoryKib
        + ", iterations="
        + iterations
        + ", outputLength="
        + outputLength
        + ", cost="
        + cost
        + "]";
  }
}
