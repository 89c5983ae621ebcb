package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.process.PoolFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How to start a pool of one's own. What is not set is left to the defaults of {@code ringwork
 * serve}. Immutable; each method returns a changed copy.
 */
public final class LaunchConfig extends ClientConfig<LaunchConfig> {
  /** Where the log of the supervisor and its workers goes. */
  public enum Log {
    /** To this process's standard error. The default. */
    INHERIT,
    /** Nowhere, except that the last lines are quoted when the start fails. */
    DISCARD,
    /** To the file given to {@link LaunchConfig#logFile}. */
    FILE
  }

  /** All defaults. */
  public static final LaunchConfig DEFAULT = new LaunchConfig(new Draft(Settings.DEFAULT));

  /**
   * All defaults; {@link #DEFAULT}.
   *
   * @return the configuration
   */
  public static LaunchConfig defaults() {
    return DEFAULT;
  }

  final @Nullable String name;
  final @Nullable Path binary;
  final List<String> arguments;
  final Log log;
  final @Nullable Path logFile;
  final long startNanos;

  private LaunchConfig(Draft draft) {
    super(draft.settings);
    this.name = draft.name;
    this.binary = draft.binary;
    this.arguments = draft.arguments;
    this.log = draft.log;
    this.logFile = draft.logFile;
    this.startNanos = draft.startNanos;
  }

  /** What a configuration is made of, before it is made. */
  private static final class Draft {
    final Settings settings;
    @Nullable String name;
    @Nullable Path binary;
    List<String> arguments = List.of();
    Log log = Log.INHERIT;
    @Nullable Path logFile;
    long startNanos = Duration.ofSeconds(10).toNanos();

    Draft(Settings settings) {
      this.settings = settings;
    }
  }

  /** All of this configuration, to be changed. */
  private Draft draft(Settings settings) {
    Draft draft = new Draft(settings);
    draft.name = name;
    draft.binary = binary;
    draft.arguments = arguments;
    draft.log = log;
    draft.logFile = logFile;
    draft.startNanos = startNanos;
    return draft;
  }

  private LaunchConfig with(Consumer<Draft> change) {
    Draft draft = draft(settings);
    change.accept(draft);
    return new LaunchConfig(draft);
  }

  @Override
  LaunchConfig with(Settings settings) {
    return new LaunchConfig(draft(settings));
  }

  /** Sets an option of the command line; the last one set wins. */
  private LaunchConfig set(String option, String value) {
    List<String> all = new ArrayList<>(arguments);
    int at = all.indexOf(option);
    if (at >= 0 && at + 1 < all.size()) {
      all.set(at + 1, value);
    } else {
      all.add(option);
      all.add(value);
    }
    return with(draft -> draft.arguments = List.copyOf(all));
  }

