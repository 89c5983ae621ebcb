package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Mappers with modules, and what is said of what can't be read. */
class MapperTest {
  private static final ObjectMapper MAPPER =
      CborCodec.mapper().addModule(new JavaTimeModule()).build();

  record Event(Instant at, Duration took, List<Instant> all) {}

  record Line(double price, float weight, @Nullable String name) {}

  record Basket(List<Line> items, boolean paid, int count) {}

  /** What a worker would send: CBOR of maps and lists. */
  private static ByteBuffer cbor(Object value) throws IOException {
    return CborCodec.of(Object.class).encode(value);
  }

  @Test
  void timesTravelAsText() throws IOException {
    CborCodec<Event> codec = CborCodec.of(Event.class, MAPPER);
    Instant at = Instant.parse("2024-02-29T12:00:00.123456789Z");
    Event event = new Event(at, Duration.ofMillis(1500), List.of(Instant.EPOCH));
    ByteBuffer written = codec.encode(event);
    assertEquals(event, codec.decode(written.duplicate()));
    assertEquals(
        Map.of(
            "at", "2024-02-29T12:00:00.123456789Z",
            "took", "PT1.5S",
            "all", List.of("1970-01-01T00:00:00Z")),
        CborCodec.of(Object.class).decode(written));
  }

  @Test
  void aMappersBuilderHasTheRules() throws IOException {
    CborCodec<List<Event>> codec = CborCodec.of(new TypeReference<>() {}, MAPPER);
    Map<String, Object> newer = new HashMap<>();
    newer.put("at", "1970-01-01T00:00:00Z");
    newer.put("new", 1);
    assertEquals(List.of(new Event(Instant.EPOCH, null, null)), codec.decode(cbor(List.of(newer))));
    CborCodec<Basket> strict = CborCodec.of(Basket.class, MAPPER);
    assertThrows(IOException.class, () -> strict.decode(cbor(Map.of("paid", true))));
  }

  @Test
  void numbersConvertWhereTheyFit() throws IOException {
    CborCodec<Line> codec = CborCodec.of(Line.class);
    assertEquals(new Line(5, 7, null), codec.decode(cbor(Map.of("price", 5, "weight", 7L))));
    assertEquals(
        new Line(1.5, 0.5f, null), codec.decode(cbor(Map.of("price", 1.5f, "weight", 0.5))));
  }

  record Singles(float one, @Nullable Float boxed, float[] many) {}

  @Test
  void aNumberThatAFloatCannotHoldIsNoInfinity() throws IOException {
    CborCodec<Singles> codec = CborCodec.of(Singles.class);
    List<Object> right = List.of(Float.MAX_VALUE, (double) Float.MAX_VALUE, 1, 0.5);
    Map<String, Object> sent = new HashMap<>(Map.of("one", 1, "boxed", 2.5, "many", right));
    Singles read = codec.decode(cbor(sent));
    assertEquals(2.5f, read.boxed());
    assertArrayEquals(new float[] {Float.MAX_VALUE, Float.MAX_VALUE, 1, 0.5f}, read.many());
    sent.put("one", Double.POSITIVE_INFINITY);
    sent.put("boxed", null);
    assertEquals(Float.POSITIVE_INFINITY, codec.decode(cbor(sent)).one());
    assertNull(codec.decode(cbor(sent)).boxed());
    Map<String, Object> wrong = Map.of("one", 1e300, "boxed", -1e39, "many", List.of(1, 1e300));
    for (String field : List.of("one", "boxed", "many")) {
      Map<String, Object> huge = new HashMap<>(sent);
      huge.put("one", 1);
      huge.put(field, wrong.get(field));
      IOException said = assertThrows(IOException.class, () -> codec.decode(cbor(huge)));
      assertTrue(said.getMessage().startsWith(field + ": expected a number"), said.getMessage());
      assertTrue(said.getMessage().endsWith(", which does not fit"), said.getMessage());
    }
  }

  enum Hue {
    RED,
    GREEN
  }

