package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.Signals;
import io.ringwork.internal.process.Child;
import io.ringwork.internal.process.NativeBinary;
import io.ringwork.internal.process.PoolFiles;
import io.ringwork.internal.process.ReadyLine;
import io.ringwork.internal.process.Refusal;
import io.ringwork.internal.process.StderrTail;
import io.ringwork.internal.wait.Futex;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Starts {@code ringwork serve --embedded} and connects to it.
 *
 * <p>The child's standard input stays open as long as this process lives: its end is what tells the
 * supervisor that the JVM is gone. On standard output it says one line, ready or why not.
 */
final class Launcher {
  /** How the command exits that does not understand its arguments. */
  private static final int USAGE = 2;

  private static final AtomicInteger COUNTER = new AtomicInteger();

  private Launcher() {}

  static Client launch(LaunchConfig config) {
    Futex.link(); // while the pool starts
    String name = config.name != null ? config.name : ownName();
    try (NativeBinary binary = binary(config)) {
      return launch(config, name, binary.path());
    }
  }

  private static NativeBinary binary(LaunchConfig config) {
    try {
      return NativeBinary.find(config.binary);
    } catch (Refusal why) {
      throw LaunchException.of(why);
    }
  }

  private static Client launch(LaunchConfig config, String name, Path binary) {
    PoolFiles files = Connector.files(config.settings.directory(), name);
    long logged = config.logFile == null ? 0 : config.logFile.toFile().length();
    Process process = start(binary, files, config);
    Child child = new Child(process, files);
    try {
      StderrTail tail = tail(process, config, name, logged);
      awaitReady(process, binary, config, tail);
      return Connector.connect(files, config.startNanos, config.settings, child);
    } catch (Throwable failed) { // also for want of memory: the child must not be left
      child.end();
      throw failed;
    }
  }

  private static StderrTail tail(Process process, LaunchConfig config, String name, long logged) {
    return switch (config.log) {
      case INHERIT -> StderrTail.inherited();
      case DISCARD -> StderrTail.ofPipe(process, name);
      case FILE -> StderrTail.ofFile(Objects.requireNonNull(config.logFile, "logFile"), logged);
    };
  }

  /**
   * A name that no other JVM takes. The process id is for people; it does not tell JVMs apart that
   * are each the first process of a container, with one /dev/shm.
   */
  static String ownName() {
    String pool = "jvm-" + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
    return pool + "-" + UUID.randomUUID().toString().substring(0, 18);
  }

  /** The log file; what is wrong with it is no fault of the program that is started. */
  private static File writable(Path log) {
    try {
      Files.newOutputStream(log, StandardOpenOption.CREATE, StandardOpenOption.APPEND).close();
      return log.toFile();
    } catch (IOException e) {
      throw new LaunchException(
          "can't write the log file "
              + log
              + " ("
              + e
              + "): make its directory, or choose another file (LaunchConfig.logFile)",
          e);
    }
  }

  private static Process start(Path binary, PoolFiles files, LaunchConfig config) {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(binary.toString(), "serve", "--embedded", "--name", files.name()));
    command.addAll(config.arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    Path directory = config.settings.directory();
    if (directory != null) {
      builder.environment().put("RINGWORK_DIR", directory.toString());
    }
    switch (config.log) {
      case INHERIT -> builder.redirectError(Redirect.INHERIT);
      case DISCARD -> builder.redirectError(Redirect.PIPE);
      case FILE ->
          builder.redirectError(
              Redirect.appendTo(writable(Objects.requireNonNull(config.logFile, "logFile"))));
    }
    try {
      return builder.start();
    } catch (IOException e) {
      throw new LaunchException(
          "can't start "
              + binary
              + ": "
              + e.getMessage()
              + "; is it made for this system, and on a file system that allows to execute?",
          e);
    }
  }

  /** Waits for the one line on standard output. */
  private static void awaitReady(
      Process process, Path binary, LaunchConfig config, StderrTail tail) {
    CompletableFuture<@Nullable String> line = new CompletableFuture<>();
    Background.thread(
            "ringwork-start",
            () -> {
              try {
                line.complete(
                    new BufferedReader(
                            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                        .readLine());
              } catch (IOException closed) {
                line.complete(null);
              } catch (Throwable failed) {
                line.completeExceptionally(failed);
              }
            })
        .start();
    String said;
    try {
      said = line.get(config.startNanos, TimeUnit.NANOSECONDS);
    } catch (TimeoutException slow) {
      throw new LaunchException(
          "the supervisor was not ready within "
              + config.startNanos / 1_000_000
              + " ms: see its log, or allow a longer startTimeout"
              + tail.text(),
          slow);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new LaunchException("interrupted while the supervisor started", interrupted);
    } catch (ExecutionException impossible) {
      throw new LaunchException("can't read from the supervisor", impossible);
    }
    if (said == null) {
      throw new LaunchException(
          "the supervisor "
              + exit(process)
              + " before it was ready"
              + guess(process, binary, config, tail.hasText())
              + tail.text(),
          null);
    }
    if (!"true".equals(ReadyLine.field(said, "ready"))) {
      String error = ReadyLine.field(said, "error");
      throw new LaunchException(
          "the supervisor did not start: " + (error == null ? said : error) + tail.text(), null);
    }
  }

  /** What it may have been, as far as the child has not said so itself. */
  private static String guess(Process process, Path binary, LaunchConfig config, boolean said) {
    if (said) {
      return "";
    }
    boolean usage = !process.isAlive() && process.exitValue() == USAGE;
    return usage && !config.arguments.isEmpty()
        ? " (does it know all of the arguments " + String.join(" ", config.arguments) + "?)"
        : " (is " + binary + " the `ringwork` command?)";
  }

  private static String exit(Process process) {
    try {
      return process.waitFor(1, TimeUnit.SECONDS)
          ? Signals.describeExit(process.exitValue())
          : "closed its standard output";
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return "ended";
    }
  }
}
