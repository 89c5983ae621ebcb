package io.ringwork.benches;

import java.util.concurrent.Future;

/** Something that returns what it is given, later: many requests can be under way. */
public interface Submitter extends AutoCloseable {
  /**
   * Sends a request.
   *
   * @param request the bytes; the caller leaves them alone until the answer is there
   * @return the same bytes in another array
   * @throws Exception if it can't be sent
   */
  Future<byte[]> submit(byte[] request) throws Exception;

  /** Takes in what has come back, where that is the caller's to do; without a wait. */
  default void poll() {}

  @Override
  void close();
}
