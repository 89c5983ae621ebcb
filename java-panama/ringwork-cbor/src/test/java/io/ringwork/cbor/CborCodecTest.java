package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import io.ringwork.Codec;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CborCodecTest {
  enum Colour {
    RED,
    GREEN
  }

  record Point(int x, double y) {}

  record Everything(
      boolean flag,
      byte small,
      short middle,
      int number,
      long large,
      BigInteger huge,
      float single,
      double real,
      String text,
      Colour colour,
      List<Point> points,
      Map<String, Long> counts,
      Optional<String> present,
      Optional<String> absent,
      @Nullable String nothing) {}

  @ParameterizedTest
  @ValueSource(
      longs = {
        0,
        1,
        -1,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        1L << 32,
        Long.MAX_VALUE,
        Long.MIN_VALUE
      })
  void longs(long value) throws IOException {
    assertEquals(value, roundTrip(CborCodec.of(Long.class), value));
  }

  @ParameterizedTest
  @ValueSource(
      doubles = {
        0,
        -0.0,
        1.5,
        0.1,
        Double.MIN_VALUE,
        Double.MAX_VALUE,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
      })
  void doubles(double value) throws IOException {
    assertEquals(value, roundTrip(CborCodec.of(Double.class), value));
  }

  @Test
  void bigIntegersAtAndBeyondTheBoundsOf64And128Bits() throws IOException {
    CborCodec<BigInteger> codec = CborCodec.of(BigInteger.class);
    for (int bits : new int[] {0, 63, 64, 127, 128, 1000}) {
      for (long off : new long[] {-1, 0, 1}) {
        BigInteger value = BigInteger.ONE.shiftLeft(bits).add(BigInteger.valueOf(off));
        assertEquals(value, roundTrip(codec, value));
        assertEquals(value.negate(), roundTrip(codec, value.negate()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "Grüße", "水", "\uD83D\uDE00", "a\0b", "line\nline"})
  void strings(String value) throws IOException {
    assertEquals(value, roundTrip(CborCodec.of(String.class), value));
  }

  @Test
  void longStringsAndByteStrings() throws IOException {
    String text = "ä".repeat(3_000_000);
    assertEquals(text, roundTrip(CborCodec.of(String.class), text));
    byte[] bytes = new byte[5_000_000];
    Arrays.fill(bytes, (byte) 0x9F);
    assertArrayEquals(bytes, roundTrip(CborCodec.of(byte[].class), bytes));
    assertArrayEquals(new byte[0], roundTrip(CborCodec.of(byte[].class), new byte[0]));
  }

  @Test
  void aVecOfU8ArrivesAsBytes() throws IOException {
    assertArrayEquals(
        new byte[] {1, (byte) 200, (byte) 255},
        CborCodec.of(byte[].class).decode(hex("830118c818ff")));
  }

  @Test
  void recordsWithEveryKindOfValue() throws IOException {
    Everything value =
        new Everything(
            true,
            Byte.MIN_VALUE,
            Short.MAX_VALUE,
            -7,
            Long.MIN_VALUE,
            BigInteger.TWO.pow(100),
            1.25f,
            Math.PI,
            "text",
            Colour.GREEN,
            List.of(new Point(1, 2), new Point(-3, 0.5)),
            Map.of("one", 1L),
            Optional.of("here"),
            Optional.empty(),
            null);
    assertEquals(value, roundTrip(CborCodec.of(Everything.class), value));
  }

  @Test
  void genericTypes() throws IOException {
    CborCodec<Map<String, List<Point>>> codec =
        CborCodec.of(new TypeReference<Map<String, List<Point>>>() {});
    Map<String, List<Point>> value = Map.of("a", List.of(new Point(1, 1)), "b", List.of());
    assertEquals(value, roundTrip(codec, value));
    CborCodec<List<Long>> longs =
        CborCodec.of(
            new CBORMapper().getTypeFactory().constructCollectionType(List.class, Long.class));
    assertEquals(List.of(1L, 2L), roundTrip(longs, List.of(1L, 2L)));
  }

  @Test
  void untypedValues() throws IOException {
    Map<String, @Nullable Object> value = new LinkedHashMap<>();
    value.put("null", null);
    value.put("flag", true);
    value.put("list", List.of(1, 2.5, "three", Map.of()));
    assertEquals(value, roundTrip(CborCodec.of(Object.class), value));
    assertNull(CborCodec.of(Object.class).decode(hex("f6")));
  }

  @Test
  void nullIsAValueOfEveryObjectType() throws IOException {
    assertEquals(hex("f6"), CborCodec.of(Optional.class).encode(Optional.empty()));
    assertNull(CborCodec.of(Point.class).decode(hex("f6")));
  }

  @Test
  void unknownPropertiesAreSkipped() throws IOException {
    // {"x": 1, "new": [{}], "y": 2.0}
    assertEquals(
        new Point(1, 2), CborCodec.of(Point.class).decode(hex("a3617801636e657781a06179f94000")));
  }

  @Test
  void absentPropertiesAreNullOrEmptyButNotZero() throws IOException {
    record Loose(@Nullable String text, Optional<Long> number) {}
    assertEquals(new Loose(null, Optional.empty()), CborCodec.of(Loose.class).decode(hex("a0")));
    assertThrows(IOException.class, () -> CborCodec.of(Point.class).decode(hex("a1617801")));
    assertThrows(IOException.class, () -> CborCodec.of(Point.class).decode(hex("a26178016179f6")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", // nothing
        "a2", // a map that ends too early
        "a26178016179f9", // a float that ends too early
        "a16178fb3ff8000000000000", // 1.5 for an int
        "a161781b0000000100000000", // 2^32 for an int
        "a1617861", // a text where a number is expected
        "80", // an array where a map is expected
        "a26178016179f94000f6", // an item too many
        "ff", // a break outside
        "1c", // a reserved length
        "7fffffffffffff", // no such item
      })
  void whatIsNoPointIsAnError(String hex) {
    assertThrows(IOException.class, () -> CborCodec.of(Point.class).decode(hex(hex)));
  }

  @Test
  void depthIsBounded() {
    byte[] deep = new byte[100_000];
    Arrays.fill(deep, (byte) 0x81);
    assertThrows(IOException.class, () -> CborCodec.of(Object.class).decode(ByteBuffer.wrap(deep)));
  }

  @Test
  void aClaimedLengthIsNotBelieved() {
    // Text and byte strings that claim 2^31 - 16 bytes.
    for (String hex : List.of("7a7ffffff061", "5a7ffffff061")) {
      assertThrows(IOException.class, () -> CborCodec.of(Object.class).decode(hex(hex)));
    }
  }

  @Test
  void whatCannotBeWrittenIsAnError() {
    assertThrows(
        IOException.class, () -> CborCodec.of(Object.class).encode(new Object[] {new Object()}));
  }

  @Test
  void aMapperOfOnesOwnMakesTheRules() throws IOException {
    CBORMapper strict = new CBORMapper();
    CborCodec<Point> codec = CborCodec.of(strict.constructType(Point.class), strict);
    assertTrue(strict.isEnabled(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES));
    assertEquals(new Point(1, 2), roundTrip(codec, new Point(1, 2)));
    // All but that on unknown properties: {"x": 1, "new": null}.
    assertEquals(new Point(1, 0), codec.decode(hex("a2617801636e6577f6")));
    assertEquals(
        new Point(1, 0),
        CborCodec.of(Point.class, strict.copy()).decode(hex("a2617801636e6577f6")));
    ObjectMapper json = new ObjectMapper();
    assertThrows(
        IllegalArgumentException.class, () -> CborCodec.of(json.constructType(Point.class), json));
  }

  @Test
  void theContractOfCodec() throws IOException {
    CborCodec<String> codec = CborCodec.of(String.class);
    assertEquals(3, codec.id());
    assertTrue(codec.accepts(Codec.CBOR_ID));
    assertFalse(codec.accepts(Codec.UTF8_ID));
    assertEquals(Codec.UNKNOWN_SIZE, codec.maxSize("abc"));
    ByteBuffer target = ByteBuffer.allocateDirect(16);
    codec.encode("abc", target);
    assertEquals(4, target.position());
    assertEquals("CborCodec[java.lang.String]", codec.toString());
  }

  private static <T> T roundTrip(CborCodec<T> codec, T value) throws IOException {
    ByteBuffer encoded = codec.encode(value);
    ByteBuffer shared = ByteBuffer.allocateDirect(encoded.remaining()).put(encoded).flip();
    return codec.decode(shared.asReadOnlyBuffer());
  }

  private static ByteBuffer hex(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }
}
