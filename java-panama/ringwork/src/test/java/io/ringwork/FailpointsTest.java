package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The classes that are published have no byte code of failpoints. */
class FailpointsTest {
  private static final int UTF8 = 1;
  private static final int LONG = 5;
  private static final int DOUBLE = 6;
  private static final int CLASS = 7;
  private static final int FIELD = 9;
  private static final int INTERFACE_METHOD = 11;

  @Test
  void noClassCallsThem() throws Exception {
    URI root = Ringwork.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    List<Path> classes;
    try (Stream<Path> files = Files.walk(Path.of(root))) {
      classes =
          files
              .filter(f -> f.toString().endsWith(".class") && !f.endsWith("module-info.class"))
              .toList();
    }
    assertTrue(classes.size() > 30, "found only " + classes);
    Set<String> callers = new TreeSet<>();
    int callersOfFutex = 0;
    for (Path file : classes) {
      if (uses(file, "io/ringwork/internal/Failpoints")) {
        callers.add(file.getFileName().toString());
      }
      callersOfFutex += uses(file, "io/ringwork/internal/wait/Futex") ? 1 : 0;
    }
    assertTrue(callersOfFutex > 2, "this test overlooks uses");
    assertEquals(Set.of(), callers);
  }

  /**
   * Whether a class reads a field or calls a method of another. Its mere name does not count: javac
   * notes that of every class whose constants it has inlined.
   */
  private static boolean uses(Path file, String other) throws IOException {
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      in.skipNBytes(8); // magic and version
      int count = in.readUnsignedShort();
      String[] texts = new String[count];
      int[] names = new int[count];
      Set<Integer> owners = new TreeSet<>();
      for (int n = 1; n < count; n++) {
        int tag = in.readUnsignedByte();
        switch (tag) {
          case UTF8 -> texts[n] = in.readUTF();
          case LONG, DOUBLE -> {
            in.skipNBytes(8);
            n++; // they take two entries
          }
          case CLASS -> names[n] = in.readUnsignedShort();
          case 8, 16, 19, 20 -> in.skipNBytes(2); // string, method type, module, package
          case 15 -> in.skipNBytes(3); // method handle
          default -> {
            int owner = in.readUnsignedShort();
            in.skipNBytes(2);
            if (tag >= FIELD && tag <= INTERFACE_METHOD) {
              owners.add(owner);
            }
          }
        }
      }
      return owners.stream().anyMatch(owner -> other.equals(texts[names[owner]]));
    }
  }
}
