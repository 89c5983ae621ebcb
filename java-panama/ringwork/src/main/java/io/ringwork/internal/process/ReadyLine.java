package io.ringwork.internal.process;

import org.jspecify.annotations.Nullable;

/** Reads a field of the flat JSON object that the supervisor writes when it is ready. */
public final class ReadyLine {
  private ReadyLine() {}

  /** The value of a field: a string's text, or a literal as it stands; null if there is none. */
  public static @Nullable String field(String json, String key) {
    int at = json.indexOf("\"" + key + "\"");
    if (at < 0) {
      return null;
    }
    at = skipBlank(json, at + key.length() + 2);
    if (at >= json.length() || json.charAt(at) != ':') {
      return null;
    }
    at = skipBlank(json, at + 1);
    if (at < json.length() && json.charAt(at) == '"') {
      return string(json, at + 1);
    }
    int end = at;
    while (end < json.length() && ",} \t".indexOf(json.charAt(end)) < 0) {
      end++;
    }
    return json.substring(at, end);
  }

  private static int skipBlank(String json, int at) {
    while (at < json.length() && Character.isWhitespace(json.charAt(at))) {
      at++;
    }
    return at;
  }

  private static @Nullable String string(String json, int at) {
    StringBuilder text = new StringBuilder();
    while (at < json.length()) {
      char c = json.charAt(at++);
      if (c == '"') {
        return text.toString();
      }
      if (c != '\\' || at == json.length()) {
        text.append(c);
        continue;
      }
      char escaped = json.charAt(at++);
      switch (escaped) {
        case 'n' -> text.append('\n');
        case 't' -> text.append('\t');
        case 'r' -> text.append('\r');
        case 'b' -> text.append('\b');
        case 'f' -> text.append('\f');
        case 'u' -> {
          if (at + 4 > json.length()) {
            return null;
          }
          text.append((char) Integer.parseInt(json, at, at + 4, 16));
          at += 4;
        }
        default -> text.append(escaped);
      }
    }
    return null;
  }
}
