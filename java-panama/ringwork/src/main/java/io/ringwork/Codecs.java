package io.ringwork;

/** What codec ids are called in messages, as `ringwork handlers` calls them. */
final class Codecs {
  private Codecs() {}

  static String describe(int id) {
    return switch (id) {
      case Codec.BYTES_ID -> "raw bytes (Codec.BYTES)";
      case Codec.UTF8_ID -> "UTF-8 text (Codec.UTF8)";
      case Codec.LONG_ID -> "a 64-bit integer (Codec.LONG)";
      case Codec.CBOR_ID -> "CBOR (CborCodec of ringwork-cbor)";
      case Codec.PARAMS_ID -> "parameters and a body (codec 4)";
      default -> (id < 128 ? "of an unknown codec (" : "of a codec of your own (") + id + ")";
    };
  }
}
