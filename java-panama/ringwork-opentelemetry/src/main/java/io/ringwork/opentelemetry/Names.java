package io.ringwork.opentelemetry;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.ringwork.TaskObserver.Submission;
import java.util.Optional;

/** Attributes: those of the conventions for RPC, and our own. */
final class Names {
  static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("rpc.system.name");
  static final AttributeKey<String> METHOD = AttributeKey.stringKey("rpc.method");
  static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");
  static final AttributeKey<String> POOL = AttributeKey.stringKey("ringwork.pool.name");
  static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("ringwork.outcome");
  static final AttributeKey<String> PRIORITY = AttributeKey.stringKey("ringwork.priority");
  static final AttributeKey<Long> ATTEMPT = AttributeKey.longKey("ringwork.attempt");
  static final AttributeKey<Long> LANE = AttributeKey.longKey("ringwork.lane");
  static final AttributeKey<Long> WORKER = AttributeKey.longKey("ringwork.worker.pid");
  static final AttributeKey<Double> QUEUED = AttributeKey.doubleKey("ringwork.queue.duration");
  static final AttributeKey<Long> REQUESTS = AttributeKey.longKey("ringwork.chunk.requests");
  static final AttributeKey<Long> FAILURES = AttributeKey.longKey("ringwork.chunk.failures");
  static final AttributeKey<Long> REQUEST = AttributeKey.longKey("ringwork.chunk.request");

  private static final String RINGWORK = "ringwork";

  private Names() {}

  /** Of both spans, from their start on. */
  static Attributes of(Submission task) {
    AttributesBuilder all =
        Attributes.builder()
            .put(SYSTEM, RINGWORK)
            .put(METHOD, task.handler())
            .put(POOL, task.pool())
            .put(PRIORITY, task.priority().name());
    if (task.chunk()) {
      all.put(REQUESTS, (long) task.requests());
    }
    return all.build();
  }

  /** Of metrics. */
  static Attributes few(String handler, String pool, Optional<String> error) {
    AttributesBuilder all =
        Attributes.builder().put(SYSTEM, RINGWORK).put(METHOD, handler).put(POOL, pool);
    error.ifPresent(kind -> all.put(ERROR, kind));
    return all.build();
  }
}
