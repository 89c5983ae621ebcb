package io.ringwork.benches;

import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import org.HdrHistogram.Histogram;

/**
 * Suite rtt: one task in flight, 64 bytes in and the same 64 bytes out, timed from before the
 * submit until the caller has the result. Each answer is compared with its request, and each
 * request differs from the one before.
 *
 * <p>A pool is made for each round and closed after it, so that its spinning lanes don't disturb
 * the other cases; the compiled code stays.
 */
final class RoundTrip implements Case {
  /** Where the echo is made. */
  interface Echo extends AutoCloseable {
    /** Returns the bytes, as another array. */
    byte[] call(byte[] request) throws Exception;

    @Override
    void close();
  }

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final double FIRST_WARM_UP_SECONDS = 4;
  private static final double WARM_UP_SECONDS = 0.3;

  private final Callable<Echo> maker;
  private long sequence;

  RoundTrip(Callable<Echo> maker) {
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

  /** A call to a Rust worker. */
  record OnRingwork(Ringwork pool) implements Echo {
    @Override
    public byte[] call(byte[] request) throws Exception {
      return pool.call(StockTasks.ECHO, request);
    }

    @Override
    public void close() {
      pool.close();
    }
  }

  /** A copy on a thread of a Java pool. */
  record OnExecutor(ExecutorService pool) implements Echo {
    @Override
    public byte[] call(byte[] request) throws Exception {
      // Not submit(..).get(): a ForkJoinPool lets the caller run its own task, and nothing crosses.
      return CompletableFuture.supplyAsync(request::clone, pool).get();
    }

    @Override
    public void close() {
      pool.shutdownNow();
    }
  }
}
