package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectException;
import io.ringwork.LaunchConfig;
import io.ringwork.RawTask;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.SegmentSurgery;
import io.ringwork.TaskFuture;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Launch, close, and what must not be left; whose threads run what. */
class LifecycleTest {
  private static final String POLLER = "ringwork-poller";

  private static LaunchConfig config() {
    return Pools.stock("LifecycleTest");
  }

  private static void cycle() throws Exception {
    try (Ringwork pool = Ringwork.launch(config())) {
      byte[] request = Pools.randomBytes(5_000);
      assertArrayEquals(request, pool.submit(StockTasks.ECHO, request).get());
      try (RawTask task = pool.claim("echo", 2_000);
          ResultLease lease = task.submit().get()) {
        assertEquals(2_000, lease.segment().byteSize());
      }
    }
  }

  @Test
  void aCleanCloseIsNotLoggedAsALostOwner(@TempDir Path temporary) throws Exception {
    Path log = temporary.resolve("log");
    Ringwork.launch(config().logFile(log)).close();
    String said = Files.readString(log);
    assertTrue(said.contains("its owner has closed the pool"), said);
    assertFalse(said.contains("the owner is gone"), said);
  }

  @Test
  void fiftyCyclesLeakNothing() throws Exception {
    cycle(); // what the JDK opens once: jars, the random device, class data
    List<String> descriptors = Proc.descriptors();
    int threads = Thread.getAllStackTraces().size();
    long start = System.nanoTime();
    for (int i = 0; i < 50; i++) {
      cycle();
    }
    System.out.printf("50 launch/close cycles: %.1f ms each%n", (System.nanoTime() - start) / 50e6);
    Await.until("no child", () -> ProcessHandle.current().children().findAny().isEmpty());
    Await.until("no thread of ours", () -> Proc.threads("ringwork").isEmpty());
    // Idle threads of the JDK's own pools (process reaper, carriers) come and go.
    Await.until("no thread more", () -> Thread.getAllStackTraces().size() <= threads + 2);
    assertEquals(List.of(), Proc.mappings(PoolDirectory.PATH));
    assertEquals(List.of(), PoolDirectory.list());
    try {
      Await.until("no descriptor more", () -> Proc.descriptors().size() <= descriptors.size());
    } catch (AssertionError leaked) {
      assertEquals(descriptors, Proc.descriptors());
    }
  }

  @Test
  void fiftyConnectionsToOnePoolLeakNothing() throws Exception {
    try (Ringwork pool = Ringwork.launch(config().clients(2))) {
      Ringwork.connect(pool.name()).close();
      List<String> descriptors = Proc.descriptors();
      int mappings = Proc.mappings(PoolDirectory.PATH).size();
      for (int i = 0; i < 50; i++) {
        try (Ringwork other = Ringwork.connect(pool.name())) {
          assertEquals(i, other.call(StockTasks.echo(Codec.LONG), (long) i));
        }
      }
      assertEquals(mappings, Proc.mappings(PoolDirectory.PATH).size());
      Await.until("no descriptor more", () -> Proc.descriptors().size() <= descriptors.size());
    }
  }

  @Test
  void slotsThatADyingReaperLeftHalfRetiredServeTheNextClient() throws Exception {
    try (Ringwork pool = Ringwork.launch(config().clients(2))) {
      for (int i = 0; i < 3; i++) {
        try (Ringwork guest = Ringwork.connect(pool.name())) {
          assertEquals(1, guest.info().clientIndex());
          Pools.assertUsable(guest);
        }
        SegmentSurgery.retireHalf(pool.info().segment(), 1);
      }
    }
  }

