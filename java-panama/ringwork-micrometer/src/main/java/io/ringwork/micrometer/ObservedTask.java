package io.ringwork.micrometer;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.ringwork.TaskObserver;
import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskObserver.Scope;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One task that is observed.
 *
 * @param parent what was current at its submit, and is so again for its callbacks
 */
record ObservedTask(
    RingworkTaskContext context, Observation observation, @Nullable Observation parent)
    implements TaskObserver.Observation {
  /** Starts its observation; null if the registry wants none of it. */
  static @Nullable ObservedTask start(
      ObservationRegistry registry,
      RingworkTaskConvention convention,
      RingworkTaskContext context) {
    Observation parent = registry.getCurrentObservation();
    Observation observation =
        Observation.createNotStarted(convention, convention, () -> context, registry);
    return observation.isNoop() ? null : new ObservedTask(context, observation.start(), parent);
  }

  @Override
  public Optional<String> traceparent() {
    return context.traceparent();
  }

  @Override
  public Scope restore() {
    if (parent == null) {
      return Scope.NONE;
    }
    Observation.Scope scope = parent.openScope();
    return scope::close;
  }

  @Override
  public void ended(Ending ending) {
    context.ended(ending);
    ending.failure().ifPresent(observation::error);
    observation.stop();
  }
}