  record Small(
      byte one,
      @Nullable Byte boxed,
      @Nullable List<Byte> list,
      Byte @Nullable [] array,
      @Nullable Map<Byte, String> keys,
      short middle,
      char letter,
      @Nullable Hue colour,
      @Nullable List<Hue> colours,
      @Nullable BigDecimal exact,
      @Nullable BigInteger whole) {}

  private static String refusal(String field, Object value) {
    Map<String, Object> sent = new HashMap<>(Map.of("one", 1, "middle", 2, "letter", "c"));
    sent.put(field, value);
    CborCodec<Small> codec = CborCodec.of(Small.class);
    return assertThrows(IOException.class, () -> codec.decode(cbor(sent))).getMessage();
  }

  @Test
  void aNumberThatAByteCannotHoldIsNoOther() throws IOException {
    for (Object value : List.of(128, 200, 255, 256, -129, 1L << 40, BigInteger.TWO.pow(70))) {
      String end = ", got the integer " + value + ", which does not fit";
      assertEquals("one: expected an integer (byte)" + end, refusal("one", value));
      String fault = "expected an integer (Byte)" + end;
      assertEquals("boxed: " + fault, refusal("boxed", value));
      assertEquals("list[1]: " + fault, refusal("list", List.of(1, value)));
      assertEquals("array[1]: " + fault, refusal("array", List.of(1, value)));
    }
    assertEquals(
        "middle: expected an integer (short), got the integer 40000, which does not fit",
        refusal("middle", 40_000));
    assertEquals(
        "keys: expected a key that is an integer (Byte), got \"200\"",
        refusal("keys", Map.of("200", "x")));
    Map<String, Object> right =
        Map.of(
            "one",
            -128,
            "boxed",
            127,
            "list",
            List.of(-1),
            "keys",
            Map.of("-128", "x"),
            "middle",
            1,
            "letter",
            "c");
    Small read = CborCodec.of(Small.class).decode(cbor(right));
    assertEquals((byte) -128, read.one());
    assertEquals((byte) 127, read.boxed());
    assertEquals(List.of((byte) -1), read.list());
    assertEquals(Map.of((byte) -128, "x"), read.keys());
    assertArrayEquals(
        new byte[] {-56, 1}, CborCodec.of(byte[].class).decode(cbor(List.of(200, 1))));
    assertThrows(IOException.class, () -> CborCodec.of(byte[].class).decode(cbor(List.of(256))));
  }

  @Test
  void aNumberIsNeitherAnEnumNorALetter() {
    for (int value : new int[] {0, 1, 3}) {
      String fault = "expected one of RED, GREEN (Hue), got the number " + value;
      assertEquals("colour: " + fault, refusal("colour", value));
      assertEquals("colours[0]: " + fault, refusal("colours", List.of(value)));
      assertEquals(
          "colour: expected one of RED, GREEN (Hue), got \"" + value + "\"",
          refusal("colour", String.valueOf(value)));
    }
    assertEquals("letter: expected a value of char, got the number 65", refusal("letter", 65));
  }

  @Test
  void notANumberIsNoDecimal() {
    for (double value : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
      assertEquals(
          "exact: expected a number (BigDecimal), got NaN or infinity", refusal("exact", value));
      assertEquals(
          "exact: expected a number (BigDecimal), got NaN or infinity",
          refusal("exact", (float) value));
      assertEquals(
          "whole: expected an integer (BigInteger), got NaN or infinity", refusal("whole", value));
      assertEquals("one: expected an integer (byte), got NaN or infinity", refusal("one", value));
    }
  }

  private static void assertSays(String expected, Object sent) throws IOException {
    ByteBuffer bytes = cbor(sent);
    IOException said =
        assertThrows(IOException.class, () -> CborCodec.of(Basket.class).decode(bytes));
    assertEquals(expected, said.getMessage());
  }

  record Kinds(int i, Long l, double d, boolean b, String s, Integer boxed) {}

