package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Options by call, type and connection; the shape that all configurations have. */
@Timeout(60)
class OptionsTest {
  private static final String TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  private static final TaskOptions NONE = TaskOptions.defaults();

  @TempDir Path base;

  @Test
  void eachOptionIsTakenFromTheNearestThatSetsIt() {
    TaskOptions call = NONE.priority(Priority.NORMAL);
    TaskOptions type = NONE.priority(Priority.LOW).timeout(Duration.ofSeconds(1));
    TaskOptions connection =
        NONE.priority(Priority.HIGH)
            .timeout(Duration.ofSeconds(2))
            .backpressure(Backpressure.block(Duration.ofSeconds(3)))
            .admitLate(true)
            .traceparent(TRACE);
    assertEquals(
        NONE.priority(Priority.NORMAL)
            .timeout(Duration.ofSeconds(1))
            .backpressure(Backpressure.block(Duration.ofSeconds(3)))
            .admitLate(true)
            .traceparent(TRACE),
        call.over(type).over(connection));
    assertSame(connection, NONE.over(NONE).over(connection));
    assertEquals(Optional.empty(), NONE.noTimeout().over(type).timeout());
    assertEquals(
        Backpressure.fail(),
        NONE.backpressure(Backpressure.fail()).over(connection).backpressure());
  }

  @Test
  void theSamePairIsMergedOnce() {
    TaskOptions call = NONE.priority(Priority.HIGH);
    TaskOptions below = NONE.timeout(Duration.ofSeconds(1));
    assertSame(call.over(below), call.over(below));
    assertSame(call, call.over(NONE.priority(Priority.LOW)));
    TaskOptions other = NONE.timeout(Duration.ofSeconds(2));
    assertEquals(Optional.of(Duration.ofSeconds(2)), call.over(other).timeout());
    assertEquals(Optional.of(Duration.ofSeconds(1)), call.over(below).timeout());
  }

  @Test
  void whatIsSetToTheDefaultIsSet() {
    assertNotEquals(NONE, NONE.priority(Priority.NORMAL));
    assertNotEquals(NONE, NONE.noTimeout());
    assertEquals("TaskOptions[]", NONE.toString());
    assertEquals(
        "TaskOptions[timeout=PT2S, priority=LOW, backpressure=FAIL]",
        NONE.timeout(Duration.ofSeconds(2))
            .priority(Priority.LOW)
            .backpressure(Backpressure.fail())
            .toString());
  }

