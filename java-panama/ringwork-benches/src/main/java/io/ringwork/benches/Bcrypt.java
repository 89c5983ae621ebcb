package io.ringwork.benches;

import io.ringwork.Ringwork;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import org.bouncycastle.crypto.generators.OpenBSDBCrypt;

/** bcrypt: Bouncy Castle, and the stock handler {@code password.hash}; a fresh salt each. */
final class Bcrypt implements Work<String> {
  /** The lowest that bcrypt has, so that 10,000 of them take seconds. */
  private static final int COST = 4;

  private static final String PREFIX = "$2b$04$";
  private static final int LENGTH = 60;

  private final SecureRandom random = new SecureRandom();

  @Override
  public int tasks() {
    return 10_000;
  }

  @Override
  public void prepare() {}

  private static byte[] password(int i) {
    return ("password-" + i).getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public String inJava(int i) {
    byte[] salt = new byte[16];
    random.nextBytes(salt);
    return OpenBSDBCrypt.generate("2b", password(i), salt, COST);
  }

  @Override
  public CompletableFuture<String> onRingwork(Ringwork pool, int i) {
    PasswordHash request = PasswordHash.bcrypt(password(i), COST);
    return pool.submit(StockTasks.PASSWORD_HASH, request, RingworkSide.OPTIONS);
  }

  @Override
  public boolean plausible(int i, String result) {
    return result.length() == LENGTH && result.startsWith(PREFIX);
  }

  @Override
  public boolean right(int i, String result) {
    return OpenBSDBCrypt.checkPassword(result, password(i));
  }
}
