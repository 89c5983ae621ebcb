// Generated from ring/src/format/states.rs by `make layout`; do not edit.
package io.ringwork.internal.segment;

import org.jspecify.annotations.Nullable;

/** How the bytes of a request, or of a result, are to be read. */
public enum CodecKind {
  /** Raw bytes. */
  BYTES,
  /** UTF-8 text. */
  UTF8,
  /** One little-endian i64. */
  I64,
  /** One CBOR item (RFC 8949). */
  CBOR,
  /** Parameters, a JSON object, and a body of raw bytes. */
  PARAMS,
  /** A chunk: many requests for one handler. */
  CHUNK;

  /** The value of a stored word, or null for one that this version does not write. */
  public static @Nullable CodecKind of(int word) {
    return switch (word) {
      case Layout.CODEC_BYTES -> BYTES;
      case Layout.CODEC_UTF8 -> UTF8;
      case Layout.CODEC_I64 -> I64;
      case Layout.CODEC_CBOR -> CBOR;
      case Layout.CODEC_PARAMS -> PARAMS;
      case Layout.CODEC_CHUNK -> CHUNK;
      default -> null;
    };
  }
}
