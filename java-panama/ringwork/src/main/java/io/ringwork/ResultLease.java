package io.ringwork;

import io.ringwork.Outcome.Deferred;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A result read in place. Holds the slot and the block until closed, so close it soon; a lease that
 * nobody closes holds them until the client is closed.
 */
public final class ResultLease implements AutoCloseable {
  private final Client client;
  private final Deferred result;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final MemorySegment segment;

  ResultLease(Client client, Deferred result) {
    this.client = client;
    this.result = result;
    long at =
        result.reference() == 0
            ? client.slots.at(result.slot()) + Layout.SLOT_RESULT
            : client.arena.at(result.reference());
    this.segment = client.memory.slice(at, result.length()).asReadOnly();
  }

  /**
   * The result's bytes in shared memory, read-only.
   *
   * @return the memory; not to be touched after {@link #close()}
   * @throws IllegalStateException if closed
   */
  public MemorySegment segment() {
    if (closed.get()) {
      throw new IllegalStateException("the lease was closed");
    }
    return segment;
  }

  /**
   * What the bytes are.
   *
   * @return the codec id that the worker gave
   */
  public int codec() {
    return result.codec();
  }

  /** Gives the slot and the block back. May be called again, from any thread. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        client.slots.release(result.slot(), result.word(), result.reference());
        client.room.freed();
      } catch (IllegalStateException | InternalError unmapped) {
        // the client was closed: the reaper frees it
      }
    }
  }
}
