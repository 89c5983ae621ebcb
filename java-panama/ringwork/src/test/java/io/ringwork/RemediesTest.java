package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Each message names a remedy that helps: one that was not tried, where the pool is. */
@Timeout(60)
class RemediesTest {
  private static final TaskOptions BRIEFLY =
      TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofMillis(1)));
  private static final TaskOptions HERE =
      TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());

  @TempDir Path base;

  private static void assertSays(String message, String part, String not) {
    assertTrue(message.contains(part), message);
    assertFalse(message.contains(not), message);
  }

  @Test
  void whatWasTriedIsNoRemedy() throws IOException {
    TaskType<byte[], byte[]> one = EndingsTest.ECHO.maxInFlight(1);
    try (FakePool pool = new FakePool(base, 1, 8);
        Ringwork client = pool.connect()) {
      client.submit(one, new byte[1]);
      for (TaskType<byte[], byte[]> type : List.of(one, EndingsTest.ECHO)) {
        String plain = refusal(client.submit(type, new byte[1], TaskOptions.DEFAULT));
        String waited = refusal(client.submit(type, new byte[1], BRIEFLY));
        String here = refusal(client.submit(type, new byte[1], HERE));
        assertSays(plain, "use Backpressure.block", "in vain");
        assertSays(waited, "Backpressure.block more time", "use Backpressure.block");
        assertSays(here, "give echo a fallback", "use Backpressure.block");
        if (type == one) {
          assertSays(plain, "1 task of echo is in flight", "1 tasks");
          while (!client.submit(EndingsTest.ECHO, new byte[1]).isDone()) {}
        }
      }
      String claim =
          assertThrows(RejectedException.class, () -> client.claim("echo", 1, BRIEFLY))
              .getMessage();
      assertSays(claim, "Backpressure.block more time", "use Backpressure.block");
      pool.echo(); // so that close has no task to wait for
    }
  }

  private static String refusal(TaskFuture<?> future) {
    return EndingsTest.failure(RejectedException.class, future).getMessage();
  }

  /** One client entry, which is taken: told once, and not of "all 1 client entries". */
  @Test
  void aPoolWithoutAFreeEntryIsToldOnce() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (FakePool pool = new FakePool(base, 1, 8);
        Ringwork first = pool.connect()) {
      ConnectConfig config = pool.config().reconnect(Reconnect.DEFAULT.listener(events::add));
      Ringwork second = Ringwork.connect(config);
      String said =
          assertThrows(RejectedException.class, () -> second.call(EndingsTest.ECHO, new byte[1]))
              .getMessage();
      assertSays(said, "the one client entry of pool", "entries");
      assertSays(said, "waits for it", "in vain");
      assertSays(
          assertThrows(
                  RejectedException.class,
                  () -> second.call(EndingsTest.ECHO, new byte[1], BRIEFLY))
              .getMessage(),
          "in vain",
          "waits for it");
      second.close();
      Await.until(() -> !events.isEmpty() && last(events).state() == ConnectionState.CLOSED);
      assertEquals(2, events.size(), events::toString);
      assertEquals(ConnectionState.DISCONNECTED, events.getFirst().state());
      assertTrue(events.getFirst().cause().isPresent());
      assertTrue(first.isOpen());
    }
  }

  private static ConnectionEvent last(List<ConnectionEvent> events) {
    return events.get(events.size() - 1);
  }

  @Test
  void aHandleThatGoesOnIsNotToldToConnectAgain() throws Exception {
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (FakePool pool = new FakePool(base, 1, 8)) {
      ConnectConfig config = pool.config().reconnect(Reconnect.DEFAULT.listener(events::add));
      try (Ringwork client = Ringwork.connect(config)) {
        Await.until(() -> client.state() == ConnectionState.CONNECTED);
        byte[] reason =
            "its supervisor died, and another one has taken the name: a new connection reaches that"
                .getBytes(StandardCharsets.UTF_8);
        pool.memory.put(Layout.H_REASON, reason);
        pool.memory.setInt(Layout.H_REASON_LEN, reason.length);
        pool.memory.setInt(Layout.H_POOL_STATE, Layout.POOL_FAILED);
        Await.until(() -> events.stream().anyMatch(e -> e.state() == ConnectionState.DISCONNECTED));
      }
    }
    assertSays(events.get(1).reason(), "another one has taken the name", "a new connection");
  }

  @Test
  void aPoolThatIsNotReadySaysWhy() throws IOException {
    try (FakePool pool = new FakePool(base, 1, 8);
        Ringwork client = pool.connect()) {
      pool.memory.setInt(Layout.H_POOL_STATE, Layout.POOL_DRAINING);
      assertTrue(client.info().reason().startsWith("draining: "), client.info()::reason);
      pool.memory.setInt(Layout.H_POOL_STATE, Layout.POOL_STARTING);
      assertTrue(client.info().reason().startsWith("starting: "), client.info()::reason);
      pool.memory.setInt(Layout.H_POOL_STATE, Layout.POOL_SERVING);
      assertEquals("", client.info().reason());
    }
  }

  @Test
  void theCommandIsToldWhereThePoolIs() {
    Path odd = base.resolve("it's here");
    for (Path directory : List.of(base, odd)) {
      String said =
          assertThrows(
                  ConnectException.class,
                  () -> Ringwork.connect(ConnectConfig.of("none").directory(directory)))
              .getMessage();
      String place = directory.equals(odd) ? "'" + base + "/it'\\''s here'" : base.toString();
      assertTrue(said.contains("`RINGWORK_DIR=" + place + " ringwork serve --name none`"), said);
      assertTrue(said.contains("`RINGWORK_DIR=" + place + " ringwork list`"), said);
    }
  }

  private static void assertNames(String what, Executable made) {
    String said = assertThrows(NullPointerException.class, made).getMessage();
    assertTrue(said.contains(what), said);
  }

  @Test
  void nullIsRefusedAtOnceAndByName() throws IOException {
    LaunchConfig launch = LaunchConfig.DEFAULT;
    assertNames("log", () -> launch.log(null));
    assertNames("file", () -> launch.logFile(null));
    assertNames("worker", () -> launch.worker(null));
    assertNames("binary", () -> launch.binary(null));
    assertNames("argument", () -> launch.arguments("--one", null));
    assertNames("first", () -> Reconnect.DEFAULT.backoff(null, Duration.ofSeconds(1)));
    assertNames("max", () -> Reconnect.DEFAULT.backoff(Duration.ofSeconds(1), null));
    List<byte[]> requests = Arrays.asList(new byte[1], new byte[1], null, new byte[1]);
    try (FakePool pool = new FakePool(base, 1, 8);
        Ringwork client = pool.connect()) {
      assertNames("request 2 of 4", () -> client.submitAll(EndingsTest.ECHO, requests));
      assertNames("request 2 of 4", () -> client.submitChunk(EndingsTest.ECHO, requests));
      assertEquals(8, client.info().freeSlots());
    }
    ConnectConfig later = ConnectConfig.of("none").directory(base).reconnect(Reconnect.DEFAULT);
    try (Ringwork client = Ringwork.connect(later)) {
      assertNames("request 2 of 4", () -> client.submitAll(EndingsTest.ECHO, requests));
      assertNames("request 2 of 4", () -> client.submitChunk(EndingsTest.ECHO, requests));
    }
  }
}
