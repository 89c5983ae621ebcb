package io.ringwork.micrometer;

import io.micrometer.core.instrument.Tag;
import io.ringwork.ClosedException;
import io.ringwork.ConnectionState;
import io.ringwork.HandlerStats;
import io.ringwork.PoolInfo;
import io.ringwork.PoolStats;
import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.TaskCounts;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a pool's numbers, all at once and not too often, and adds up what the pools of one handle
 * have counted one after the other.
 */
final class Readings {
  static final List<String> CLIENT_OUTCOMES =
      List.of("completed", "failed", "timed_out", "cancelled");

  /** As the labels of {@code ringwork stat --prometheus}. */
  static final List<String> REASONS =
      List.of("no_slot", "in_flight", "deadline", "ring", "arena", "too_large", "state");

  /** Each task has one of them: {@code failed} are those that are none of the next three. */
  static final List<String> HANDLER_OUTCOMES =
      List.of("completed", "failed", "panicked", "expired", "cancelled", "crashed");

  private static final long MAX_AGE_NANOS = 100_000_000;

  /** Handlers with meters of their own. */
  private static final int MAX_HANDLERS = 100;

  private static final String OTHERS = "(others)";

  /**
   * What was read at one time.
   *
   * @param handlers the names of handlers that were counted
   * @param sizes of payload blocks, in bytes
   */
  record Reading(Map<String, Double> gauges, Set<String> handlers, Set<String> sizes) {}

  /** The counts of a handler; those of several can be added. */
  private static final class HandlerCounts {
    final long[] outcomes = new long[HANDLER_OUTCOMES.size()];
    final long[] rejected = new long[REASONS.size()];
    long retries;
    long queueCount;
    long queueNanos;
    long runCount;
    long runNanos;

    void add(HandlerStats stats) {
      long others = stats.panicked() + stats.expired() + stats.cancelled();
      long[] each = {
        stats.completed(),
        Math.max(0, stats.failed() - others),
        stats.panicked(),
        stats.expired(),
        stats.cancelled(),
        stats.crashed()
      };
      for (int n = 0; n < each.length; n++) {
        outcomes[n] += each[n];
      }
      long[] reasons = byReason(stats.rejected());
      for (int n = 0; n < reasons.length; n++) {
        rejected[n] += reasons[n];
      }
      retries += stats.retried();
      queueCount += stats.queue().samples();
      queueNanos += stats.queue().totalNanos();
      runCount += stats.run().samples();
      runNanos += stats.run().totalNanos();
    }
  }

  /** A count that goes on when the pool that it is read from is another one. */
  private static final class Sum {
    private long before;
    private long last;

    void see(long now) {
      if (now < last) { // a new pool, or a new entry of this client
        newPool();
      }
      last = now;
    }

    void newPool() {
      before += last;
      last = 0;
    }

    double value() {
      return before + last;
    }
  }

  private final Ringwork pool;
  private final Consumer<Reading> listener;
  private final Map<String, Sum> sums = new HashMap<>();
  private @Nullable Reading reading;
  private long readAt;

  /** When the pool was made that was read last. */
  private long made;

  Readings(Ringwork pool, Consumer<Reading> listener) {
    this.pool = pool;
    this.listener = listener;
  }

  static String key(String name, Tag... tags) {
    StringBuilder key = new StringBuilder(name);
    for (Tag tag : tags) {
      key.append('|').append(tag.getValue());
    }
    return key.toString();
  }

  double count(String key) {
    now();
    synchronized (this) {
      Sum sum = sums.get(key);
      return sum == null ? 0 : sum.value();
    }
  }

  double gauge(String name) {
    return now().gauges.getOrDefault(name, 0.0);
  }

  /** What was read within the last moment, or is read now. */
  Reading now() {
    Reading now;
    synchronized (this) {
      now = reading;
      if (now != null && System.nanoTime() - readAt < MAX_AGE_NANOS) {
        return now;
      }
      now = read();
      reading = now;
      readAt = System.nanoTime();
    }
    listener.accept(now);
    return now;
  }

