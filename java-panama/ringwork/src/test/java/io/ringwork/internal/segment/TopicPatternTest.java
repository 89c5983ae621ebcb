package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same cases as those of ring/src/queue/topics.rs. */
class TopicPatternTest {
  @ParameterizedTest
  @CsvSource({
    "*, a, true",
    "*, a.b.c, true",
    "a.b, a.b, true",
    "a.b, a.b.c, false",
    "a.b, a, false",
    "a.*, a.b.c, true",
    "a.*, a, false",
    "a.*.c, a.b.c, true",
    "a.*.c, a.b.d, false",
    "a.*.c, a.b, false",
    "*.c, b.c, true",
    "*.c, b.c.d, false",
    "größe, größe, true"
  })
  void patterns(String pattern, String name, boolean wanted) {
    assertEquals(wanted, new TopicPattern(pattern).matches(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "a.", "a*", "a b", "**", "a\n"})
  void whatIsNoPattern(String pattern) {
    String said =
        assertThrows(IllegalArgumentException.class, () -> new TopicPattern(pattern)).getMessage();
    assertTrue(said.contains("worker.*"), said);
  }
}
