package io.ringwork.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.observation.DefaultMeterObservationHandler;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistry;
import io.micrometer.observation.tck.TestObservationRegistryAssert;
import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.Priority;
import io.ringwork.Ringwork;
import io.ringwork.TaskObserver.Submission;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Observations of tasks of a real pool. */
@Timeout(120)
class RingworkObservationsTest {
  private static final String HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  private final TestObservationRegistry registry = TestObservationRegistry.create();
  private Pool pools;

  @BeforeEach
  void open() throws IOException {
    pools = new Pool();
  }

  @AfterEach
  void close() throws IOException {
    pools.close();
  }

  static List<CompletionMode> modes() {
    return List.of(
        CompletionMode.VIRTUAL_THREADS,
        CompletionMode.INLINE,
        CompletionMode.executor(task -> new Thread(task, "completing").start()));
  }

  private Ringwork launch(CompletionMode mode) {
    return Ringwork.launch(
        pools.config().completion(mode).observer(RingworkObservations.of(registry)));
  }

  @ParameterizedTest
  @MethodSource("modes")
  void aTask(CompletionMode mode) throws Exception {
    try (Ringwork pool = launch(mode)) {
      pool.submit(StockTasks.ECHO, new byte[8]).get();
      TestObservationRegistryAssert.assertThat(registry)
          .hasSingleObservationThat()
          .hasNameEqualTo("ringwork.task")
          .hasContextualNameEqualTo("echo")
          .hasLowCardinalityKeyValue("pool", pool.name())
          .hasLowCardinalityKeyValue("handler", "echo")
          .hasLowCardinalityKeyValue("outcome", "completed")
          .hasLowCardinalityKeyValue("error", "none")
          .hasHighCardinalityKeyValue("ringwork.attempt", "1")
          .hasHighCardinalityKeyValueWithKey("ringwork.worker.pid")
          .hasHighCardinalityKeyValueWithKey("ringwork.queue.duration")
          .hasBeenStarted()
          .hasBeenStopped()
          .doesNotHaveError();
    }
  }

  @Test
  void aFailure() throws Exception {
    try (Ringwork pool = launch(CompletionMode.VIRTUAL_THREADS)) {
      TaskType<byte[], byte[]> image = TaskType.of("image.info", Codec.BYTES, Codec.BYTES);
      assertThrows(CompletionException.class, pool.submit(image, new byte[8])::join);
      TestObservationRegistryAssert.assertThat(registry)
          .hasSingleObservationThat()
          .hasLowCardinalityKeyValue("outcome", "failed")
          .hasLowCardinalityKeyValueWithKey("error")
          .hasError()
          .hasBeenStopped();
    }
  }

  /** That callbacks run in the scope of the request that has submitted. */
  @ParameterizedTest
  @MethodSource("modes")
  void callbacks(CompletionMode mode) throws Exception {
    try (Ringwork pool = launch(mode)) {
      Observation request = Observation.start("http.request", registry);
      CompletableFuture<Observation> found = new CompletableFuture<>();
      request.scoped(
          () -> {
            // It waits until the callback is there.
            pool.submit(StockTasks.SLEEP, 100L)
                .whenComplete(
                    (result, failure) -> found.complete(registry.getCurrentObservation()));
          });
      assertSame(request, found.get(30, TimeUnit.SECONDS));
      assertNull(registry.getCurrentObservation());
      request.stop();
      TestObservationRegistryAssert.assertThat(registry)
          .hasObservationWithNameEqualTo("ringwork.task")
          .that()
          .hasParentObservationEqualTo(request);
    }
  }

  /** What a tracing handler puts into the headers travels with the task. */
  @Test
  void theTraceparentOfAHandler() {
    registry.observationConfig().observationHandler(new Tracer());
    Submission task =
        new Submission("pool", "echo", 1, false, Priority.NORMAL, 1, Optional.empty());
    var made = Objects.requireNonNull(RingworkObservations.of(registry).submitting(task));
    assertEquals(Optional.of(HEADER), made.traceparent());
  }

  private static final class Tracer implements ObservationHandler<RingworkTaskContext> {
    @Override
    public void onStart(RingworkTaskContext context) {
      context.getSetter().set(context.getCarrier(), "traceparent", HEADER);
      context.getSetter().set(context.getCarrier(), "baggage", "no room");
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return context instanceof RingworkTaskContext;
    }
  }

  @Test
  void aTimer() throws Exception {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    ObservationRegistry observations = ObservationRegistry.create();
    observations.observationConfig().observationHandler(new DefaultMeterObservationHandler(meters));
    try (Ringwork pool =
        Ringwork.launch(pools.config().observer(RingworkObservations.of(observations)))) {
      for (int n = 0; n < 10; n++) {
        pool.call(StockTasks.ECHO, new byte[8]);
      }
      pool.submitAll(StockTasks.ECHO, List.of(new byte[1], new byte[1])).forEach(f -> f.join());
      TaskOptions late = TaskOptions.DEFAULT.timeout(Duration.ZERO);
      assertThrows(
          CompletionException.class, pool.submit(StockTasks.ECHO, new byte[1], late)::join);
    }
    Timer done = meters.get("ringwork.task").tag("outcome", "completed").timer();
    assertEquals(12, done.count());
    Timer refused = meters.get("ringwork.task").tag("outcome", "timed_out").timer();
    assertEquals(1, refused.count());
    assertEquals("TaskTimeoutException", refused.getId().getTag("error"));
  }

  /** However many handlers are made up, a timer has a bound of tags. */
  @Test
  void fewTags() {
    RingworkTaskConvention convention = new RingworkTaskConvention();
    long handlers =
        IntStream.range(0, 1000)
            .mapToObj(
                n ->
                    new RingworkTaskContext(
                        new Submission(
                            "pool", "h" + n, 1, false, Priority.NORMAL, 1, Optional.empty())))
            .map(convention::getLowCardinalityKeyValues)
            .distinct()
            .count();
    assertEquals(201, handlers);
  }

  @Test
  void nothingIsMadeWithoutHandlers() {
    Submission task =
        new Submission("pool", "echo", 1, false, Priority.NORMAL, 1, Optional.empty());
    assertNull(RingworkObservations.of(ObservationRegistry.NOOP).submitting(task));
    assertNull(RingworkObservations.of(ObservationRegistry.create()).submitting(task));
    assertTrue(ObservationRegistry.create().isNoop());
  }
}