  private Reading read() {
    Map<String, Double> gauges = new HashMap<>();
    gauges.put("ringwork.client.connected", pool.state() == ConnectionState.CONNECTED ? 1.0 : 0.0);
    try {
      PoolInfo info = pool.info();
      PoolStats stats = pool.stats();
      gauges.put("ringwork.client.slots.used", (double) info.slots() - info.freeSlots());
      gauges.put("ringwork.client.slots.limit", (double) info.slots());
      gauges.put("ringwork.pool.ready", info.ready() ? 1.0 : 0.0);
      gauges.put("ringwork.pool.workers", (double) info.workers());
      gauges.put("ringwork.pool.lanes", (double) stats.lanes());
      gauges.put("ringwork.pool.lanes.busy", (double) stats.busyLanes());
      gauges.put("ringwork.pool.queued", (double) stats.queued());
      long of = stats.nanoTime() - stats.uptimeNanos();
      if (of != made) {
        sums.values().forEach(Sum::newPool);
        made = of;
      }
      count(stats.client());
      Set<String> sizes = new TreeSet<>();
      for (PoolStats.Blocks blocks : stats.arena()) {
        String size = Long.toString(blocks.bytes());
        sizes.add(size);
        gauges.put("ringwork.arena.blocks|" + size, (double) blocks.count());
        gauges.put("ringwork.arena.blocks.taken|" + size, (double) blocks.taken());
      }
      return new Reading(gauges, count(stats.handlers()), sizes);
    } catch (ClosedException | RejectedException none) { // no pool at the moment, or for good
      return reading == null
          ? new Reading(gauges, Set.of(), Set.of())
          : new Reading(gauges, reading.handlers, reading.sizes);
    }
  }

  private void count(TaskCounts client) {
    see("ringwork.client.submitted", client.submitted());
    long[] outcomes = {client.completed(), client.failed(), client.timedOut(), client.cancelled()};
    for (int n = 0; n < outcomes.length; n++) {
      see("ringwork.client.tasks|" + CLIENT_OUTCOMES.get(n), outcomes[n]);
    }
    long[] reasons = byReason(client.rejected());
    for (int n = 0; n < reasons.length; n++) {
      see("ringwork.client.rejected|" + REASONS.get(n), reasons[n]);
    }
  }

  /** In the order of {@link #REASONS}. */
  private static long[] byReason(TaskCounts.Rejected rejected) {
    return new long[] {
      rejected.noSlot(),
      rejected.tooManyInFlight(),
      rejected.deadline(),
      rejected.ringFull(),
      rejected.arenaExhausted(),
      rejected.payloadTooLarge(),
      rejected.unavailable()
    };
  }

  private Set<String> count(List<HandlerStats> handlers) {
    Map<String, HandlerCounts> counts = new TreeMap<>();
    for (HandlerStats stats : handlers) {
      boolean known = counts.containsKey(stats.handler()) || counts.size() < MAX_HANDLERS;
      counts
          .computeIfAbsent(known ? stats.handler() : OTHERS, name -> new HandlerCounts())
          .add(stats);
    }
    counts.forEach(
        (name, count) -> {
          for (int n = 0; n < count.outcomes.length; n++) {
            see(
                "ringwork.handler.tasks|" + name + "|" + HANDLER_OUTCOMES.get(n),
                count.outcomes[n]);
          }
          for (int n = 0; n < count.rejected.length; n++) {
            see("ringwork.handler.rejected|" + name + "|" + REASONS.get(n), count.rejected[n]);
          }
          see("ringwork.handler.retries|" + name, count.retries);
          see("ringwork.handler.queue.count|" + name, count.queueCount);
          see("ringwork.handler.queue.nanos|" + name, count.queueNanos);
          see("ringwork.handler.run.count|" + name, count.runCount);
          see("ringwork.handler.run.nanos|" + name, count.runNanos);
        });
    return Set.copyOf(counts.keySet());
  }

  private void see(String key, long now) {
    sums.computeIfAbsent(key, name -> new Sum()).see(now);
  }
}
