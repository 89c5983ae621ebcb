package io.ringwork.internal;

import java.util.HexFormat;

/** The W3C traceparent header and its binary form: version, trace id, parent id, flags. */
public final class Traceparent {
  /** Bytes of the binary form. */
  public static final int SIZE = 26;

  private static final HexFormat HEX = HexFormat.of();

  private Traceparent() {}

  public static byte[] parse(String header) {
    if (header.length() != 55
        || header.charAt(2) != '-'
        || header.charAt(35) != '-'
        || header.charAt(52) != '-') {
      throw new IllegalArgumentException(
          "a traceparent is 00-<32 hex>-<16 hex>-<2 hex>: " + header);
    }
    try {
      return HEX.parseHex(
          header.substring(0, 2)
              + header.substring(3, 35)
              + header.substring(36, 52)
              + header.substring(53));
    } catch (IllegalArgumentException notHex) {
      throw new IllegalArgumentException("a traceparent has hex digits only: " + header, notHex);
    }
  }

  public static String format(byte[] binary) {
    return HEX.formatHex(binary, 0, 1)
        + "-"
        + HEX.formatHex(binary, 1, 17)
        + "-"
        + HEX.formatHex(binary, 17, 25)
        + "-"
        + HEX.formatHex(binary, 25, 26);
  }
}
