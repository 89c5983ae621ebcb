package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.process.PoolFiles;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How to connect to a pool that runs on its own ({@code ringwork serve --name NAME}). Immutable;
 * each method returns a changed copy.
 */
public final class ConnectConfig extends ClientConfig<ConnectConfig> {
  final String name;
  final long connectNanos;
  final @Nullable Reconnect reconnect;

  private ConnectConfig(
      String name, long connectNanos, Settings settings, @Nullable Reconnect reconnect) {
    super(settings);
    this.name = name;
    this.connectNanos = connectNanos;
    this.reconnect = reconnect;
  }

  /**
   * The defaults for a pool.
   *
   * @param name the pool's name: 1 to 63 letters, digits, '-', '_' or '.', not starting with '.'
   * @return the configuration
   * @throws IllegalArgumentException if it is no such name
   */
  public static ConnectConfig of(String name) {
    PoolFiles.checkName(name);
    return new ConnectConfig(name, Duration.ofSeconds(5).toNanos(), Settings.DEFAULT, null);
  }

  @Override
  ConnectConfig with(Settings settings) {
    return new ConnectConfig(name, connectNanos, settings, reconnect);
  }

  /**
   * How long to wait for a segment that is there but not ready, and, when all client entries are
   * taken, for one that a client has left and the supervisor is about to free. Default 5 s. With
   * {@link #reconnect} connect does not wait.
   *
   * @param timeout the time
   * @return a copy
   * @throws IllegalArgumentException if it is negative
   */
  public ConnectConfig connectTimeout(Duration timeout) {
    long nanos = Durations.notNegative("the connect timeout", timeout);
    return new ConnectConfig(name, nanos, settings, reconnect);
  }

  /**
   * Lets the handle outlive its pool: after the pool's end, and before its beginning, it looks for
   * one of that name and goes on with it. Connect then looks once, does not wait, and does not fail
   * for want of a pool; {@link Ringwork#awaitReady} waits. Default: the end of the pool is the end
   * of the handle.
   *
   * @param policy how, {@link Reconnect#DEFAULT} say
   * @return a copy
   */
  public ConnectConfig reconnect(Reconnect policy) {
    return new ConnectConfig(
        name, connectNanos, settings, Objects.requireNonNull(policy, "policy"));
  }

  /**
   * The pool's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /**
   * How long to wait for a segment that is there but not ready.
   *
   * @return the time
   */
  public Duration connectTimeout() {
    return Duration.ofNanos(connectNanos);
  }

  /**
   * How the handle outlives its pool.
   *
   * @return the policy, or empty if it does not
   */
  public Optional<Reconnect> reconnect() {
    return Optional.ofNullable(reconnect);
  }

  private List<@Nullable Object> values() {
    return Arrays.asList(name, connectNanos, settings, reconnect);
  }

  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public boolean equals(@Nullable Object other) {
    return other instanceof ConnectConfig that && values().equals(that.values());
  }

  @Override
  public int hashCode() {
    return values().hashCode();
  }

  @Override
  public String toString() {
    return "ConnectConfig[name="
        + name
        + ", connectTimeout="
        + connectTimeout()
        + ", "
        + settings
        + (reconnect == null ? "" : ", reconnect=" + reconnect)
        + "]";
  }
}
