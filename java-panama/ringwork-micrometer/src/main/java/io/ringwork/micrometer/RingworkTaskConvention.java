package io.ringwork.micrometer;

import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.ringwork.TaskObserver.Ending;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names of an observation of a task: {@code ringwork.task}, with the tags {@code pool}, {@code
 * handler}, {@code outcome} and {@code error} ({@code none} where it did not fail); spans get the
 * attempt and where it ran besides. Extend it to add tags of your own.
 *
 * <p>Tags have few values: of handlers and of errors the first 200 are told apart, all others are
 * {@code other}.
 */
public class RingworkTaskConvention implements ObservationConvention<RingworkTaskContext> {
  private static final int MAX_VALUES = 200;
  private static final String OTHER = "other";
  private static final String NONE = "none";

  private final Set<String> handlers = ConcurrentHashMap.newKeySet();
  private final Set<String> errors = ConcurrentHashMap.newKeySet();

  /** The convention as described. */
  public RingworkTaskConvention() {}

  private static String few(Set<String> known, String value) {
    return known.contains(value) || known.size() < MAX_VALUES && known.add(value) ? value : OTHER;
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof RingworkTaskContext;
  }

  @Override
  public String getName() {
    return "ringwork.task";
  }

  @Override
  public String getContextualName(RingworkTaskContext context) {
    return context.task().handler();
  }

  @Override
  public KeyValues getLowCardinalityKeyValues(RingworkTaskContext context) {
    Optional<Ending> ending = context.ending();
    return KeyValues.of(
        "pool",
        context.task().pool(),
        "handler",
        few(handlers, context.task().handler()),
        "outcome",
        ending.map(end -> end.outcome().name().toLowerCase(Locale.ROOT)).orElse(NONE),
        "error",
        ending.flatMap(Ending::errorType).map(error -> few(errors, error)).orElse(NONE));
  }

  @Override
  public KeyValues getHighCardinalityKeyValues(RingworkTaskContext context) {
    Optional<Ending> ending = context.ending();
    if (ending.isEmpty()) {
      return KeyValues.empty();
    }
    KeyValues values =
        KeyValues.of("ringwork.attempt", Integer.toString(ending.get().attempt()))
            .and("ringwork.requests", Integer.toString(context.task().requests()));
    if (ending.get().workerPid().isPresent()) {
      values =
          values.and("ringwork.worker.pid", Integer.toString(ending.get().workerPid().getAsInt()));
    }
    if (ending.get().queueNanos().isPresent()) {
      double seconds = ending.get().queueNanos().getAsLong() / 1e9;
      values = values.and("ringwork.queue.duration", Double.toString(seconds));
    }
    return values;
  }
}
