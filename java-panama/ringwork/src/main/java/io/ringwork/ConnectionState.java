package io.ringwork;

/** What a connection is at the moment; see {@link Reconnect}. */
public enum ConnectionState {
  /** A pool is there, and takes tasks as far as is known. */
  CONNECTED,
  /**
   * No pool is there. A handle with {@link Reconnect} looks for one; for another handle this is the
   * end.
   */
  DISCONNECTED,
  /** {@link Ringwork#close()} was called. */
  CLOSED
}
