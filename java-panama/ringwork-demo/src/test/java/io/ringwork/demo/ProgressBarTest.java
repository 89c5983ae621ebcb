package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
  @Test
  void plainOutputGetsALineAtEachQuarter() {
    String[] lines = draw(false, true).split("\n");
    assertEquals(4, lines.length);
    assertTrue(lines[0].contains("130/520"), lines[0]);
    assertTrue(lines[3].contains("520/520"), lines[3]);
    for (String line : lines) {
      assertTrue(line.length() <= 80, line);
      assertFalse(line.contains("\033"), line);
      assertFalse(line.contains("\r"), line);
    }
  }

  @Test
  void aTerminalHasOneLineRedrawn() {
    String text = draw(true, true);
    assertEquals(1, text.chars().filter(c -> c == '\n').count());
    assertTrue(text.startsWith("\r"));
    assertTrue(text.contains("\033[32m"));
    for (String line : text.split("[\r\n]+")) {
      assertTrue(line.replaceAll("\033\\[\\d+m", "").length() <= 80, line);
    }
  }

  @Test
  void noColourIsRespected() {
    assertFalse(draw(true, false).contains("\033"));
  }

  @Test
  void anEmptyJobIsDone() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ProgressBar bar = new ProgressBar(new PrintStream(bytes), "nothing", 0, false, false);
    bar.finish();
    assertTrue(bytes.toString(StandardCharsets.UTF_8).contains("[####"));
  }

  private static String draw(boolean redraw, boolean colour) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    ProgressBar bar =
        new ProgressBar(out, "A label that is longer than its column", 520, redraw, colour);
    for (int i = 0; i <= 520; i++) {
      bar.update(i);
    }
    bar.finish();
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
