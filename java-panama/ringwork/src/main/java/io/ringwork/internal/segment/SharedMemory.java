package io.ringwork.internal.segment;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/**
 * The mapped segment: every access of this client to shared memory goes through here.
 *
 * <p>The methods are named after their memory order. All of them throw {@link
 * IndexOutOfBoundsException} outside the segment and {@link IllegalStateException} once it is
 * unmapped: the JDK checks both, so neither a corrupt offset nor a late thread can touch foreign
 * memory. Offsets in bytes from the segment's start.
 *
 * <p>This class is the seam for a second implementation without the foreign memory API.
 */
public final class SharedMemory {
  private static final VarHandle LONG =
      byOffset(ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN));
  private static final VarHandle INT =
      byOffset(ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN));

  private final Arena arena;
  private final MemorySegment segment;

  private SharedMemory(Arena arena, MemorySegment segment) {
    this.arena = arena;
    this.segment = segment;
  }

  /**
   * A handle whose coordinates are a segment and an offset in bytes. {@code layout.varHandle()} has
   * both since Java 22; on 21 it takes the segment alone, and the method that makes ours has gone
   * since.
   */
  private static VarHandle byOffset(ValueLayout layout) {
    MemoryLayout whole = layout; // `ValueLayout.varHandle()` itself is of Java 22
    VarHandle handle = whole.varHandle();
    if (handle.coordinateTypes().size() == 2) {
      return handle;
    }
    try {
      return (VarHandle)
          MethodHandles.publicLookup()
              .findStatic(
                  MethodHandles.class,
                  "memorySegmentViewVarHandle",
                  MethodType.methodType(VarHandle.class, ValueLayout.class))
              .invoke(layout);
    } catch (Throwable unknown) {
      throw new ExceptionInInitializerError(unknown);
    }
  }

  /** Maps the first bytes of a file for reading and writing. */
  public static SharedMemory map(FileChannel file, long size) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      return new SharedMemory(arena, file.map(FileChannel.MapMode.READ_WRITE, 0, size, arena));
    } catch (IOException | RuntimeException failed) {
      arena.close();
      throw failed;
    }
  }

  /** Memory that the caller keeps: direct memory, for tests without a file. */
  public static SharedMemory of(Arena arena, MemorySegment segment) {
    return new SharedMemory(arena, segment);
  }

  /** Memory of this process alone, for as long as it is reachable. */
  public static SharedMemory own(long size) {
    Arena arena = Arena.ofAuto();
    return new SharedMemory(arena, arena.allocate(size, Long.BYTES));
  }

  public long size() {
    return segment.byteSize();
  }

  /** The address of a word, for the futex. Not an access: the word may be unmapped by then. */
  public long address(long at) {
    return segment.address() + at;
  }

  /** Touches every page of the mapping, so that no later access meets a page fault. */
  public void touchAll() {
    segment.load();
  }

  public boolean isMapped() {
    return segment.scope().isAlive();
  }

  /**
   * Unmaps; later accesses throw. Blocks for the moment that accesses in progress take.
   *
   * @throws IllegalStateException if someone holds the memory, as a transfer of a lease's segment
   *     to a channel does
   */
  public void unmap() {
    arena.close();
  }

  public long getLong(long at) {
    return (long) LONG.get(segment, at);
  }

  public void setLong(long at, long value) {
    LONG.set(segment, at, value);
  }

  public long getLongAcquire(long at) {
    return (long) LONG.getAcquire(segment, at);
  }

  public void setLongRelease(long at, long value) {
    LONG.setRelease(segment, at, value);
  }

  public boolean casLong(long at, long expected, long value) {
    return LONG.compareAndSet(segment, at, expected, value);
  }

  public long addLong(long at, long delta) {
    return (long) LONG.getAndAdd(segment, at, delta);
  }

  public int getInt(long at) {
    return (int) INT.get(segment, at);
  }

  public void setInt(long at, int value) {
    INT.set(segment, at, value);
  }

  public int getIntAcquire(long at) {
    return (int) INT.getAcquire(segment, at);
  }

  public int getIntVolatile(long at) {
    return (int) INT.getVolatile(segment, at);
  }

  public void setIntRelease(long at, int value) {
    INT.setRelease(segment, at, value);
  }

  public void setIntOpaque(long at, int value) {
    INT.setOpaque(segment, at, value);
  }

  public boolean casInt(long at, int expected, int value) {
    return INT.compareAndSet(segment, at, expected, value);
  }

  public int addInt(long at, int delta) {
    return (int) INT.getAndAdd(segment, at, delta);
  }

  /** Copies bytes in. */
  public void put(long at, byte[] bytes) {
    MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, at, bytes.length);
  }

  /** Copies bytes out. */
  public byte[] bytes(long at, int length) {
    byte[] bytes = new byte[length];
    MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, at, bytes, 0, length);
    return bytes;
  }

  /** A little-endian window. */
  public ByteBuffer buffer(long at, long length) {
    return segment.asSlice(at, length).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A read-only little-endian window. */
  public ByteBuffer readOnlyBuffer(long at, long length) {
    return segment.asSlice(at, length).asReadOnly().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  public MemorySegment slice(long at, long length) {
    return segment.asSlice(at, length);
  }

  public void fill(long at, long length, byte value) {
    segment.asSlice(at, length).fill(value);
  }
}
