package io.ringwork.internal.segment;

/** The ids by which names are known in a segment: of handlers, and of topics. */
public final class NameId {
  private NameId() {}

  /** FNV-1a, 64 bit, never 0: as {@code id_of} in ring/src/format/layout.rs. */
  public static long of(byte[] utf8) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : utf8) {
      hash ^= b & 0xff;
      hash *= 0x100000001b3L;
    }
    return hash == 0 ? 1 : hash;
  }
}
