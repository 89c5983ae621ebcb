package io.ringwork.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.ringwork.Backpressure;
import io.ringwork.Codec;
import io.ringwork.ConnectConfig;
import io.ringwork.LaunchConfig;
import io.ringwork.PoolStats;
import io.ringwork.RawTask;
import io.ringwork.Reconnect;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The meters of real pools. */
@Timeout(120)
class RingworkMetricsTest {
  private static final TaskType<byte[], byte[]> DIGEST =
      TaskType.of("no.such.handler", Codec.BYTES, Codec.BYTES);

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private Pool pools;

  @BeforeEach
  void open() throws IOException {
    pools = new Pool();
  }

  @AfterEach
  void close() throws IOException {
    pools.close();
  }

  private double counter(String name, String... tags) {
    return registry.get(name).tags(tags).functionCounter().count();
  }

  private double gauge(String name) {
    return registry.get(name).gauge().value();
  }

  private void awaitCounter(double value, String name, String... tags) throws InterruptedException {
    double[] last = new double[1];
    Pool.await(
        () -> name + List.of(tags) + " is " + value + ", and not " + last[0],
        () -> {
          read();
          return registry.find(name).tags(tags).functionCounters().stream()
              .anyMatch(found -> (last[0] = found.count()) == value);
        });
  }

  /** Meters of a new handler come when any meter is read, as a registry reads them all. */
  private void read() {
    gauge("ringwork.pool.ready");
  }

  @Test
  void whatBecameOfTasks() throws Exception {
    try (Ringwork pool = Ringwork.launch(pools.config());
        RingworkMetrics metrics = new RingworkMetrics(pool)) {
      metrics.bindTo(registry);
      assertEquals(1, gauge("ringwork.client.connected"));
      assertEquals(1, gauge("ringwork.pool.ready"));
      assertEquals(1, gauge("ringwork.pool.workers"));
      assertEquals(1, gauge("ringwork.pool.lanes"));
      assertEquals(pool.info().slots(), gauge("ringwork.client.slots.limit"));
      for (int n = 0; n < 50; n++) {
        pool.call(StockTasks.ECHO, new byte[8]);
      }
      assertThrows(CompletionException.class, pool.submit(DIGEST, new byte[1])::join);
      awaitCounter(50, "ringwork.client.tasks", "outcome", "completed", "pool", pool.name());
      awaitCounter(1, "ringwork.client.tasks", "outcome", "failed");
      awaitCounter(51, "ringwork.client.submitted");
      awaitCounter(50, "ringwork.handler.tasks", "handler", "echo", "outcome", "completed");
      awaitCounter(1, "ringwork.handler.tasks", "handler", "(unknown)", "outcome", "failed");
      awaitCounter(0, "ringwork.handler.retries", "handler", "echo");
      FunctionTimer run =
          registry.get("ringwork.handler.run").tag("handler", "echo").functionTimer();
      Pool.await(() -> "50 are timed", () -> run.count() == 50);
      assertTrue(run.totalTime(TimeUnit.NANOSECONDS) > 0);
      assertEquals(
          50,
          registry.get("ringwork.handler.queue").tag("handler", "echo").functionTimer().count());
    }
    assertEquals(List.of(), registry.getMeters());
  }

  @Test
  void aBusyPool() throws Exception {
    LaunchConfig config = pools.config().slots(16);
    try (Ringwork pool = Ringwork.launch(config)) {
      new RingworkMetrics(pool).bindTo(registry);
      List<TaskFuture<Long>> futures = new ArrayList<>();
      TaskFuture<Long> next = pool.submit(StockTasks.SLEEP, 3_600_000L);
      while (!next.isDone()) { // the last one is refused
        futures.add(next);
        next = pool.submit(StockTasks.SLEEP, 3_600_000L);
      }
      awaitCounter(1, "ringwork.client.rejected", "reason", "no_slot");
      awaitCounter(0, "ringwork.client.rejected", "reason", "arena");
      Pool.await(() -> "one runs", () -> gauge("ringwork.pool.lanes.busy") == 1);
      assertEquals(futures.size(), gauge("ringwork.client.slots.used"));
      Pool.await(
          () -> "others wait",
          () -> gauge("ringwork.pool.queued") >= futures.size() - 1 - 8); // held
      futures.forEach(future -> future.cancel(true));
      awaitCounter(futures.size(), "ringwork.client.tasks", "outcome", "cancelled");
    }
    Pool.await(() -> "it is told", () -> gauge("ringwork.client.connected") == 0);
    Pool.await(() -> "it is closed", () -> gauge("ringwork.pool.ready") == 0);
  }

  @Test
  void blocksOfTheArena() throws Exception {
    try (Ringwork pool = Ringwork.launch(pools.config())) {
      new RingworkMetrics(pool).bindTo(registry);
      for (PoolStats.Blocks blocks : pool.stats().arena()) {
        String size = Long.toString(blocks.bytes());
        assertEquals(
            blocks.count(),
            registry.get("ringwork.arena.blocks").tag("block_bytes", size).gauge().value());
      }
      assertEquals(0, taken());
      try (RawTask claimed = pool.claim("echo", 1000)) {
        assertEquals(1000, claimed.request().byteSize());
        Pool.await(() -> "one block is taken", () -> taken() == 1);
      }
      Pool.await(() -> "none is taken", () -> taken() == 0);
    }
  }

