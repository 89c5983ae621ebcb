package io.ringwork.micrometer;

import io.micrometer.observation.ObservationRegistry;
import io.ringwork.TaskObserver;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An observation of each task: a timer {@code ringwork.task} by handler and outcome, and with
 * Micrometer Tracing a span, whose context travels to the worker. Callbacks of the task's future
 * run in the scope of the observation that was current at the submit, in each completion mode.
 *
 * <pre>{@code
 * Ringwork pool = Ringwork.launch(
 *     LaunchConfig.DEFAULT.observer(RingworkObservations.of(observationRegistry)));
 * }</pre>
 *
 * <p>It costs some microseconds a task; {@link RingworkMetrics} cost tasks nothing.
 */
public final class RingworkObservations implements TaskObserver {
  private final ObservationRegistry registry;
  private final RingworkTaskConvention convention;

  private RingworkObservations(ObservationRegistry registry, RingworkTaskConvention convention) {
    this.registry = Objects.requireNonNull(registry, "registry");
    this.convention = Objects.requireNonNull(convention, "convention");
  }

  /**
   * Observations in a registry.
   *
   * @param registry where they are started
   * @return the observer, to be given to a client
   */
  public static RingworkObservations of(ObservationRegistry registry) {
    return of(registry, new RingworkTaskConvention());
  }

  /**
   * Observations with names and tags of one's own.
   *
   * @param registry where they are started
   * @param convention their names and tags
   * @return the observer, to be given to a client
   */
  public static RingworkObservations of(
      ObservationRegistry registry, RingworkTaskConvention convention) {
    return new RingworkObservations(registry, convention);
  }

  /** Starts an observation; null while the registry has no handlers. */
  @Override
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public TaskObserver.@Nullable Observation submitting(Submission task) {
    if (registry.isNoop()) {
      return null;
    }
    RingworkTaskContext context = new RingworkTaskContext(task);
    return ObservedTask.start(registry, convention, context);
  }
}