  @Test
  void aKindOfValueIsNoOther() throws IOException {
    CborCodec<Kinds> codec = CborCodec.of(Kinds.class);
    Map<String, Object> right = Map.of("i", 1, "l", 2, "d", 3, "b", true, "s", "12", "boxed", 4);
    assertEquals(new Kinds(1, 2L, 3, true, "12", 4), codec.decode(cbor(right)));
    Map<String, List<Object>> wrong =
        Map.of(
            "i", List.of("12", "", true),
            "l", List.of("12", "", false),
            "d", List.of("1.5", "", true),
            "b", List.of(1, 0, "true", ""),
            "s", List.of(12, 1.5, true),
            "boxed", List.of("12", "", true));
    for (Map.Entry<String, List<Object>> field : wrong.entrySet()) {
      for (Object value : field.getValue()) {
        Map<String, Object> sent = new HashMap<>(right);
        sent.put(field.getKey(), value);
        IOException said = assertThrows(IOException.class, () -> codec.decode(cbor(sent)));
        assertTrue(
            said.getMessage().startsWith(field.getKey() + ": expected a"), said.getMessage());
        assertTrue(said.getMessage().contains(", got "), said.getMessage());
      }
    }
  }

  @Test
  void faultsNameTheFieldAndBothTypes() throws IOException {
    assertSays("items: expected an array, got a string", Map.of("items", "x"));
    assertSays("items: expected an array, got an object", Map.of("items", Map.of()));
    assertSays("items: expected an array, got an integer", Map.of("items", 1));
    Map<String, Object> unpriced = new HashMap<>();
    unpriced.put("price", null);
    assertSays(
        "items[1].price: expected a number (double), got null",
        Map.of("items", List.of(Map.of("price", 1, "weight", 1), unpriced)));
    assertSays("items[0]: expected an object (Line), got an integer", Map.of("items", List.of(7)));
    assertSays("expected an object (Basket), got an array", List.of());
    assertSays("paid: expected a boolean, got an array", Map.of("paid", List.of()));
  }

  private static void assertSays(String expected, CborCodec<?> codec, @Nullable Object sent)
      throws IOException {
    ByteBuffer bytes = CborCodec.of(Object.class).encode(sent);
    IOException said = assertThrows(IOException.class, () -> codec.decode(bytes));
    assertEquals(expected, said.getMessage());
    assertTrue(said.getCause() instanceof JacksonException, String.valueOf(said.getCause()));
  }

  enum Colour {
    RED,
    GREEN
  }

  record Point(int x, double y) {}

  /** Of all kinds of faults that Jackson tells apart, none in its own words. */
  @Test
  void eachKindOfFaultIsToldInWords() throws IOException {
    CborCodec<Point> point = CborCodec.of(Point.class);
    assertSays("y: expected a number (double), got nothing", point, Map.of("x", 1));
    assertSays("x: expected an integer (int), got a string", point, Map.of("x", "many"));
    assertSays("x: expected an integer (int), got the number 1.5", point, Map.of("x", 1.5));
    assertSays(
        "x: expected an integer (int), got the integer 1099511627776, which does not fit",
        point,
        Map.of("x", 1L << 40));
    assertSays("expected an object (Point), got a string", point, "");
    assertSays("expected an object (Point), got bytes", point, new byte[2]);
    assertSays(
        "expected an integer (byte), got the integer 300, which does not fit",
        CborCodec.of(byte.class),
        300);
    CborCodec<Colour> colour = CborCodec.of(Colour.class);
    assertSays("expected one of RED, GREEN (Colour), got \"BLUE\"", colour, "BLUE");
    assertSays("expected one of RED, GREEN (Colour), got the number 7", colour, 7);
    assertSays("expected bytes, got a string", CborCodec.of(byte[].class), "hello!");
    assertSays("expected a value of UUID, got a string", CborCodec.of(UUID.class), "x");
    assertSays(
        "[1]: expected an integer (int), got null",
        CborCodec.of(int[].class),
        Arrays.asList(1, null));
    assertSays(
        "[1]: expected an array, got a string",
        CborCodec.of(new TypeReference<List<int[]>>() {}),
        List.of(new int[] {1}, "x"));
    assertSays(
        "expected a key that is an integer (Integer), got \"a\"",
        CborCodec.of(new TypeReference<Map<Integer, Long>>() {}),
        Map.of("a", 1));
    assertSays(
        "a[0].x: expected an integer (int), got a string",
        CborCodec.of(new TypeReference<Map<String, List<Point>>>() {}),
        Map.of("a", List.of(Map.of("x", "q"))));
    assertSays(
        "java.time.Instant can't be read without the module of"
            + " com.fasterxml.jackson.datatype:jackson-datatype-jsr310: add it to"
            + " CborCodec.mapper(), and give the mapper to CborCodec.of",
        CborCodec.of(Instant.class),
        "2020");
  }

