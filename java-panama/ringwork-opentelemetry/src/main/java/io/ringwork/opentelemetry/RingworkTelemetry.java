package io.ringwork.opentelemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.ringwork.TaskObserver;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Traces that go on through a pool: a CLIENT span from the submit of a task to its end, a SERVER
 * span while a worker ran it, and the context of the submitter for callbacks of the future, in each
 * completion mode. The trace context travels with the task, so handlers can read it.
 *
 * <pre>{@code
 * Ringwork pool = Ringwork.launch(
 *     LaunchConfig.DEFAULT.observer(RingworkTelemetry.of(openTelemetry)));
 * }</pre>
 *
 * <p>Names are those of the conventions for RPC: the span is called as the handler, {@code
 * rpc.system.name} is {@code ringwork}, {@code rpc.method} the handler, {@code error.type} the code
 * of the failure; metrics are {@code rpc.client.call.duration} and {@code
 * rpc.server.call.duration}. Workers need no network: the client makes the SERVER span of the times
 * that the worker has left in shared memory.
 *
 * <p>The parent of a task's span is the current one, or that of {@link
 * io.ringwork.TaskOptions#traceparent} where that is set.
 */
public final class RingworkTelemetry implements TaskObserver {
  private static final String SCOPE = "io.ringwork";

  /** Seconds: tasks take from microseconds to minutes. */
  private static final List<Double> BUCKETS =
      List.of(
          0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
          10.0, 60.0);

  /** Handlers and kinds of errors that metrics tell apart; all others are {@code _OTHER}. */
  private static final int MAX_VALUES = 200;

  private static final String OTHER = "_OTHER";

  private final Tracer tracer;
  private final DoubleHistogram client;
  private final DoubleHistogram server;
  private final Set<String> handlers = ConcurrentHashMap.newKeySet();
  private final Set<String> errors = ConcurrentHashMap.newKeySet();

  private RingworkTelemetry(OpenTelemetry telemetry) {
    tracer = telemetry.getTracer(SCOPE);
    Meter meter = telemetry.getMeter(SCOPE);
    client = histogram(meter, "rpc.client.call.duration", "Time from submit to end of a task");
    server = histogram(meter, "rpc.server.call.duration", "Time that a worker ran a task");
  }

  private static DoubleHistogram histogram(Meter meter, String name, String what) {
    return meter
        .histogramBuilder(name)
        .setUnit("s")
        .setDescription(what)
        .setExplicitBucketBoundariesAdvice(BUCKETS)
        .build();
  }

  /**
   * An observer that makes spans and metrics.
   *
   * @param telemetry where they go
   * @return the observer, to be given to a client
   */
  public static RingworkTelemetry of(OpenTelemetry telemetry) {
    return new RingworkTelemetry(telemetry);
  }

  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public TaskObserver.@Nullable Observation submitting(Submission task) {
    Context submitter = Context.current();
    Instant wall = Instant.now();
    long now = System.nanoTime();
    long epochNanos = TimeUnit.SECONDS.toNanos(wall.getEpochSecond()) + wall.getNano();
    Span span =
        tracer
            .spanBuilder(task.handler())
            .setSpanKind(SpanKind.CLIENT)
            .setParent(parent(task, submitter))
            .setStartTimestamp(epochNanos, TimeUnit.NANOSECONDS)
            .setAllAttributes(Names.of(task))
            .startSpan();
    return new TracedTask(this, task, submitter, span, epochNanos - now);
  }

  /** What the options of the task name, or else what is current. */
  private static Context parent(Submission task, Context current) {
    Optional<String> header = task.traceparent();
    if (header.isEmpty()) {
      return current;
    }
    String[] parts = header.get().split("-"); // version, trace, span, flags: it was parsed before
    SpanContext caller =
        SpanContext.createFromRemoteParent(
            parts[1], parts[2], TraceFlags.fromHex(parts[3], 0), TraceState.getDefault());
    return caller.isValid() ? current.with(Span.wrap(caller)) : current;
  }

  Tracer tracer() {
    return tracer;
  }

  /** Records the durations of a task that has ended. */
  void record(Submission task, Ending ending) {
    Attributes attributes =
        Names.few(
            few(handlers, task.handler()),
            task.pool(),
            ending.errorType().map(error -> few(errors, error)));
    client.record(ending.totalNanos() / 1e9, attributes);
    ending.runNanos().ifPresent(nanos -> server.record(nanos / 1e9, attributes));
  }

  private static String few(Set<String> known, String value) {
    return known.contains(value) || known.size() < MAX_VALUES && known.add(value) ? value : OTHER;
  }
}
