package com.example.images;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.logging.LoggingSpanExporter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.ringwork.CompletionMode;
import io.ringwork.ConnectConfig;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.TaskObserver;
import io.ringwork.micrometer.RingworkMetrics;
import io.ringwork.opentelemetry.RingworkTelemetry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An HTTP server whose event loops never compute: thumbnails and password hashes are tasks of a
 * pool. It cancels the task of a sender that hangs up, answers each failure with a status of its
 * own, has its numbers at {@code /metrics}, and stops in an order that loses no request.
 *
 * <pre>
 * java -jar target/http-server.jar [PORT]           with workers of its own
 * java -jar target/http-server.jar PORT POOL        with those of `ringwork serve --name POOL`
 * </pre>
 *
 * With {@code --virtual} in front each request has a virtual thread that waits for its task; with
 * {@code --trace} spans are logged.
 */
public final class ImageServer implements AutoCloseable {
  private static final int MAX_BODY = 16 << 20;

  /** How a request waits for its task. */
  enum Threads {
    /** By a callback: no thread waits. */
    EVENT_LOOP,
    /** On a virtual thread of its own. */
    VIRTUAL
  }

  private final Ringwork pool;
  private final Map<String, Routes.Route> routes;
  private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(NioIoHandler.newFactory());
  private final Channel listener;
  private final PrometheusMeterRegistry metrics =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final byte[] page = page();
  private final Traces traces;
  private final AtomicInteger unanswered = new AtomicInteger();
  private volatile boolean stopping;

  ImageServer(
      Ringwork pool,
      Map<String, Routes.Route> routes,
      Threads threads,
      OpenTelemetry telemetry,
      int port)
      throws InterruptedException {
    this.traces = new Traces(telemetry);
    this.pool = pool;
    this.routes = routes;
    new RingworkMetrics(pool).bindTo(metrics);
    this.listener =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    channel
                        .pipeline()
                        .addLast(new HttpServerCodec())
                        .addLast(new HttpObjectAggregator(MAX_BODY))
                        .addLast(exchange(threads));
                  }
                })
            .bind(port)
            .sync()
            .channel();
  }

  private Exchange exchange(Threads threads) {
    return switch (threads) {
      case EVENT_LOOP -> new EventLoopExchange(this);
      case VIRTUAL -> new VirtualThreadExchange(this);
    };
  }

  private static byte[] page() {
    try (InputStream in = ImageServer.class.getResourceAsStream("page.html")) {
      return Objects.requireNonNull(in, "page.html").readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Serves until the JVM is asked to stop.
   *
   * @param options {@code --virtual} or not, {@code --trace} or not, then the port (default 8080),
   *     and the name of a pool that is being served
   * @throws InterruptedException if interrupted
   */
  public static void main(String[] options) throws InterruptedException {
    List<String> arguments = new ArrayList<>(List.of(options));
    Threads threads = arguments.remove("--virtual") ? Threads.VIRTUAL : Threads.EVENT_LOOP;
    OpenTelemetry telemetry = arguments.remove("--trace") ? logged() : OpenTelemetry.noop();
    int port = arguments.isEmpty() ? 8080 : Integer.parseInt(arguments.getFirst());
    TaskObserver spans = RingworkTelemetry.of(telemetry);
    // INLINE: completions only hand over to an event loop, so they need no thread of their own.
    CompletionMode mode = CompletionMode.INLINE;
    Ringwork pool =
        arguments.size() > 1
            ? Ringwork.connect(ConnectConfig.of(arguments.get(1)).completion(mode).observer(spans))
            : Ringwork.launch(LaunchConfig.DEFAULT.completion(mode).observer(spans));
    ImageServer server = new ImageServer(pool, Routes.all(), threads, telemetry, port);
    Runtime.getRuntime().addShutdownHook(new Thread(server::close, "shutdown"));
    System.out.println("open http://localhost:" + server.port() + "/ in a browser");
    server.listener.closeFuture().sync();
  }

  /** Spans go to the log; a service sends them to a collector instead. */
  private static OpenTelemetry logged() {
    return OpenTelemetrySdk.builder()
        .setTracerProvider(
            SdkTracerProvider.builder()
                .addSpanProcessor(SimpleSpanProcessor.create(LoggingSpanExporter.create()))
                .build())
        .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
        .build();
  }

  int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  Ringwork pool() {
    return pool;
  }

  Map<String, Routes.Route> routes() {
    return routes;
  }

  Traces traces() {
    return traces;
  }

  /** The reply of a path that takes no task, or null. */
  Reply atOnce(String path) {
    return switch (path) {
      case "/" -> Reply.ok("text/html; charset=utf-8", page);
      case "/ping" -> Reply.text(200, "pong");
      case "/ready" -> isReady() ? Reply.text(200, "ready") : Reply.text(503, "not ready");
      case "/metrics" -> Reply.text(200, metrics.scrape());
      default -> null;
    };
  }

  /** Whether a load balancer should send requests here. */
  private boolean isReady() {
    return !stopping && pool.isOpen() && pool.info().ready();
  }

  boolean isStopping() {
    return stopping;
  }

  void begun() {
    unanswered.incrementAndGet();
  }

  void ended() {
    unanswered.decrementAndGet();
  }

  /** Stops: no new connections, then the replies that are due, then the pool, then the threads. */
  @Override
  public void close() {
    stopping = true;
    listener.close().awaitUninterruptibly();
    long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (unanswered.get() > 0 && System.nanoTime() < end && pause()) {}
    pool.close(); // What is still pending fails, and is answered with 503.
    loops.shutdownGracefully(100, 5000, TimeUnit.MILLISECONDS).awaitUninterruptibly();
  }

  private static boolean pause() {
    try {
      Thread.sleep(10);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
