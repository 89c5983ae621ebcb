package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** A ring of eight cells, and publishers that die or are stopped in it. */
class EventRingTest {
  private static final int CELLS = 8;
  private static final int ME = 3;

  private final SharedMemory memory = SharedMemory.own((CELLS + 1L) * Layout.EVENT_STRIDE);
  private final EventRing ring =
      new EventRing(
          memory, new Geometry.Section(Layout.SECTION_EVENTS, CELLS + 1, Layout.EVENT_STRIDE, 0));
  private final EventCursor cursor = new EventCursor(ring);

  private long publish(int value) {
    return ring.publish(ME, value, Layout.CODEC_BYTES, new byte[] {(byte) value, 1});
  }

  private void assertNext(long position, int value) {
    RawEvent event = cursor.next();
    assertEquals(position, event.position());
    assertEquals(value, event.topic());
    assertEquals(ME, event.publisher());
    assertArrayEquals(new byte[] {(byte) value, 1}, event.bytes());
  }

  private void assertPassed(long received, long lost, long skipped) {
    assertEquals(received, cursor.received(), "received");
    assertEquals(lost, cursor.lost(), "lost");
    assertEquals(skipped, cursor.skipped(), "skipped");
  }

  /** The tail and the word of a cell, as a publisher of another process leaves them. */
  private void claimByAnother(long position, long state) {
    long word = position << Layout.EVENT_POSITION_SHIFT | 7 << Layout.EVENT_PUBLISHER_SHIFT | state;
    memory.setLongRelease((1 + position % CELLS) * Layout.EVENT_STRIDE + Layout.EVENT_WORD, word);
  }

  private void setTail(long tail) {
    memory.setLongRelease(Layout.EVENTS_TAIL, tail);
  }

  @Test
  void eventsComeInOrder() {
    assertNull(cursor.next());
    for (int n = 0; n < 100; n++) {
      assertEquals(n, publish(n));
      assertNext(n, n);
    }
    assertNull(cursor.next());
    assertPassed(100, 0, 0);
  }

  @Test
  void whatIsOverwrittenIsCounted() {
    for (int n = 0; n < 20; n++) {
      publish(n);
    }
    // Seven of eight cells are counted on.
    for (int n = 13; n < 20; n++) {
      assertNext(n, n);
    }
    assertNull(cursor.next());
    assertPassed(7, 13, 0);
  }

  @Test
  void aPublisherThatDiedIsSkipped() {
    publish(0);
    claimByAnother(1, Layout.EVENT_VOID);
    setTail(2);
    publish(2);
    assertNext(0, 0);
    assertNext(2, 2);
    assertPassed(2, 0, 1);
  }

  /** It moved no tail either: the next publisher does. */
  @Test
  void aPublisherThatIsStoppedHoldsNobodyUp() {
    claimByAnother(0, Layout.EVENT_BUSY);
    assertEquals(1, publish(1));
    RawEvent event = cursor.next();
    assertNull(event, "it waits a millisecond for the event that is being written");
    assertEquals(EventRing.Look.BUSY, cursor.look());
    while (event == null) {
      event = cursor.next();
    }
    assertEquals(1, event.position());
    assertPassed(1, 0, 1);
    // A lap later its cell is left out.
    for (int n = 2; n < CELLS; n++) {
      assertEquals(n, publish(n));
    }
    assertEquals(CELLS + 1, publish(CELLS + 1));
    for (int n = 2; n < CELLS; n++) {
      assertNext(n, n);
    }
    assertEquals(EventRing.Look.LEFT_OUT, cursor.look());
    assertNext(CELLS + 1, CELLS + 1);
    assertPassed(CELLS, 0, 2);
  }

  @Test
  void positionsGoRound() {
    long last = Layout.EVENT_POSITION_MASK;
    for (long position = last - CELLS; position <= last; position++) {
      claimByAnother(position, Layout.EVENT_READY);
    }
    setTail(last + 1);
    EventCursor late = new EventCursor(ring);
    assertEquals(EventRing.Look.NOTHING, late.look());
    assertEquals(last + 1, publish(5));
    assertEquals(5, late.next().topic());
    assertNull(late.next());
  }

  /** A ring whose words make no sense ends in a refusal and not in a loop. */
  @Test
  void aDamagedRingRefuses() {
    for (int cell = 0; cell < CELLS; cell++) {
      claimByAnother(1000 + cell, Layout.EVENT_READY);
    }
    assertEquals(-1, publish(1));
    assertEquals(EventRing.Look.OVERWRITTEN, cursor.look());
  }

  @Test
  void oneOfThePublishersTakesTheRequest() {
    assertFalse(ring.isAsked());
    ring.ask();
    assertTrue(ring.isAsked());
    assertTrue(ring.takeRequest());
    assertFalse(ring.takeRequest());
    int wakes = ring.wakes();
    ring.bump();
    assertEquals(wakes + 1, ring.wakes());
  }
}
