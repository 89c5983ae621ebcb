package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A process of a test: ended, with the children it has then, when the test leaves its block, and
 * killed at the latest when this JVM ends.
 */
final class Child implements AutoCloseable {
  private static final Set<Child> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Child::killTree)));
  }

  private final Process process;
  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final Thread reader;

  private Child(ProcessBuilder builder) {
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    RUNNING.add(this);
    reader = Thread.startVirtualThread(this::read);
  }

  private void read() {
    try (BufferedReader out = process.inputReader()) {
      out.lines().forEach(lines::add);
    } catch (UncheckedIOException | IOException closed) {
      // it was killed
    }
  }

  /** Starts a command; its standard error is read with its output. */
  static Child start(Map<String, String> environment, List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return new Child(builder);
  }

  /** Starts the ringwork binary. */
  static Child ringwork(String... arguments) {
    List<String> command = new ArrayList<>(List.of(Pools.BINARY.toString()));
    command.addAll(List.of(arguments));
    return start(Map.of(), command);
  }

  /** Starts `ringwork serve` with two workers, and waits until it serves. */
  static Child serve(String name, String... more) {
    List<String> arguments = new ArrayList<>(List.of("--segment-size", "16777216"));
    arguments.addAll(List.of(more));
    return serveRoomy(name, arguments.toArray(String[]::new));
  }

  /** The same with a segment of the size that follows from the machine. */
  static Child serveRoomy(String name, String... more) {
    List<String> arguments = new ArrayList<>(List.of("serve", "--name", name, "--workers", "2"));
    arguments.addAll(List.of(more));
    Child child = ringwork(arguments.toArray(String[]::new));
    try {
      child.awaitLine("the pool serves", line -> line.startsWith("serving " + name));
      return child;
    } catch (Throwable failed) {
      child.close();
      throw failed;
    }
  }

  /** Starts a JVM of our class path. */
  static Child java(List<String> options, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "-Xmx256m"));
    for (String property : List.of("ringwork.binary", "ringwork.logs", "ringwork.testWorker")) {
      command.add("-D" + property + "=" + System.getProperty(property));
    }
    command.addAll(options);
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return start(Map.of(), command);
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  List<ProcessHandle> children() {
    return process.children().toList();
  }

  String output() {
    return String.join("\n", lines);
  }

  /** The first line that fits, as soon as it is there. */
  String awaitLine(String what, Predicate<String> fits) {
    List<Optional<String>> found = new ArrayList<>();
    Await.until(
        what,
        () -> {
          Optional<String> line = lines.stream().filter(fits).findFirst();
          if (line.isEmpty() && !isAlive() && !reader.isAlive()) {
            fail("the process has ended with " + process.exitValue() + ": " + output());
          }
          found.add(line);
          return line.isPresent();
        });
    return found.getLast().orElseThrow();
  }

  int awaitExit(Duration limit) throws InterruptedException {
    if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
      fail("still running after " + limit + ": " + output());
    }
    reader.join(1000);
    return process.exitValue();
  }

  void send(String line) {
    try {
      process.getOutputStream().write((line + "\n").getBytes());
      process.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  /** SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** SIGKILL for the process and what it has started: when this JVM ends. */
  private void killTree() {
    List<ProcessHandle> tree = process.descendants().toList();
    process.destroyForcibly();
    tree.forEach(ProcessHandle::destroyForcibly);
  }

  /**
   * Ends the process if it still runs: asked twice, since a supervisor drains at the first SIGTERM,
   * and then killed. Its children get a moment to follow, so that a supervisor can clean up.
   */
  @Override
  public void close() {
    List<ProcessHandle> tree = process.descendants().toList();
    process.destroy();
    if (!endsWithin(Duration.ofMillis(200))) {
      process.destroy();
      if (!endsWithin(Duration.ofSeconds(3))) {
        process.destroyForcibly();
      }
    }
    try {
      Await.until(
          "the children follow",
          Duration.ofSeconds(3),
          () -> tree.stream().noneMatch(child -> Proc.isRunning(child.pid())));
    } catch (AssertionError late) {
      tree.forEach(ProcessHandle::destroyForcibly);
    }
    RUNNING.remove(this);
  }

  private boolean endsWithin(Duration limit) {
    try {
      return process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
