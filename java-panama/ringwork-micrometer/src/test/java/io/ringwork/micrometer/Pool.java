package io.ringwork.micrometer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.LaunchConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Real pools in a directory of their own, which they leave empty. */
final class Pool implements AutoCloseable {
  private static final Path BINARY = Path.of(System.getProperty("ringwork.binary")).normalize();

  final Path directory;

  Pool() throws IOException {
    directory = Files.createTempDirectory(Path.of("/dev/shm"), "ringwork-micrometer-");
  }

  LaunchConfig config() {
    return LaunchConfig.DEFAULT
        .binary(BINARY)
        .directory(directory)
        .workers(1)
        .lanes(1)
        .segmentSize(16 << 20)
        .log(LaunchConfig.Log.DISCARD);
  }

  /** Starts a pool of a name by the command. */
  Served serve(String name) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            BINARY.toString(), "serve", "--name", name, "--workers", "1", "--lanes", "1");
    builder.environment().put("RINGWORK_DIR", directory.toString());
    builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    return new Served(builder.start());
  }

  /** A pool of the command, stopped in order. */
  record Served(Process process) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      process.destroy();
      try {
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new AssertionError("the pool did not stop within 30 s");
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }

  static void await(Supplier<String> what, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, () -> what.get() + ": not within 30 s");
      Thread.sleep(2);
    }
  }

  @Override
  public void close() throws IOException {
    Files.delete(directory); // Empty: the pools have left nothing.
  }
}