  private static String positive(String what, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(what + " must be positive: " + value);
    }
    return Long.toString(value);
  }

  /**
   * The pool's name, under which others can connect too. Default: one made of the process id, a
   * counter and a random number, which no other JVM has.
   *
   * @param name 1 to 63 letters, digits, '-', '_' or '.', not starting with '.'
   * @return a copy
   * @throws IllegalArgumentException if it is no such name
   */
  public LaunchConfig name(String name) {
    PoolFiles.checkName(name);
    return with(draft -> draft.name = name);
  }

  /**
   * The binary to start. Default: the environment variable {@code RINGWORK_BINARY}, the system
   * property {@code ringwork.binary}, then the one in a ringwork-natives jar on the class or module
   * path, unpacked into the user's cache directory, else that for temporary files, else memory.
   *
   * @param binary the path of {@code ringwork}
   * @return a copy
   */
  public LaunchConfig binary(Path binary) {
    Objects.requireNonNull(binary, "binary");
    return with(draft -> draft.binary = binary);
  }

  /**
   * The worker processes.
   *
   * @param workers how many
   * @return a copy
   */
  public LaunchConfig workers(int workers) {
    return set("--workers", positive("workers", workers));
  }

  /**
   * The lanes (threads that run tasks) of each worker.
   *
   * @param lanes how many
   * @return a copy
   */
  public LaunchConfig lanes(int lanes) {
    return set("--lanes", positive("lanes", lanes));
  }

  /**
   * The size of the segment; most of it becomes the payload arena. Default: a sixth of the memory
   * that is free (of the machine, and below the cgroup's limit), at least 60 MiB and at most 1 GiB.
   * Of that only tables and small blocks take memory at once; blocks of 1 MiB and more do when
   * payloads use them for the first time. With 2 GiB free, 16 requests of 8 MB fit in at a time.
   *
   * @param bytes the size in bytes
   * @return a copy
   */
  public LaunchConfig segmentSize(long bytes) {
    return set("--segment-size", positive("segment size", bytes));
  }

  /**
   * The tasks that one client can have in flight.
   *
   * @param slots how many
   * @return a copy
   */
  public LaunchConfig slots(int slots) {
    return set("--slots", positive("slots", slots));
  }

  /**
   * The client processes that can be connected at once, this one included.
   *
   * @param clients how many
   * @return a copy
   */
  public LaunchConfig clients(int clients) {
    return set("--clients", positive("clients", clients));
  }

  /**
   * A worker of your own in place of the stock one.
   *
   * @param worker the path of its executable
   * @return a copy
   */
  public LaunchConfig worker(Path worker) {
    Objects.requireNonNull(worker, "worker");
    return set("--worker", worker.toString());
  }

  /**
   * Further options of {@code ringwork serve}, as on its command line.
   *
   * @param arguments the options
   * @return a copy
   */
  public LaunchConfig arguments(String... arguments) {
    List<String> all = new ArrayList<>(this.arguments);
    for (String argument : Objects.requireNonNull(arguments, "arguments")) {
      all.add(Objects.requireNonNull(argument, "an argument"));
    }
    return with(draft -> draft.arguments = List.copyOf(all));
  }

  /**
   * Where the log goes.
   *
   * @param log {@link Log#INHERIT} or {@link Log#DISCARD}
   * @return a copy
   * @throws IllegalArgumentException for {@link Log#FILE}: use {@link #logFile}
   */
  public LaunchConfig log(Log log) {
    Objects.requireNonNull(log, "log");
    if (log == Log.FILE) {
      throw new IllegalArgumentException("name the file with logFile(path)");
    }
    return with(
        draft -> {
          draft.log = log;
          draft.logFile = null;
        });
  }

  /**
   * Appends the log to a file.
   *
   * @param file the file
   * @return a copy
   */
  public LaunchConfig logFile(Path file) {
    Objects.requireNonNull(file, "file");
    return with(
        draft -> {
          draft.log = Log.FILE;
          draft.logFile = file;
        });
  }

  /**
   * How long to wait until the pool is ready. Default 10 s.
   *
   * @param timeout the time
   * @return a copy
   * @throws IllegalArgumentException if it is negative
   */
  public LaunchConfig startTimeout(Duration timeout) {
    long nanos = Durations.notNegative("the start timeout", timeout);
    return with(draft -> draft.startNanos = nanos);
  }

  /**
   * The worker processes.
   *
   * @return the number, or empty for the default
   */
  public OptionalLong workers() {
    return number("--workers");
  }

  /**
   * The lanes of each worker.
   *
   * @return the number, or empty for the default
   */
  public OptionalLong lanes() {
    return number("--lanes");
  }

  /**
   * The size of the segment in bytes.
   *
   * @return the number, or empty for the default
   */
  public OptionalLong segmentSize() {
    return number("--segment-size");
  }

  /**
   * The tasks that one client can have in flight.
   *
   * @return the number, or empty for the default
   */
  public OptionalLong slots() {
    return number("--slots");
  }

  /**
   * The client processes that can be connected at once.
   *
   * @return the number, or empty for the default
   */
  public OptionalLong clients() {
    return number("--clients");
  }

  /**
   * The pool's name.
   *
   * @return the name, or empty for one made of the process id and a counter
   */
  public Optional<String> name() {
    return Optional.ofNullable(name);
  }

  /**
   * The binary to start.
   *
   * @return its path, or empty for the default
   */
  public Optional<Path> binary() {
    return Optional.ofNullable(binary);
  }

  /**
   * A worker in place of the stock one.
   *
   * @return the path of its executable, or empty for the stock worker
   */
  public Optional<Path> worker() {
    return value("--worker").map(Path::of);
  }

  /**
   * The options of {@code ringwork serve} that are set, by whichever method.
   *
   * @return the options, as on its command line
   */
  public List<String> arguments() {
    return arguments;
  }

  /**
   * Where the log goes.
   *
   * @return {@link Log#FILE} if it goes to {@link #logFile()}
   */
  public Log log() {
    return log;
  }

  /**
   * The file that the log is appended to.
   *
   * @return the file, or empty if the log goes elsewhere
   */
  public Optional<Path> logFile() {
    return Optional.ofNullable(logFile);
  }

  /**
   * How long to wait until the pool is ready.
   *
   * @return the time
   */
  public Duration startTimeout() {
    return Duration.ofNanos(startNanos);
  }

  /** What an option of the command line is set to. */
  private Optional<String> value(String option) {
    int at = arguments.indexOf(option);
    return at >= 0 && at + 1 < arguments.size()
        ? Optional.of(arguments.get(at + 1))
        : Optional.empty();
  }

  /** Empty also for what is given as text, such as a size with its unit. */
  private OptionalLong number(String option) {
    String value = value(option).orElse("");
    return value.matches("[0-9]{1,18}")
        ? OptionalLong.of(Long.parseLong(value))
        : OptionalLong.empty();
  }

  private List<@Nullable Object> values() {
    return Arrays.asList(name, binary, arguments, log, logFile, startNanos, settings);
  }

  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof LaunchConfig that && values().equals(that.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "LaunchConfig["
        + (name == null ? "" : "name=" + name + ", ")
        + (binary == null ? "" : "binary=" + binary + ", ")
        + "arguments="
        + arguments
        + ", log="
        + (logFile == null ? log : logFile)
        + ", startTimeout="
        + startTimeout()
        + ", "
        + settings
        + "]";
  }
}
