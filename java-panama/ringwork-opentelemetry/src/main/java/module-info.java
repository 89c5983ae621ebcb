/**
 * OpenTelemetry for Ringwork: traces that go on through a pool, and metrics of its tasks.
 *
 * <p>OpenTelemetry's own modules are automatic ones.
 */
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"})
module io.ringwork.opentelemetry {
  requires transitive io.ringwork;
  requires transitive io.opentelemetry.api;
  requires io.opentelemetry.context;
  requires static org.jspecify;

  exports io.ringwork.opentelemetry;
}
