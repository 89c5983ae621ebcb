package io.ringwork;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A change of a connection, as the {@linkplain Reconnect#listener listener} is told it. */
public final class ConnectionEvent {
  private final String pool;
  private final ConnectionState state;
  private final String reason;
  private final @Nullable RingworkException cause;

  ConnectionEvent(
      String pool, ConnectionState state, String reason, @Nullable RingworkException cause) {
    this.pool = pool;
    this.state = state;
    this.reason = reason;
    this.cause = cause;
  }

  /**
   * The pool's name.
   *
   * @return the name
   */
  public String pool() {
    return pool;
  }

  /**
   * What the connection is from now on.
   *
   * @return the state
   */
  public ConnectionState state() {
    return state;
  }

  /**
   * Why, in words for people.
   *
   * @return the reason; empty for CONNECTED
   */
  public String reason() {
    return reason;
  }

  /**
   * The error that says so: {@link IncompatibleException} if a pool is there, but of another
   * version.
   *
   * @return the error, or empty if there is none
   */
  public Optional<RingworkException> cause() {
    return Optional.ofNullable(cause);
  }

  @Override
  public String toString() {
    return "ConnectionEvent["
        + pool
        + ", "
        + state
        + (reason.isEmpty() ? "]" : ", " + reason + "]");
  }
}
