package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class EventLoopTest {
  @Test
  void callbacksRunInOrderOnTheLoop() {
    List<String> ran = new ArrayList<>();
    EventLoop loop = new EventLoop();
    for (int i = 0; i < 100; i++) {
      int number = i;
      loop.execute(() -> ran.add(number + " on " + Thread.currentThread().getName()));
    }
    loop.stop();
    assertEquals(100, ran.size());
    assertEquals("0 on event-loop", ran.getFirst());
    assertEquals("99 on event-loop", ran.getLast());
  }

  @Test
  void aStandstillCountsAsEveryTickItMissed() throws InterruptedException {
    EventLoop loop = new EventLoop();
    CountDownLatch over = new CountDownLatch(1);
    loop.execute(
        () -> {
          long end = System.nanoTime() + 60_000_000;
          while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
          }
        });
    loop.execute(over::countDown);
    over.await();
    EventLoop.Stalls stalls = loop.stop();
    assertTrue(stalls.ticks() >= 59, stalls.toString());
    assertTrue(stalls.max() >= 58_000_000, stalls.toString());
  }

  @Test
  void figuresComeFromTheSortedLatenesses() {
    long[] sorted = new long[1000];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = i;
    }
    assertEquals(new EventLoop.Stalls(1000, 499, 989, 999), EventLoop.stalls(sorted));
    assertEquals(new EventLoop.Stalls(0, 0, 0, 0), EventLoop.stalls(new long[0]));
  }
}
