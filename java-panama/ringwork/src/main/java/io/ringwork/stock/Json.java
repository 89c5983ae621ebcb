package io.ringwork.stock;

import java.util.Base64;

/** Writes one flat JSON object: all that parameters need, so no library. */
final class Json {
  private final StringBuilder text = new StringBuilder();

  Json put(String key, String value) {
    key(key);
    quote(value);
    return this;
  }

  Json put(String key, long value) {
    key(key);
    text.append(value);
    return this;
  }

  /** As {@link #put(String, long)}, but leaves a 0 out: the handler's default. */
  Json putNonZero(String key, long value) {
    return value == 0 ? this : put(key, value);
  }

  /** Puts true, and leaves false out: the handler's default. */
  Json putTrue(String key, boolean value) {
    if (value) {
      key(key);
      text.append("true");
    }
    return this;
  }

  /** Puts bytes in Base64, and leaves none at all out. */
  Json putBytes(String key, byte[] value) {
    return putNonEmpty(key, Base64.getEncoder().encodeToString(value));
  }

  /** As {@link #put(String, String)}, but leaves an empty text out: the handler's default. */
  Json putNonEmpty(String key, String value) {
    return value.isEmpty() ? this : put(key, value);
  }

  private void key(String key) {
    text.append(text.isEmpty() ? '{' : ',');
    quote(key);
    text.append(':');
  }

  private void quote(String value) {
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        text.append('\\').append(c);
      } else if (c < 0x20) {
        text.append(String.format("\\u%04x", (int) c));
      } else {
        text.append(c);
      }
    }
    text.append('"');
  }

  /** The object, or empty when nothing was put: "all defaults". */
  @Override
  public String toString() {
    return text.isEmpty() ? "" : text + "}";
  }
}
