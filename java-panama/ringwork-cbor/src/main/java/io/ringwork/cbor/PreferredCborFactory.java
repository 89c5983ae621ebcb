package io.ringwork.cbor;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.ObjectCodec;
import com.fasterxml.jackson.core.io.IOContext;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;

/**
 * Writes a {@code BigInteger} that fits CBOR's 64-bit integers as one of them, as RFC 8949, section
 * 3.4.3 prefers and as a {@code u64} on the other side requires. Jackson by itself writes every
 * {@code BigInteger} as a bignum.
 *
 * <p>By this factory {@link CborCodec} knows a mapper that {@link CborCodec#mapper()} has built.
 */
final class PreferredCborFactory extends CBORFactory {
  private static final long serialVersionUID = 1L;

  PreferredCborFactory() {}

  private PreferredCborFactory(CBORFactory source) {
    super(source, null);
  }

  /** For a mapper that is copied. */
  @Override
  public CBORFactory copy() {
    return new PreferredCborFactory(this);
  }

  @Override
  public CBORGenerator createGenerator(OutputStream out, JsonEncoding encoding) throws IOException {
    IOContext context = _createContext(_createContentReference(out), false);
    return new Generator(
        context,
        _generatorFeatures,
        _formatGeneratorFeatures,
        _objectCodec,
        _decorate(out, context));
  }

  @Override
  public CBORGenerator createGenerator(OutputStream out) throws IOException {
    return createGenerator(out, JsonEncoding.UTF8);
  }

  private static final class Generator extends CBORGenerator {
    private static final int POSITIVE = 0x00;
    private static final int NEGATIVE = 0x20;

    Generator(
        IOContext context, int features, int formatFeatures, ObjectCodec codec, OutputStream out) {
      super(context, features, formatFeatures, codec, out);
    }

    /** Called once it is clear that a value may be written here. */
    @Override
    protected void _write(BigInteger value) throws IOException {
      boolean negative = value.signum() < 0;
      BigInteger argument = negative ? value.not() : value;
      if (argument.bitLength() > 64) {
        super._write(value);
      } else {
        head(negative ? NEGATIVE : POSITIVE, argument.longValue());
      }
    }

    /** A major type with an unsigned argument, in the fewest bytes. */
    private void head(int major, long argument) throws IOException {
      int bits = Long.SIZE - Long.numberOfLeadingZeros(argument);
      if (Long.compareUnsigned(argument, 24) < 0) {
        writeRaw((byte) (major | argument));
      } else if (bits <= 8) {
        tail(major | 24, argument, 1);
      } else if (bits <= 16) {
        tail(major | 25, argument, 2);
      } else if (bits <= 32) {
        tail(major | 26, argument, 4);
      } else {
        tail(major | 27, argument, 8);
      }
    }

    private void tail(int initial, long argument, int bytes) throws IOException {
      writeRaw((byte) initial);
      for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        writeRaw((byte) (argument >>> shift));
      }
    }
  }
}
