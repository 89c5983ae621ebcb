package io.ringwork.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/** A password to hash by argon2id, in Java by Bouncy Castle. */
final class HashJob extends Job {
  private final String password;
  private final int kib;
  private final int passes;
  final int attempts;
  String rust = "";
  private String java = "";

  /** Password {@code number}, at a cost of memory and passes; a worker may try it so often. */
  HashJob(int number, int kib, int passes, int attempts) {
    this.password = "correct horse %04d battery staple".formatted(number);
    this.kib = kib;
    this.passes = passes;
    this.attempts = attempts;
  }

  @Override
  CompletableFuture<?> rust(Ringwork pool) {
    var request = PasswordHash.argon2id(password.getBytes(UTF_8), kib, passes, 1);
    return pool.submit(StockTasks.PASSWORD_HASH, request, TaskOptions.DEFAULT.attempts(attempts))
        .thenAccept(hash -> rust = hash);
  }

  /** With the salt that Rust drew, so that an equal hash proves both right. */
  @Override
  void java() {
    String[] parts = rust.split("\\$");
    byte[] salt = parts.length == 6 ? Base64.getDecoder().decode(parts[4]) : new byte[16];
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withMemoryAsKB(kib)
            .withIterations(passes)
            .withParallelism(1)
            .withSalt(salt)
            .build());
    byte[] hash = new byte[32];
    generator.generateBytes(password.getBytes(UTF_8), hash);
    Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
    java =
        "$argon2id$v=19$m=%d,t=%d,p=1$%s$%s"
            .formatted(kib, passes, base64.encodeToString(salt), base64.encodeToString(hash));
  }

  @Override
  void check() {
    if (!rust.equals(java)) {
      throw new IllegalStateException("Rust has '" + rust + "', Java '" + java + "'");
    }
  }

  @Override
  public String toString() {
    return "hash of '" + password + "'";
  }
}
