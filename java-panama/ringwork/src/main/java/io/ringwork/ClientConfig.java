package io.ringwork;

import java.time.Duration;

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
