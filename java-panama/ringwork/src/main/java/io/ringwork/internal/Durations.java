package io.ringwork.internal;

import java.time.Duration;

/** Durations as nanoseconds that saturate instead of overflowing. */
public final class Durations {
  private Durations() {}

  /** For people: a whole number of s, ms or µs, of two digits at least where it can be. */
  public static String text(long nanos) {
    if (nanos >= 10_000_000_000L) {
      return nanos / 1_000_000_000 + " s";
    }
    return nanos >= 10_000_000 ? nanos / 1_000_000 + " ms" : Math.max(0, nanos / 1_000) + " µs";
  }

  /** The same of a time that must not be negative. */
  public static long notNegative(String what, Duration duration) {
    if (duration.isNegative()) {
      throw new IllegalArgumentException(
          what + " is a length of time and can't be negative: " + duration);
    }
    return nanos(duration);
  }

  /** A time so much later; now, if that is not later. */
  public static long saturatedAdd(long now, long nanos) {
    if (nanos <= 0) {
      return now;
    }
    long end = now + nanos;
    return end < now ? Long.MAX_VALUE : end;
  }

  public static long nanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException overflow) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }
}
