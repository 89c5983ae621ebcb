package io.ringwork.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The directory of all pools of this run: made before the first class, removed after the last, and
 * empty after each, or the class has leaked a pool.
 */
public final class PoolDirectory implements BeforeAllCallback, AfterAllCallback {
  static final Path PATH = Path.of(variable());

  private static String variable() {
    String path = System.getenv("RINGWORK_DIR");
    if (path == null || !path.startsWith("/dev/shm/ringwork-tests-")) {
      throw new IllegalStateException(
          "RINGWORK_DIR is "
              + path
              + ": run these tests by Maven, which gives each run a directory of its own");
    }
    return path;
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(PoolDirectory.class))
        .getOrComputeIfAbsent(PATH, path -> new Made(), Made.class);
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    try {
      Await.until("no pool is left in " + PATH, Duration.ofSeconds(5), () -> list().isEmpty());
    } finally {
      for (Path left : list()) {
        delete(left); // so that the next class starts with an empty directory
      }
    }
  }

  /** The pools, and whatever else there is. */
  static List<Path> list() {
    try (Stream<Path> pools = Files.list(PATH)) {
      return pools.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What is in a directory, for messages. */
  static String listing(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList().toString();
    } catch (IOException e) {
      return e.toString();
    }
  }

  static void delete(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static final class Made implements AutoCloseable {
    Made() {
      try {
        Files.createDirectory(
            PATH,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      delete(PATH);
    }
  }
}
