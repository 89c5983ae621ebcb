package io.ringwork.opentelemetry;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.ringwork.ChunkResult;
import io.ringwork.RemoteFailureException;
import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskObserver.Observation;
import io.ringwork.TaskObserver.Scope;
import io.ringwork.TaskObserver.Submission;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One task: its CLIENT span, and at its end the SERVER span, of the times that were taken here.
 *
 * @param telemetry where spans and metrics go
 * @param task the task
 * @param submitter the context in which it was submitted
 * @param span the CLIENT span
 * @param epoch what makes wall-clock time of System.nanoTime
 */
record TracedTask(
    RingworkTelemetry telemetry, Submission task, Context submitter, Span span, long epoch)
    implements Observation {
  /** Requests of a chunk that are told one by one. */
  private static final int MAX_EVENTS = 32;

  @Override
  public Optional<String> traceparent() {
    SpanContext context = span.getSpanContext();
    return context.isValid()
        ? Optional.of(
            "00-"
                + context.getTraceId()
                + "-"
                + context.getSpanId()
                + "-"
                + context.getTraceFlags().asHex())
        : Optional.empty();
  }

  @Override
  public Scope restore() {
    io.opentelemetry.context.Scope scope = submitter.makeCurrent();
    return scope::close;
  }

  @Override
  public void ended(Ending ending) {
    telemetry.record(task, ending);
    if (ending.claimedNanos().isPresent() && span.getSpanContext().isValid()) {
      server(ending, ending.claimedNanos().getAsLong());
    }
    describe(span, ending);
    for (int attempt = 2; attempt <= ending.attempt(); attempt++) {
      // When earlier attempts died is known to nobody here: it was before the last claim.
      long claimed = ending.claimedNanos().orElse(ending.endedNanos());
      span.addEvent(
          "ringwork.retry",
          Attributes.of(Names.ATTEMPT, (long) attempt),
          claimed + epoch,
          TimeUnit.NANOSECONDS);
    }
    ending.chunk().ifPresent(results -> describe(results, ending));
    span.end(ending.endedNanos() + epoch, TimeUnit.NANOSECONDS);
  }

  /** The worker has no network, and need not know of all this. */
  private void server(Ending ending, long claimed) {
    Span server =
        telemetry
            .tracer()
            .spanBuilder(task.handler())
            .setSpanKind(SpanKind.SERVER)
            .setParent(submitter.with(span))
            .setStartTimestamp(claimed + epoch, TimeUnit.NANOSECONDS)
            .setAllAttributes(Names.of(task))
            .startSpan();
    describe(server, ending);
    server.end(ending.endedNanos() + epoch, TimeUnit.NANOSECONDS);
  }

  private static void describe(Span span, Ending ending) {
    span.setAttribute(Names.OUTCOME, ending.outcome().name().toLowerCase(Locale.ROOT));
    span.setAttribute(Names.ATTEMPT, (long) ending.attempt());
    ending.lane().ifPresent(lane -> span.setAttribute(Names.LANE, (long) lane));
    ending.workerPid().ifPresent(pid -> span.setAttribute(Names.WORKER, (long) pid));
    ending.queueNanos().ifPresent(nanos -> span.setAttribute(Names.QUEUED, nanos / 1e9));
    if (ending.failure().isPresent()) {
      span.setAttribute(Names.ERROR, ending.errorType().orElse("_OTHER"));
      span.setStatus(StatusCode.ERROR, said(ending.failure().get()));
    }
  }

  private static String said(Throwable failure) {
    return failure instanceof RemoteFailureException remote
        ? remote.remoteMessage()
        : String.valueOf(failure.getMessage());
  }

  private void describe(ChunkResult<?> results, Ending ending) {
    int failures = results.failures();
    span.setAttribute(Names.FAILURES, (long) failures);
    int told = 0;
    for (int n = 0; n < results.size() && told < Math.min(failures, MAX_EVENTS); n++) {
      Optional<RuntimeException> failure = results.failure(n);
      if (failure.isPresent()) {
        told++;
        span.addEvent(
            "ringwork.request.failed",
            Attributes.of(Names.REQUEST, (long) n, Names.ERROR, Ending.errorType(failure.get())),
            ending.endedNanos() + epoch,
            TimeUnit.NANOSECONDS);
      }
    }
  }
}
