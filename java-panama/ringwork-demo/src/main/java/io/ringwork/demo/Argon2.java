package io.ringwork.demo;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id on the Java side, by Bouncy Castle, with hashes written as PHC strings: the same
 * algorithm, cost and format as the Rust handler {@code password.hash}.
 *
 * @param memoryKib memory of one hash, in KiB
 * @param iterations passes over that memory
 * @param parallelism lanes of one hash
 */
record Argon2(int memoryKib, int iterations, int parallelism) {
  /** Length of a hash in bytes. */
  static final int OUTPUT = 32;

  /** Length of a salt in bytes. */
  static final int SALT = 16;

  private static final Pattern PHC =
      Pattern.compile(
          "\\$argon2id\\$v=19\\$m=(\\d+),t=(\\d+),p=(\\d+)\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)");

  /** The PHC string of {@code password} under {@code salt}. */
  String hash(String password, byte[] salt) {
    Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
    return "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"
        .formatted(
            memoryKib,
            iterations,
            parallelism,
            base64.encodeToString(salt),
            base64.encodeToString(raw(password, salt, OUTPUT)));
  }

  /** The salt that a PHC string of this cost states. */
  byte[] salt(String phc) {
    return Base64.getDecoder().decode(parse(phc).group(4));
  }

  private Matcher parse(String phc) {
    Matcher matcher = PHC.matcher(phc);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("not an argon2id PHC string: " + phc);
    }
    int[] stated = {memoryKib, iterations, parallelism};
    for (int i = 0; i < stated.length; i++) {
      if (Integer.parseInt(matcher.group(i + 1)) != stated[i]) {
        throw new IllegalArgumentException("not of the cost asked for: " + phc);
      }
    }
    return matcher;
  }

  private byte[] raw(String password, byte[] salt, int length) {
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(memoryKib)
            .withIterations(iterations)
            .withParallelism(parallelism)
            .withSalt(salt)
            .build());
    byte[] out = new byte[length];
    generator.generateBytes(password.getBytes(StandardCharsets.UTF_8), out);
    return out;
  }
}
