package io.ringwork;

/**
 * What a connection is at the moment, as {@link Ringwork#state()}, {@link ConnectionEvent} and
 * {@link Ringwork#toString()} tell it, all in these words.
 */
public enum ConnectionState {
  /** A pool is there, and takes tasks as far as is known. {@link Ringwork#isOpen()} is true. */
  CONNECTED,
  /**
   * No pool is there: it has ended, or was not found yet.
   *
   * <p>With {@link Reconnect} the handle looks for one: {@link Ringwork#isOpen()} is true, and a
   * new task waits or fails by its {@link Backpressure} ({@link
   * RejectedException.Reason#DISCONNECTED}). Without it the connection stays lost: {@code isOpen()}
   * is false, new tasks fail with {@link ClosedException}, whose message says why the pool has
   * ended, and what remains is to close the handle.
   */
  DISCONNECTED,
  /**
   * {@link Ringwork#close()} was called, whatever the pool was before. {@link Ringwork#isOpen()} is
   * false.
   */
  CLOSED
}
