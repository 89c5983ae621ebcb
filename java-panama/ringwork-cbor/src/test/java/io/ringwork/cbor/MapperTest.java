package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

  private static void assertSays(String expected, Object sent) throws IOException {
    ByteBuffer bytes = cbor(sent);
    IOException said =
        assertThrows(IOException.class, () -> CborCodec.of(Basket.class).decode(bytes));
    assertEquals(expected, said.getMessage());
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
}
