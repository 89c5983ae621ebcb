package io.ringwork.benches;

import java.util.function.Consumer;

/**
 * Something that returns what it is given, in the same order and without a future for each: its
 * user sends and collects on one thread.
 */
public interface Pipe extends AutoCloseable {
  /**
   * Sends a request, if there is room.
   *
   * @param request the bytes; not kept after the call
   * @return whether it was sent
   */
  boolean offer(byte[] request);

  /**
   * Collects the answers that have come.
   *
   * @param answers given each one; the array is valid only until it returns
   * @return how many
   */
  int poll(Consumer<byte[]> answers);

  @Override
  void close();
}
