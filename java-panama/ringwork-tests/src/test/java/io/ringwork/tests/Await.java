package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for conditions, never for a time. */
final class Await {
  /** For what should take no time at all, on a machine that is busy with other things. */
  static final Duration PATIENCE = Duration.ofSeconds(30);

  private static final long LOOK_AGAIN_NANOS = 1_000_000;

  private Await() {}

  /**
   * Waits until a condition holds.
   *
   * @return how long it took
   */
  static Duration until(String what, Duration limit, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - start > limit.toNanos()) {
        fail("not within " + limit + ": " + what);
      }
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
    }
    return Duration.ofNanos(System.nanoTime() - start);
  }

  static Duration until(String what, BooleanSupplier condition) {
    return until(what, PATIENCE, condition);
  }
}
