package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.queue.RunTimes;
import java.util.function.IntToDoubleFunction;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What is known of the run times of handlers; as the tests in ring/src/client/run_times.rs. */
class RunTimesTest {
  private static final long MS = 1_000_000;
  private static final long SECOND = 1_000 * MS;

  private final RunTimes times = new RunTimes();

  private void ran(long... millis) {
    LongStream.of(millis).forEach(time -> times.ran(1, time * MS));
  }

  private void ranOften(int tasks, long millis) {
    for (int n = 0; n < tasks; n++) {
      ran(millis);
    }
  }

  private double cost(double eachMillis) {
    return times.cost(1, eachMillis * MS, 2, false) / MS;
  }

  @Test
  void threeRunTimesMakeAHandlerKnown() {
    ran(20, 20);
    assertTrue(times.wants(1));
    assertNull(times.known(1));
    assertEquals(0, cost(0));
    ran(20);
    assertFalse(times.wants(1));
    assertEquals(10, cost(0));
    assertEquals(20 * MS, times.slowest());
  }

  @Test
  void beforeThereIsAPaceThreeQuartersTakeLonger() {
    for (long time = 16; time > 0; time--) {
      ran(time);
    }
    assertEquals(2.5, cost(0));
    ranOften(100, 50);
    ranOften(16, 4); // what was before says little: sixteen run times on, nothing
    assertEquals(2, cost(0));
  }

  @Test
  void thePaceHoldsWithinWhatTheHandlersTasksTake() {
    ran(4, 8, 12, 16);
    assertEquals(2, cost(1));
    assertEquals(5, cost(5));
    assertEquals(8, cost(30));
    assertEquals(30, times.cost(1, 30 * MS, 2, true) / MS);
    assertEquals(30, times.cost(2, 30 * MS, 2, false) / MS);
    ranOften(64, 10); // both ends are forgotten
    assertEquals(5, cost(1));
    assertEquals(5, cost(60));
  }

  @Test
  void theMarginGrowsWhileTasksAreLateAndShrinksWhenTheyAreNot() {
    ran(20, 20, 20);
    RunTimes.Handler handler = times.known(1);
    handler.letIn(SECOND);
    long[] now = {System.nanoTime() + SECOND};
    IntToDoubleFunction four =
        late -> {
          now[0] += SECOND + 1;
          for (int n = 0; n < 4; n++) {
            handler.ended(n >= late, now[0]);
          }
          return handler.margin(now[0]);
        };
    double least = RunTimes.LEAST_MARGIN;
    assertEquals(2 * least, four.applyAsDouble(4));
    for (int n = 0; n < 100; n++) { // let in before the change: not heeded
      handler.ended(false, now[0] + SECOND / 2);
    }
    assertEquals(2 * least, handler.margin(now[0]));
    assertEquals(2 * least, four.applyAsDouble(1), "one of four is no matter");
    assertEquals(3 * least, four.applyAsDouble(2), 1e-9);
    assertEquals(4, four.applyAsDouble(3));
    assertTrue(four.applyAsDouble(0) < 4);
    for (int n = 0; n < 20; n++) {
      four.applyAsDouble(0);
    }
    assertEquals(least, four.applyAsDouble(0));
    assertTrue(four.applyAsDouble(4) > least);
    assertEquals(least, handler.margin(now[0] + 20 * SECOND));
  }

  @Test
  void whatIsKeptHasABound() {
    int known = 0;
    for (long id = 256; id < 10_000 * 256; id += 256) {
      for (int n = 0; n < 3; n++) {
        times.ran(id, MS);
      }
      known += times.known(id) != null ? 1 : 0;
    }
    assertEquals(128, known);
    assertFalse(times.wants(10_000 * 256));
    times.ran(256, 0);
    times.ran(256, -1);
    assertEquals(MS, times.known(256).longest());
    assertEquals(MS, times.known(256).shortest());
  }
}