  private double taken() {
    return registry.get("ringwork.arena.blocks.taken").gauges().stream()
        .mapToDouble(gauge -> gauge.value())
        .sum();
  }

  /** Also that they go on where the last pool's ended. */
  @Test
  void countersNeverGoBack() throws Exception {
    String name = "metrics";
    ConnectConfig config =
        ConnectConfig.of(name).directory(pools.directory).reconnect(Reconnect.DEFAULT);
    TaskOptions patient =
        TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(30)));
    Map<Meter.Id, Double> last = new HashMap<>();
    try (Ringwork pool = Ringwork.connect(config)) {
      new RingworkMetrics(pool).bindTo(registry); // before there is any
      assertEquals(0, gauge("ringwork.pool.ready"));
      int done = 0;
      for (int tasks : new int[] {30, 20, 45}) {
        try (Pool.Served served = pools.serve(name)) {
          assertTrue(served.process().isAlive());
          for (int n = 0; n < tasks; n++) {
            pool.submit(StockTasks.ECHO, new byte[8], patient).join();
            assertNoneGoesBack(last);
          }
          done += tasks;
          awaitCounter(done, "ringwork.client.tasks", "outcome", "completed");
          awaitCounter(done, "ringwork.handler.tasks", "handler", "echo", "outcome", "completed");
          assertNoneGoesBack(last);
        }
        Pool.await(() -> "it is gone", () -> gauge("ringwork.client.connected") == 0);
        assertNoneGoesBack(last);
        assertEquals(0, gauge("ringwork.pool.lanes"));
      }
    }
    assertNoneGoesBack(last);
    assertTrue(last.size() > 20, last.toString());
  }

  private void assertNoneGoesBack(Map<Meter.Id, Double> last) {
    read();
    for (Meter meter : registry.getMeters()) {
      Double now =
          switch (meter) {
            case FunctionCounter counter -> counter.count();
            case FunctionTimer timer -> timer.count();
            default -> null;
          };
      if (now != null) {
        Double before = last.put(meter.getId(), now);
        assertTrue(before == null || now >= before, meter.getId() + ": " + before + ", " + now);
      }
    }
  }

  /** The names that the guide lists: docs/guide/metrics.md. */
  @Test
  void namesAsPrometheusHasThem() throws Exception {
    PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    try (Ringwork pool = Ringwork.launch(pools.config())) {
      new RingworkMetrics(pool, Tags.of("service", "shop")).bindTo(prometheus);
      pool.call(StockTasks.ECHO, new byte[8]);
      Pool.await(() -> "echo is counted", () -> prometheus.scrape().contains("handler=\"echo\""));
      String page = prometheus.scrape();
      Set<String> names =
          page.lines()
              .filter(line -> line.startsWith("# TYPE "))
              .map(line -> line.split(" ")[2])
              .collect(Collectors.toSet());
      assertEquals(
          Set.of(
              "ringwork_client_submitted_total",
              "ringwork_client_tasks_total",
              "ringwork_client_rejected_total",
              "ringwork_client_connected",
              "ringwork_client_slots_used",
              "ringwork_client_slots_limit",
              "ringwork_pool_ready",
              "ringwork_pool_workers",
              "ringwork_pool_lanes",
              "ringwork_pool_lanes_busy",
              "ringwork_pool_queued",
              "ringwork_arena_blocks",
              "ringwork_arena_blocks_taken",
              "ringwork_handler_tasks_total",
              "ringwork_handler_rejected_total",
              "ringwork_handler_retries_total",
              "ringwork_handler_queue_seconds",
              "ringwork_handler_run_seconds"),
          names);
      assertTrue(page.contains("service=\"shop\""), page);
      assertTrue(page.contains("pool=\"" + pool.name() + "\""), page);
    }
  }

  /** The last of many handlers are counted together. */
  @Test
  void fewTags() throws Exception {
    try (Ringwork pool = Ringwork.launch(pools.config())) {
      new RingworkMetrics(pool).bindTo(registry);
      for (int n = 0; n < 300; n++) {
        TaskType<byte[], byte[]> type = TaskType.of("made.up." + n, Codec.BYTES, Codec.BYTES);
        assertThrows(CompletionException.class, pool.submit(type, new byte[1])::join);
      }
      awaitCounter(300, "ringwork.handler.tasks", "handler", "(unknown)", "outcome", "failed");
      Set<String> handlers =
          registry.find("ringwork.handler.tasks").functionCounters().stream()
              .map(meter -> meter.getId().getTag("handler"))
              .collect(Collectors.toSet());
      assertTrue(handlers.contains("(unknown)"), handlers.toString());
      // And those that the workers know, of which there was no task.
      assertTrue(handlers.stream().noneMatch(name -> name.startsWith("made.up")));
      assertTrue(handlers.size() < 30, handlers.toString());
    }
  }
}
