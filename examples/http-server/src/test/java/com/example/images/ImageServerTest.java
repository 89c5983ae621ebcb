package com.example.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.ringwork.CompletionMode;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.TaskObserver;
import io.ringwork.TaskOptions;
import io.ringwork.TaskOutcome;
import io.ringwork.opentelemetry.RingworkTelemetry;
import io.ringwork.stock.StockTasks;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The server as its clients see it, whichever thread waits for a task. */
@Timeout(120)
@ParameterizedClass
@EnumSource(ImageServer.Threads.class)
class ImageServerTest {
  private static final int SLOTS = 16;

  @Parameter private ImageServer.Threads threads;

  /** The tasks of the paths that sleep, as they are submitted, and then how they end. */
  private final BlockingQueue<CompletableFuture<TaskOutcome>> sleeping =
      new LinkedBlockingQueue<>();

  private final TaskObserver observer =
      task -> {
        if (!task.handler().equals("sleep")) {
          return null;
        }
        CompletableFuture<TaskOutcome> outcome = new CompletableFuture<>();
        sleeping.add(outcome);
        return ending -> outcome.complete(ending.outcome());
      };

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final OpenTelemetrySdk telemetry =
      OpenTelemetrySdk.builder()
          .setTracerProvider(
              SdkTracerProvider.builder()
                  .addSpanProcessor(SimpleSpanProcessor.create(spans))
                  .build())
          .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
          .build();

  private final HttpClient http = HttpClient.newHttpClient();
  private Path directory;
  private ImageServer server;

  @BeforeEach
  void start() throws Exception {
    directory = Files.createTempDirectory(Path.of("/dev/shm"), "ringwork-example-");
    LaunchConfig config =
        LaunchConfig.DEFAULT
            .directory(directory)
            .workers(1)
            .lanes(1)
            .slots(SLOTS)
            .log(LaunchConfig.Log.DISCARD)
            .observer(observer)
            .observer(RingworkTelemetry.of(telemetry))
            .completion(CompletionMode.INLINE);
    Map<String, Routes.Route> routes = new HashMap<>(Routes.all());
    routes.put("/sleep", (query, body) -> sleep(query, Routes.OPTIONS));
    TaskOptions short_ = TaskOptions.DEFAULT.timeout(Duration.ofMillis(50));
    routes.put("/late", (query, body) -> sleep(query, short_));
    TaskOptions none = TaskOptions.DEFAULT;
    routes.put("/endless", (query, body) -> sleep(query, none));
    server = new ImageServer(Ringwork.launch(config), routes, threads, telemetry, 0);
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
    telemetry.close();
    Files.delete(directory); // Empty: the pool has left nothing.
  }

  private static Routes.Job<Long, Long> sleep(
      Map<String, List<String>> query, TaskOptions options) {
    long milliseconds = Long.parseLong(query.get("ms").getFirst());
    return new Routes.Job<>(
        StockTasks.SLEEP, milliseconds, options, slept -> Reply.text(200, "slept"));
  }

