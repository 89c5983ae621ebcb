package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class Argon2Test {
  /** A known answer of the reference implementation's test suite. */
  private static final String KNOWN =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

  private static final byte[] SALT = "somesalt".getBytes(StandardCharsets.US_ASCII);

  @Test
  void theHashIsTheReferenceImplementations() {
    assertEquals(KNOWN, new Argon2(65536, 2, 1).hash("password", SALT));
  }

  @Test
  void theSaltIsReadBack() {
    assertArrayEquals(SALT, new Argon2(65536, 2, 1).salt(KNOWN));
  }

  @Test
  void anotherCostOrFormatIsRefused() {
    Argon2 cheap = new Argon2(8, 1, 1);
    assertThrows(IllegalArgumentException.class, () -> cheap.salt(KNOWN));
    assertThrows(IllegalArgumentException.class, () -> cheap.salt("$2b$10$abc"));
  }
}
