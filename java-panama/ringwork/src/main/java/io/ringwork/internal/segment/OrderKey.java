package io.ringwork.internal.segment;

/** The hash by which a pool knows a key: section 20 of docs/internals/protocol.md. */
public final class OrderKey {
  private OrderKey() {}

  /**
   * FNV-1a, and the last steps of MurmurHash3, so that the low bits, which choose the bucket,
   * depend on all others; never 0. As {@code OrderKey::of} in ring/src/queue/keys.rs:
   * ring/key-hashes.txt holds both to the same.
   */
  public static long hash(byte[] key) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : key) {
      hash = (hash ^ b & 0xff) * 0x100000001b3L;
    }
    hash = (hash ^ hash >>> 33) * 0xff51afd7ed558ccdL;
    hash = (hash ^ hash >>> 33) * 0xc4ceb9fe1a85ec53L;
    hash ^= hash >>> 33;
    return hash == 0 ? 1 : hash;
  }
}
