package io.ringwork.benches;

import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.TaskType;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/**
 * PBKDF2-HMAC-SHA256: the JDK's own (with its SHA-256 intrinsic), and the crates pbkdf2 and sha2.
 */
final class Pbkdf2 implements Work<byte[]> {
  /** As in benches/src/bin/worker.rs. */
  private static final int ITERATIONS = 1000;

  private static final byte[] SALT = "ringwork-bench-salt".getBytes(StandardCharsets.US_ASCII);
  private static final int BITS = 256;
  private static final int PASSWORDS = 64;

  private static final TaskType<byte[], byte[]> TASK =
      TaskType.of("bench.pbkdf2", Codec.BYTES, Codec.BYTES);

  private final byte[][] keys = new byte[PASSWORDS][];

  @Override
  public int tasks() {
    return 10_000;
  }

  @Override
  public void prepare() {
    for (int i = 0; i < PASSWORDS; i++) {
      keys[i] = inJava(i);
    }
  }

  private static String password(int i) {
    return "password-" + i % PASSWORDS;
  }

  @Override
  public byte[] inJava(int i) {
    try {
      PBEKeySpec spec = new PBEKeySpec(password(i).toCharArray(), SALT, ITERATIONS, BITS);
      return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec).getEncoded();
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  @Override
  public CompletableFuture<byte[]> onRingwork(Ringwork pool, int i) {
    byte[] request = password(i).getBytes(StandardCharsets.US_ASCII);
    return pool.submit(TASK, request, RingworkSide.OPTIONS);
  }

  @Override
  public boolean plausible(int i, byte[] result) {
    return Arrays.equals(result, keys[i % PASSWORDS]);
  }

  @Override
  public boolean right(int i, byte[] result) {
    return plausible(i, result);
  }
}
