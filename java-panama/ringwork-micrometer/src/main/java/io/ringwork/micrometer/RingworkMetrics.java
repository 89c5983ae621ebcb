package io.ringwork.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.ringwork.Ringwork;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The numbers of a pool as meters: read from shared memory when a registry asks, at most ten times
 * a second, so tasks cost nothing for them.
 *
 * <pre>{@code
 * new RingworkMetrics(pool).bindTo(registry);
 * }</pre>
 *
 * <p>Counters never go back: with {@link io.ringwork.Reconnect}, where each new pool begins at 0,
 * they go on from what the last one had. Without a pool the gauges are 0.
 *
 * <p>Tags have few values: {@code pool}, {@code handler} (names of the pool's table, the first 100
 * of them; the tasks of all others are {@code (others)}), {@code outcome}, {@code reason}, {@code
 * block_bytes}. The guide has the table of all meters: {@code docs/guide/metrics.md}.
 */
public final class RingworkMetrics implements MeterBinder, AutoCloseable {
  private final Readings readings;
  private final Tags tags;
  private final List<Bound> bound = new ArrayList<>();

  /** A registry, and what it has been given. */
  private static final class Bound {
    final MeterRegistry registry;
    final Set<String> handlers = new HashSet<>();
    final Set<String> sizes = new HashSet<>();
    final List<Meter> meters = new ArrayList<>();

    Bound(MeterRegistry registry) {
      this.registry = registry;
    }
  }

  /**
   * The meters of a pool.
   *
   * @param pool whose numbers they are
   */
  public RingworkMetrics(Ringwork pool) {
    this(pool, Tags.empty());
  }

  /**
   * The meters of a pool, with more tags than its name.
   *
   * @param pool whose numbers they are
   * @param tags added to each meter; one of the key {@code pool} replaces the pool's name
   */
  public RingworkMetrics(Ringwork pool, Iterable<Tag> tags) {
    Objects.requireNonNull(pool, "pool");
    this.tags = Tags.of("pool", pool.name()).and(tags);
    this.readings = new Readings(pool, this::add);
  }

  /**
   * Registers all meters, and from then on those of each handler when there is a task of it.
   *
   * @param registry where
   */
  @Override
  public void bindTo(MeterRegistry registry) {
    Bound to = new Bound(registry);
    synchronized (bound) {
      bound.add(to);
    }
    ofClient(to);
    ofPool(to);
    add(readings.now());
  }

  /** Removes the meters from all registries. The pool stays open. */
  @Override
  public void close() {
    synchronized (bound) {
      for (Bound each : bound) {
        each.meters.forEach(each.registry::remove);
      }
      bound.clear();
    }
  }

  private void ofClient(Bound to) {
    counter(to, "ringwork.client.submitted", "Tasks that this client has submitted");
    for (String outcome : Readings.CLIENT_OUTCOMES) {
      counter(
          to,
          "ringwork.client.tasks",
          "How tasks of this client ended",
          Tag.of("outcome", outcome));
    }
    for (String reason : Readings.REASONS) {
      counter(
          to,
          "ringwork.client.rejected",
          "Tasks of this client that were not taken",
          Tag.of("reason", reason));
    }
    gauge(to, "ringwork.client.connected", "1 while the client is connected to a pool");
    gauge(to, "ringwork.client.slots.used", "Slots of this client that are in use");
    gauge(to, "ringwork.client.slots.limit", "Slots that this client has");
  }

  private void ofPool(Bound to) {
    gauge(to, "ringwork.pool.ready", "1 while the pool takes tasks and replaces workers that die");
    gauge(to, "ringwork.pool.workers", "Worker processes");
    gauge(to, "ringwork.pool.lanes", "Tasks that the pool can run at once");
    gauge(to, "ringwork.pool.lanes.busy", "Lanes that run a task");
    gauge(to, "ringwork.pool.queued", "Tasks that wait for a lane");
  }

  /** Registers the meters of handlers and of sizes of blocks that are new. */
  private void add(Readings.Reading reading) {
    synchronized (bound) {
      for (Bound to : bound) {
        for (String name : reading.handlers()) {
          if (to.handlers.add(name)) {
            ofHandler(to, name);
          }
        }
        for (String size : reading.sizes()) {
          if (to.sizes.add(size)) {
            ofBlocks(to, Tag.of("block_bytes", size));
          }
        }
      }
    }
  }

  private void ofBlocks(Bound to, Tag size) {
    gauge(to, "ringwork.arena.blocks", "Payload blocks of a size", size);
    gauge(to, "ringwork.arena.blocks.taken", "Payload blocks of a size that are taken", size);
  }

  private void ofHandler(Bound to, String name) {
    Tag handler = Tag.of("handler", name);
    for (String outcome : Readings.HANDLER_OUTCOMES) {
      counter(
          to,
          "ringwork.handler.tasks",
          "How tasks of all clients ended",
          handler,
          Tag.of("outcome", outcome));
    }
    for (String reason : Readings.REASONS) {
      counter(
          to,
          "ringwork.handler.rejected",
          "Tasks of all clients that were not taken",
          handler,
          Tag.of("reason", reason));
    }
    counter(
        to,
        "ringwork.handler.retries",
        "Attempts that died with their worker and were followed by another",
        handler);
    timer(to, "ringwork.handler.queue", "Time from submit to claim, of sampled tasks", handler);
    timer(to, "ringwork.handler.run", "Time from claim to end, of sampled tasks", handler);
  }

  // The functions hold the readings themselves: the registry would let go of its object.

  private void counter(Bound to, String name, String what, Tag... more) {
    String key = Readings.key(name, more);
    keep(
        to,
        FunctionCounter.builder(name, readings, all -> readings.count(key))
            .description(what)
            .tags(tags.and(more))
            .register(to.registry));
  }

  private void gauge(Bound to, String name, String what, Tag... more) {
    String key = Readings.key(name, more);
    keep(
        to,
        Gauge.builder(name, readings, all -> readings.gauge(key))
            .description(what)
            .tags(tags.and(more))
            .strongReference(true)
            .register(to.registry));
  }

  private void timer(Bound to, String name, String what, Tag... more) {
    String count = Readings.key(name + ".count", more);
    String nanos = Readings.key(name + ".nanos", more);
    keep(
        to,
        FunctionTimer.builder(
                name,
                readings,
                all -> (long) readings.count(count),
                all -> readings.count(nanos),
                TimeUnit.NANOSECONDS)
            .description(what)
            .tags(tags.and(more))
            .register(to.registry));
  }

  private static void keep(Bound to, Meter meter) {
    to.meters.add(meter);
  }
}
