package io.ringwork;

import io.ringwork.Outcome.Failure;
import io.ringwork.internal.segment.CodecKind;
import java.io.IOException;

/** What is said of codecs: what their ids are called, as `ringwork handlers` does, and faults. */
final class Codecs {
  private Codecs() {}

  static String describe(int id) {
    CodecKind kind = CodecKind.of(id);
    if (kind == null) {
      return (id < 128 ? "of an unknown codec (" : "of a codec of your own (") + id + ")";
    }
    return switch (kind) {
      case BYTES -> "raw bytes (Codec.BYTES)";
      case UTF8 -> "UTF-8 text (Codec.UTF8)";
      case I64 -> "a 64-bit integer (Codec.LONG)";
      case CBOR -> "CBOR (CborCodec of ringwork-cbor)";
      case PARAMS -> "parameters and a body (codec " + id + ")";
      case CHUNK -> "of a chunk (codec " + id + ")";
    };
  }

  /** The worker has answered in another codec than the type reads. */
  static IOException otherCodec(int found, Codec<?> codec) {
    return new IOException(
        "the worker's result is "
            + describe(found)
            + ", and the task type reads "
            + describe(codec.id())
            + ": give it a result codec of the handler's kind");
  }

  /** The codec of the type can't read a result. */
  static Failure undecodable(String task, Throwable failed) {
    try {
      return new Failure(
          new CodecException(
              "the result of " + task + " can't be decoded: " + CodecException.text(failed),
              true,
              failed));
    } catch (Throwable shortage) { // of memory or stack, also while a class or call site is linked
      return Failure.UNSAID; // its slot is on no list while this is said, so it must not throw
    }
  }
}
