package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.EntryWord;
import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Closing, the pool's end, and what is left of a client: nothing. */
@Tag("denied-too")
@Timeout(60)
class LifecycleTest {
  static final TaskType<byte[], byte[]> ECHO = EndingsTest.ECHO;
  static final TaskType<Long, Long> NUMBER = EndingsTest.NUMBER;

  @TempDir Path base;
  FakePool pool;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 2, 16);
  }

  @AfterEach
  void close() throws IOException {
    pool.close();
  }

  private long entryState(int index) {
    return EntryWord.state(pool.memory.getLongAcquire(pool.client(index) + Layout.CLIENT_WORD));
  }

  @Test
  void closeWaitsForWhatRuns() throws Exception {
    Ringwork client = pool.connect();
    List<TaskFuture<byte[]>> futures = new ArrayList<>();
    for (int n = 0; n < 10; n++) {
      futures.add(client.submit(ECHO, SubmitTest.bytes(50 * n)));
    }
    Thread closer = new Thread(client::close);
    closer.start();
    Await.until(() -> !client.isOpen());
    TaskFuture<byte[]> late = client.submit(ECHO, SubmitTest.bytes(1));
    assertFalse(EndingsTest.failure(ClosedException.class, late).mayHaveRun());
    pool.echo();
    closer.join();
    for (TaskFuture<byte[]> future : futures) {
      assertTrue(future.isDone() && !future.isCompletedExceptionally());
    }
    assertEquals(Layout.ENTRY_FREE, entryState(0));
    assertEquals(0, pool.slotsInUse());
    client.close();
    assertThrows(ClosedException.class, client::info);
    assertThrows(ClosedException.class, () -> client.claim("echo", 10));
    assertThrows(ClosedException.class, () -> client.call(NUMBER, 1L));
    EndingsTest.failure(ClosedException.class, client.submit(NUMBER, 1L));
    assertEquals("Ringwork[" + pool.name + ", CLOSED]", client.toString());
  }

  @Test
  void closeFailsTheRest() {
    Ringwork client = Ringwork.connect(pool.config().closeTimeout(Duration.ofMillis(20)));
    TaskFuture<byte[]> running = client.submit(ECHO, SubmitTest.bytes(100));
    FakeTask task = pool.take();
    TaskFuture<byte[]> queued = client.submit(ECHO, SubmitTest.bytes(100));
    client.close();
    assertTrue(running.isDone() && queued.isDone());
    assertTrue(EndingsTest.failure(ClosedException.class, running).mayHaveRun());
    assertFalse(EndingsTest.failure(ClosedException.class, queued).mayHaveRun());
    assertTrue(task.cancelled());
    // A slot is still a lane's: the entry is the reaper's now, and the lock is free.
    assertEquals(Layout.ENTRY_LEAVING, entryState(0));
    assertEquals(CancelOutcome.ALREADY_DONE, running.cancelTask());
    try (Ringwork next = pool.connect()) {
      assertEquals(1, next.info().clientIndex());
    }
  }

  @Test
  void leasesAndClaimsDieWithTheClient() throws Exception {
    pool.echo();
    ResultLease lease;
    RawTask unsubmitted;
    try (Ringwork client = Ringwork.connect(pool.config().closeTimeout(Duration.ofMillis(20)))) {
      RawTask task = client.claim("echo", 100);
      lease = task.submit().get();
      unsubmitted = client.claim("echo", 100);
    }
    assertThrows(
        IllegalStateException.class,
        () -> lease.segment().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
    lease.close();
    assertThrows(
        IllegalStateException.class,
        () -> unsubmitted.request().set(java.lang.foreign.ValueLayout.JAVA_BYTE, 0, (byte) 1));
    EndingsTest.failure(ClosedException.class, unsubmitted.submit());
    unsubmitted.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void closeFromACallback(boolean inline) throws Exception {
    Ringwork client =
        Ringwork.connect(
            pool.config()
                .completion(inline ? CompletionMode.INLINE : CompletionMode.VIRTUAL_THREADS));
    TaskFuture<Long> first = client.submit(NUMBER, 1L);
    TaskFuture<Long> second = client.submit(NUMBER, 2L);
    CompletableFuture<Void> closed = first.thenRun(client::close);
    pool.echo();
    closed.get(20, TimeUnit.SECONDS);
    assertEquals(2L, second.get());
    Await.until(() -> entryState(0) == Layout.ENTRY_FREE);
    client.close();
  }

  @Test
  void closeFromManyThreadsWhileManySubmit() throws Exception {
    pool.echo();
    for (int round = 0; round < 60; round++) {
      Ringwork client = pool.connect();
      List<TaskFuture<Long>> futures = java.util.Collections.synchronizedList(new ArrayList<>());
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 3; t++) {
        Thread submitter =
            new Thread(
                () -> {
                  while (client.isOpen()) {
                    futures.add(client.submit(NUMBER, 5L));
                  }
                  futures.add(client.submit(NUMBER, 5L));
                });
        submitter.start();
        threads.add(submitter);
      }
      Await.until(() -> futures.size() > 100);
      for (int t = 0; t < 2; t++) {
        Thread closer = new Thread(client::close);
        closer.start();
        threads.add(closer);
      }
      for (Thread thread : threads) {
        thread.join();
      }
      for (TaskFuture<Long> future : futures) {
        Await.until(future::isDone);
        if (future.isCompletedExceptionally()) {
          Throwable why = future.exceptionNow();
          assertTrue(
              why instanceof ClosedException || why instanceof RejectedException, why.toString());
        } else {
          assertEquals(5L, future.join());
        }
      }
      pool.reap(0); // a task that came in at the last moment may still run
      assertEquals(0, pool.slotsInUse(), "round " + round);
      assertEquals(0, pool.blocksInUse(), "round " + round);
      assertEquals(Layout.ENTRY_FREE, entryState(0));
    }
  }

  @Test
  void theSupervisorDies() throws Exception {
    Ringwork client = pool.connect();
    TaskFuture<Long> queued = client.submit(NUMBER, 1L);
    FakeTask task = pool.take();
    TaskFuture<Long> waiting = client.submit(NUMBER, 2L);
    pool.die();
    long start = System.nanoTime();
    ClosedException ran = EndingsTest.failure(ClosedException.class, queued);
    assertTrue(ran.mayHaveRun());
    assertTrue(ran.getMessage().contains("supervisor is gone"), ran.getMessage());
    assertFalse(EndingsTest.failure(ClosedException.class, waiting).mayHaveRun());
    assertTrue(System.nanoTime() - start < 1_000_000_000, "told in time");
    assertFalse(client.isOpen());
    assertEquals(ConnectionState.DISCONNECTED, client.state());
    assertEquals("Ringwork[" + pool.name + ", DISCONNECTED]", client.toString());
    EndingsTest.failure(ClosedException.class, client.submit(NUMBER, 3L));
    task.echo();
    client.close();
    assertEquals(ConnectionState.CLOSED, client.state());
    assertEquals("Ringwork[" + pool.name + ", CLOSED]", client.toString());
    try (FakePool successor = new FakePool(base, 1, 4).echo();
        Ringwork again = successor.connect()) {
      assertEquals(4L, again.call(NUMBER, 4L));
    }
  }

  @Test
  void anIdleClientNoticesADeadSupervisorWhenItSubmits() throws Exception {
    Ringwork client = pool.connect();
    pool.die();
    EndingsTest.failure(ClosedException.class, client.submit(NUMBER, 3L));
    client.close();
  }

  @Test
  void poolStates() throws Exception {
    try (Ringwork client = pool.connect()) {
      TaskFuture<Long> before = client.submit(NUMBER, 1L);
      pool.state(Layout.POOL_DRAINING);
      RejectedException draining =
          EndingsTest.failure(RejectedException.class, client.submit(NUMBER, 2L));
      assertEquals(RejectedException.Reason.DRAINING, draining.reason());
      pool.take().echo();
      assertEquals(1L, before.join());
      pool.state(Layout.POOL_SERVING);
      TaskFuture<Long> pending = client.submit(NUMBER, 3L);
      byte[] reason = "workers crash at start".getBytes(java.nio.charset.StandardCharsets.UTF_8);
      pool.memory.put(Layout.H_REASON, reason);
      pool.memory.setInt(Layout.H_REASON_LEN, reason.length);
      pool.state(Layout.POOL_FAILED);
      ClosedException failed = EndingsTest.failure(ClosedException.class, pending);
      assertTrue(failed.getMessage().contains("workers crash at start"), failed.getMessage());
    }
  }

  @Test
  void nothingLeaks() throws Exception {
    pool.echo();
    Runnable cycle =
        () -> {
          try (Ringwork client = pool.connect()) {
            assertEquals(1L, client.submit(NUMBER, 1L).join());
          }
        };
    cycle.run();
    long files = descriptors();
    long maps = mappings();
    for (int n = 0; n < 50; n++) {
      cycle.run();
    }
    Await.until(() -> ringworkThreads() == 0);
    Await.until(() -> descriptors() <= files);
    assertEquals(maps, mappings());
  }

  private static long ringworkThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("ringwork"))
        .count();
  }

  private static long descriptors() {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private long mappings() throws IOException {
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return maps.filter(line -> line.contains(pool.name)).count();
    }
  }

  /** A client leaves a task that runs; the next one comes before the reaper. */
  @Test
  void connectWaitsForAnEntryThatIsAboutToBeFree() throws Exception {
    try (FakePool pool = new FakePool(base, 1, 16)) {
      Ringwork first = Ringwork.connect(pool.config().closeTimeout(Duration.ZERO));
      first.submit(EndingsTest.ECHO, new byte[1]);
      FakeTask running = pool.take();
      first.close();
      FutureTask<Ringwork> connect =
          new FutureTask<>(
              () -> Ringwork.connect(pool.config().connectTimeout(Duration.ofSeconds(60))));
      Thread waits = Thread.ofPlatform().daemon().start(connect);
      Await.until(() -> waits.getState() == Thread.State.TIMED_WAITING || connect.isDone());
      assertFalse(connect.isDone(), "it does not wait");
      running.echo();
      pool.reap(0);
      try (Ringwork second = connect.get(60, TimeUnit.SECONDS)) {
        pool.echo();
        assertEquals(3, second.call(EndingsTest.ECHO, new byte[3]).length);
        // One that is held by a client that lives is not waited for.
        ConnectException taken =
            assertThrows(
                ConnectException.class,
                () -> Ringwork.connect(pool.config().connectTimeout(Duration.ofDays(1))));
        assertTrue(taken.getMessage().contains("--clients"), taken.getMessage());
      }
    }
  }
}
