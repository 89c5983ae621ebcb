package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A handler table, and who is said to be for I/O lanes. */
class HandlerKindsTest {
  private static final int HANDLERS = 8;
  private static final int TABLE = 4096;
  private static final int RINGS = TABLE + HANDLERS * Layout.HANDLER_STRIDE;

  private final SharedMemory memory = SharedMemory.own(64 << 10);

  private Geometry geometry(Geometry.Section... sections) {
    return new Geometry(
        64 << 10,
        1,
        new Geometry.Counts(1, 4, 1, 1, 2, HANDLERS),
        new Geometry.Tables(0, 0, 0, 0, TABLE, List.of(sections)),
        new Geometry.Rings(0, 8, 0, 8),
        new Geometry.SizeClass[0]);
  }

  private Geometry withIoLanes() {
    return geometry(new Geometry.Section(Layout.SECTION_IO_RINGS, 6, Layout.SECTION_ALIGN, RINGS));
  }

  private void list(int place, long id, int kind, int ready) {
    long at = TABLE + (long) place * Layout.HANDLER_STRIDE;
    memory.setLong(at + Layout.HANDLER_ID, id);
    // The codecs and the length of the name are in the same word.
    memory.setInt(at + (Layout.HANDLER_KIND & ~3), kind << 24 | 0x050101);
    memory.setInt(at + Layout.HANDLER_READY, ready);
  }

  @Test
  void theTableSaysIt() {
    HandlerKinds kinds = new HandlerKinds(memory, withIoLanes());
    assertFalse(kinds.isIo(7), "no worker is there");
    list(0, 7, Layout.LANE_KIND_IO, Layout.HANDLER_UNWRITTEN);
    assertFalse(kinds.isIo(7), "it is not whole");
    list(0, 7, Layout.LANE_KIND_IO, Layout.HANDLER_LISTED);
    list(1, 8, Layout.LANE_KIND_CPU, Layout.HANDLER_LISTED);
    // They share the place in which the client remembers them.
    list(2, 7 | 1L << 40, Layout.LANE_KIND_CPU, Layout.HANDLER_LISTED);
    for (int again = 0; again < 3; again++) {
      assertTrue(kinds.isIo(7));
      assertFalse(kinds.isIo(8));
      assertFalse(kinds.isIo(7 | 1L << 40));
    }
    // A reload.
    list(0, 7, Layout.LANE_KIND_CPU, Layout.HANDLER_LISTED);
    list(1, 8, Layout.LANE_KIND_IO, Layout.HANDLER_LISTED);
    assertFalse(kinds.isIo(7));
    assertTrue(kinds.isIo(8));
  }

  @Test
  void withoutIoLanesNoTaskIsForThem() {
    list(0, 7, Layout.LANE_KIND_IO, Layout.HANDLER_LISTED);
    assertFalse(new HandlerKinds(memory, geometry()).isIo(7));
  }

  @Test
  void eachPriorityHasARing() {
    Geometry geometry = withIoLanes();
    assertEquals(RINGS, geometry.ioRing(0));
    assertEquals(RINGS + HintRing.bytes(8), geometry.ioRing(1));
  }
}
