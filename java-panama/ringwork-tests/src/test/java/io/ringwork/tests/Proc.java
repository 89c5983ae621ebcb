package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** What the kernel knows of processes. */
final class Proc {
  private static final Path SELF = Path.of("/proc/self");

  private Proc() {}

  /** Whether a process runs. A zombie, which was not waited for yet, does not. */
  static boolean isRunning(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      char state = stat.charAt(stat.lastIndexOf(')') + 2);
      return state != 'Z' && state != 'X';
    } catch (IOException gone) {
      return false;
    }
  }

  /** What the open descriptors of this process point to. */
  static List<String> descriptors() {
    try (Stream<Path> links = Files.list(SELF.resolve("fd"))) {
      return links.map(Proc::target).filter(target -> !target.isEmpty()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String target(Path link) {
    try {
      String target = Files.readSymbolicLink(link).toString();
      return target.startsWith("/proc/") ? "" : target; // the listing's own descriptor
    } catch (NoSuchFileException closedMeanwhile) {
      return "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The mappings of files below a directory, deleted ones included, and of sealed segments. */
  static List<String> mappings(Path directory) {
    try (Stream<String> maps = Files.lines(SELF.resolve("maps"))) {
      return maps.filter(
              line -> line.contains(directory.toString()) || line.contains("/memfd:ringwork:"))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The platform threads of this JVM whose names begin so. */
  static List<String> threads(String prefix) {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith(prefix))
        .sorted()
        .toList();
  }

  /** Sends a signal to a process that the test has started, or one of its children. */
  static void signal(String name, long pid) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start();
      assertEquals(0, kill.waitFor(), "kill -" + name + " " + pid);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
