package io.ringwork;

import io.ringwork.internal.segment.SharedMemory;
import java.io.IOException;

/**
 * A codec of ours that is given shared memory itself. A buffer for each slot, with the segment
 * behind it, costs more cache misses than the rest of a short task.
 */
interface DirectCodec<T> extends Codec<T> {
  /**
   * Writes a value where there is room for {@link #maxSize} bytes.
   *
   * @return how many were written
   */
  int write(T value, SharedMemory memory, long at);

  /** Reads a value of a length that was checked. */
  T read(SharedMemory memory, long at, int length) throws IOException;
}
