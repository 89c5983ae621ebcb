package io.ringwork.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.Ringwork;
import io.ringwork.TaskType;
import io.ringwork.cbor.CborCodec;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** CBOR there and back: Jackson here, serde in the worker. */
class CborTest {
  record Address(String street, int number, @Nullable String note) {}

  record Person(
      String name,
      long id,
      double height,
      boolean member,
      @Nullable Address address,
      List<Address> former,
      Map<String, Integer> scores,
      Optional<String> nick) {}

  record Order(long id, String name, double[] prices, @Nullable String note) {}

  record Receipt(long id, String name, boolean paid, double total, @Nullable String note) {}

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.misbehaving("CborTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  private static <T> T roundTrip(CborCodec<T> codec, T value) throws Exception {
    return pool.call(TaskType.of("test.cbor", codec, codec), value, Pools.PATIENT);
  }

  @Test
  void nestedRecords() throws Exception {
    CborCodec<Person> codec = CborCodec.of(Person.class);
    Address home = new Address("Lindenstra\u00dfe", 12, null);
    Person full =
        new Person(
            "J\u00f8rgen \ud83c\udf32",
            Long.MIN_VALUE,
            1.85,
            true,
            home,
            List.of(new Address("", -1, "old"), home),
            Map.of("chess", 3, "go", -40),
            Optional.of("J"));
    assertEquals(full, roundTrip(codec, full));
    Person bare = new Person("", 0, 0, false, null, List.of(), Map.of(), Optional.empty());
    assertEquals(bare, roundTrip(codec, bare));
  }

  @Test
  void aTypedHandlerOfSerde() throws Exception {
    TaskType<Order, Receipt> type =
        TaskType.of("test.order", CborCodec.of(Order.class), CborCodec.of(Receipt.class));
    assertEquals(
        new Receipt(7, "tea", true, 3.75, null),
        pool.call(type, new Order(7, "tea", new double[] {1.5, 2.25}, null)));
    assertEquals(
        new Receipt(8, "", true, 0, "gift"),
        pool.call(type, new Order(8, "", new double[] {0}, "gift")));
  }

  @Test
  void trees() throws Exception {
    CborCodec<Map<String, Object>> codec = CborCodec.of(new TypeReference<>() {});
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("null", null);
    tree.put("true", true);
    tree.put("text", "t");
    tree.put("int", 1);
    tree.put("long", Long.MAX_VALUE);
    tree.put("double", 0.1);
    tree.put("list", Arrays.asList(1, null, "two", List.of(List.of()), Map.of("k", false)));
    tree.put("empty", Map.of());
    assertEquals(tree, roundTrip(codec, tree));
  }

  @Test
  void nullItself() throws Exception {
    TaskType<List<Object>, Object> type =
        TaskType.of(
            "test.cbor",
            CborCodec.of(new TypeReference<List<Object>>() {}),
            CborCodec.of(Object.class));
    List<Object> holdsNull = new ArrayList<>();
    holdsNull.add(null);
    assertEquals(holdsNull, pool.call(type, holdsNull));
  }

