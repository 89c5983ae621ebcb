package io.ringwork.stock;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.stock.ImageResize.Fit;
import io.ringwork.stock.ImageResize.Format;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What no handler takes is refused when the request is made, with the bounds. */
class RefusedParametersTest {
  private static final byte[] BYTES = {1};

  @Test
  void numbersOutOfRangeAreRefused() {
    ImageResize image = ImageResize.of(BYTES, 10, 0).withFit(Fit.FILL).withFormat(Format.JPEG);
    PasswordVerify verify = new PasswordVerify(BYTES, "hash");
    Map<Runnable, String> refused = new LinkedHashMap<>();
    refused.put(() -> ImageResize.of(BYTES, 0, 0), "at least one of them");
    refused.put(() -> ImageResize.of(BYTES, -1, 5), "the width is 1 or more");
    refused.put(() -> ImageResize.of(BYTES, 5, -1), "the height is 1 or more");
    refused.put(() -> image.withQuality(-1), "the quality is 1 to 100, or 0");
    refused.put(() -> image.withQuality(101), "and not 101");
    refused.put(() -> image.withMaxPixels(-1), "the limit on pixels");
    refused.put(() -> new Compress(BYTES, 23), "a level of ZSTD is -7 to 22");
    refused.put(() -> new Compress(BYTES, -8), "and not -8");
    refused.put(() -> new Compress(BYTES, Compress.Format.GZIP, 10), "a level of GZIP is 0 to 9");
    refused.put(() -> new Decompress(BYTES, -1), "the limit on the bytes");
    refused.put(() -> PasswordHash.argon2id(BYTES, -1, 0, 0), "memory");
    refused.put(() -> PasswordHash.argon2id(BYTES, 0, -1, 0), "passes");
    refused.put(() -> PasswordHash.argon2id(BYTES, 0, 0, 65), "parallelism is 1 to 64");
    refused.put(() -> PasswordHash.bcrypt(BYTES, 32), "cost is 4 to 31");
    refused.put(() -> PasswordHash.bcrypt(BYTES, 3), "and not 3");
    refused.put(() -> new PasswordHash(BYTES, "argon2id", 0, 0, 0, -5, 0), "output");
    refused.put(() -> verify.withMaxMemoryKib(-1), "memory");
    refused.put(() -> verify.withMaxCost(40), "cost is 4 to 31");
    refused.put(() -> verify.withMaxIterations(1L << 32), "iterations");
    refused.put(() -> new PasswordRehash("hash", "bcrypt", 0, 0, 0, 99), "cost is 4 to 31");
    refused.put(() -> new Digest(BYTES, "md5"), "hmac-sha512, and not \"md5\"");
    refused.put(() -> new Digest(BYTES, "hmac-sha256"), "needs a key");
    refused.put(() -> Digest.hmacSha512(BYTES, new byte[0]), "needs a key");
    refused.put(() -> new Digest(BYTES, "sha256", BYTES), "takes no key");
    refused.put(() -> new PasswordHash(BYTES, "md5crypt", 0, 0, 0, 0, 0), "argon2id, bcrypt");
    refused.put(() -> new PasswordRehash("hash", "scrypt", 0, 0, 0, 0), "argon2id, bcrypt");
    refused.forEach(
        (maker, part) -> {
          String said = assertThrows(IllegalArgumentException.class, maker::run).getMessage();
          assertTrue(said.contains(part), said);
        });
  }

  @Test
  void zeroStandsForTheDefault() {
    ImageResize.of(BYTES, 0, 5).withQuality(0).withMaxPixels(0);
    PasswordHash.argon2id(BYTES);
    PasswordHash.bcrypt(BYTES, 0);
    new PasswordVerify(BYTES, "hash");
    new Decompress(BYTES, 0);
    Compress.gzip(BYTES);
    new Compress(BYTES, 0);
  }
}
