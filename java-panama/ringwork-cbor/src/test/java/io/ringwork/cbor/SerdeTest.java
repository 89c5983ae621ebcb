package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.JsonTypeName;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the worker's serde writes, read here; and the form in which numbers are written here, which
 * the worker's strict readers of {@code u64}, {@code f32} and {@code f64} insist on.
 */
class SerdeTest {
  enum Colour {
    RED,
    GREEN
  }

  record Point(int x, double y) {}

  /** A Rust enum whose variants carry data. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, include = JsonTypeInfo.As.WRAPPER_OBJECT)
  @JsonSubTypes({@JsonSubTypes.Type(Circle.class), @JsonSubTypes.Type(Square.class)})
  sealed interface Shape permits Circle, Square {}

  @JsonTypeName("Circle")
  record Circle(double r) implements Shape {}

  @JsonTypeName("Square")
  record Square(double side) implements Shape {}

  record Everything(
      boolean flag,
      byte small,
      short middle,
      int number,
      long large,
      BigInteger unsigned,
      BigInteger huge,
      BigInteger least,
      float single,
      double real,
      String text,
      Colour colour,
      List<Point> points,
      Map<String, Long> counts,
      Optional<String> present,
      Optional<String> absent,
      byte[] bytes,
      Shape shape,
      List<Object> pair) {}

  /** A struct with a field of each kind, as {@code cbor4ii::serde::to_vec} wrote it. */
  private static final String WRITTEN_BY_SERDE =
      """
      b364666c6167f565736d616c6c387f666d6964646c65197fff666e756d6265722665
      6c617267653b7fffffffffffffff68756e7369676e65641bffffffffffffffff6468
      756765c24d10000000000000000000000000656c65617374c3507fffffffffffffff
      ffffffffffffffff6673696e676c65fa3fa00000647265616cfb400921fb54442d18
      6474657874674772c3bcc39f6566636f6c6f757265475245454e66706f696e747382
      a26178016179fb4000000000000000a26178226179fb3fe000000000000066636f75
      6e7473a1636f6e65016770726573656e74646865726566616273656e74f665627974
      6573430001ff657368617065a166436972636c65a16172fb40040000000000006470
      61697282206374776f
      """;

  @Test
  void everyKindOfFieldArrives() throws IOException {
    Everything read =
        CborCodec.of(Everything.class).decode(bytes(WRITTEN_BY_SERDE.replaceAll("\\s", "")));
    assertArrayEquals(new byte[] {0, 1, (byte) 255}, read.bytes());
    assertEquals(
        new Everything(
            true,
            Byte.MIN_VALUE,
            Short.MAX_VALUE,
            -7,
            Long.MIN_VALUE,
            BigInteger.TWO.pow(64).subtract(BigInteger.ONE),
            BigInteger.TWO.pow(100),
            BigInteger.TWO.pow(127).negate(),
            1.25f,
            Math.PI,
            "Grüße",
            Colour.GREEN,
            List.of(new Point(1, 2), new Point(-3, 0.5)),
            Map.of("one", 1L),
            Optional.of("here"),
            Optional.empty(),
            read.bytes(),
            new Circle(2.5),
            List.of(-1, "two")),
        read);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 00",
    "23, 17",
    "24, 1818",
    "255, 18ff",
    "256, 190100",
    "65536, 1a00010000",
    "4294967296, 1b0000000100000000",
    "9223372036854775808, 1b8000000000000000",
    "18446744073709551615, 1bffffffffffffffff",
    "18446744073709551616, c249010000000000000000",
    "-1, 20",
    "-24, 37",
    "-25, 3818",
    "-256, 38ff",
    "-257, 390100",
    "-18446744073709551616, 3bffffffffffffffff",
    "-18446744073709551617, c349010000000000000000",
  })
  void bigIntegersOf64BitsAreIntegers(BigInteger value, String hex) throws IOException {
    assertEquals(bytes(hex), CborCodec.of(BigInteger.class).encode(value));
    assertEquals(value, CborCodec.of(BigInteger.class).decode(bytes(hex)));
    assertEquals(bytes("82" + hex + hex), CborCodec.of(Object.class).encode(List.of(value, value)));
  }

  @Test
  void longsAreMinimalAndFloatsKeepTheirWidth() throws IOException {
    assertEquals(bytes("17"), CborCodec.of(Long.class).encode(23L));
    assertEquals(bytes("3903e7"), CborCodec.of(Long.class).encode(-1000L));
    assertEquals(bytes("1a000f4240"), CborCodec.of(Long.class).encode(1_000_000L));
    assertEquals(bytes("fa3fc00000"), CborCodec.of(Float.class).encode(1.5f));
    assertEquals(bytes("fb3ff8000000000000"), CborCodec.of(Double.class).encode(1.5));
  }

  /** The same enum, tagged inside: {@code #[serde(tag = "type")]}. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({@JsonSubTypes.Type(Disc.class)})
  sealed interface Tagged permits Disc {}

  @JsonTypeName("Disc")
  record Disc(double r) implements Tagged {}

  @Test
  void aVariantTaggedInsideGoesBothWays() throws IOException {
    ByteBuffer written = bytes("bf647479706564446973636172fb4004000000000000ff");
    assertEquals(written, CborCodec.of(Tagged.class).encode(new Disc(2.5)));
    // As serde writes it: a map of known length.
    ByteBuffer read = bytes("a2647479706564446973636172fb4004000000000000");
    assertEquals(new Disc(2.5), CborCodec.of(Tagged.class).decode(read));
  }

  private static ByteBuffer bytes(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }
}
