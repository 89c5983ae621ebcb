package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The packed words of a slot, against the offsets and masks of the layout. */
class WordsTest {
  private static final long LAST = Layout.GENERATION_MASK;

  @Test
  void stateWordsCarryTheirParts() {
    for (long generation : new long[] {0, 1, LAST / 2, LAST}) {
      long word = StateWord.of(generation, 0xfffe, 3, Layout.KIND_CRASHED);
      assertEquals(generation, StateWord.generation(word));
      assertEquals(0xfffe, StateWord.owner(word));
      assertEquals(3, StateWord.attempt(word));
      assertEquals(Layout.KIND_CRASHED, StateWord.kind(word));
      assertTrue(StateWord.ended(word));
      assertFalse(StateWord.ended(StateWord.withdrawn(generation)));
    }
    assertEquals(0, StateWord.withdrawn(0), "a slot that was never used");
  }

  @Test
  void endedWordsTellStatusAndCodec() {
    for (int status = Layout.STATUS_OK; status <= Layout.STATUS_CRASHED; status++) {
      for (int notRun : new int[] {0, Layout.STATUS_NOT_RUN}) {
        for (int codec : new int[] {0, 1, 77, 255}) {
          int ending = StateWord.ending(status | notRun, codec);
          long word = StateWord.of(5, ending, 2, Layout.KIND_DONE);
          assertEquals(status | notRun, StateWord.status(word));
          assertEquals(codec, StateWord.codec(word));
          assertEquals(2, StateWord.attempt(word));
          assertEquals(5, StateWord.generation(word));
        }
      }
    }
    long unknown = StateWord.of(5, 0xff, 0, Layout.KIND_DONE);
    assertEquals(0x7f | Layout.STATUS_NOT_RUN, StateWord.status(unknown));
  }

  @Test
  void generationsWrap() {
    assertEquals(0, StateWord.next(LAST));
    assertEquals(1, StateWord.next(0));
    assertTrue(StateWord.isOlder(LAST, 0));
    assertTrue(StateWord.isOlder(0, LAST / 2));
    assertFalse(StateWord.isOlder(0, LAST), "one step back");
    assertFalse(StateWord.isOlder(1, 0));
    assertFalse(StateWord.isOlder(4, 4));
  }

  @Test
  void publishedWordsCarryTheirParts() {
    long word = PublishedWord.with(LAST, PublishedWord.of(3, 127, 255));
    assertEquals(LAST, PublishedWord.generation(word));
    assertEquals(3, PublishedWord.attempts(word));
    assertEquals(127, PublishedWord.priority(word));
    assertEquals(255, PublishedWord.codec(word));
    long[] flags = {
      Layout.PUBLISHED_STAMPED,
      Layout.PUBLISHED_DEADLINE,
      Layout.PUBLISHED_IDENTIFIED,
      Layout.PUBLISHED_TRACED,
      Layout.PUBLISHED_IO
    };
    for (long flag : flags) {
      assertFalse(PublishedWord.has(word, flag));
      long flagged = word | flag;
      assertTrue(PublishedWord.has(flagged, flag));
      assertEquals(LAST, PublishedWord.generation(flagged));
      assertEquals(3, PublishedWord.attempts(flagged));
      assertEquals(127, PublishedWord.priority(flagged));
    }
  }

  @Test
  void placesCarryReferenceAndLength() {
    assertEquals(0, Place.of(0, 0));
    assertEquals(Layout.INLINE, Place.of(0, Layout.INLINE), "an inline one is its length");
    long reference = Place.block(15, 0xff_ffff);
    long place = Place.of(reference, Integer.MAX_VALUE);
    assertEquals(reference, Place.reference(place));
    assertEquals(15, Place.classOf(reference));
    assertEquals(0xff_ffff, Place.indexOf(reference));
    assertEquals(Integer.MAX_VALUE, Place.length(place));
    assertEquals(0xffff_ffffL, Place.length(-1L), "no length is negative");
    assertEquals(0xffff_ffffL, Place.reference(-1L));
    assertEquals(254, Place.classOf(0xffff_ffffL));
    assertEquals(-1, Place.classOf(0));
  }

  @Test
  void aTaskWaitsUnlessItsClaimSaysOtherwise() {
    assertFalse(SlotTable.waits(0, 0), "a slot that was never used");
    assertTrue(SlotTable.waits(0, 1));
    assertTrue(SlotTable.waits(StateWord.of(LAST, 1, 0, Layout.KIND_CLAIMED), 0));
    assertTrue(SlotTable.waits(StateWord.of(7, 0, 1, Layout.KIND_REQUEUED), 7));
    assertFalse(SlotTable.waits(StateWord.of(7, 1, 0, Layout.KIND_CLAIMED), 7));
    assertFalse(SlotTable.waits(StateWord.of(7, 1, 0, Layout.KIND_CRASHED), 7));
    assertFalse(SlotTable.waits(StateWord.withdrawn(7), 7));
    assertFalse(SlotTable.waits(StateWord.withdrawn(8), 7));
  }

  @Test
  void anEndIsOfThisOrAnEarlierTask() {
    assertTrue(SlotTable.canBeEnd(0, 1));
    assertTrue(SlotTable.canBeEnd(StateWord.of(7, 0, 0, Layout.KIND_DONE), 7));
    assertTrue(SlotTable.canBeEnd(StateWord.of(7, 0, 0, Layout.KIND_CRASHED), 8));
    assertTrue(SlotTable.canBeEnd(StateWord.of(LAST, 0, 0, Layout.KIND_DONE), 0));
    assertFalse(SlotTable.canBeEnd(StateWord.of(7, 0, 0, Layout.KIND_CLAIMED), 7));
    assertFalse(SlotTable.canBeEnd(StateWord.of(8, 0, 0, Layout.KIND_DONE), 7));
  }
}
