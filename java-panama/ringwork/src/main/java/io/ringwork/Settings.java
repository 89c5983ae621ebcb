package io.ringwork;

import io.ringwork.internal.Durations;
import java.time.Duration;
import java.util.Objects;

/** The options of the client itself, the same for {@code launch} and {@code connect}. */
record Settings(
    WaitStrategy strategy, CompletionMode mode, long closeNanos, TaskOptions taskDefaults) {
  static final Settings DEFAULT =
      new Settings(
          WaitStrategy.ADAPTIVE,
          CompletionMode.VIRTUAL_THREADS,
          Duration.ofSeconds(10).toNanos(),
          TaskOptions.DEFAULT);

  Settings {
    Objects.requireNonNull(strategy, "strategy");
    Objects.requireNonNull(mode, "mode");
    Objects.requireNonNull(taskDefaults, "options");
  }

  Settings waitStrategy(WaitStrategy strategy) {
    return new Settings(strategy, mode, closeNanos, taskDefaults);
  }

  Settings completion(CompletionMode mode) {
    return new Settings(strategy, mode, closeNanos, taskDefaults);
  }

  Settings closeTimeout(Duration timeout) {
    return new Settings(
        strategy, mode, Durations.notNegative("the close timeout", timeout), taskDefaults);
  }

  Settings taskDefaults(TaskOptions options) {
    return new Settings(strategy, mode, closeNanos, options);
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
    return "waitStrategy="
        + strategy
        + ", completion="
        + mode
        + ", closeTimeout="
        + closeTimeout()
        + ", taskDefaults="
        + taskDefaults;
  }
}