  @Test
  void twoClientsInOneJvm() throws Exception {
    try (Ringwork first = Ringwork.launch(config().clients(2))) {
      List<TaskFuture<Long>> sleeping = new ArrayList<>();
      try (Ringwork second = Ringwork.connect(first.name())) {
        assertEquals(1, second.info().clientIndex());
        Pools.assertUsable(first);
        Pools.assertUsable(second);
        ConnectException full =
            assertThrows(ConnectException.class, () -> Ringwork.connect(first.name()));
        Pools.assertSays(full, "client", "--clients");
        sleeping.add(first.submit(StockTasks.SLEEP, 50L));
      }
      assertTrue(sleeping.getFirst().get(20, TimeUnit.SECONDS) >= 50);
      Pools.assertUsable(first);
      Await.until(
          "the entry can be taken again",
          () -> {
            try (Ringwork third = Ringwork.connect(first.name())) {
              return third.isOpen();
            } catch (ConnectException notYetReaped) {
              return false;
            }
          });
    }
  }

  @Test
  void closeCompletesEveryPendingFuture() throws Exception {
    List<TaskFuture<Long>> futures = new ArrayList<>();
    Ringwork pool = Ringwork.launch(config().closeTimeout(Duration.ofMillis(100)));
    try (pool) {
      for (int i = 0; i < 500; i++) {
        futures.add(pool.submit(StockTasks.SLEEP, 60_000L));
      }
      Await.until("two run", () -> pool.info().lanes() == 2);
    }
    int mayHaveRun = 0;
    for (TaskFuture<Long> future : futures) {
      assertTrue(future.isDone());
      ClosedException error = Pools.failure(ClosedException.class, future);
      Pools.assertSays(error, "closed");
      mayHaveRun += error.mayHaveRun() ? 1 : 0;
    }
    // Two were running; a lane whose task was cancelled may have taken another meanwhile.
    assertTrue(mayHaveRun <= 50, mayHaveRun + " may have run on two lanes");
  }

  @Test
  void closeWaitsForWhatRuns() throws Exception {
    TaskFuture<Long> running;
    try (Ringwork pool = Ringwork.launch(config())) {
      running = pool.submit(StockTasks.SLEEP, 200L);
    }
    assertTrue(running.isDone());
    assertTrue(running.get() >= 200);
  }

