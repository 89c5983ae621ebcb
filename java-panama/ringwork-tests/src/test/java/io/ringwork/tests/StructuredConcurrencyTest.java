package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The program of examples/structured-concurrency, as its README runs it. */
class StructuredConcurrencyTest {
  @Test
  void theExampleRuns() throws Exception {
    // Structured concurrency is a preview, which differs from version to version.
    assumeTrue(Runtime.version().feature() == 25);
    Path root = Path.of(System.getProperty("ringwork.documents"));
    String classPath =
        System.getProperty("jdk.module.path", "")
            + System.getProperty("path.separator")
            + System.getProperty("java.class.path");
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-preview",
            "--source",
            "25",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            classPath,
            root.resolve("examples/structured-concurrency/SignUp.java").toString(),
            Pools.BINARY.toString());
    try (Child example = Child.start(Map.of(), command)) {
      assertEquals(0, example.awaitExit(Await.PATIENCE), example::output);
      String output = example.output();
      assertTrue(output.contains("password $argon2id"), output);
      assertTrue(output.contains("avatar 039058c6"), output);
    }
  }
}
