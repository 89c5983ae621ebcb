package io.ringwork.benches;

import io.ringwork.RawTask;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;

/**
 * Suite payload, without copies: a request claimed and stamped in place, a result of the same size
 * leased and its stamps read in place. Neither side touches the bytes between the first and the
 * last eight, so what is measured is the way of a reference.
 */
final class ZeroCopy implements Case {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final double WARM_UP_SECONDS = 1.5;

  private final int size;
  private final Callable<Ringwork> maker;
  private final HdrLog log = new HdrLog();
  private long sequence;

  ZeroCopy(int size, Callable<Ringwork> maker) {
    this.size = size;
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    try (Ringwork pool = maker.call()) {
      measure(pool, WARM_UP_SECONDS);
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Ringwork pool = maker.call()) {
      measure(pool, seconds / 3);
      Histogram times = measure(pool, seconds);
      log.add(times);
      return Map.of(
          "p50_ns",
          (double) times.getValueAtPercentile(50),
          "gb_per_s",
          2.0 * size / times.getMean());
    }
  }

  private Histogram measure(Ringwork pool, double seconds) throws Exception {
    Histogram times = new Histogram(60_000_000_000L, 3);
    long end = System.nanoTime() + (long) (seconds * 1e9);
    long now;
    do {
      long stamp = ++sequence;
      long start = System.nanoTime();
      boolean right = call(pool, stamp);
      now = System.nanoTime();
      if (!right) {
        throw new AssertionError("the stamps of " + size + " bytes were not returned");
      }
      times.recordValue(now - start);
    } while (now < end);
    return times;
  }

  private boolean call(Ringwork pool, long stamp) throws Exception {
    try (RawTask task = pool.claim("bench.stamp", size)) {
      MemorySegment request = task.request();
      request.set(LONG, 0, stamp);
      request.set(LONG, size - 8L, ~stamp);
      try (ResultLease lease = task.submit().get()) {
        MemorySegment result = lease.segment();
        return result.byteSize() == size
            && result.get(LONG, 0) == stamp
            && result.get(LONG, size - 8L) == ~stamp;
      }
    }
  }
}
