package io.ringwork.opentelemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.testing.exporter.InMemoryMetricReader;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Traces from an HTTP request through a pool to the log line of a callback. */
@Timeout(120)
class TelemetryTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String CALLER = "b7ad6b7169203331";
  private static final Logger LOG = Logger.getLogger("shop");
  private static final TaskType<String, String> ABORT =
      TaskType.of("test.abort", Codec.UTF8, Codec.UTF8);

  /** Its result are the 26 bytes that the handler was given, in hex. */
  private static final TaskType<String, String> SENT =
      TaskType.of("test.traceparent", Codec.UTF8, Codec.UTF8);

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final InMemoryMetricReader metrics = InMemoryMetricReader.create();
  private final OpenTelemetrySdk telemetry = sdk(Sampler.parentBased(Sampler.alwaysOn()));
  private final Tracer tracer = telemetry.getTracer("test");

  /** Each line that is logged, behind the trace id that a logger's context would have. */
  private final BlockingQueue<String> log = new LinkedBlockingQueue<>();

  private final Handler lines =
      new Handler() {
        @Override
        public void publish(LogRecord record) {
          log.add(Span.current().getSpanContext().getTraceId() + " " + record.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  private Path directory;

  private OpenTelemetrySdk sdk(Sampler sampler) {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder()
                .setSampler(sampler)
                .addSpanProcessor(SimpleSpanProcessor.create(spans))
                .build())
        .setMeterProvider(SdkMeterProvider.builder().registerMetricReader(metrics).build())
        .build();
  }

  @BeforeEach
  void open() throws IOException {
    directory = Files.createTempDirectory(Path.of("/dev/shm"), "ringwork-opentelemetry-");
    LOG.addHandler(lines);
    LOG.setUseParentHandlers(false);
  }

  @AfterEach
  void close() throws IOException {
    LOG.removeHandler(lines);
    telemetry.close();
    Files.delete(directory); // Empty: the pools have left nothing.
  }

  private static Path program(String property) {
    return Path.of(System.getProperty(property)).normalize();
  }

  private LaunchConfig config() {
    return LaunchConfig.DEFAULT
        .binary(program("ringwork.binary"))
        .worker(program("ringwork.testWorker"))
        .directory(directory)
        .workers(1)
        .lanes(1)
        .segmentSize(16 << 20)
        .log(LaunchConfig.Log.DISCARD);
  }

  private Ringwork launch(CompletionMode mode) {
    return Ringwork.launch(config().completion(mode).observer(RingworkTelemetry.of(telemetry)));
  }

  static List<CompletionMode> modes() {
    return List.of(
        CompletionMode.VIRTUAL_THREADS,
        CompletionMode.INLINE,
        CompletionMode.executor(task -> new Thread(task, "completing").start()));
  }

  // ---- from HTTP to the log line

  /** A server whose requests run on virtual threads, with the spans that such servers make. */
  private final class Shop implements AutoCloseable {
    private final Executor threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);

    Shop(Ringwork pool) throws IOException {
      http.setExecutor(threads);
      http.createContext("/submit", exchange -> traced(exchange, () -> submit(exchange, pool)));
      http.createContext("/call", exchange -> traced(exchange, () -> call(exchange, pool)));
      http.start();
    }

    private void traced(HttpExchange exchange, Runnable body) {
      String[] caller = exchange.getRequestHeaders().getFirst("traceparent").split("-");
      SpanContext remote =
          SpanContext.createFromRemoteParent(
              caller[1], caller[2], TraceFlags.getSampled(), TraceState.getDefault());
      Context parent = Context.root().with(Span.wrap(remote));
      Span span =
          tracer.spanBuilder("POST").setParent(parent).setSpanKind(SpanKind.SERVER).startSpan();
      try (io.opentelemetry.context.Scope scope = span.makeCurrent()) {
        assertTrue(scope != null && Thread.currentThread().isVirtual());
        body.run();
      } finally {
        span.end();
      }
    }

    /** Its thread is done before the task is: the reply is the callback's. */
    private void submit(HttpExchange exchange, Ringwork pool) {
      pool.submit(SENT, "")
          .whenComplete(
              (sent, failure) -> {
                LOG.info("submitted");
                reply(exchange, sent);
              });
    }

    private void call(HttpExchange exchange, Ringwork pool) {
      try {
        String sent = pool.call(SENT, "");
        LOG.info("called");
        reply(exchange, sent);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    private static void reply(HttpExchange exchange, String text) {
      byte[] body = text.getBytes(StandardCharsets.US_ASCII);
      try (exchange) {
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    String post(String path) throws Exception {
      HttpRequest request =
          HttpRequest.newBuilder(
                  URI.create("http://localhost:" + http.getAddress().getPort() + path))
              .header("traceparent", "00-" + TRACE + "-" + CALLER + "-01")
              .timeout(Duration.ofSeconds(30))
              .build();
      HttpResponse<String> response =
          HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
      return response.body();
    }

    @Override
    public void close() {
      http.stop(0);
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void oneTrace(CompletionMode mode) throws Exception {
    try (Ringwork pool = launch(mode);
        Shop shop = new Shop(pool)) {
      for (String path : List.of("/submit", "/call")) {
        spans.reset();
        String sent = shop.post(path);
        String line = log.poll(30, TimeUnit.SECONDS);
        assertEquals(TRACE + (path.equals("/call") ? " called" : " submitted"), line);
        awaitSpans(3);
        SpanData http = span("POST", SpanKind.SERVER);
        SpanData client = span("test.traceparent", SpanKind.CLIENT);
        SpanData server = span("test.traceparent", SpanKind.SERVER);
        assertEquals(CALLER, http.getParentSpanId());
        assertEquals(http.getSpanId(), client.getParentSpanId());
        assertEquals(client.getSpanId(), server.getParentSpanId());
        assertTrue(
            spans.getFinishedSpanItems().stream()
                .allMatch(each -> each.getTraceId().equals(TRACE)));
        // What the handler has been given: its own spans would be children of the client's.
        assertTrue(sent.contains(TRACE + client.getSpanId()), sent);
        assertTrue(client.getStartEpochNanos() <= server.getStartEpochNanos());
        assertEquals(client.getEndEpochNanos(), server.getEndEpochNanos());
      }
    }
  }

  private void awaitSpans(int number) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (spans.getFinishedSpanItems().size() < number) {
      assertTrue(System.nanoTime() < end, () -> number + " spans: " + names());
      Thread.sleep(2);
    }
    assertEquals(number, spans.getFinishedSpanItems().size(), this::names);
  }

  private String names() {
    return spans.getFinishedSpanItems().stream()
        .map(each -> each.getKind() + " " + each.getName())
        .toList()
        .toString();
  }

  private SpanData span(String name, SpanKind kind) {
    return spans.getFinishedSpanItems().stream()
        .filter(each -> each.getName().equals(name) && each.getKind() == kind)
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " is not among " + names()));
  }

  private static String of(SpanData span, String key) {
    Object value =
        span.getAttributes().asMap().entrySet().stream()
            .filter(each -> each.getKey().getKey().equals(key))
            .map(each -> each.getValue())
            .findFirst()
            .orElse(null);
    return String.valueOf(value);
  }

  // ---- what spans say

  @Test
  void attributes() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      pool.submit(StockTasks.ECHO, new byte[8]).get();
      awaitSpans(2);
      for (SpanKind kind : List.of(SpanKind.CLIENT, SpanKind.SERVER)) {
        SpanData span = span("echo", kind);
        assertEquals("ringwork", of(span, "rpc.system.name"));
        assertEquals("echo", of(span, "rpc.method"));
        assertEquals(pool.name(), of(span, "ringwork.pool.name"));
        assertEquals("completed", of(span, "ringwork.outcome"));
        assertEquals("1", of(span, "ringwork.attempt"));
        assertEquals("null", of(span, "error.type"));
        assertTrue(Integer.parseInt(of(span, "ringwork.worker.pid")) > 1);
        assertTrue(Double.parseDouble(of(span, "ringwork.queue.duration")) >= 0);
        assertEquals(StatusCode.UNSET, span.getStatus().getStatusCode());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void retries(CompletionMode mode) throws Exception {
    try (Ringwork pool = launch(mode)) {
      Span request = tracer.spanBuilder("request").startSpan();
      CompletableFuture<String> found = new CompletableFuture<>();
      try (io.opentelemetry.context.Scope scope = request.makeCurrent()) {
        assertTrue(scope != null);
        pool.submit(ABORT, "", TaskOptions.DEFAULT.attempts(3))
            .whenComplete((r, f) -> found.complete(Span.current().getSpanContext().getTraceId()));
      }
      assertEquals(request.getSpanContext().getTraceId(), found.get(60, TimeUnit.SECONDS));
      awaitSpans(2);
      SpanData client = span("test.abort", SpanKind.CLIENT);
      assertEquals("crashed", of(client, "ringwork.outcome"));
      assertEquals("WorkerCrashedException", of(client, "error.type"));
      assertEquals("3", of(client, "ringwork.attempt"));
      assertEquals(StatusCode.ERROR, client.getStatus().getStatusCode());
      assertEquals(
          List.of(2L, 3L),
          client.getEvents().stream()
              .filter(event -> event.getName().equals("ringwork.retry"))
              .map(event -> event.getAttributes().get(AttributeKey.longKey("ringwork.attempt")))
              .toList());
      assertEquals(request.getSpanContext().getTraceId(), client.getTraceId());
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void chunks(CompletionMode mode) throws Exception {
    try (Ringwork pool = launch(mode)) {
      TaskType<String, String> fail = TaskType.of("test.fail", Codec.UTF8, Codec.UTF8);
      List<String> requests = new ArrayList<>();
      for (int n = 0; n < 100; n++) {
        requests.add("request " + n);
      }
      assertEquals(100, pool.submitChunk(fail, requests).get().failures());
      awaitSpans(2);
      SpanData client = span("test.fail", SpanKind.CLIENT);
      assertEquals("completed", of(client, "ringwork.outcome"));
      assertEquals("100", of(client, "ringwork.chunk.requests"));
      assertEquals("100", of(client, "ringwork.chunk.failures"));
      assertEquals(32, client.getEvents().size());
      assertEquals(
          "test.failed",
          client.getEvents().getFirst().getAttributes().get(AttributeKey.stringKey("error.type")));
    }
  }

  @Test
  void aBatchSharesItsParent() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      Span request = tracer.spanBuilder("request").startSpan();
      try (io.opentelemetry.context.Scope scope = request.makeCurrent()) {
        assertTrue(scope != null);
        pool.submitAll(StockTasks.ECHO, List.of(new byte[1], new byte[2], new byte[3]))
            .forEach(future -> future.join());
      }
      awaitSpans(6);
      assertEquals(
          3,
          spans.getFinishedSpanItems().stream()
              .filter(each -> each.getParentSpanId().equals(request.getSpanContext().getSpanId()))
              .count());
    }
  }

  @Test
  void refusedAndByHand() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      TaskOptions late = TaskOptions.DEFAULT.timeout(Duration.ZERO);
      assertThrows(
          CompletionException.class, pool.submit(StockTasks.ECHO, new byte[1], late)::join);
      awaitSpans(1); // no worker had it
      assertEquals("TaskTimeoutException", of(span("echo", SpanKind.CLIENT), "error.type"));
      spans.reset();
      pool.submit(StockTasks.SLEEP, 3_600_000L).complete(1L);
      awaitSpans(1);
      SpanData byHand = span("sleep", SpanKind.CLIENT);
      assertEquals("abandoned", of(byHand, "ringwork.outcome"));
      assertEquals(StatusCode.UNSET, byHand.getStatus().getStatusCode());
    }
  }

  /** The options' context is the parent, where it is set. */
  @Test
  void traceparentOfTheOptions() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      TaskOptions options = TaskOptions.DEFAULT.traceparent("00-" + TRACE + "-" + CALLER + "-01");
      pool.call(StockTasks.ECHO, new byte[1], options);
      awaitSpans(2);
      assertEquals(CALLER, span("echo", SpanKind.CLIENT).getParentSpanId());
      assertEquals(TRACE, span("echo", SpanKind.CLIENT).getTraceId());
    }
  }

  /** What is not sampled travels all the same, and says so. */
  @Test
  void notSampled() throws Exception {
    try (OpenTelemetrySdk silent = sdk(Sampler.alwaysOff());
        Ringwork pool = Ringwork.launch(config().observer(RingworkTelemetry.of(silent)))) {
      String sent = pool.call(SENT, "");
      assertEquals(52, sent.length());
      assertEquals(0, Integer.parseInt(sent.substring(50), 16) & 1, sent); // the flag "sampled"
      assertEquals(List.of(), spans.getFinishedSpanItems());
    }
  }

  @Test
  void withoutAnSdk() throws Exception {
    try (Ringwork pool =
        Ringwork.launch(config().observer(RingworkTelemetry.of(OpenTelemetry.noop())))) {
      assertEquals(5, pool.call(StockTasks.ECHO, new byte[5]).length);
    }
    assertFalse(Span.current().getSpanContext().isValid());
  }

  @Test
  void durations() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      pool.call(StockTasks.SLEEP, 20L);
      TaskOptions late = TaskOptions.DEFAULT.timeout(Duration.ZERO);
      assertThrows(CompletionException.class, pool.submit(StockTasks.SLEEP, 1L, late)::join);
      List<MetricData> all = List.copyOf(metrics.collectAllMetrics());
      assertEquals(2, points(all, "rpc.client.call.duration").size());
      HistogramPointData run = points(all, "rpc.server.call.duration").getFirst();
      assertEquals(1, points(all, "rpc.server.call.duration").size());
      assertEquals(1, run.getCount());
      assertTrue(run.getSum() >= 0.02 && run.getSum() < 60, () -> String.valueOf(run.getSum()));
      assertEquals("sleep", run.getAttributes().get(AttributeKey.stringKey("rpc.method")));
    }
  }

  private static List<HistogramPointData> points(List<MetricData> all, String name) {
    MetricData found =
        all.stream().filter(each -> each.getName().equals(name)).findFirst().orElseThrow();
    assertEquals("s", found.getUnit());
    return List.copyOf(found.getHistogramData().getPoints());
  }
}
