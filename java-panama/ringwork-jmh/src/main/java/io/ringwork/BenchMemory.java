package io.ringwork;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Geometry.SizeClass;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * A segment of one client as a fresh pool has it, in direct memory: no file, no supervisor, no
 * worker. It has as many slots as a pool by default, rings for as many hints, and one class of
 * blocks.
 *
 * <p>The arena is a shared one, as that of the mapped segment: each access asks whether it is still
 * open.
 */
final class BenchMemory implements AutoCloseable {
  /** Slots, and cells of each ring. */
  static final int SLOTS = 2048;

  /** The size of a block. */
  static final int BLOCK = 4096;

  private static final int BLOCKS = 64;
  private static final long CLIENT = Layout.HEADER_SIZE;
  private static final long RING = CLIENT + 4096;
  private static final long SLOT_TABLE = aligned(RING + HintRing.bytes(SLOTS));
  private static final long OWNERS = aligned(SLOT_TABLE + (long) SLOTS * Layout.SLOT_STRIDE);
  private static final long ARENA = aligned(OWNERS + 8L * BLOCKS);
  private static final long SIZE = ARENA + (long) BLOCKS * BLOCK;

  /** The sections that no benchmark touches are all at the client's. */
  private static final Geometry GEOMETRY =
      new Geometry(
          SIZE,
          1,
          new Geometry.Counts(1, SLOTS, 1, 1, 1, 0),
          new Geometry.Tables(CLIENT, CLIENT, CLIENT, SLOT_TABLE, CLIENT, List.of()),
          new Geometry.Rings(RING, SLOTS, RING, SLOTS),
          new SizeClass[] {new SizeClass(BLOCK, BLOCKS, 0, OWNERS, ARENA)});

  final SharedMemory memory;

  BenchMemory() {
    Arena arena = Arena.ofShared();
    memory = SharedMemory.of(arena, arena.allocate(SIZE, 4096));
  }

  private static long aligned(long at) {
    return at + 4095 & -4096;
  }

  HintRing ring() {
    return new HintRing(memory, RING, SLOTS, CorruptSegmentException::new);
  }

  PayloadArena arena() {
    return new PayloadArena(memory, GEOMETRY.classes());
  }

  SlotTable<TaskFuture<?>> slots() {
    return new SlotTable<>(memory, GEOMETRY, arena(), 0, CorruptSegmentException::new);
  }

  @Override
  public void close() {
    memory.unmap();
  }
}
