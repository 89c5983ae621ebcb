package io.ringwork.benches;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.HdrHistogram.Histogram;

/**
 * Suite payload: one request under way, of a given size, returned in full. The bytes are random,
 * differ from call to call in the first, the middle and the last one, and every answer is compared
 * in full, after the clock was stopped. {@code gb_per_s} counts the bytes once each way.
 */
public final class Payload implements Case {
  private static final double FIRST_WARM_UP_SECONDS = 3;
  private static final double WARM_UP_SECONDS = 0.2;

  private final int size;
  private final Callable<? extends Echo> maker;
  private byte sequence;

  /**
   * A case not warmed up yet.
   *
   * @param size bytes of a request
   * @param maker makes the echo for a round
   */
  public Payload(int size, Callable<? extends Echo> maker) {
    this.size = size;
    this.maker = maker;
  }

  /**
   * The bytes that the last part of a case's name says: {@code grpc_4KiB}.
   *
   * @param name of the case
   * @return the size
   */
  public static int sizeIn(String name) {
    String size = name.substring(name.lastIndexOf('_') + 1);
    int number = Integer.parseInt(size.replaceAll("[^0-9]", ""));
    return size.endsWith("MiB") ? number << 20 : size.endsWith("KiB") ? number << 10 : number;
  }

  @Override
  public void warmUp() throws Exception {
    try (Echo echo = maker.call()) {
      measure(echo, FIRST_WARM_UP_SECONDS);
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Echo echo = maker.call()) {
      measure(echo, WARM_UP_SECONDS);
      Histogram times = measure(echo, seconds);
      double mean = times.getMean();
      return Map.of(
          "p50_ns", (double) times.getValueAtPercentile(50), "gb_per_s", 2.0 * size / mean);
    }
  }

  private Histogram measure(Echo echo, double seconds) throws Exception {
    Histogram times = new Histogram(60_000_000_000L, 3);
    byte[] request = new byte[size];
    ThreadLocalRandom.current().nextBytes(request);
    long end = System.nanoTime() + (long) (seconds * 1e9);
    long now;
    do {
      sequence++;
      request[0] = sequence;
      request[size / 2] = sequence;
      request[size - 1] = sequence;
      long start = System.nanoTime();
      byte[] answer = echo.call(request);
      now = System.nanoTime();
      if (answer == request || !Arrays.equals(answer, request)) {
        throw new AssertionError("a request of " + size + " bytes was not returned");
      }
      times.recordValue(now - start);
    } while (now < end);
    return times;
  }
}
