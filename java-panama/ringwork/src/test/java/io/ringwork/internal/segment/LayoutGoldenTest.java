package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The compiled constants are those of ring/layout.txt, which the Rust side is tested against, too.
 */
class LayoutGoldenTest {

  @Test
  void constantsAreThoseOfTheGoldenList() throws Exception {
    Map<String, Long> golden = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of("../../ring/layout.txt"))) {
      String[] parts = line.split(" ");
      golden.put(parts[0], Long.parseUnsignedLong(parts[1]));
    }
    Map<String, Long> compiled = new TreeMap<>();
    for (Field field : Layout.class.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
        compiled.put(field.getName(), ((Number) field.get(null)).longValue());
      }
    }
    assertEquals(golden, compiled, "run `make layout`, and bump VERSION when offsets moved");
  }
}
