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
    Names names,
    Observers observers) {
  /** Where the pools' directories are, and what this client is called; null for the defaults. */
  record Names(@Nullable Path directory, @Nullable String client) {}

  static final Settings DEFAULT =
      new Settings(
          WaitStrategy.ADAPTIVE,
          CompletionMode.VIRTUAL_THREADS,
          Duration.ofSeconds(10).toNanos(),
          TaskOptions.DEFAULT,
          new Names(null, null),
          Observers.NONE);

  Settings {
    Objects.requireNonNull(strategy, "strategy");
    Objects.requireNonNull(mode, "mode");
    Objects.requireNonNull(taskDefaults, "options");
  }

  Settings waitStrategy(WaitStrategy strategy) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, names, observers);
  }

  Settings completion(CompletionMode mode) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, names, observers);
  }

  Settings closeTimeout(Duration timeout) {
    long nanos = Durations.notNegative("the close timeout", timeout);
    return new Settings(strategy, mode, nanos, taskDefaults, names, observers);
  }

  Settings taskDefaults(TaskOptions options) {
    return new Settings(strategy, mode, closeNanos, options, names, observers);
  }

  Settings directory(Path directory) {
    Objects.requireNonNull(directory, "directory");
    return with(new Names(directory, clientName()));
  }

  Settings clientName(String clientName) {
    Objects.requireNonNull(clientName, "clientName");
    return with(new Names(directory(), clientName));
  }

  /** These and one more observer. */
  Settings observer(TaskObserver observer) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, names, observers.and(observer));
  }

  private Settings with(Names names) {
    return new Settings(strategy, mode, closeNanos, taskDefaults, names, observers);
  }

  @Nullable Path directory() {
    return names.directory;
  }

  @Nullable String clientName() {
    return names.client;
  }

  /** The name that was chosen, or that of the process and its main class. */
  String clientNameOrDefault() {
    String chosen = clientName();
    if (chosen != null) {
      return chosen;
    }
    String main = mainOf(System.getProperty("sun.java.command", ""));
    return ProcessHandle.current().pid() + (main.isEmpty() ? "" : "/" + main);
  }

  /** The main class of a command; of {@code java Hello.java} the file, not the JDK's launcher. */
  static String mainOf(String command) {
    String[] words = command.strip().split(" +", 3);
    boolean isSource = words[0].endsWith("SourceLauncher") || words[0].endsWith("launcher.Main");
    return isSource && words.length > 1 ? words[1] : words[0];
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
    Path directory = directory();
    return (directory == null ? "" : "directory=" + directory + ", ")
        + "waitStrategy="
        + strategy
        + ", completion="
        + mode
        + ", closeTimeout="
        + closeTimeout()
        + ", taskDefaults="
        + taskDefaults
        + (clientName() == null ? "" : ", clientName=" + clientName())
        + (observers == Observers.NONE ? "" : ", observers=" + observers);
  }
}
