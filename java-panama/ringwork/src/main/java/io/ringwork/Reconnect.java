package io.ringwork;

import io.ringwork.internal.Durations;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link Ringwork} handle outlives its pool: given to {@link ConnectConfig#reconnect}.
 * Immutable; each method returns a changed copy.
 *
 * <pre>{@code
 * var config = ConnectConfig.of("images")
 *     .reconnect(Reconnect.DEFAULT.listener(event -> log(event.state() + " " + event.reason())));
 * try (Ringwork pool = Ringwork.connect(config)) {   // the pool need not be there yet
 *   if (!pool.awaitReady(Duration.ofSeconds(30))) { ... }
 * }
 * }</pre>
 *
 * <p>When the pool ends (its supervisor was killed, stopped, or started again), what is pending
 * fails with {@link ClosedException}, whose {@link RingworkException#mayHaveRun()} is false for
 * what no worker had taken. The handle then looks for a pool of that name and goes on with it,
 * whatever its size and number of slots. A supervisor that is merely stopped (SIGSTOP) has not
 * ended.
 *
 * <p>Meanwhile, and while a pool drains, new tasks do as their {@link Backpressure} says: {@link
 * Backpressure#fail()} fails with {@link RejectedException.Reason#DISCONNECTED} (DRAINING while it
 * drains), {@link Backpressure#block} waits within its time and the task's deadline, {@link
 * Backpressure#callerRuns()} runs the fallback.
 *
 * <p>A pool of another version is told to the listener and logged once; the handle goes on looking,
 * for the next restart may bring the right one.
 */
public final class Reconnect {
  /** Looks at once, then after 20 ms, 40 ms, and from then on each 50 ms; no listener. */
  public static final Reconnect DEFAULT =
      new Reconnect(Duration.ofMillis(20).toNanos(), Duration.ofMillis(50).toNanos(), null);

  private static final Duration SHORTEST_BACKOFF = Duration.ofMillis(1);
  private static final Duration LONGEST_BACKOFF = Duration.ofHours(1);

  final long minNanos;
  final long maxNanos;
  final @Nullable Consumer<? super ConnectionEvent> listener;

  private Reconnect(
      long minNanos, long maxNanos, @Nullable Consumer<? super ConnectionEvent> listener) {
    this.minNanos = minNanos;
    this.maxNanos = maxNanos;
    this.listener = listener;
  }

  /**
   * How often to look for the pool. A look costs some system calls. The time between two doubles
   * from the first to the second figure. Default 20 ms and 50 ms.
   *
   * @param first the time after the first look that found nothing, at least 1 ms
   * @param max the longest time, at least the first and at most one hour
   * @return a copy
   * @throws IllegalArgumentException if the times are out of these bounds
   */
  public Reconnect backoff(Duration first, Duration max) {
    Objects.requireNonNull(first, "first");
    Objects.requireNonNull(max, "max");
    if (first.compareTo(SHORTEST_BACKOFF) < 0
        || max.compareTo(first) < 0
        || max.compareTo(LONGEST_BACKOFF) > 0) {
      throw new IllegalArgumentException(
          "backoff from "
              + first
              + " to "
              + max
              + ": the first must be at least 1 ms, the second at least the first and at most 1 h,"
              + " for a pool that has come back is found at the next look only");
    }
    return new Reconnect(Durations.nanos(first), Durations.nanos(max), listener);
  }

  /**
   * What is told of each change, in order: one call at a time, on virtual threads. It may block:
   * that delays only later events. What it throws is logged.
   *
   * @param listener the listener
   * @return a copy
   */
  public Reconnect listener(Consumer<? super ConnectionEvent> listener) {
    return new Reconnect(minNanos, maxNanos, Objects.requireNonNull(listener, "listener"));
  }

  /**
   * The time after the first look that found nothing.
   *
   * @return the time; 20 ms unless set
   */
  public Duration firstBackoff() {
    return Duration.ofNanos(minNanos);
  }

  /**
   * The longest time between two looks.
   *
   * @return the time; 50 ms unless set
   */
  public Duration maxBackoff() {
    return Duration.ofNanos(maxNanos);
  }

  /**
   * What is told of each change.
   *
   * @return the listener, if there is one
   */
  public Optional<Consumer<? super ConnectionEvent>> listener() {
    return Optional.ofNullable(listener);
  }

  @Override
  public String toString() {
    return "Reconnect[backoff="
        + Duration.ofNanos(minNanos)
        + " to "
        + Duration.ofNanos(maxNanos)
        + (listener == null ? "]" : ", listener]");
  }

  /**
   * The defaults; {@link #DEFAULT}.
   *
   * @return the policy
   */
  public static Reconnect defaults() {
    return DEFAULT;
  }

  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof Reconnect that
        && minNanos == that.minNanos
        && maxNanos == that.maxNanos
        && Objects.equals(listener, that.listener);
  }

  @Override
  public int hashCode() {
    return Objects.hash(minNanos, maxNanos, listener);
  }
}
