package io.ringwork;

import io.ringwork.internal.segment.Layout;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/**
 * How long sampled tasks took: four buckets to each doubling of the time, so that a time is at most
 * 25 percent too long. Immutable.
 */
public final class TimeHistogram {
  private final long[] buckets;
  private final long totalNanos;

  TimeHistogram(long[] buckets, long totalNanos) {
    this.buckets = buckets;
    this.totalNanos = totalNanos;
  }

  /**
   * How many times there are.
   *
   * @return the number of samples
   */
  public long samples() {
    return Arrays.stream(buckets).sum();
  }

  /**
   * The sum of all times. A quotient with {@link #samples()} is their mean.
   *
   * @return the sum, in nanoseconds
   */
  public long totalNanos() {
    return totalNanos;
  }

  /**
   * The time within which a part of the samples is.
   *
   * @param quantile the part, 0 to 1: 0.5 for the median, 1 for the longest
   * @return an upper bound of the time, or empty without samples
   * @throws IllegalArgumentException if the part is none
   */
  public Optional<Duration> quantile(double quantile) {
    if (!(quantile >= 0 && quantile <= 1)) {
      throw new IllegalArgumentException("a quantile is 0 to 1, not " + quantile);
    }
    long samples = samples();
    long wanted = Math.max(1, (long) Math.ceil(samples * quantile));
    long seen = 0;
    for (int bucket = 0; bucket < buckets.length; bucket++) {
      seen += buckets[bucket];
      if (samples > 0 && seen >= wanted) {
        return Optional.of(Duration.ofNanos(floorOf(bucket + 1)));
      }
    }
    return Optional.empty();
  }

  /**
   * The samples that came after those of an earlier look.
   *
   * @param earlier what was seen then
   * @return the others
   */
  public TimeHistogram since(TimeHistogram earlier) {
    long[] since = new long[buckets.length];
    for (int bucket = 0; bucket < since.length; bucket++) {
      since[bucket] = Math.max(0, buckets[bucket] - earlier.buckets[bucket]);
    }
    return new TimeHistogram(since, Math.max(0, totalNanos - earlier.totalNanos));
  }

  /** The smallest time of a bucket, in nanoseconds, as {@code bucket_floor} in histogram.rs. */
  private static long floorOf(int bucket) {
    return bucket < 8 ? bucket : (4L + bucket % 4) << (bucket / 4 - 1);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TimeHistogram histogram
        && totalNanos == histogram.totalNanos
        && Arrays.equals(buckets, histogram.buckets);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(buckets) + Long.hashCode(totalNanos);
  }

  @Override
  public String toString() {
    return samples()
        + " samples"
        + quantile(0.5).map(time -> ", p50 " + time).orElse("")
        + quantile(0.99).map(time -> ", p99 " + time).orElse("");
  }

  static long[] emptyBuckets() {
    return new long[Layout.HISTOGRAM_BUCKETS];
  }
}
