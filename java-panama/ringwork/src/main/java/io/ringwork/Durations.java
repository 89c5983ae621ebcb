package io.ringwork;

import java.time.Duration;

/** Durations as nanoseconds that saturate instead of overflowing. */
final class Durations {
  private Durations() {}

  static long nanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException overflow) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }
}
