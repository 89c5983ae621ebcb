package io.ringwork.internal.segment;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory segments that the raw API shows: one for each slot and block that was ever used, made
 * once and kept, so that showing it again allocates nothing.
 *
 * <p>Any thread. A segment is immutable, so a race only makes one twice. A view is as wide as the
 * memory behind it, and never wider than one slot's inline area or one block.
 */
public final class SegmentViews {
  private final SharedMemory memory;
  private final SlotTable<?> slots;
  private final PayloadArena arena;
  private final @Nullable MemorySegment[] requests;
  private final @Nullable MemorySegment[] results;
  private final @Nullable MemorySegment[] @Nullable [] requestBlocks;
  private final @Nullable MemorySegment[] @Nullable [] resultBlocks;

  public SegmentViews(SharedMemory memory, SlotTable<?> slots, PayloadArena arena) {
    this.memory = memory;
    this.slots = slots;
    this.arena = arena;
    this.requests = new MemorySegment[slots.count];
    this.results = new MemorySegment[slots.count];
    this.requestBlocks = new MemorySegment[arena.classCount()][];
    this.resultBlocks = new MemorySegment[arena.classCount()][];
  }

  /** Where a request goes: what the slot holds, or the whole block. */
  public MemorySegment request(int i, long reference) {
    @Nullable MemorySegment[] views = reference == 0 ? requests : blocks(requestBlocks, reference);
    int at = reference == 0 ? i : PayloadArena.blockOf(reference);
    MemorySegment view = views[at];
    if (view == null) {
      view = memory.slice(slots.requestAt(i, reference), size(reference));
      views[at] = view;
    }
    return view;
  }

  /** Where a checked result is, read-only: what the slot holds, or the whole block. */
  public MemorySegment result(int i, long reference) {
    @Nullable MemorySegment[] views = reference == 0 ? results : blocks(resultBlocks, reference);
    int at = reference == 0 ? i : PayloadArena.blockOf(reference);
    MemorySegment view = views[at];
    if (view == null) {
      view = memory.slice(slots.resultAt(i, reference), size(reference)).asReadOnly();
      views[at] = view;
    }
    return view;
  }

  /** The first bytes of a view; itself if that is all. */
  public static MemorySegment first(MemorySegment view, long length) {
    return view.byteSize() == length ? view : view.asSlice(0, length);
  }

  private long size(long reference) {
    return reference == 0 ? Layout.INLINE : arena.sizeOf(reference);
  }

  private @Nullable MemorySegment[] blocks(
      @Nullable MemorySegment[] @Nullable [] all, long reference) {
    int c = PayloadArena.classOf(reference);
    @Nullable MemorySegment[] blocks = all[c];
    if (blocks == null) {
      blocks = new MemorySegment[arena.blockCount(c)];
      all[c] = blocks;
    }
    return blocks;
  }
}
