package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** JVMs that deny native access, or allow it: the client works in both, and says so once. */
class NativeAccessTest {
  @Test
  void deniedItWorksWithoutAFutexAndSaysSoOnce() throws Exception {
    // Before 24 nothing denies all; the permission for other modules alone denies ours.
    boolean option = Runtime.version().feature() >= 24;
    String output =
        run(option ? "--illegal-native-access=deny" : "--enable-native-access=java.logging");
    assertEquals(1, count(output, "no futex"), output);
    assertTrue(output.contains("--enable-native-access=io.ringwork"), output);
  }

  @Test
  void allowedItSaysNothing() throws Exception {
    String output = run("--enable-native-access=ALL-UNNAMED");
    assertEquals(0, count(output, "WARNING"), output);
  }

  private static String run(String option) throws Exception {
    try (Child jvm = Child.java(List.of(option), Guest.class, "NativeAccessTest", "launch")) {
      String took = jvm.awaitLine("the guest's report", line -> line.startsWith("done "));
      System.out.println(option + ": " + took);
      assertEquals(0, jvm.awaitExit(Await.PATIENCE), jvm::output);
      return jvm.output();
    }
  }

  private static long count(String text, String part) {
    return text.lines().filter(line -> line.contains(part)).count();
  }
}
