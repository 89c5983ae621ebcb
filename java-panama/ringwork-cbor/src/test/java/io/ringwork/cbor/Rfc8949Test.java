package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The examples of RFC 8949, appendix A, decoded. */
class Rfc8949Test {
  @ParameterizedTest
  @CsvSource({
    "0, 00",
    "1, 01",
    "10, 0a",
    "23, 17",
    "24, 1818",
    "25, 1819",
    "100, 1864",
    "1000, 1903e8",
    "1000000, 1a000f4240",
    "1000000000000, 1b000000e8d4a51000",
    "18446744073709551615, 1bffffffffffffffff",
    "18446744073709551616, c249010000000000000000",
    "-18446744073709551616, 3bffffffffffffffff",
    "-18446744073709551617, c349010000000000000000",
    "-1, 20",
    "-10, 29",
    "-100, 3863",
    "-1000, 3903e7",
    // Tag 1, the time in seconds.
    "1363896240, c11a514b67b0",
  })
  void integers(BigInteger value, String hex) throws IOException {
    assertEquals(value, CborCodec.of(BigInteger.class).decode(bytes(hex)));
    Object untyped = decode(hex);
    assertEquals(value, new BigInteger(untyped.toString()));
  }

  @ParameterizedTest
  @CsvSource({
    "0.0, f90000",
    "-0.0, f98000",
    "1.0, f93c00",
    "1.1, fb3ff199999999999a",
    "1.5, f93e00",
    "65504.0, f97bff",
    "100000.0, fa47c35000",
    "3.4028234663852886e+38, fa7f7fffff",
    "1.0e+300, fb7e37e43c8800759c",
    "5.960464477539063e-8, f90001",
    "0.00006103515625, f90400",
    "-4.0, f9c400",
    "-4.1, fbc010666666666666",
    "Infinity, f97c00",
    "NaN, f97e00",
    "-Infinity, f9fc00",
    "Infinity, fa7f800000",
    "NaN, fa7fc00000",
    "-Infinity, faff800000",
    "Infinity, fb7ff0000000000000",
    "NaN, fb7ff8000000000000",
    "-Infinity, fbfff0000000000000",
    // Tag 1, the time in seconds.
    "1363896240.5, c1fb41d452d9ec200000",
  })
  void floats(double value, String hex) throws IOException {
    assertEquals(value, CborCodec.of(Double.class).decode(bytes(hex)));
    assertEquals(value, assertInstanceOf(Number.class, decode(hex)).doubleValue());
  }

  @Test
  void simpleValues() throws IOException {
    assertEquals(false, decode("f4"));
    assertEquals(true, decode("f5"));
    assertEquals(null, CborCodec.of(Object.class).decode(bytes("f6")));
    assertEquals(null, CborCodec.of(Object.class).decode(bytes("f7")));
  }

  @ParameterizedTest
  @CsvSource({
    "'', 40",
    "01020304, 4401020304",
    "0102030405, 5f42010243030405ff",
    "01020304, d74401020304",
    "6449455446, d818456449455446",
  })
  void byteStrings(String value, String hex) throws IOException {
    byte[] expected = HexFormat.of().parseHex(value);
    assertArrayEquals(expected, CborCodec.of(byte[].class).decode(bytes(hex)));
    assertArrayEquals(expected, assertInstanceOf(byte[].class, decode(hex)));
  }

  @ParameterizedTest
  @CsvSource({
    "'', 60",
    "a, 6161",
    "IETF, 6449455446",
    "'\"\\', 62225c",
    "\u00fc, 62c3bc",
    "\u6c34, 63e6b0b4",
    "\ud800\udd51, 64f0908591",
    "streaming, 7f657374726561646d696e67ff",
    "2013-03-21T20:04:00Z, c074323031332d30332d32315432303a30343a30305a",
    "http://www.example.com, d82076687474703a2f2f7777772e6578616d706c652e636f6d",
  })
  void textStrings(String value, String hex) throws IOException {
    assertEquals(value, CborCodec.of(String.class).decode(bytes(hex)));
  }

  @Test
  void arrays() throws IOException {
    assertEquals(List.of(), decode("80"));
    assertEquals(List.of(1, 2, 3), decode("83010203"));
    List<Object> nested = List.of(1, List.of(2, 3), List.of(4, 5));
    for (String hex :
        List.of(
            "8301820203820405",
            "9f018202039f0405ffff",
            "9f01820203820405ff",
            "83018202039f0405ff",
            "83019f0203ff820405")) {
      assertEquals(nested, decode(hex));
    }
    List<Integer> toTwentyFive = java.util.stream.IntStream.rangeClosed(1, 25).boxed().toList();
    String items = "0102030405060708090a0b0c0d0e0f101112131415161718181819";
    assertEquals(toTwentyFive, decode("9819" + items));
    assertEquals(toTwentyFive, decode("9f" + items + "ff"));
    assertEquals(List.of(), decode("9fff"));
  }

  @Test
  void maps() throws IOException {
    assertEquals(Map.of(), decode("a0"));
    assertEquals(Map.of("1", 2, "3", 4), decode("a201020304"));
    Map<String, Object> nested = Map.of("a", 1, "b", List.of(2, 3));
    assertEquals(nested, decode("a26161016162820203"));
    assertEquals(nested, decode("bf61610161629f0203ffff"));
    assertEquals(List.of("a", Map.of("b", "c")), decode("826161a161626163"));
    assertEquals(List.of("a", Map.of("b", "c")), decode("826161bf61626163ff"));
    assertEquals(
        Map.of("a", "A", "b", "B", "c", "C", "d", "D", "e", "E"),
        decode("a56161614161626142616361436164614461656145"));
    assertEquals(Map.of("Fun", true, "Amt", -2), decode("bf6346756ef563416d7421ff"));
  }

  private static Object decode(String hex) throws IOException {
    return CborCodec.of(Object.class).decode(bytes(hex));
  }

  private static ByteBuffer bytes(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }
}
