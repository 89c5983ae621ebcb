package io.ringwork.benches;

/** Something that returns what it is given: a pool's worker, a Java pool, a peer's server. */
public interface Echo extends AutoCloseable {
  /**
   * Sends a request and waits for its answer.
   *
   * @param request the bytes; not kept after the call
   * @return the same bytes in another array, which the next call may overwrite
   * @throws Exception if no answer comes
   */
  byte[] call(byte[] request) throws Exception;

  @Override
  void close();
}
