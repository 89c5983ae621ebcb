package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.Failpoints;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The list of points and the places in the client's sources agree. */
class FailpointListTest {
  private static final Pattern HIT =
      Pattern.compile("if \\(Failpoints\\.ON[^;]*\\) Failpoints\\.hit\\(\"([a-z_.]+)\"\\);");

  @Test
  void listAndSourcesAgree() throws Exception {
    TreeSet<String> used = new TreeSet<>();
    List<Path> files;
    try (Stream<Path> all = Files.walk(Path.of(System.getProperty("core.sources")))) {
      files = all.filter(file -> file.toString().endsWith(".java")).toList();
    }
    int mentions = 0;
    for (Path file : files) {
      String text = Files.readString(file);
      if (file.endsWith("Failpoints.java")) {
        continue;
      }
      var places = HIT.matcher(text);
      while (places.find()) {
        assertTrue(used.add(places.group(1)), places.group(1) + " stands twice");
      }
      mentions += text.split("Failpoints\\.hit", -1).length - 1;
    }
    assertEquals(used.size(), mentions, "a place is written in another way than the pattern here");
    assertEquals(new TreeSet<>(Failpoints.POINTS), used);
    assertEquals(Failpoints.POINTS.size(), used.size());
  }
}
