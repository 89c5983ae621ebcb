package io.ringwork.internal.segment;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.Geometry.SizeClass;

/**
 * Blocks for payloads that a slot does not hold itself ({@link Layout#INLINE}).
 *
 * <p>A block's owner word is the only truth: 0, or the task that holds it. Taking is one CAS from
 * 0, freeing one CAS from the very word that was written, so a block is never freed twice and never
 * for another task. See section 8 of docs/internals/protocol.md.
 */
public final class PayloadArena {
  /**
   * Blocks of so many bytes are taken from the low end: each that is touched for the first time may
   * cost memory (docs/decisions/0008).
   */
  private static final long BIG = 1 << 20;

  /** How many classes give a payload any block: the smallest that holds it, and the next one. */
  private static final int NEAR_CLASSES = 2;

  /**
   * Payloads whose smallest class has blocks of so many bytes or more may take half of the blocks
   * of all larger classes, too: as in ring/src/format/config.rs.
   */
  private static final long WIDE_FROM = 64 << 10;

  private final SharedMemory memory;
  private final SizeClass[] classes;

  /** Where to look first, for each class: a guess, so races do no harm. */
  private final int[] start;

  /** The largest class that requests may use, or -1. */
  private final int largest;

  public PayloadArena(SharedMemory memory, SizeClass[] classes) {
    this.memory = memory;
    this.classes = classes;
    this.start = new int[classes.length];
    int last = -1;
    for (int c = 0; c < classes.length; c++) {
      last = classes[c].requestBlocks() > 0 ? c : last;
    }
    this.largest = last;
  }

  /** The owner word of a task's request. */
  public static long requestOwner(int slot, long generation) {
    return Layout.OWNER_TAKEN | (long) slot << Layout.OWNER_SLOT_SHIFT | generation;
  }

  /** The owner word of a task's result. */
  public static long resultOwner(int slot, long generation, int attempt) {
    return requestOwner(slot, generation)
        | Layout.OWNER_RESULT
        | (long) attempt << Layout.OWNER_ATTEMPT_SHIFT;
  }

  /** The largest request: that of the largest class, or what travels inline. */
  public long maxRequest() {
    return largest < 0 ? Layout.INLINE : classes[largest].size();
  }

  /** The largest payload of either direction. */
  public long maxPayload() {
    return classes.length == 0 ? Layout.INLINE : classes[classes.length - 1].size();
  }

  /**
   * Takes a block for a request: of the smallest class that holds it, or of a larger one of those
   * that are open to it.
   *
   * @return its reference, or 0 when all are taken
   */
  public long take(long size, long owner) {
    int fits = fits(size);
    int end = end(fits);
    for (int c = fits; c < end; c++) {
      long reference = takeFrom(c, open(c, fits), owner);
      if (reference != 0) {
        return reference;
      }
    }
    return 0;
  }

  /** The smallest class for requests that holds so many bytes, else the largest. */
  private int fits(long size) {
    int fits = 0;
    while (fits < largest && (classes[fits].size() < size || classes[fits].requestBlocks() == 0)) {
      fits++;
    }
    return fits;
  }

  /** The class behind the last one that is open to a payload whose smallest class is given. */
  private int end(int fits) {
    return largest >= 0 && classes[fits].size() >= WIDE_FROM
        ? largest + 1
        : Math.min(fits + NEAR_CLASSES, largest + 1);
  }

  /** How many blocks of a class, the first ones, are open to a payload of the given class. */
  private int open(int c, int fits) {
    int blocks = classes[c].requestBlocks();
    return c < fits + NEAR_CLASSES ? blocks : blocks / 2;
  }

  /** How many requests of a size find a block at the same time. */
  public int requestsOf(long size) {
    int blocks = 0;
    int fits = fits(size);
    int end = end(fits);
    for (int c = fits; c < end; c++) {
      blocks += open(c, fits);
    }
    return blocks;
  }

  private long takeFrom(int c, int count, long owner) {
    SizeClass size = classes[c];
    int from = size.size() >= BIG ? 0 : start[c];
    if (from >= count) { // a guess of a payload that more blocks are open to
      from = 0;
    }
    for (int n = 0; n < count; n++) {
      int block = from + n < count ? from + n : from + n - count;
      long word = size.owners() + 8L * block;
      if (memory.getLong(word) == 0 && memory.casLong(word, 0, owner)) {
        if (Failpoints.ON) Failpoints.hit("arena.taken");
        start[c] = block + 1 < count ? block + 1 : 0;
        return Place.block(c, block);
      }
    }
    return 0;
  }

  /** Frees a block if it is still this owner's; a reference that makes no sense is ignored. */
  public void free(long reference, long owner) {
    if (reference == 0 || !isBlock(reference)) {
      return;
    }
    int c = classOf(reference);
    SizeClass size = classes[c];
    int block = blockOf(reference);
    if (Failpoints.ON) Failpoints.hit("arena.freeing");
    long word = size.owners() + 8L * block;
    // The read first: where a file was truncated it throws, while a CAS of the interpreter would
    // take the JVM along.
    if (memory.getLong(word) == owner) {
      memory.casLong(word, owner, 0);
    }
    if (block < size.requestBlocks()) {
      start[c] = block; // it is warm
    }
  }

  private boolean isBlock(long reference) {
    int c = classOf(reference);
    return c >= 0 && c < classes.length && blockOf(reference) < classes[c].count();
  }

  /** Whether a block exists, holds so many bytes, and belongs to this owner. */
  public boolean holds(long reference, long length, long owner) {
    if (!isBlock(reference)) {
      return false;
    }
    SizeClass size = classes[classOf(reference)];
    return length >= 0
        && length <= size.size()
        && memory.getLongAcquire(size.owners() + 8L * blockOf(reference)) == owner;
  }

  public int classCount() {
    return classes.length;
  }

  public int blockCount(int c) {
    return classes[c].count();
  }

  public static int classOf(long reference) {
    return Place.classOf(reference);
  }

  public static int blockOf(long reference) {
    return Place.indexOf(reference);
  }

  /** The size of a block that was checked. */
  public long sizeOf(long reference) {
    return classes[classOf(reference)].size();
  }

  /** The offset of a block that was checked. */
  public long at(long reference) {
    SizeClass size = classes[classOf(reference)];
    return size.blocks() + size.size() * blockOf(reference);
  }
}
