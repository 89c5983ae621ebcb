package io.ringwork.benches;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;

/**
 * Suite rtt: one task in flight, 64 bytes in and the same 64 bytes out, timed from before the
 * submit until the caller has the result. Each answer is compared with its request, and each
 * request differs from the one before.
 *
 * <p>A pool is made for each round and closed after it, so that its spinning lanes don't disturb
 * the other cases; the compiled code stays.
 */
public final class RoundTrip implements Case {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final double FIRST_WARM_UP_SECONDS = 4;
  private static final double WARM_UP_SECONDS = 0.3;

  private final Callable<? extends Echo> maker;
  private final HdrLog log = new HdrLog();
  private long sequence;

  /**
   * A case not warmed up yet.
   *
   * @param maker makes the echo for a round
   */
  public RoundTrip(Callable<? extends Echo> maker) {
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    // Twice: the second pool finds the code compiled for the objects of the first.
    for (int i = 0; i < 2; i++) {
      try (Echo echo = maker.call()) {
        measure(echo, FIRST_WARM_UP_SECONDS / 2);
      }
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Echo echo = maker.call()) {
      measure(echo, WARM_UP_SECONDS);
      Histogram times = measure(echo, seconds);
      log.add(times);
      return Map.of(
          "p50_ns", (double) times.getValueAtPercentile(50),
          "p99_ns", (double) times.getValueAtPercentile(99),
          "p999_ns", (double) times.getValueAtPercentile(99.9));
    }
  }

  private Histogram measure(Echo echo, double seconds) throws Exception {
    Histogram times = new Histogram(60_000_000_000L, 3);
    byte[] request = new byte[64];
    long end = System.nanoTime() + (long) (seconds * 1e9);
    long now;
    do {
      LONG.set(request, 8 * (int) (sequence & 7), ++sequence);
      long start = System.nanoTime();
      byte[] answer = echo.call(request);
      now = System.nanoTime();
      if (answer == request || !Arrays.equals(answer, request)) {
        throw new AssertionError("call " + sequence + " did not return its request");
      }
      times.recordValue(now - start);
    } while (now < end);
    return times;
  }
}