  @Test
  void closeTwiceAndSubmitAfterClose() throws Exception {
    Ringwork pool = Ringwork.launch(config());
    RawTask claimed = pool.claim("echo", 10);
    ResultLease lease = pool.claim("echo", 2_000).submit().get();
    pool.close();
    pool.close();
    assertFalse(pool.isOpen());
    ClosedException error = Pools.failure(ClosedException.class, pool.submit(StockTasks.SLEEP, 1L));
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, pool.name(), "closed");
    assertThrows(ClosedException.class, () -> pool.call(StockTasks.SLEEP, 1L));
    assertThrows(ClosedException.class, () -> pool.claim("echo", 1));
    assertThrows(ClosedException.class, pool::info);
    for (TaskFuture<Long> future : pool.submitAll(StockTasks.SLEEP, List.of(1L, 2L))) {
      Pools.failure(ClosedException.class, future);
    }
    Pools.failure(ClosedException.class, claimed.submit());
    // The memory is unmapped: an exception, never a crash.
    assertThrows(IllegalStateException.class, () -> lease.segment().toArray(ValueLayout.JAVA_BYTE));
    lease.close();
    claimed.close();
  }

  @Test
  void closeFromManyThreadsAtOnce() throws Exception {
    Ringwork pool = Ringwork.launch(config().closeTimeout(Duration.ZERO));
    TaskFuture<Long> pending = pool.submit(StockTasks.SLEEP, 60_000L);
    try (ExecutorService executor = Executors.newFixedThreadPool(8)) {
      for (int i = 0; i < 8; i++) {
        executor.execute(pool::close);
      }
    }
    assertTrue(pending.isDone());
    assertFalse(pool.isOpen());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void closeFromACallback(boolean inline) throws Exception {
    CompletionMode mode = inline ? CompletionMode.INLINE : CompletionMode.VIRTUAL_THREADS;
    Ringwork pool = Ringwork.launch(config().completion(mode).closeTimeout(Duration.ofMillis(50)));
    String name = pool.name();
    TaskFuture<Long> other = pool.submit(StockTasks.SLEEP, 60_000L);
    CountDownLatch closed = new CountDownLatch(1);
    // The task takes a while, so that the callback is there before it is done.
    pool.submit(StockTasks.SLEEP, 50L)
        .whenComplete(
            (result, error) -> {
              pool.close();
              closed.countDown();
            });
    assertTrue(closed.await(20, TimeUnit.SECONDS));
    Pools.failure(ClosedException.class, other);
    pool.close();
    Await.until(
        "the pool's directory is gone",
        () -> PoolDirectory.list().stream().noneMatch(path -> path.endsWith(name)));
  }

  /** A thread that submits while another closes gets futures that end, one way or another. */
  @Test
  void submitsRacingAClose() throws Exception {
    for (int round = 0; round < 10; round++) {
      Ringwork pool = Ringwork.launch(config());
      Set<CompletableFuture<?>> futures = ConcurrentHashMap.newKeySet();
      CountDownLatch underway = new CountDownLatch(4);
      try (ExecutorService executor = Executors.newFixedThreadPool(4)) {
        for (int t = 0; t < 4; t++) {
          executor.execute(
              () -> {
                while (pool.isOpen()) {
                  TaskFuture<byte[]> one =
                      pool.submit(StockTasks.ECHO, new byte[300], Pools.PATIENT);
                  if (one.isCompletedExceptionally() || futures.size() < 20_000) {
                    futures.add(one);
                  }
                  underway.countDown();
                }
              });
        }
        underway.await();
        pool.close();
      }
      Await.until(
          "every future is done", () -> futures.stream().allMatch(CompletableFuture::isDone));
      for (CompletableFuture<?> future : futures) {
        if (future.isCompletedExceptionally()) {
          assertInstanceOf(ClosedException.class, future.exceptionNow());
        }
      }
    }
  }

  @Test
  void callbacksNeverRunOnThePollerByDefault() throws Exception {
    Set<String> threads = ConcurrentHashMap.newKeySet();
    try (Ringwork pool = Ringwork.launch(config())) {
      List<CompletableFuture<Void>> callbacks = new ArrayList<>();
      for (int i = 0; i < 1_000; i++) {
        callbacks.add(
            pool.submit(StockTasks.ECHO, new byte[1], Pools.PATIENT)
                .thenRun(() -> threads.add(Thread.currentThread().getName())));
        callbacks.add(
            pool.submit(StockTasks.SLEEP, 60_000L, Pools.PATIENT.timeout(Duration.ofMillis(50)))
                .handle(
                    (slept, late) -> {
                      threads.add(Thread.currentThread().getName());
                      return null;
                    }));
      }
      for (CompletableFuture<Void> callback : callbacks) {
        callback.get(30, TimeUnit.SECONDS);
      }
      Pools.assertNoSlotLeaked(pool);
    }
    assertTrue(
        threads.stream().noneMatch(name -> name.startsWith(POLLER)), () -> threads.toString());
  }

  /** A callback that never returns holds up no other. */
  @Test
  void aBlockedCallbackDelaysNoOther() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    Thread me = Thread.currentThread();
    AtomicBoolean late = new AtomicBoolean();
    try (Ringwork pool = Ringwork.launch(config())) {
      CompletableFuture<Void> blocked;
      do {
        // What is done before it has its callback runs that here: not what is meant, so again.
        late.set(false);
        blocked =
            pool.submit(StockTasks.SLEEP, 20L)
                .thenRun(
                    () -> {
                      if (Thread.currentThread() == me) {
                        late.set(true);
                        return;
                      }
                      try {
                        release.await();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                    });
      } while (late.get());
      Pools.assertUsable(pool);
      CompletableFuture<Void> other = pool.submit(StockTasks.SLEEP, 20L).thenRun(() -> {});
      other.get(20, TimeUnit.SECONDS);
      release.countDown();
      blocked.get(20, TimeUnit.SECONDS);
    }
  }

  @Test
  void callbacksRunOnTheExecutorOfOnesChoice() throws Exception {
    try (ExecutorService executor =
            Executors.newSingleThreadExecutor(task -> new Thread(task, "mine"));
        Ringwork pool = Ringwork.launch(config().completion(CompletionMode.executor(executor)))) {
      CountDownLatch attached = new CountDownLatch(1);
      executor.submit(() -> attached.await(20, TimeUnit.SECONDS)); // completes nothing before
      CompletableFuture<String> name =
          pool.submit(StockTasks.SLEEP, 1L).thenApply(slept -> Thread.currentThread().getName());
      attached.countDown();
      assertEquals("mine", name.get(20, TimeUnit.SECONDS));
    }
  }

  /** Not even an executor that drops what it is given can keep a future from its end. */
  @Test
  void anExecutorThatDropsWorkLosesNoFutureAtClose() throws Exception {
    TaskFuture<Long> dropped;
    try (Ringwork pool =
        Ringwork.launch(
            config()
                .completion(CompletionMode.executor(task -> {}))
                .closeTimeout(Duration.ofMillis(200)))) {
      dropped = pool.submit(StockTasks.SLEEP, 1L);
      Pools.assertNoSlotLeaked(pool);
    }
    assertTrue(dropped.isDone());
  }

  /**
   * Nor one whose result is being read just then: its slot is empty, the executor not asked yet.
   */
  @Test
  void anExecutorThatDropsWorkLosesNoFutureThatIsReadDuringClose() throws Exception {
    Ringwork pool =
        Ringwork.launch(
            config().completion(CompletionMode.executor(task -> {})).closeTimeout(Duration.ZERO));
    CountDownLatch reading = new CountDownLatch(1);
    Codec<Long> slow =
        new Codec<>() {
          @Override
          public int id() {
            return LONG_ID;
          }

          @Override
          public long maxSize(Long value) {
            return Long.BYTES;
          }

          @Override
          public void encode(Long value, ByteBuffer target) throws IOException {
            LONG.encode(value, target);
          }

          @Override
          public Long decode(ByteBuffer source) throws IOException {
            reading.countDown();
            Await.until("the pool is closing", () -> !pool.isOpen());
            LockSupport.parkNanos(200_000_000); // until nothing but the poller is waited for
            return LONG.decode(source);
          }
        };
    TaskFuture<Long> dropped = pool.submit(TaskType.of("sleep", Codec.LONG, slow), 1L);
    assertTrue(reading.await(20, TimeUnit.SECONDS));
    pool.close();
    long slept = dropped.getNow(0L);
    assertTrue(slept >= 1, "it slept " + slept + " ms");
  }

  @Test
  void closeIsPromptAlsoWhileACallIsInFlight() throws Exception {
    long fastest = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      Ringwork pool = Ringwork.launch(config().closeTimeout(Duration.ZERO));
      Thread caller =
          Thread.ofPlatform()
              .start(
                  () ->
                      assertThrows(
                          ClosedException.class, () -> pool.call(StockTasks.SLEEP, 60_000L)));
      Await.until("the call is under way", () -> pool.info().freeSlots() < pool.info().slots());
      long start = System.nanoTime();
      pool.close();
      fastest = Math.min(fastest, System.nanoTime() - start);
      caller.join();
    }
    assertTrue(fastest < 900_000_000, "the fastest of three took " + fastest / 1_000_000 + " ms");
  }

  @Test
  void closingAConnectionLeavesThePoolAlone() throws Exception {
    try (Ringwork owner = Ringwork.launch(config())) {
      Ringwork guest =
          Ringwork.connect(ConnectConfig.of(owner.name()).closeTimeout(Duration.ofMillis(20)));
      TaskFuture<Long> running = guest.submit(StockTasks.SLEEP, 60_000L);
      guest.close();
      assertTrue(running.isDone());
      Pools.assertUsable(owner);
    }
  }
}
