package io.ringwork.stock;

import io.ringwork.internal.Plural;
import java.util.Objects;

/**
 * A password to be checked, for {@link StockTasks#PASSWORD_VERIFY}. A 0 stands for the handler's
 * default.
 *
 * @param password the password's bytes; not copied
 * @param hash the PHC or bcrypt string that it should match, as it was stored, without a prefix
 *     such as {@code {bcrypt}}
 * @param maxMemoryKib Argon2, scrypt: hashes that need more memory are refused; at most 1,048,576
 *     KiB, the default
 * @param maxCost bcrypt: hashes of a higher cost are refused; 4 to 31, default 17
 * @param maxIterations PBKDF2: hashes of more iterations, over all blocks of their output, are
 *     refused; at most 4,294,967,295, default 10,000,000
 * @param allowTruncation bcrypt: only the first 72 bytes of a longer password count, as in the
 *     library that made the hash; by default such a password is refused
 */
public record PasswordVerify(
    byte[] password,
    String hash,
    int maxMemoryKib,
    int maxCost,
    long maxIterations,
    boolean allowTruncation) {
  /**
   * Checks that password and hash are there.
   *
   * @throws IllegalArgumentException if a limit is out of range
   */
  public PasswordVerify {
    Objects.requireNonNull(password, "password");
    Objects.requireNonNull(hash, "hash");
    Checks.range("the limit on memory in KiB", maxMemoryKib, 1, 1 << 20);
    Checks.range("the limit on bcrypt's cost", maxCost, 4, 31);
    Checks.range("the limit on PBKDF2's iterations", maxIterations, 1, 0xffff_ffffL);
  }

  /**
   * A check with the handler's default limits.
   *
   * @param password the password's bytes; not copied
   * @param hash the stored hash string
   */
  public PasswordVerify(byte[] password, String hash) {
    this(password, hash, 0, 0, 0, false);
  }

  /**
   * The limit on memory.
   *
   * @param maxMemoryKib hashes that need more are refused
   * @return a copy
   */
  public PasswordVerify withMaxMemoryKib(int maxMemoryKib) {
    return new PasswordVerify(
        password, hash, maxMemoryKib, maxCost, maxIterations, allowTruncation);
  }

  /**
   * The limit on bcrypt's cost.
   *
   * @param maxCost hashes of a higher cost are refused
   * @return a copy
   */
  public PasswordVerify withMaxCost(int maxCost) {
    return new PasswordVerify(
        password, hash, maxMemoryKib, maxCost, maxIterations, allowTruncation);
  }

  /**
   * The limit on PBKDF2's iterations.
   *
   * @param maxIterations hashes of more are refused
   * @return a copy
   */
  public PasswordVerify withMaxIterations(long maxIterations) {
    return new PasswordVerify(
        password, hash, maxMemoryKib, maxCost, maxIterations, allowTruncation);
  }

  /**
   * Whether only the first 72 bytes of a longer password count for a bcrypt hash.
   *
   * @param allowTruncation true for hashes of a library that truncates
   * @return a copy
   */
  public PasswordVerify withAllowTruncation(boolean allowTruncation) {
    return new PasswordVerify(
        password, hash, maxMemoryKib, maxCost, maxIterations, allowTruncation);
  }

  Json parameters() {
    return new Json()
        .put("hash", hash)
        .putNonZero("max_memory_kib", maxMemoryKib)
        .putNonZero("max_cost", maxCost)
        .putNonZero("max_iterations", maxIterations)
        .putTrue("allow_truncation", allowTruncation);
  }

  /** Without the hash, as requests end up in logs. */
  @Override
  public String toString() {
    return "PasswordVerify[hash of "
        + Plural.of(hash.length(), "character")
        + ", maxMemoryKib="
        + maxMemoryKib
        + ", maxCost="
        + maxCost
        + ", maxIterations="
        + maxIterations
        + ", allowTruncation="
        + allowTruncation
        + "]";
  }
}
