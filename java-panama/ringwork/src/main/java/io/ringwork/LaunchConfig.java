package io.ringwork;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How to start a pool of one's own. What is not set is left to the defaults of {@code ringwork
 * serve}. Immutable; each method returns a changed copy.
 */
public final class LaunchConfig {
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
  public static final LaunchConfig DEFAULT =
      new LaunchConfig(
          null,
          null,
          null,
          List.of(),
          Log.INHERIT,
          null,
          Duration.ofSeconds(10).toNanos(),
          Settings.DEFAULT);

  final @Nullable String name;
  final @Nullable Path binary;
  final @Nullable Path directory;
  final List<String> arguments;
  final Log log;
  final @Nullable Path logFile;
  final long startNanos;
  final Settings settings;

  private LaunchConfig(
      @Nullable String name,
      @Nullable Path binary,
      @Nullable Path directory,
      List<String> arguments,
      Log log,
      @Nullable Path logFile,
      long startNanos,
      Settings settings) {
    this.name = name;
    this.binary = binary;
    this.directory = directory;
    this.arguments = arguments;
    this.log = log;
    this.logFile = logFile;
    this.startNanos = startNanos;
    this.settings = settings;
  }

  private LaunchConfig with(Settings settings) {
    return new LaunchConfig(name, binary, directory, arguments, log, logFile, startNanos, settings);
  }

  private LaunchConfig with(String... more) {
    List<String> all = new ArrayList<>(arguments);
    all.addAll(List.of(more));
    return new LaunchConfig(
        name, binary, directory, List.copyOf(all), log, logFile, startNanos, settings);
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
    return new LaunchConfig(
        name, binary, directory, List.copyOf(all), log, logFile, startNanos, settings);
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
    return new LaunchConfig(name, binary, directory, arguments, log, logFile, startNanos, settings);
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
    return new LaunchConfig(
        name,
        Objects.requireNonNull(binary, "binary"),
        directory,
        arguments,
        log,
        logFile,
        startNanos,
        settings);
  }

  /**
   * The directory in which the pools' directories are. Default: the environment variable {@code
   * RINGWORK_DIR}, else {@code /dev/shm/ringwork-<uid>}.
   *
   * @param directory the directory
   * @return a copy
   */
  public LaunchConfig directory(Path directory) {
    return new LaunchConfig(
        name,
        binary,
        Objects.requireNonNull(directory, "directory"),
        arguments,
        log,
        logFile,
        startNanos,
        settings);
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
    return set("--worker", worker.toString());
  }

  /**
   * Further options of {@code ringwork serve}, as on its command line.
   *
   * @param arguments the options
   * @return a copy
   */
  public LaunchConfig arguments(String... arguments) {
    return with(arguments);
  }

  /**
   * Where the log goes.
   *
   * @param log {@link Log#INHERIT} or {@link Log#DISCARD}
   * @return a copy
   * @throws IllegalArgumentException for {@link Log#FILE}: use {@link #logFile}
   */
  public LaunchConfig log(Log log) {
    if (log == Log.FILE) {
      throw new IllegalArgumentException("name the file with logFile(path)");
    }
    return new LaunchConfig(name, binary, directory, arguments, log, null, startNanos, settings);
  }

  /**
   * Appends the log to a file.
   *
   * @param file the file
   * @return a copy
   */
  public LaunchConfig logFile(Path file) {
    return new LaunchConfig(
        name,
        binary,
        directory,
        arguments,
        Log.FILE,
        Objects.requireNonNull(file, "file"),
        startNanos,
        settings);
  }

  /**
   * How long to wait until the pool is ready. Default 10 s.
   *
   * @param timeout the time
   * @return a copy
   */
  public LaunchConfig startTimeout(Duration timeout) {
    return new LaunchConfig(
        name, binary, directory, arguments, log, logFile, Durations.nanos(timeout), settings);
  }

  /**
   * How threads wait for results. Default {@link WaitStrategy#ADAPTIVE}.
   *
   * @param strategy the strategy
   * @return a copy
   */
  public LaunchConfig waitStrategy(WaitStrategy strategy) {
    return with(settings.waitStrategy(strategy));
  }

  /**
   * On which threads futures are completed. Default {@link CompletionMode#VIRTUAL_THREADS}.
   *
   * @param mode the mode
   * @return a copy
   */
  public LaunchConfig completion(CompletionMode mode) {
    return with(settings.completion(mode));
  }

  /**
   * How long {@link Ringwork#close()} waits for tasks in flight before it fails them. Default 10 s.
   *
   * @param timeout the time; zero fails them at once
   * @return a copy
   */
  public LaunchConfig closeTimeout(Duration timeout) {
    return with(settings.closeTimeout(timeout));
  }
}
