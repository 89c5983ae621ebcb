package io.ringwork;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The options of the client itself, the same whether it launches its pool or connects to one.
 * Immutable; each method with an argument returns a changed copy.
 *
 * @param <C> the configuration
 */
public abstract sealed class ClientConfig<C extends ClientConfig<C>>
    permits ConnectConfig, LaunchConfig {
  final Settings settings;

  ClientConfig(Settings settings) {
    this.settings = settings;
  }

  /** The same configuration with other options of the client. */
  abstract C with(Settings settings);

  /**
   * The directory in which the pools' directories are. Default: the environment variable {@code
   * RINGWORK_DIR}, else {@code /dev/shm/ringwork-<uid>}.
   *
   * @param directory the directory, of mode 0700
   * @return a copy
   */
  public C directory(Path directory) {
    return with(settings.directory(directory));
  }

  /**
   * How threads wait for results. Default {@link WaitStrategy#ADAPTIVE}.
   *
   * @param strategy the strategy
   * @return a copy
   */
  public C waitStrategy(WaitStrategy strategy) {
    return with(settings.waitStrategy(strategy));
  }

  /**
   * On which threads futures are completed. Default {@link CompletionMode#VIRTUAL_THREADS}.
   *
   * @param mode the mode
   * @return a copy
   */
  public C completion(CompletionMode mode) {
    return with(settings.completion(mode));
  }

  /**
   * How long {@link Ringwork#close()} waits for tasks in flight before it fails them. Default 10 s.
   *
   * @param timeout the time; zero fails them at once
   * @return a copy
   * @throws IllegalArgumentException if it is negative
   */
  public C closeTimeout(Duration timeout) {
    return with(settings.closeTimeout(timeout));
  }

  /**
   * What tasks are submitted with where neither their call nor their type says: a deadline for all,
   * say. Each option by itself.
   *
   * @param options the options; none by default
   * @return a copy
   */
  public C taskDefaults(TaskOptions options) {
    return with(settings.taskDefaults(options));
  }

  /**
   * What {@code ringwork stat} calls this client; of no use to the pool itself. Default: the
   * process id and the main class, {@code 4711/com.example.Main}.
   *
   * @param clientName the name; of a longer one than 64 bytes of UTF-8 the rest is left out
   * @return a copy
   */
  public C clientName(String clientName) {
    return with(settings.clientName(clientName));
  }

  /**
   * Has an observer told of each task: for traces, and for metrics by task. Those that were set
   * before stay; several are told in the order in which they were set.
   *
   * @param observer told of each task of this client
   * @return a copy
   */
  public C observer(TaskObserver observer) {
    return with(settings.observer(observer));
  }

  /**
   * What {@code ringwork stat} calls this client.
   *
   * @return the name that was chosen, or empty for the default
   */
  public Optional<String> clientName() {
    return Optional.ofNullable(settings.clientName());
  }

  /**
   * The directory in which the pools' directories are.
   *
   * @return the directory, or empty for the default
   */
  public Optional<Path> directory() {
    return Optional.ofNullable(settings.directory());
  }

  /**
   * How threads wait for results.
   *
   * @return the strategy
   */
  public WaitStrategy waitStrategy() {
    return settings.strategy();
  }

  /**
   * On which threads futures are completed.
   *
   * @return the mode
   */
  public CompletionMode completion() {
    return settings.mode();
  }

  /**
   * How long {@link Ringwork#close()} waits for tasks in flight.
   *
   * @return the time
   */
  public Duration closeTimeout() {
    return settings.closeTimeout();
  }

  /**
   * What tasks are submitted with where neither their call nor their type says.
   *
   * @return the options
   */
  public TaskOptions taskDefaults() {
    return settings.taskDefaults();
  }
}