  /** What arrives in the slot, by every way of submitting. */
  @Test
  void tasksAreSubmittedByThem() throws Exception {
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork client =
            Ringwork.connect(
                pool.config().taskDefaults(NONE.priority(Priority.LOW).timeout(day(1))))) {
      TaskType<Long, Long> plain = EndingsTest.NUMBER;
      TaskType<Long, Long> urgent = plain.options(NONE.priority(Priority.HIGH));
      client.submit(plain, 1L);
      assertArrives(pool, Priority.LOW, true);
      client.submit(urgent, 1L);
      assertArrives(pool, Priority.HIGH, true);
      client.submit(urgent, 1L, NONE.priority(Priority.NORMAL));
      assertArrives(pool, Priority.NORMAL, true);
      client.submit(urgent, 1L, NONE.noTimeout());
      assertArrives(pool, Priority.HIGH, false);
      client.submitAll(urgent, List.of(1L));
      assertArrives(pool, Priority.HIGH, true);
      client.submitChunk(urgent, List.of(1L));
      assertArrives(pool, Priority.HIGH, true);
      client.claim("number", 8).submit();
      assertArrives(pool, Priority.LOW, true);
      client.claim(urgent, 8, NONE).submit();
      assertArrives(pool, Priority.HIGH, true);
      Thread caller =
          Thread.startVirtualThread(
              () -> {
                try (RawCall call = client.rawCall(urgent, NONE.noTimeout())) {
                  call.claim(8);
                  call.invoke(8);
                } catch (InterruptedException | RingworkException ended) {
                  // it is failed below
                }
              });
      assertArrives(pool, Priority.HIGH, false);
      caller.join();
    }
  }

  /** How often a task may run: the call says it, else its type, else the connection, else once. */
  @Test
  void attemptsAreAnOptionLikeTheOthers() throws Exception {
    TaskType<Long, Long> once = EndingsTest.NUMBER;
    TaskType<Long, Long> twice = once.options(NONE.attempts(2));
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork plain = Ringwork.connect(pool.config())) {
      plain.submit(once, 1L);
      assertAttempts(1, pool);
      plain.submit(twice, 1L);
      assertAttempts(2, pool);
      plain.submit(twice, 1L, NONE.attempts(1));
      assertAttempts(1, pool);
      plain.submit(twice, 1L, NONE.priority(Priority.HIGH));
      assertAttempts(2, pool);
      plain.submitAll(twice, List.of(1L), NONE.attempts(3));
      assertAttempts(3, pool);
      plain.claim(twice, 8, NONE).submit();
      assertAttempts(2, pool);
    }
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork client = Ringwork.connect(pool.config().taskDefaults(NONE.attempts(3)))) {
      client.submit(once, 1L);
      assertAttempts(3, pool);
      client.submit(twice, 1L);
      assertAttempts(2, pool);
      client.claim("number", 8).submit();
      assertAttempts(3, pool);
      // The chunk itself is taken up until it has lost three workers; its requests are what may run
      // twice.
      client.submitChunk(twice, List.of(1L));
      FakeTask chunk = pool.take();
      assertEquals(3, chunk.attempts());
      assertEquals(2, chunk.request()[Layout.CHUNK_ATTEMPTS]);
      chunk.fail(Layout.STATUS_FAILED, "", "", "");
    }
    assertEquals(1, NONE.attempts());
    for (int wrong : new int[] {-1, 0, 4}) {
      assertThrows(IllegalArgumentException.class, () -> NONE.attempts(wrong));
    }
  }

  private static void assertAttempts(int attempts, FakePool pool) {
    FakeTask task = pool.take();
    assertEquals(attempts, task.attempts());
    task.fail(Layout.STATUS_FAILED, "", "", "");
  }

  private static Duration day(int days) {
    return Duration.ofDays(days);
  }

  private static void assertArrives(FakePool pool, Priority priority, boolean deadline) {
    FakeTask task = pool.take();
    assertEquals(priority.ordinal(), task.priority());
    assertEquals(deadline, task.deadline() != 0);
    task.fail(Layout.STATUS_FAILED, "", "", "");
  }

  @Test
  void connectConfigTellsWhatItHolds() throws IOException {
    ConnectConfig config =
        ConnectConfig.of("pool")
            .directory(base)
            .connectTimeout(Duration.ofSeconds(1))
            .waitStrategy(WaitStrategy.PARK)
            .completion(CompletionMode.INLINE)
            .closeTimeout(Duration.ofSeconds(2))
            .taskDefaults(NONE.timeout(Duration.ofSeconds(3)))
            .reconnect(Reconnect.defaults());
    assertEquals("pool", config.name());
    assertEquals(Optional.of(base), config.directory());
    assertEquals(Duration.ofSeconds(1), config.connectTimeout());
    assertEquals(WaitStrategy.PARK, config.waitStrategy());
    assertEquals(CompletionMode.INLINE, config.completion());
    assertEquals(Duration.ofSeconds(2), config.closeTimeout());
    assertEquals(NONE.timeout(Duration.ofSeconds(3)), config.taskDefaults());
    assertEquals(Optional.of(Reconnect.DEFAULT), config.reconnect());
    assertEquals(config, config.directory(base));
    assertEquals(config.hashCode(), config.directory(base).hashCode());
    assertNotEquals(config, ConnectConfig.of("pool"));
    for (String part : List.of("name=pool", base.toString(), "PT1S", "PARK", "INLINE", "PT3S")) {
      assertTrue(config.toString().contains(part), config::toString);
    }
  }

  @Test
  void reconnectTellsWhatItHolds() {
    Consumer<ConnectionEvent> listener = event -> {};
    Reconnect policy =
        Reconnect.defaults().backoff(Duration.ofMillis(3), Duration.ofMillis(7)).listener(listener);
    assertEquals(Duration.ofMillis(3), policy.firstBackoff());
    assertEquals(Duration.ofMillis(7), policy.maxBackoff());
    assertEquals(Optional.of(listener), policy.listener());
    assertEquals(Optional.empty(), Reconnect.defaults().listener());
    assertNotEquals(policy, Reconnect.defaults());
  }

  @Test
  void aBackoffHasBounds() {
    Duration hour = Duration.ofHours(1);
    assertEquals(hour, Reconnect.DEFAULT.backoff(hour, hour).maxBackoff());
    Duration[][] refused = {
      {Duration.ofNanos(999_999), hour},
      {Duration.ZERO, Duration.ZERO},
      {Duration.ofMillis(-5), Duration.ofMillis(5)},
      {Duration.ofMillis(6), Duration.ofMillis(5)},
      {hour, hour.plusNanos(1)},
      {Duration.ofDays(400), Duration.ofDays(400)},
      {Duration.ofSeconds(Long.MAX_VALUE), Duration.ofSeconds(Long.MAX_VALUE)},
    };
    for (Duration[] pair : refused) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> Reconnect.DEFAULT.backoff(pair[0], pair[1]));
      for (String part : List.of(pair[0].toString(), pair[1].toString(), "1 ms", "1 h")) {
        assertTrue(e.getMessage().contains(part), e::getMessage);
      }
    }
  }

  @Test
  void blockTakesEachLengthOfTime() {
    assertEquals(Backpressure.fail(), Backpressure.block(Duration.ZERO));
    assertNotEquals(Backpressure.fail(), Backpressure.block(Duration.ofNanos(1)));
    Backpressure.block(Duration.ofSeconds(Long.MAX_VALUE));
    for (Duration refused : List.of(Duration.ofNanos(-1), Duration.ofSeconds(Long.MIN_VALUE))) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Backpressure.block(refused));
      assertTrue(e.getMessage().contains(refused.toString()), e::getMessage);
    }
  }

  @Test
  void launchConfigTellsWhatItHolds() {
    LaunchConfig config =
        LaunchConfig.defaults()
            .name("own")
            .binary(base.resolve("ringwork"))
            .worker(base.resolve("worker"))
            .workers(3)
            .lanes(2)
            .slots(100)
            .clients(5)
            .segmentSize(1 << 20)
            .logFile(base.resolve("log"))
            .startTimeout(Duration.ofSeconds(4))
            .taskDefaults(NONE.priority(Priority.LOW));
    assertEquals(Optional.of("own"), config.name());
    assertEquals(Optional.of(base.resolve("ringwork")), config.binary());
    assertEquals(Optional.of(base.resolve("worker")), config.worker());
    assertEquals(OptionalLong.of(3), config.workers());
    assertEquals(OptionalLong.of(2), config.lanes());
    assertEquals(OptionalLong.of(100), config.slots());
    assertEquals(OptionalLong.of(5), config.clients());
    assertEquals(OptionalLong.of(1 << 20), config.segmentSize());
    assertEquals(LaunchConfig.Log.FILE, config.log());
    assertEquals(Optional.of(base.resolve("log")), config.logFile());
    assertEquals(Duration.ofSeconds(4), config.startTimeout());
    assertEquals(NONE.priority(Priority.LOW), config.taskDefaults());
    assertEquals(OptionalLong.empty(), LaunchConfig.DEFAULT.workers());
    assertEquals(config, config.workers(3));
    assertNotEquals(config, config.workers(4));
    assertTrue(config.toString().contains("--workers, 3"), config::toString);
  }

  @Test
  void timesThatAreNegativeAreRefusedWhenMade() {
    Duration negative = Duration.ofMillis(-1);
    ConnectConfig connect = ConnectConfig.of("pool");
    List<Runnable> makers =
        List.of(
            () -> NONE.timeout(negative),
            () -> NONE.timeout(Duration.ofSeconds(Long.MIN_VALUE)),
            () -> connect.connectTimeout(negative),
            () -> connect.closeTimeout(negative),
            () -> LaunchConfig.DEFAULT.startTimeout(negative),
            () -> LaunchConfig.DEFAULT.closeTimeout(negative));
    for (Runnable maker : makers) {
      String said = assertThrows(IllegalArgumentException.class, maker::run).getMessage();
      assertTrue(said.contains("can't be negative: PT-"), said);
    }
    assertEquals(Optional.of(Duration.ZERO), NONE.timeout(Duration.ZERO).timeout());
  }

  @Test
  void aTypeSaysWhatDiffersFromTheDefaults() {
    TaskType<Long, Long> type = EndingsTest.NUMBER;
    assertEquals("TaskType[" + type.name() + "]", type.toString());
    assertEquals(
        "TaskType["
            + type.name()
            + ", maxInFlight=5, with a fallback, TaskOptions[priority=LOW, attempts=2]]",
        type.maxInFlight(5)
            .fallback(n -> n)
            .options(NONE.priority(Priority.LOW).attempts(2))
            .toString());
  }

  @Test
  void codecsAreNamedInWords() {
    assertEquals(
        "the worker's result is CBOR (CborCodec of ringwork-cbor), and the task type reads UTF-8"
            + " text (Codec.UTF8): give it a result codec of the handler's kind",
        Codecs.otherCodec(Codec.CBOR_ID, Codec.UTF8).getMessage());
    for (int id : new int[] {0, 1, 2, 3, 4}) {
      assertFalse(Codecs.describe(id).contains("unknown"), Codecs.describe(id));
    }
    assertEquals("of a codec of your own (200)", Codecs.describe(200));
    assertEquals("of an unknown codec (77)", Codecs.describe(77));
  }
}
