package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.process.PoolFiles;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LauncherTest {
  /** Two containers whose JVMs have one process id, and count from one, share a directory. */
  @Test
  void aNameTellsMoreThanTheProcessAndTheCount() {
    Set<String> random = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      String name = Launcher.ownName();
      PoolFiles.checkName(name);
      String[] parts = name.split("-", 4);
      assertEquals("jvm", parts[0]);
      assertEquals(ProcessHandle.current().pid(), Long.parseLong(parts[1]));
      random.add(parts[3]);
    }
    assertEquals(1000, random.size());
    assertTrue(random.iterator().next().length() >= 16);
  }
}