  @Test
  void bytesThatAreNoItemAreToldInWords() {
    Map<String, String> said =
        Map.of(
            "", "expected an object (Point), got an empty result",
            "a2", "the bytes end in the middle of a value",
            "a26178016179f9", "the bytes end in the middle of a value",
            "a26178016179f94000f6", "more bytes follow the value",
            "1c", "the bytes are no CBOR: Invalid CBOR value token (first byte): 0x1c");
    said.forEach(
        (hex, words) -> {
          ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
          IOException fault =
              assertThrows(IOException.class, () -> CborCodec.of(Point.class).decode(bytes), hex);
          assertEquals(words, fault.getMessage());
          assertSame(IOException.class, fault.getClass());
        });
  }

  @Test
  void whatDoesNotFitIsToldWithItsPlace() throws IOException {
    for (Object count : List.of(1L << 40, 1.5, "many")) {
      ByteBuffer bytes = cbor(Map.of("items", List.of(), "paid", true, "count", count));
      IOException said =
          assertThrows(IOException.class, () -> CborCodec.of(Basket.class).decode(bytes));
      assertEquals("count: ", said.getMessage().substring(0, 7), said.getMessage());
    }
  }

  @Test
  void whatCannotBeWrittenIsToldWithItsPlace() {
    IOException said =
        assertThrows(
            IOException.class,
            () -> CborCodec.of(Object.class).encode(Map.of("a", List.of(new Object()))));
    assertEquals("a[0]: ", said.getMessage().substring(0, 6), said.getMessage());
    assertEquals(true, said.getCause() instanceof JsonMappingException);
  }

  @Test
  void whatCannotBeWrittenIsToldInWords() {
    List<Object> self = new ArrayList<>();
    self.add(self);
    Map<String, @Nullable Object> nullKey = new HashMap<>();
    nullKey.put(null, 1);
    List<Object> values = List.of(new Object(), Instant.EPOCH, self, nullKey);
    List<String> words =
        List.of(
            "[0]: java.lang.Object can't be written: it has no properties",
            "[0]: java.time.Instant can't be written without the module of",
            "...: the values are nested too deeply",
            "a map has a null key");
    for (int n = 0; n < values.size(); n++) {
      List<Object> sent = List.of(values.get(n));
      IOException said =
          assertThrows(IOException.class, () -> CborCodec.of(Object.class).encode(sent));
      assertTrue(said.getMessage().contains(words.get(n)), said.getMessage());
      assertTrue(said.getMessage().length() < 300, said.getMessage());
      assertTrue(said.getCause() instanceof JacksonException);
    }
  }

  @Test
  void aMapperOfAnotherFormatIsRefusedWithTheRemedy() {
    IllegalArgumentException said =
        assertThrows(
            IllegalArgumentException.class, () -> CborCodec.of(Point.class, new ObjectMapper()));
    assertTrue(said.getMessage().contains("writes JSON"), said.getMessage());
    assertTrue(said.getMessage().contains("CborCodec.mapper()"), said.getMessage());
  }

