package io.ringwork.cbor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.module.kotlin.KotlinModule;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import kotlin.Pair;
import kotlin.Triple;
import org.junit.jupiter.api.Test;

/**
 * Data classes of Kotlin, whose constructors no annotation marks: those of its standard library,
 * for which no compiler of Kotlin is needed here. Defaults of arguments, which none of them has,
 * were tried once with the compiler, by the guide's snippet.
 */
class KotlinTest {
  private static final ObjectMapper MAPPER =
      CborCodec.mapper().addModule(new KotlinModule.Builder().build()).build();

  private static JavaType typeOf(Class<?> type, Class<?>... arguments) {
    return MAPPER.getTypeFactory().constructParametricType(type, arguments);
  }

  @Test
  void aDataClassTravelsAsARecordDoes() throws IOException {
    JavaType type = typeOf(Pair.class, String.class, Long.class);
    CborCodec<Pair<String, Long>> codec = CborCodec.of(type, MAPPER);
    Pair<String, Long> pair = new Pair<>("lines", 3L);
    assertEquals(pair, codec.decode(codec.encode(pair)));
    assertEquals(
        Map.of("first", "lines", "second", 3),
        CborCodec.of(Object.class).decode(codec.encode(pair)));
  }

  @Test
  void dataClassesStandInOneAnother() throws IOException {
    JavaType inner = typeOf(Pair.class, Integer.class, Boolean.class);
    JavaType triple =
        MAPPER
            .getTypeFactory()
            .constructParametricType(
                Triple.class,
                inner,
                MAPPER.constructType(byte[].class),
                MAPPER.constructType(Double.class));
    JavaType list = MAPPER.getTypeFactory().constructCollectionType(List.class, triple);
    CborCodec<List<Triple<Pair<Integer, Boolean>, byte[], Double>>> codec =
        CborCodec.of(list, MAPPER);
    var sent = List.of(new Triple<>(new Pair<>(1, true), new byte[] {1, 2}, 0.5));
    var got = codec.decode(codec.encode(sent)).getFirst();
    assertEquals(new Pair<>(1, true), got.getFirst());
    assertTrue(Arrays.equals(new byte[] {1, 2}, got.getSecond()));
    assertEquals(0.5, got.getThird());
  }

  /** A field that this side does not know is passed over, as with records. */
  @Test
  void theRulesOfTheCodecHold() throws IOException {
    CborCodec<Pair<String, Long>> codec =
        CborCodec.of(typeOf(Pair.class, String.class, Long.class), MAPPER);
    CborCodec<Object> any = CborCodec.of(Object.class);
    assertEquals(
        new Pair<>("a", 2L),
        codec.decode(any.encode(Map.of("first", "a", "second", 2, "newer", true))));
    IOException e =
        assertThrows(
            IOException.class,
            () -> codec.decode(any.encode(Map.of("first", "a", "second", "text"))));
    assertTrue(e.getMessage().startsWith("second: expected an integer"), e::getMessage);
    e = assertThrows(IOException.class, () -> codec.decode(any.encode(Map.of("second", 2))));
    assertEquals("first: expected a value, got nothing", e.getMessage());
  }
}
