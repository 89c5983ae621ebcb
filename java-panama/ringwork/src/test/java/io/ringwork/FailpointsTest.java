package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The classes that are published know nothing of failpoints. */
class FailpointsTest {
  @Test
  void noClassRefersToThem() throws Exception {
    URI root = Ringwork.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    List<Path> classes;
    try (Stream<Path> files = Files.walk(Path.of(root))) {
      classes = files.filter(file -> file.toString().endsWith(".class")).toList();
    }
    assertTrue(classes.size() > 30, "found only " + classes);
    int own = 0;
    for (Path file : classes) {
      // A class that calls another has its name, in this form, among its constants.
      String bytes = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
      if (file.endsWith("Failpoints.class")) {
        own++;
        assertTrue(bytes.contains("io/ringwork/Failpoints"), "this test looks for the wrong name");
      } else {
        assertFalse(bytes.contains("io/ringwork/Failpoints"), file.toString());
      }
    }
    assertEquals(1, own);
  }
}
