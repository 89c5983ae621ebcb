package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
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
                for (int n = 0; n < 200_000; n++) {
                  int slot = list.pop();
                  if (slot < 0) {
                    continue;
                  }
                  if (held.incrementAndGet(slot) != 1) {
                    wrong.add(new AssertionError("slot " + slot + " was given out twice"));
                  }
                  held.decrementAndGet(slot);
                  list.push(slot);
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
