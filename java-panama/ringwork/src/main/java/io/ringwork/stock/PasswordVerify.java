package io.ringwork.stock;

/**
 * A password to be checked, for {@link StockTasks#PASSWORD_VERIFY}.
 *
 * @param password the password's bytes; not copied
 * @param hash the PHC or bcrypt string that it should match
 */
public record PasswordVerify(byte[] password, String hash) {
  Json parameters() {
    return new Json().put("hash", hash);
  }
}