  private HttpRequest request(String path, byte[] body) {
    return HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + path))
        .POST(BodyPublishers.ofByteArray(body))
        .build();
  }

  private HttpResponse<byte[]> post(String path, byte[] body) throws Exception {
    return http.send(request(path, body), BodyHandlers.ofByteArray());
  }

  private CompletableFuture<HttpResponse<byte[]>> postLater(String path) {
    return http.sendAsync(request(path, new byte[0]), BodyHandlers.ofByteArray());
  }

  /** A sender that can hang up: a connection with one request sent on it. */
  private Socket sender(String path) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
    String head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private CompletableFuture<TaskOutcome> started() throws InterruptedException {
    CompletableFuture<TaskOutcome> outcome = sleeping.poll(30, TimeUnit.SECONDS);
    assertTrue(outcome != null, "no task was started within 30 s");
    return outcome;
  }

  private HttpResponse<String> get(String path) throws Exception {
    URI uri = URI.create("http://localhost:" + server.port() + path);
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private String verify(String hash, String password) throws Exception {
    String form =
        "hash=" + URLEncoder.encode(hash, StandardCharsets.UTF_8) + "&password=" + password;
    HttpResponse<byte[]> reply = post("/verify", form.getBytes(StandardCharsets.UTF_8));
    return reply.statusCode() + " " + new String(reply.body(), StandardCharsets.UTF_8);
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, what + ": not within 30 s");
      Thread.sleep(2);
    }
  }

  private static byte[] picture(int width, int height) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }

  @Test
  void results() throws Exception {
    HttpResponse<byte[]> hash = post("/hash", "correct horse".getBytes(StandardCharsets.UTF_8));
    assertEquals(200, hash.statusCode());
    String stored = new String(hash.body(), StandardCharsets.US_ASCII);
    assertTrue(stored.startsWith("$argon2id$"));
    assertEquals("200 right", verify(stored, "correct+horse"));
    assertEquals("200 wrong", verify(stored, "another"));
    HttpResponse<byte[]> small = post("/thumbnail?size=40", picture(200, 100));
    assertEquals(200, small.statusCode());
    assertEquals("image/jpeg", small.headers().firstValue("Content-Type").orElse("none"));
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(small.body()));
    assertEquals("40 x 20", image.getWidth() + " x " + image.getHeight());
    assertEquals(200, post("/ready", new byte[0]).statusCode());
  }

  @Test
  void faultsOfTheRequest() throws Exception {
    assertEquals(404, post("/nothing", new byte[0]).statusCode());
    assertEquals(400, post("/thumbnail?size=large", new byte[0]).statusCode());
    assertEquals(400, post("/thumbnail?size=100000", new byte[0]).statusCode());
    assertEquals(400, post("/verify", new byte[0]).statusCode());
    assertEquals("422 ", verify("no hash", "x").substring(0, 4));
    HttpResponse<byte[]> undecodable = post("/thumbnail", "no picture".getBytes());
    assertEquals(422, undecodable.statusCode());
  }

  @Test
  void pagesThatTakeNoTask() throws Exception {
    HttpResponse<String> page = get("/");
    assertEquals(200, page.statusCode());
    assertEquals("text/html; charset=utf-8", page.headers().firstValue("Content-Type").orElse(""));
    assertTrue(page.body().contains("type=\"file\""));
    assertEquals("pong", get("/ping").body());
    assertEquals("ready", get("/ready").body());
    assertEquals(200, post("/hash", "x".getBytes(StandardCharsets.UTF_8)).statusCode());
    String counted =
        "ringwork_handler_tasks_total{handler=\"password.hash\",outcome=\"completed\",pool=\"";
    await("the hash is counted", () -> metrics().contains(counted));
    assertTrue(metrics().contains("ringwork_pool_ready"), metrics());
  }

  private String metrics() {
    try {
      return get("/metrics").body();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** From the sender's request to the log line of the reply. */
  @Test
  void oneTrace() throws Exception {
    String trace = "0af7651916cd43dd8448eb211c80319c";
    BlockingQueue<String> log = new LinkedBlockingQueue<>();
    Logger logger = Logger.getLogger("com.example.images");
    Handler lines = new Lines(log);
    logger.addHandler(lines);
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://localhost:" + server.port() + "/hash"))
              .header("traceparent", "00-" + trace + "-b7ad6b7169203331-01")
              .POST(BodyPublishers.ofString("correct horse"))
              .build();
      assertEquals(200, http.send(request, BodyHandlers.ofString()).statusCode());
      assertEquals("answered 200, trace " + trace, log.poll(30, TimeUnit.SECONDS));
    } finally {
      logger.removeHandler(lines);
    }
    await("three spans", () -> spans.getFinishedSpanItems().size() == 3);
    assertTrue(
        spans.getFinishedSpanItems().stream().allMatch(each -> each.getTraceId().equals(trace)));
    SpanData http = span("POST /hash", SpanKind.SERVER);
    SpanData client = span("password.hash", SpanKind.CLIENT);
    SpanData worker = span("password.hash", SpanKind.SERVER);
    assertEquals("b7ad6b7169203331", http.getParentSpanId());
    assertEquals(http.getSpanId(), client.getParentSpanId());
    assertEquals(client.getSpanId(), worker.getParentSpanId());
  }

  private SpanData span(String name, SpanKind kind) {
    return spans.getFinishedSpanItems().stream()
        .filter(each -> each.getName().equals(name) && each.getKind() == kind)
        .findFirst()
        .orElseThrow();
  }

  private static final class Lines extends Handler {
    private final BlockingQueue<String> lines;

    Lines(BlockingQueue<String> lines) {
      this.lines = lines;
    }

    @Override
    public void publish(LogRecord record) {
      lines.add(record.getMessage());
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void deadline() throws Exception {
    assertEquals(504, post("/late?ms=60000", new byte[0]).statusCode());
  }

  @Test
  void fullPool() throws Exception {
    try (Senders senders = new Senders()) {
      for (int i = 0; i < SLOTS - 1; i++) { // the last one is kept for Priority.HIGH
        senders.add("/endless?ms=60000");
        started();
      }
      HttpResponse<byte[]> refused = post("/hash", "x".getBytes(StandardCharsets.UTF_8));
      assertEquals(503, refused.statusCode());
      assertEquals("1", refused.headers().firstValue("Retry-After").orElse("none"));
    }
  }

  @Test
  void senderThatHangsUp() throws Exception {
    Socket first = sender("/endless?ms=3600000");
    CompletableFuture<TaskOutcome> running = started();
    Socket second = sender("/endless?ms=3600000");
    CompletableFuture<TaskOutcome> queued = started();
    first.close();
    second.close();
    assertEquals(TaskOutcome.CANCELLED, running.get(30, TimeUnit.SECONDS));
    assertEquals(TaskOutcome.CANCELLED, queued.get(30, TimeUnit.SECONDS));
    // The lane is free again: the handler has noticed.
    assertEquals(200, post("/hash", "x".getBytes(StandardCharsets.UTF_8)).statusCode());
    await("all slots are free", () -> server.pool().info().freeSlots() == SLOTS);
  }

  @Test
  void shutdownAnswersWhatIsDue() throws Exception {
    CompletableFuture<HttpResponse<byte[]>> due = postLater("/sleep?ms=300");
    started();
    server.close();
    HttpResponse<byte[]> answer = due.get(30, TimeUnit.SECONDS);
    assertEquals(200, answer.statusCode());
    assertThrows(ConnectException.class, () -> post("/ready", new byte[0]));
  }

  @Test
  void poolThatIsGone() throws Exception {
    server.pool().close();
    assertEquals(503, post("/hash", "x".getBytes(StandardCharsets.UTF_8)).statusCode());
    assertEquals(503, post("/ready", new byte[0]).statusCode());
  }

  /** Connections with a request on each, all closed at the end. */
  private final class Senders implements AutoCloseable {
    private final List<Socket> sockets = new ArrayList<>();

    void add(String path) throws IOException {
      sockets.add(sender(path));
    }

    @Override
    public void close() throws IOException {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }
}