  /** {@code CborCodec.mapper()} has a default, and what its user changes is meant. */
  @Test
  void aMapperMayBeStrictOnUnknownProperties() throws IOException {
    ByteBuffer more = cbor(Map.of("x", 1, "y", 2, "new", 3));
    ObjectMapper loose = CborCodec.mapper().build();
    ObjectMapper strict =
        CborCodec.mapper().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();
    ObjectMapper configured =
        CborCodec.mapper().build().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    assertEquals(new Point(1, 2), CborCodec.of(Point.class, loose).decode(more.duplicate()));
    assertEquals(new Point(1, 2), CborCodec.of(Point.class, loose.copy()).decode(more.duplicate()));
    assertEquals(
        new Point(1, 2),
        CborCodec.of(
                Point.class,
                strict.copy().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES))
            .decode(more.duplicate()));
    for (ObjectMapper mapper : List.of(strict, strict.copy(), configured)) {
      CborCodec<Point> codec = CborCodec.of(Point.class, mapper);
      IOException said =
          assertThrows(IOException.class, () -> codec.decode(more.duplicate()), "strict");
      assertTrue(said.getMessage().startsWith("new: "), said.getMessage());
      assertTrue(said.getMessage().contains("Point has no such property"), said.getMessage());
      assertEquals(new Point(1, 2), codec.decode(cbor(Map.of("x", 1, "y", 2))));
    }
  }

  record Texts(
      @Nullable String one,
      @Nullable CharSequence other,
      @Nullable List<String> list,
      String @Nullable [] array,
      @Nullable Map<String, String> map,
      @Nullable Optional<String> present,
      char @Nullable [] letters) {}

  record Binaries(
      byte @Nullable [] one,
      @Nullable ByteBuffer other,
      @Nullable List<byte[]> list,
      byte @Nullable [] @Nullable [] array) {}

  /** Jackson makes one of the other by Base64. */
  @Test
  void bytesAreNoText() throws IOException {
    byte[] bytes = {1, 2, (byte) 255};
    CborCodec<Texts> texts = CborCodec.of(Texts.class);
    String fault = "expected a string, got bytes";
    assertSays("one: " + fault, texts, Map.of("one", bytes));
    assertSays("other: " + fault, texts, Map.of("other", bytes));
    assertSays("list[1]: " + fault, texts, Map.of("list", List.of("a", bytes)));
    assertSays("array[1]: " + fault, texts, Map.of("array", List.of("a", bytes)));
    assertSays("map.k: " + fault, texts, Map.of("map", Map.of("k", bytes)));
    assertSays("present: " + fault, texts, Map.of("present", bytes));
    assertSays("letters: " + fault, texts, Map.of("letters", bytes));
    assertSays(fault, CborCodec.of(String.class), bytes);
    Texts read =
        texts.decode(
            cbor(
                Map.of(
                    "one", "AQL/",
                    "other", "b",
                    "list", List.of("c"),
                    "array", List.of("d"),
                    "map", Map.of("k", "v"),
                    "present", "e",
                    "letters", "fg")));
    assertEquals(
        List.of("AQL/", "b", List.of("c"), "d", Map.of("k", "v"), Optional.of("e"), "fg"),
        List.of(
            read.one(),
            read.other(),
            read.list(),
            read.array()[0],
            read.map(),
            read.present(),
            new String(read.letters())));
  }

  @Test
  void textIsNoBytes() throws IOException {
    byte[] bytes = {1, 2, (byte) 255};
    CborCodec<Binaries> binaries = CborCodec.of(Binaries.class);
    String fault = "expected bytes, got a string";
    assertSays("one: " + fault, binaries, Map.of("one", "AQL/"));
    assertSays("other: " + fault, binaries, Map.of("other", "AQL/"));
    assertSays("list[0]: " + fault, binaries, Map.of("list", List.of("AQL/")));
    assertSays("array[0]: " + fault, binaries, Map.of("array", List.of("AQL/")));
    Binaries back =
        binaries.decode(
            cbor(
                Map.of(
                    "one",
                    bytes,
                    "other",
                    bytes,
                    "list",
                    List.of(bytes),
                    "array",
                    List.of(List.of(1, 2, 255)))));
    assertArrayEquals(bytes, back.one());
    assertEquals(ByteBuffer.wrap(bytes), back.other());
    assertArrayEquals(bytes, back.list().getFirst());
    assertArrayEquals(bytes, back.array()[0]);
    // A UUID is 16 bytes or text, as before.
    UUID id = new UUID(1, 2);
    assertEquals(id, CborCodec.of(UUID.class).decode(cbor(id)));
    assertEquals(id, CborCodec.of(UUID.class).decode(cbor(id.toString())));
  }

  record Sized(
      short small,
      @Nullable Short boxed,
      @Nullable Optional<Integer> perhaps,
      @Nullable List<Short> list,
      @Nullable Map<String, Short> map,
      @Nullable Hue colour,
      @Nullable Optional<Hue> hue,
      @Nullable List<Optional<Hue>> hues,
      @JsonProperty("as-named") int named,
      @Nullable Sized inner,
      @Nullable AtomicInteger atomic,
      @Nullable OptionalInt whole) {}

  @Test
  void whatDoesNotFitNamesTheTypeOfTheField() throws IOException {
    CborCodec<Sized> codec =
        CborCodec.of(
            Sized.class,
            CborCodec.mapper().disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES).build());
    BigInteger value = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
    String end = ", got the integer " + value + ", which does not fit";
    String name = "expected one of RED, GREEN (Hue), got the number " + value;
    Map<String, String> said =
        Map.ofEntries(
            Map.entry("small", "expected an integer (short)" + end),
            Map.entry("boxed", "expected an integer (Short)" + end),
            Map.entry("perhaps", "expected an integer (Integer)" + end),
            Map.entry("colour", name),
            Map.entry("hue", name),
            Map.entry("as-named", "expected an integer (int)" + end),
            Map.entry("atomic", "expected an integer (AtomicInteger)" + end),
            Map.entry("whole", "expected an integer (int)" + end));
    for (Map.Entry<String, String> field : said.entrySet()) {
      String told = field.getKey() + ": " + field.getValue();
      Map<String, Object> sent = Map.of(field.getKey(), value);
      assertSays(told, codec, sent);
      assertSays("inner." + told, codec, Map.of("inner", sent));
    }
    assertSays("list[0]: " + said.get("boxed"), codec, Map.of("list", List.of(value)));
    assertSays("map.k: " + said.get("boxed"), codec, Map.of("map", Map.of("k", value)));
    assertSays("hues[0]: " + name, codec, Map.of("hues", List.of(value)));
    assertSays(said.get("small"), CborCodec.of(short.class), value);
    assertSays(name, CborCodec.of(Hue.class), value);
    assertSays("[0]: " + name, CborCodec.of(Hue[].class), List.of(value));
    assertSays("v: " + name, CborCodec.of(Painted.class), Map.of("type", "Wall", "v", value));
  }

  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes(@JsonSubTypes.Type(value = Wall.class, name = "Wall"))
  sealed interface Painted permits Wall {}

  record Wall(Hue v) implements Painted {}

  sealed interface Shape permits Disc {}

  record Disc(double r) implements Shape {}

  abstract static class Base {}

  static final class Closed {
    Closed(int one, int two) {
      assertTrue(one < two);
    }
  }

  static final class Text {
    final String text;

    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    Text(String text) {
      this.text = text;
    }
  }

  record Texted(List<Text> texts) {}

  record Holder(@Nullable Shape shape, @Nullable List<Base> bases, @Nullable Closed closed) {}

  @Test
  void whatHasNoConcreteTypeSaysWhatIsMissing() throws IOException {
    CborCodec<Holder> codec = CborCodec.of(Holder.class);
    String remedy =
        ", and nothing says which of its types is meant; give it @JsonTypeInfo and @JsonSubTypes,"
            + " or take one of these types";
    assertSays(
        "shape: io.ringwork.cbor.MapperTest$Shape can't be read: it is an interface" + remedy,
        codec,
        Map.of("shape", Map.of("r", 1)));
    assertSays(
        "bases[0]: io.ringwork.cbor.MapperTest$Base can't be read: it is an abstract class"
            + remedy,
        codec,
        Map.of("bases", List.of(Map.of())));
    assertSays(
        "io.ringwork.cbor.MapperTest$Shape can't be read: it is an interface" + remedy,
        CborCodec.of(Shape.class),
        Map.of("r", 1));
    assertSays(
        "closed: io.ringwork.cbor.MapperTest$Closed can't be read: it has no constructor that"
            + " Jackson knows; take a record, or give the class one without parameters or one with"
            + " @JsonCreator",
        codec,
        Map.of("closed", Map.of("one", 1)));
    CborCodec<Texted> texted = CborCodec.of(Texted.class);
    assertSays(
        "texts[0]: expected a value that the constructor of Text takes, got an object",
        texted,
        Map.of("texts", List.of(Map.of("a", 1))));
    // What says its type, but a wrong one, or not at all.
    CborCodec<Painted> painted = CborCodec.of(Painted.class);
    assertSays(
        "expected the name of a variant of Painted (one of Wall), got \"Roof\"",
        painted,
        Map.of("type", "Roof"));
    assertSays(
        "expected the name of a variant of Painted in the field type, got nothing",
        painted,
        Map.of("v", "RED"));
  }

  /** As a worker writes the keys of its maps. */
  @Test
  void keysAreReadAsTheirType() throws IOException {
    // {"true": 1}, {1: 1}, {"18446744073709551615": 1}
    assertEquals(
        Map.of(true, 1),
        CborCodec.of(new TypeReference<Map<Boolean, Integer>>() {}).decode(hex("a1647472756501")));
    assertEquals(
        Map.of(1L, 1),
        CborCodec.of(new TypeReference<Map<Long, Integer>>() {}).decode(hex("a10101")));
    Map<String, Object> keys = Map.of("1.5", 1, "-Infinity", 2, "1e300", 3);
    assertEquals(
        Map.of(1.5, 1, Double.NEGATIVE_INFINITY, 2, 1e300, 3),
        CborCodec.of(new TypeReference<Map<Double, Integer>>() {}).decode(cbor(keys)));
    assertEquals(
        Map.of(BigInteger.TWO.pow(64), 1),
        CborCodec.of(new TypeReference<Map<BigInteger, Integer>>() {})
            .decode(cbor(Map.of("18446744073709551616", 1))));
    assertEquals(
        Map.of(Hue.RED, 1),
        CborCodec.of(new TypeReference<Map<Hue, Integer>>() {}).decode(cbor(Map.of("RED", 1))));
    assertEquals(
        Map.of('a', 1),
        CborCodec.of(new TypeReference<Map<Character, Integer>>() {}).decode(cbor(Map.of("a", 1))));
    // {"m": {true: 1}}, as our worker does not write it.
    IOException said =
        assertThrows(
            IOException.class, () -> CborCodec.of(Object.class).decode(hex("a1616da1f501")));
    assertEquals(
        "m: the key of a map is neither text nor an integer, which Java can't read",
        said.getMessage());
    // {"a": [{"b": 1, 1.5: 1}]}
    said =
        assertThrows(
            IOException.class,
            () -> CborCodec.of(Object.class).decode(hex("a1616181a2616201f93e0001")));
    assertEquals(
        "a[0]: the key of a map is neither text nor an integer, which Java can't read",
        said.getMessage());
  }

  /** The bytes that the worker's tests read. */
  @Test
  void decimalsAreWrittenAsFractions() throws IOException {
    CborCodec<BigDecimal> codec = CborCodec.of(BigDecimal.class);
    assertEquals(hex("c48221187d"), codec.encode(new BigDecimal("1.25")));
    assertEquals(hex("c4820003"), codec.encode(BigDecimal.valueOf(3)));
    assertEquals(hex("c4822119012c"), codec.encode(new BigDecimal("3.00")));
    assertEquals(hex("c4820320"), codec.encode(new BigDecimal("-1e3")));
    for (String text :
        List.of("1.25", "3.00", "-1e3", "1e-30", "123456789012345678901234567890.1")) {
      BigDecimal value = new BigDecimal(text);
      assertEquals(value, codec.decode(codec.encode(value)));
    }
  }

  private static ByteBuffer hex(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }
}
