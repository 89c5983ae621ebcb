package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several hints at once; single ones are part of most other tests. */
@Timeout(60)
class HintRingTest {
  private final SharedMemory memory = SharedMemory.own(HintRing.bytes(64));

  private HintRing ring(int capacity) {
    return new HintRing(memory, 0, capacity, (what, ran) -> new IllegalStateException(what));
  }

  private static int[] hints(int from, int count) {
    return IntStream.range(from, from + count).toArray();
  }

  private static int[] taken(HintRing ring) {
    int[] into = new int[64];
    return Arrays.copyOf(into, ring.poll(into));
  }

  @Test
  void inOrderOverManyLaps() {
    HintRing ring = ring(8);
    for (int round = 0; round < 50; round++) {
      int count = round % 9;
      assertEquals(count, ring.offerAll(hints(10 * round, count), count));
      assertArrayEquals(hints(10 * round, count), taken(ring));
      assertTrue(ring.isEmpty());
    }
  }

  @Test
  void asManyAsThereIsRoomFor() {
    HintRing ring = ring(8);
    assertEquals(3, ring.offerAll(hints(0, 3), 3));
    assertEquals(5, ring.offerAll(hints(3, 9), 9));
    assertEquals(0, ring.offerAll(hints(20, 2), 2));
    assertFalse(ring.offer(20));
    assertArrayEquals(hints(0, 8), taken(ring));
    assertEquals(8, ring.offerAll(hints(30, 8), 8));
    assertArrayEquals(hints(30, 8), taken(ring));
  }

  @Test
  void aProducerThatDiedBeforeItMovedTheTail() {
    HintRing ring = ring(8);
    assertEquals(5, ring.offerAll(hints(0, 5), 5));
    memory.setLong(Layout.RING_TAIL, 0); // as if it had died after its cells
    assertArrayEquals(hints(0, 5), taken(ring)); // consumers never look at the tail
    assertEquals(6, ring.offerAll(hints(5, 6), 6));
    assertEquals(11, memory.getLong(Layout.RING_TAIL));
    assertArrayEquals(hints(5, 6), taken(ring));
    memory.setLong(Layout.RING_TAIL, 8);
    assertTrue(ring.offer(11));
    assertArrayEquals(hints(11, 1), taken(ring));
    assertEquals(12, memory.getLong(Layout.RING_TAIL));
  }

  @Test
  void nothingIsLostOrDoubled() throws Exception {
    int each = 30_000;
    AtomicIntegerArray seen = new AtomicIntegerArray(3 * each);
    AtomicInteger left = new AtomicInteger(3 * each);
    List<Thread> threads = new ArrayList<>();
    for (int p = 0; p < 3; p++) {
      HintRing ring = ring(64);
      int first = p * each;
      boolean single = p == 0;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int sent = 0; sent < each; ) {
                      int count = single ? 1 : Math.min(each - sent, 1 + sent % 20);
                      int[] batch = hints(first + sent, count);
                      int in = single ? ring.offer(batch[0]) ? 1 : 0 : ring.offerAll(batch, count);
                      sent += in;
                      if (in < count) {
                        Thread.yield();
                      }
                    }
                  }));
    }
    for (int c = 0; c < 2; c++) {
      HintRing ring = ring(64);
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    int[] into = new int[8];
                    while (left.get() > 0) {
                      int n = ring.poll(into);
                      for (int i = 0; i < n; i++) {
                        seen.incrementAndGet(into[i]);
                      }
                      left.addAndGet(-n);
                      if (n == 0) {
                        Thread.yield();
                      }
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(3 * each, IntStream.range(0, 3 * each).filter(i -> seen.get(i) == 1).count());
  }
}
