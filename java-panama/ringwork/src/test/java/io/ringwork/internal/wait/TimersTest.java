package io.ringwork.internal.wait;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The poller's heap of deadlines, by itself: time is a number, a task is its deadline. */
class TimersTest {
  private static final int SLOTS = 64;

  private final Tasks tasks = new Tasks();
  private final Timers timers = new Timers(SLOTS, tasks);

  private static final class Tasks implements Timers.Deadlines {
    final long[] deadlines = new long[SLOTS];
    int expired;

    @Override
    public long of(int i) {
      return deadlines[i];
    }

    @Override
    public void expire(int i, long now) {
      if (deadlines[i] != 0 && deadlines[i] <= now) {
        deadlines[i] = 0;
        expired++;
      }
    }
  }

  private boolean submit(int slot, long deadline) {
    tasks.deadlines[slot] = deadline;
    return timers.submitted(slot, deadline);
  }

  @Test
  void aTaskIsEndedAtItsDeadlineAndNotBefore() {
    assertEquals(Long.MAX_VALUE, timers.nextLook());
    assertTrue(submit(3, 100), "the poller must be told");
    assertTrue(timers.hasMail());
    timers.run(50);
    assertFalse(timers.hasMail());
    assertEquals(100, timers.nextLook());
    timers.run(99);
    assertEquals(0, tasks.expired);
    timers.run(100);
    assertEquals(1, tasks.expired);
    assertEquals(Long.MAX_VALUE, timers.nextLook());
  }

  @Test
  void aLookThatIsPlannedAnywayServesTheNextTaskOfTheSlot() {
    submit(3, 100);
    timers.run(0);
    tasks.deadlines[3] = 0; // it has ended
    assertFalse(submit(3, 200), "the slot is looked at before that");
    timers.run(100);
    assertEquals(0, tasks.expired);
    assertEquals(200, timers.nextLook());
    timers.run(200);
    assertEquals(1, tasks.expired);
  }

  @Test
  void aNearerDeadlineOfTheNextTaskIsTold() {
    submit(3, 100);
    timers.run(0);
    assertTrue(submit(3, 50));
    timers.run(0);
    assertEquals(50, timers.nextLook());
  }

  @Test
  void noneIsForgottenAmongMany() {
    Random random = new Random(13);
    long now = 1;
    for (int step = 0; step < 100_000; step++) {
      int slot = random.nextInt(SLOTS);
      if (tasks.deadlines[slot] == 0) {
        submit(slot, now + 1 + random.nextInt(1000));
      } else if (random.nextInt(4) == 0) {
        tasks.deadlines[slot] = 0; // its result is there
      }
      now += random.nextInt(20);
      timers.run(now);
      for (int i = 0; i < SLOTS; i++) {
        long deadline = tasks.deadlines[i];
        assertTrue(deadline == 0 || deadline > now, "it was not ended");
        assertTrue(deadline == 0 || timers.nextLook() <= deadline, "it would be late");
      }
    }
    assertTrue(tasks.expired > 1000, "that so many deadlines passed");
  }
}
