package com.example.images;

import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapPropagator;

/**
 * A span for each request that takes a task, in the trace of its sender. The task's own spans are
 * children of it: {@code RingworkTelemetry} makes them.
 */
final class Traces {
  private static final System.Logger LOG = System.getLogger("com.example.images");

  private final Tracer tracer;
  private final TextMapPropagator propagator;

  Traces(OpenTelemetry telemetry) {
    tracer = telemetry.getTracer("com.example.images");
    propagator = telemetry.getPropagators().getTextMapPropagator();
  }

  /** The span of a request; its reply ends it. */
  Span begin(HttpRequest request, String route) {
    Context sender = propagator.extract(Context.root(), request.headers(), HttpHeaders::get);
    return tracer
        .spanBuilder(request.method() + " " + route)
        .setParent(sender)
        .setSpanKind(SpanKind.SERVER)
        .setAttribute("http.request.method", request.method().name())
        .setAttribute("http.route", route)
        .startSpan();
  }

  /** Ends the span that is current: the one of the request, for whose callback it is restored. */
  static void end(Reply reply) {
    Span span = Span.current();
    if (!span.isRecording()) {
      return;
    }
    span.setAttribute("http.response.status_code", reply.status());
    if (reply.status() >= 500) {
      span.setStatus(StatusCode.ERROR);
    }
    span.end();
    String trace = span.getSpanContext().getTraceId();
    LOG.log(System.Logger.Level.INFO, "answered " + reply.status() + ", trace " + trace);
  }
}
