package io.ringwork;

import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SegmentViews;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A result read in place. Holds the slot and the block until closed, so close it soon; a lease that
 * is not closed holds them until the client is closed.
 */
public final class ResultLease implements AutoCloseable {
  private static final Mapped.Access<ResultLease, RuntimeException> RELEASE = ResultLease::release;
  private static final VarHandle CLOSED;

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(ResultLease.class, "closed", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Where leased results are. */
  interface Source {
    /** The memory of a result. */
    MemorySegment result(int slot, long reference);

    /** Gives a slot and its blocks back. */
    void release(int slot, long word, long reference);
  }

  private final Source source;
  private final int slot;
  private final int length;
  private final int codec;
  private final long word;
  private final long reference;

  /** Made by the reader, not on the poller; two threads may each make one. */
  private @Nullable MemorySegment segment;

  private volatile boolean closed;

  ResultLease(Source source, int slot, long word, long reference, int length, int codec) {
    this.source = source;
    this.slot = slot;
    this.word = word;
    this.reference = reference;
    this.length = length;
    this.codec = codec;
  }

  /**
   * The result's bytes in shared memory, read-only.
   *
   * @return the memory; not to be touched after {@link #close()}
   * @throws IllegalStateException if closed
   */
  public MemorySegment segment() {
    if (closed) {
      throw new IllegalStateException("the lease was closed");
    }
    MemorySegment bytes = segment;
    if (bytes == null) {
      bytes = SegmentViews.first(source.result(slot, reference), length);
      segment = bytes;
    }
    return bytes;
  }

  /**
   * What the bytes are.
   *
   * @return the codec id that the worker gave
   */
  public int codec() {
    return codec;
  }

  /** Gives the slot and the block back. May be called again, from any thread. */
  @Override
  public void close() {
    StackRoom.require();
    if (CLOSED.compareAndSet(this, false, true)) {
      Mapped.run(this, RELEASE); // if the client was closed meanwhile the reaper frees it
    }
  }

  private void release() {
    source.release(slot, word, reference);
  }
}
