package io.ringwork.micrometer;

import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.SenderContext;
import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskObserver.Submission;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What an observation of a task knows: of its submit, and then of its end. Its carrier are the
 * headers that travel with the task, of which Ringwork has room for {@code traceparent}.
 */
public final class RingworkTaskContext extends SenderContext<Map<String, String>> {
  private final Submission task;
  private Optional<Ending> ending = Optional.empty();

  RingworkTaskContext(Submission task) {
    super(
        (headers, name, value) -> {
          if (headers != null) {
            headers.put(name.toLowerCase(Locale.ROOT), value);
          }
        },
        Kind.CLIENT);
    this.task = task;
    setCarrier(new HashMap<>());
    setRemoteServiceName(task.pool());
  }

  /**
   * The task as it was submitted.
   *
   * @return the task
   */
  public Submission task() {
    return task;
  }

  /**
   * How it ended.
   *
   * @return the end, or empty while it is under way
   */
  public Optional<Ending> ending() {
    return ending;
  }

  void ended(Ending how) {
    ending = Optional.of(how);
  }

  Optional<String> traceparent() {
    return Optional.ofNullable(Objects.requireNonNull(getCarrier()).get("traceparent"));
  }
}
