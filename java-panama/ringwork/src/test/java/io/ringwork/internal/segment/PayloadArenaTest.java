package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Geometry.SizeClass;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Which blocks are open to a request: the classes of a default pool, without their blocks. */
class PayloadArenaTest {
  private static final int KIB = 1024;

  /** Sizes, counts and reserved blocks as the default classes of a pool for photos have them. */
  private static final long[][] CLASSES = {
    {KIB, 2048, 512},
    {16 * KIB, 160, 40},
    {128 * KIB, 32, 8},
    {1024 * KIB, 6, 1},
    {2048 * KIB, 6, 1},
    {5 * 1024 * KIB, 6, 1},
    {10 * 1024 * KIB, 22, 5},
    {20 * 1024 * KIB, 2, 1},
  };

  private final SharedMemory memory = SharedMemory.own(8 * 4096);
  private final PayloadArena arena = new PayloadArena(memory, classes());

  private static SizeClass[] classes() {
    SizeClass[] classes = new SizeClass[CLASSES.length];
    long owners = 0;
    for (int c = 0; c < classes.length; c++) {
      long[] row = CLASSES[c];
      classes[c] = new SizeClass(row[0], (int) row[1], (int) row[2], owners, 0);
      owners += 8 * row[1];
    }
    return classes;
  }

  /** As ring/src/format/config.rs counts them. */
  @Test
  void roomForEachSizeIsThatOfRust() {
    int[][] room = {
      {1, 1536 + 120},
      {16, 120 + 24},
      {100, 24 + 5 + 2 + 2 + 8},
      {130, 5 + 5 + 2 + 8},
      {1100, 5 + 5 + 8},
      {2100, 5 + 17},
      {8192, 17 + 1},
      {15_000, 1},
    };
    for (int[] row : room) {
      assertEquals(row[1], arena.requestsOf((long) row[0] * KIB), row[0] + " KiB");
      int taken = 0;
      while (arena.take((long) row[0] * KIB, PayloadArena.requestOwner(taken, 1)) != 0) {
        taken++;
      }
      assertEquals(row[1], taken, row[0] + " KiB");
      freeAll();
    }
  }

  @Test
  void sixteenPhotosOfAnySizesFindABlock() {
    int[] sizes = {100, 130, 300, 600, 1100, 1900, 2100, 4000, 5200, 8192};
    Random random = new Random(16);
    for (int round = 0; round < 1000; round++) {
      for (int n = 0; n < 16; n++) {
        long size = KIB * (long) sizes[round < 10 ? round : random.nextInt(sizes.length)];
        long owner = PayloadArena.requestOwner(n, round);
        long reference = arena.take(size, owner);
        assertNotEquals(0, reference, "round " + round + ", the " + n + ". of " + size);
        assertTrue(arena.holds(reference, size, owner));
      }
      freeAll();
    }
  }

  /** Those which only results may take stay theirs, and half of the large ones larger requests'. */
  @Test
  void aFloodOfSmallerRequestsLeavesHalfOfTheLargeBlocks() {
    for (int kib : new int[] {1, 10, 70, 200}) {
      while (arena.take((long) kib * KIB, PayloadArena.requestOwner(1, 1)) != 0) {}
    }
    int photos = 0;
    while (arena.take(8192L * KIB, PayloadArena.requestOwner(2, 1)) != 0) {
      photos++;
    }
    assertEquals(9 + 1, photos);
    for (int c = 0; c < arena.classCount(); c++) {
      long owners = classes()[c].owners();
      for (int block = classes()[c].requestBlocks(); block < arena.blockCount(c); block++) {
        assertEquals(0, memory.getLong(owners + 8L * block), "block " + block + " of class " + c);
      }
    }
  }

  private void freeAll() {
    for (int c = 0; c < arena.classCount(); c++) {
      for (int block = 0; block < arena.blockCount(c); block++) {
        long owner = memory.getLong(classes()[c].owners() + 8L * block);
        arena.free(Place.block(c, block), owner);
      }
    }
  }
}
