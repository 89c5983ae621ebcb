package io.ringwork;

import io.ringwork.internal.Durations;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The options of the client itself, the same for {@code launch} and {@code connect}. */
record Settings(
    WaitStrategy strategy,
    CompletionMode mode,
    long closeNanos,
    TaskOptions taskDefaults,
    @Nullable Path directory,
    @Nullable String clientName) {
  static final Settings DEFAULT =
      new Settings(
          WaitStrategy.ADAPTIVE,
          CompletionMode.VIRTUAL_THREADS,
          Duration.ofSeconds(10).toNanos(),
          TaskOptions.DEFAULT,
          null,
          null);

  Settings {
    Objects.requireNonNull(strategy, "strategy");
    Objects.requireNonNull(mode, "mode");
    Objects.requireNonNull(taskDefaults, "options");
  }

  Settings waitStrategy(WaitStrategy strategy) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, directory, clientName);
  }

  Settings completion(CompletionMode mode) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, directory, clientName);
  }

  Settings closeTimeout(Duration timeout) {
    long nanos = Durations.notNegative("the close timeout", timeout);
    return new Settings(strategy, mode, nanos, taskDefaults, directory, clientName);
  }

  Settings taskDefaults(TaskOptions options) {
    return new Settings(strategy, mode, closeNanos, options, directory, clientName);
  }

  Settings directory(Path directory) {
    Objects.requireNonNull(directory, "directory");
    return new Settings(strategy, mode, closeNanos, taskDefaults, directory, clientName);
  }

  Settings clientName(String clientName) {
    Objects.requireNonNull(clientName, "clientName");
    return new Settings(strategy, mode, closeNanos, taskDefaults, directory, clientName);
  }

  /** The name that was chosen, or that of the process and its main class. */
  String clientNameOrDefault() {
    if (clientName != null) {
      return clientName;
    }
    String command = System.getProperty("sun.java.command", "").strip();
    int end = command.indexOf(' ');
    String main = end < 0 ? command : command.substring(0, end);
    return ProcessHandle.current().pid() + (main.isEmpty() ? "" : "/" + main);
  }

  Duration closeTimeout() {
    return Duration.ofNanos(closeNanos);
  }

  boolean inline() {
    return mode == CompletionMode.INLINE;
  }

  /** As part of the text of a configuration. */
  @Override
  public String toString() {
    return (directory == null ? "" : "directory=" + directory + ", ")
        + "waitStrategy="
        + strategy
        + ", completion="
        + mode
        + ", closeTimeout="
        + closeTimeout()
        + ", taskDefaults="
        + taskDefaults
        + (clientName == null ? "" : ", clientName=" + clientName);
  }
}