  @ParameterizedTest
  @ValueSource(
      doubles = {0, -0.0, 1, 0.1, -1e300, Double.MIN_VALUE, Double.MAX_VALUE, 65504, 1.0 / 3})
  void doublesToTheLastBit(double value) throws Exception {
    double back = roundTrip(CborCodec.of(Double.class), value);
    assertEquals(Double.doubleToRawLongBits(value), Double.doubleToRawLongBits(back));
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        0,
        23,
        24,
        255,
        256,
        65535,
        65536,
        1L << 32,
        Long.MAX_VALUE,
        -1,
        -24,
        -25,
        -256,
        -257,
        Long.MIN_VALUE
      })
  void integersOfEachLength(long value) throws Exception {
    assertEquals(value, roundTrip(CborCodec.of(Long.class), value));
  }

  @Test
  void unsignedLongs() throws Exception {
    BigInteger largest = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
    TaskType<byte[], BigInteger> type =
        TaskType.of("test.cbor", new RawCodec(Codec.CBOR_ID), CborCodec.of(BigInteger.class));
    byte[] encoded = {0x1b, -1, -1, -1, -1, -1, -1, -1, -1};
    assertEquals(largest, pool.call(type, encoded));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 23, 24, 255, 256, 100_000})
  void arrays(int length) throws Exception {
    double[] values = DoubleStream.iterate(0.5, v -> v + 1).limit(length).toArray();
    assertArrayEquals(values, roundTrip(CborCodec.of(double[].class), values));
    List<String> texts = Arrays.stream(values).mapToObj(Double::toString).toList();
    assertEquals(texts, roundTrip(CborCodec.of(new TypeReference<List<String>>() {}), texts));
  }

  @Test
  void anOptionalThatIsNull() throws Exception {
    Optional<String> back =
        roundTrip(CborCodec.of(new TypeReference<Optional<String>>() {}), Optional.empty());
    assertTrue(back.isEmpty());
    TaskType<Address, Address> type =
        TaskType.of("test.cbor", CborCodec.of(Address.class), CborCodec.of(Address.class));
    assertNull(pool.call(type, new Address("s", 1, null)).note());
  }

  @Test
  void aResultOfAnotherShape() throws Exception {
    TaskType<Address, Receipt> type =
        TaskType.of("test.cbor", CborCodec.of(Address.class), CborCodec.of(Receipt.class));
    CodecException error =
        Pools.failure(CodecException.class, pool.submit(type, new Address("s", 1, null)));
    assertTrue(error.mayHaveRun());
    Pools.assertSays(error, "test.cbor");
    Pools.assertUsable(pool);
  }

  @Test
  void aRequestThatLacksAField() throws Exception {
    TaskType<Map<String, Object>, Receipt> type =
        TaskType.of(
            "test.order",
            CborCodec.of(new TypeReference<Map<String, Object>>() {}),
            CborCodec.of(Receipt.class));
    CodecException error = Pools.failure(CodecException.class, pool.submit(type, Map.of("id", 1)));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, "test.order", "name");
    Pools.assertUsable(pool);
  }

  private static CodecException refusal(Map<String, Object> order) throws Exception {
    TaskType<Map<String, Object>, Receipt> type =
        TaskType.of(
            "test.order",
            CborCodec.of(new TypeReference<Map<String, Object>>() {}),
            CborCodec.of(Receipt.class));
    return Pools.failure(CodecException.class, pool.submit(type, order));
  }

  @Test
  void decimalsAndBytesAreNumbersWhereTheyFit() throws Exception {
    record Exact(long id, String name, List<BigDecimal> prices) {}
    record Bytes(BigDecimal id, String name, byte[] prices) {}
    CborCodec<Receipt> receipt = CborCodec.of(Receipt.class);
    assertEquals(
        new Receipt(1, "tea", true, 4.25, null),
        pool.call(
            TaskType.of("test.order", CborCodec.of(Exact.class), receipt),
            new Exact(1, "tea", List.of(new BigDecimal("1.25"), BigDecimal.valueOf(3)))));
    assertEquals(
        new Receipt(2, "tea", true, 257, null),
        pool.call(
            TaskType.of("test.order", CborCodec.of(Bytes.class), receipt),
            new Bytes(new BigDecimal("2.00"), "tea", new byte[] {2, -1})));
    Pools.assertSays(
        refusal(Map.of("id", new BigDecimal("1.5"), "name", "tea", "prices", List.of())),
        "id: expected an integer (u64), got the number 1.5, which has a fraction: send a long");
    Pools.assertSays(
        refusal(Map.of("id", 1, "name", "tea", "prices", List.of(new BigDecimal("1e400")))),
        "prices[0]: expected a number (f64), got the number 1e400, which does not fit");
  }

  @Test
  void bytesAreNoText() throws Exception {
    Pools.assertSays(
        refusal(Map.of("id", 1, "name", "tea".getBytes(UTF_8), "prices", List.of())),
        "name: expected a string, got bytes");
  }

  enum Colour {
    RED,
    GREEN
  }

  record Kinds(
      byte[] bytes,
      byte[] array,
      Map<Boolean, Integer> flags,
      Map<Character, Integer> letters,
      Map<Colour, Integer> colours,
      Map<Long, Integer> numbers,
      Map<BigInteger, Integer> unsigned,
      Map<BigInteger, Integer> wide,
      Map<String, Integer> addresses) {}

  @Test
  void bytesAndKeysOfEachKind() throws Exception {
    Kinds sent =
        new Kinds(
            new byte[] {0, 1, -1},
            new byte[] {-128, 127, 0},
            Map.of(true, 1, false, 0),
            Map.of('\u00df', 2),
            Map.of(Colour.RED, 3, Colour.GREEN, 4),
            Map.of(Long.MIN_VALUE, 5, Long.MAX_VALUE, 6),
            Map.of(BigInteger.ZERO, 7, BigInteger.TWO.pow(64).subtract(BigInteger.ONE), 8),
            Map.of(BigInteger.TWO.pow(100), 9),
            Map.of("127.0.0.1", 10));
    CborCodec<Kinds> codec = CborCodec.of(Kinds.class);
    Kinds back = pool.call(TaskType.of("test.kinds", codec, codec), sent);
    assertArrayEquals(sent.bytes(), back.bytes());
    assertArrayEquals(sent.array(), back.array());
    assertEquals(
        sent,
        new Kinds(
            sent.bytes(),
            sent.array(),
            back.flags(),
            back.letters(),
            back.colours(),
            back.numbers(),
            back.unsigned(),
            back.wide(),
            back.addresses()));
  }
}
