package io.ringwork;

import java.time.Duration;
import java.util.Objects;

/** The options of the client itself, the same for {@code launch} and {@code connect}. */
record Settings(WaitStrategy strategy, CompletionMode mode, long closeNanos) {
  static final Settings DEFAULT =
      new Settings(
          WaitStrategy.ADAPTIVE, CompletionMode.VIRTUAL_THREADS, Duration.ofSeconds(10).toNanos());

  Settings {
    Objects.requireNonNull(strategy, "strategy");
    Objects.requireNonNull(mode, "mode");
  }

  Settings waitStrategy(WaitStrategy strategy) {
    return new Settings(strategy, mode, closeNanos);
  }

  Settings completion(CompletionMode mode) {
    return new Settings(strategy, mode, closeNanos);
  }

  Settings closeTimeout(Duration timeout) {
    return new Settings(strategy, mode, Math.max(0, Durations.nanos(timeout)));
  }

  boolean inline() {
    return mode == CompletionMode.INLINE;
  }
}
