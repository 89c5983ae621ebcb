package io.ringwork;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for conditions, never for times; gives up after a generous limit. */
final class Await {
  private static final long LIMIT = 20_000_000_000L;

  private Await() {}

  static void until(BooleanSupplier condition) {
    value(() -> condition.getAsBoolean() ? Boolean.TRUE : null);
  }

  static <T> T value(Supplier<T> source) {
    long end = System.nanoTime() + LIMIT;
    for (; ; ) {
      T value = source.get();
      if (value != null) {
        return value;
      }
      if (System.nanoTime() > end) {
        throw new AssertionError("waited in vain");
      }
      LockSupport.parkNanos(50_000);
    }
  }
}
