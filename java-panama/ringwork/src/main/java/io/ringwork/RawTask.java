package io.ringwork;

import java.lang.foreign.MemorySegment;

/**
 * A claimed slot and the room for its request, to be written in place and then submitted.
 *
 * <p>Not thread-safe: one thread at a time. Either {@link #submit()} or {@link #close()} it; until
 * then it takes a slot, and a block if the request is larger than 64 bytes.
 */
public final class RawTask implements AutoCloseable {
  private final RawClaim claim;

  RawTask(RawClaim claim) {
    this.claim = claim;
  }

  /**
   * The room for the request, in shared memory; little-endian, as large as was asked for. What is
   * in it at first is arbitrary. It must not be touched after {@link #submit()}: a handler reads
   * it.
   *
   * @return the memory
   * @throws IllegalStateException if submitted or closed
   */
  public MemorySegment request() {
    return claim.request();
  }

  /**
   * Makes the request shorter than the room.
   *
   * @param length the bytes that are part of the request, from the start
   * @return this
   * @throws IllegalArgumentException if longer than the room
   * @throws IllegalStateException if submitted or closed
   */
  public RawTask length(long length) {
    claim.length(length);
    return this;
  }

  /**
   * The codec id that travels with the request. Default {@link Codec#BYTES_ID}.
   *
   * @param id 0 to 255
   * @return this
   * @throws IllegalArgumentException if out of range
   * @throws IllegalStateException if submitted or closed
   */
  public RawTask codec(int id) {
    claim.codec(id);
    return this;
  }

  /**
   * Submits the request. Never blocks; what goes wrong is told by the future.
   *
   * @return the future of the result, which must be closed once read
   * @throws IllegalStateException if submitted or closed
   */
  public TaskFuture<ResultLease> submit() {
    return claim.submit();
  }

  /** Gives slot and room back if not submitted; else does nothing. */
  @Override
  public void close() {
    claim.close();
  }
}
