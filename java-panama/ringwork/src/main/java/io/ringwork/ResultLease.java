package io.ringwork;

import java.lang.foreign.MemorySegment;

/**
 * A result read in place. Holds the slot and the block until closed, so close it soon; a lease that
 * nobody closes holds them until the client is closed.
 */
public final class ResultLease implements AutoCloseable {
  private final RawLease lease;

  ResultLease(RawLease lease) {
    this.lease = lease;
  }

  /**
   * The result's bytes in shared memory, read-only and little-endian.
   *
   * @return the memory; not to be touched after {@link #close()}
   * @throws IllegalStateException if closed
   */
  public MemorySegment segment() {
    return lease.segment();
  }

  /**
   * What the bytes are.
   *
   * @return the codec id that the worker gave
   */
  public int codec() {
    return lease.codec();
  }

  /** Gives the slot and the block back. May be called again, from any thread. */
  @Override
  public void close() {
    lease.close();
  }
}
