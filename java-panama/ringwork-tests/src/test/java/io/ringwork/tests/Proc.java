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
    char state = state(Path.of("/proc/" + pid));
    return state != 'Z' && state != 'X';
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

  /**
   * Whether each thread of a process is stopped, by SIGSTOP: a thread that is not yet still runs.
   */
  private static boolean isStopped(long pid) {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      return threads.allMatch(thread -> state(thread) == 'T');
    } catch (IOException gone) {
      return true;
    }
  }

  /** The state of a process or thread, by its directory in /proc; Z if it is gone. */
  private static char state(Path process) {
    try {
      String stat = Files.readString(process.resolve("stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch (IOException gone) {
      return 'Z';
    }
  }

  /**
   * Sends a signal to a process that the test has started, or one of its children. Comes back from
   * a STOP when all threads have stopped.
   */
  static void signal(String name, long pid) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start();
      assertEquals(0, kill.waitFor(), "kill -" + name + " " + pid);
      if (name.equals("STOP")) {
        Await.until(pid + " has stopped", () -> isStopped(pid));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
