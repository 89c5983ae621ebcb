package io.ringwork.stock;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** Reads one flat JSON object: all that results of stock handlers are, so no library. */
final class JsonFields {
  private final String text;
  private int at;

  private JsonFields(String text) {
    this.text = text;
  }

  /** The fields as texts. A field that is null is left out. */
  static Map<String, String> of(String text) throws IOException {
    return new JsonFields(text).object();
  }

  private Map<String, String> object() throws IOException {
    Map<String, String> fields = new HashMap<>();
    expect('{');
    if (next() == '}') {
      return fields;
    }
    while (true) {
      String name = string();
      expect(':');
      if (next() == '"') {
        fields.put(name, string());
      } else {
        String word = word();
        if (!word.equals("null")) {
          fields.put(name, word);
        }
      }
      if (next() == '}') {
        return fields;
      }
      expect(',');
    }
  }

  /** The next character that is no space, which stays. */
  private char next() throws IOException {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    if (at == text.length()) {
      throw new IOException("the JSON is cut off: " + text);
    }
    return text.charAt(at);
  }

  private void expect(char wanted) throws IOException {
    if (next() != wanted) {
      throw new IOException("no " + wanted + " at " + at + " of the JSON " + text);
    }
    at++;
  }

  /** A number, true, false or null. */
  private String word() throws IOException {
    next();
    int start = at;
    while (at < text.length() && ",} ".indexOf(text.charAt(at)) < 0) {
      at++;
    }
    return text.substring(start, at);
  }

  private String string() throws IOException {
    expect('"');
    StringBuilder read = new StringBuilder();
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return read.toString();
      }
      read.append(c == '\\' ? escaped() : c);
    }
    throw new IOException("the JSON is cut off: " + text);
  }

  private char escaped() throws IOException {
    if (at == text.length()) {
      throw new IOException("the JSON is cut off: " + text);
    }
    char c = text.charAt(at++);
    return switch (c) {
      case 'n' -> '\n';
      case 't' -> '\t';
      case 'r' -> '\r';
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'u' -> unicode();
      default -> c;
    };
  }

  private char unicode() throws IOException {
    if (at + 4 > text.length()) {
      throw new IOException("the JSON is cut off: " + text);
    }
    String digits = text.substring(at, at + 4);
    at += 4;
    try {
      return (char) Integer.parseInt(digits, 16);
    } catch (NumberFormatException notHex) {
      throw new IOException("no hexadecimal digits: " + digits, notHex);
    }
  }
}
