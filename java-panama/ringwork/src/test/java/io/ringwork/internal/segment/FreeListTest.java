package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class FreeListTest {
  @Test
  void lastInFirstOut() {
    FreeList list = new FreeList(3);
    assertEquals(0, list.inUse());
    assertEquals(0, list.pop());
    assertEquals(1, list.pop());
    assertEquals(2, list.inUse());
    list.push(0);
    assertEquals(0, list.pop());
    assertEquals(2, list.pop());
    assertEquals(FreeList.EMPTY, list.pop());
    assertEquals(3, list.inUse());
    list.push(2);
    list.push(1);
    list.push(0);
    assertEquals(0, list.inUse());
  }

  @Test
  void severalAtOnce() {
    FreeList list = new FreeList(5);
    int[] slots = new int[5];
    assertEquals(3, list.popMany(slots, 3, 0));
    assertArrayEquals(new int[] {0, 1, 2, 0, 0}, slots);
    assertEquals(3, list.inUse());
    list.pushMany(new int[] {2, 0}, 2);
    assertEquals(1, list.inUse());
    assertEquals(0, list.pop());
    assertEquals(2, list.pop());
    assertEquals(2, list.popMany(slots, 5, 0));
    assertArrayEquals(new int[] {3, 4}, Arrays.copyOf(slots, 2));
    assertEquals(FreeList.EMPTY, list.popMany(slots, 1, 0));
    list.pushMany(new int[] {4, 3, 2, 1, 0}, 5);
    assertEquals(0, list.inUse());
    assertEquals(5, list.popMany(slots, 5, 0));
    assertArrayEquals(new int[] {0, 1, 2, 3, 4}, slots);
    list.pushMany(slots, 0);
    assertEquals(5, list.inUse());
    list.pushMany(slots, 4);
    assertFalse(list.close());
    list.pushMany(slots, 1);
    assertEquals(FreeList.CLOSED, list.popMany(slots, 1, 0));
  }

  @Test
  void closedForGood() {
    FreeList list = new FreeList(2);
    int slot = list.pop();
    assertFalse(list.close());
    list.push(slot);
    assertEquals(FreeList.CLOSED, list.pop());
    assertFalse(list.close());
    assertTrue(new FreeList(2).close());
  }

  @Test
  void nobodyGetsASlotTwice() throws Exception {
    int count = 7;
    FreeList list = new FreeList(count);
    AtomicIntegerArray held = new AtomicIntegerArray(count);
    List<Throwable> wrong = java.util.Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Thread thread =
          new Thread(
              () -> {
                int[] several = new int[3];
                for (int n = 0; n < 200_000; n++) {
                  int found = 1;
                  if (n % 2 == 0) {
                    several[0] = list.pop();
                  } else {
                    found = list.popMany(several, 3, 0);
                  }
                  if (found < 0 || several[0] < 0) {
                    continue;
                  }
                  for (int s = 0; s < found; s++) {
                    if (held.incrementAndGet(several[s]) != 1) {
                      wrong.add(new AssertionError("slot " + several[s] + " was given out twice"));
                    }
                  }
                  for (int s = 0; s < found; s++) {
                    held.decrementAndGet(several[s]);
                  }
                  if (n % 4 < 2) {
                    list.pushMany(several, found);
                  } else {
                    for (int s = 0; s < found; s++) {
                      list.push(several[s]);
                    }
                  }
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(List.of(), wrong);
    assertEquals(0, list.inUse());
    assertTrue(list.close());
  }
}
