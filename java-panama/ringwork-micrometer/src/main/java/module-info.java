/**
 * Micrometer for Ringwork: meters of a pool, and an observation of each task.
 *
 * <p>Micrometer's own modules are automatic ones.
 */
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module io.ringwork.micrometer {
  requires transitive io.ringwork;
  requires transitive micrometer.commons;
  requires transitive micrometer.core;
  requires transitive micrometer.observation;
  requires static org.jspecify;

  exports io.ringwork.micrometer;
}
