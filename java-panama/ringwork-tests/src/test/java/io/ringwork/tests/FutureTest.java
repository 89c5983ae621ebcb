package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.Priority;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.Tasks;
import io.ringwork.WaitStrategy;
import io.ringwork.stock.StockTasks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Futures used as CompletableFutures are: by hand, composed, from several threads. */
class FutureTest {
  private static final TaskType<Long, Long> ECHO = StockTasks.echo(Codec.LONG);

  /** Waits until there is a file of the name that it gets, and ".go"; answers 1. */
  private static final TaskType<String, Long> WAIT =
      TaskType.of("test.bystander", Codec.UTF8, Codec.LONG);

  @TempDir private Path temporary;

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.misbehaving("FutureTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  @AfterEach
  void nothingLeaks() throws Exception {
    Pools.assertUsable(pool);
  }

  private TaskFuture<Long> waiting(Ringwork pool, String name) {
    return pool.submit(WAIT, temporary.resolve(name).toString());
  }

  private void go(String name) throws Exception {
    Files.createFile(temporary.resolve(name + ".go"));
  }

  @Test
  void completedByHandItKeepsThatValue() throws Exception {
    TaskFuture<Long> future = waiting(pool, "one");
    assertTrue(future.complete(-1L));
    go("one");
    assertEquals(-1, future.join());
    assertFalse(future.complete(-2L));
  }

  @Test
  void theTimeoutsOfCompletableFuture() throws Exception {
    TaskFuture<Long> late = waiting(pool, "one");
    CompletionException error =
        assertThrows(
            CompletionException.class, () -> late.orTimeout(20, TimeUnit.MILLISECONDS).join());
    assertInstanceOf(TimeoutException.class, error.getCause());
    assertEquals(
        -1, waiting(pool, "other").completeOnTimeout(-1L, 20, TimeUnit.MILLISECONDS).join());
    go("one");
    go("other");
  }

  @Test
  void theFirstOfTwoCancelsTheOther() throws Exception {
    TaskFuture<Long> slow = pool.submit(StockTasks.SLEEP, 60_000L);
    TaskFuture<Long> fast = pool.submit(ECHO, 7L);
    assertEquals(7, Tasks.firstOf(List.of(slow, fast)).get(20, TimeUnit.SECONDS));
    assertTrue(slow.isCancelled());
    assertEquals(List.of(1L, 2L), Tasks.allOf(pool.submitAll(ECHO, List.of(1L, 2L))).join());
  }

  @Test
  void aTimeThatIsOverTellsWhetherTheTaskMayHaveRun() throws Exception {
    TaskFuture<Long> runs = waiting(pool, "one");
    TaskFuture<Long> runsToo = waiting(pool, "other");
    for (String name : List.of("one", "other")) {
      Path started = temporary.resolve(name);
      Await.until("the task runs", () -> Files.exists(started));
    }
    TaskFuture<Long> queued = pool.submit(ECHO, 7L);
    TaskTimeoutException late = late(Tasks.withTimeout(Duration.ZERO, queued));
    assertFalse(late.mayHaveRun(), "both lanes have a task");
    assertTrue(late.getMessage().contains("before a worker took it"), late.getMessage());
    late = late(Tasks.withTimeout(Duration.ofMillis(1), runs));
    assertTrue(late.mayHaveRun());
    assertTrue(runs.isCancelled());
    go("one");
    go("other");
    assertEquals(1, runsToo.join());
  }

  private static TaskTimeoutException late(CompletableFuture<?> future) {
    CompletionException error = assertThrows(CompletionException.class, future::join);
    return assertInstanceOf(TaskTimeoutException.class, error.getCause());
  }

  @Test
  void aMappedFutureThatIsCancelledCancelsItsTask() throws Exception {
    TaskFuture<Long> slow = pool.submit(StockTasks.SLEEP, 60_000L);
    CompletableFuture<String> text = slow.map(String::valueOf);
    assertTrue(text.cancel(true));
    assertTrue(slow.isCancelled());

    CompletableFuture<String> seven = pool.submit(ECHO, 7L).map(String::valueOf);
    assertEquals("7", seven.get());
    IllegalStateException why = new IllegalStateException();
    CompletableFuture<String> fails =
        pool.submit(ECHO, 7L)
            .map(
                number -> {
                  throw why;
                });
    CompletionException error = assertThrows(CompletionException.class, fails::join);
    assertEquals(why, error.getCause());
    TaskFuture<Long> cancelled = pool.submit(StockTasks.SLEEP, 60_000L);
    CompletableFuture<String> follows = cancelled.map(String::valueOf);
    cancelled.cancel(true);
    assertTrue(follows.isCancelled());
    assertThrows(CancellationException.class, follows::get);
  }

  @Test
  void aGetThatGivesUpLeavesTheTaskAlone() throws Exception {
    TaskFuture<Long> future = waiting(pool, "one");
    assertThrows(TimeoutException.class, () -> future.get(10, TimeUnit.MILLISECONDS));
    assertThrows(TimeoutException.class, () -> future.get(0, TimeUnit.MILLISECONDS));
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, future::get);
    assertFalse(Thread.interrupted());
    go("one");
    assertEquals(1, future.get());
  }

  @Test
  void manyThreadsWaitForOneFuture() throws Exception {
    TaskFuture<Long> future = pool.submit(StockTasks.SLEEP, 100L);
    try (ExecutorService executor = Executors.newCachedThreadPool()) {
      List<Future<Long>> results = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        boolean join = i % 2 == 0;
        results.add(executor.submit(() -> join ? future.join() : future.get()));
      }
      for (Future<Long> result : results) {
        assertEquals(future.join(), result.get(20, TimeUnit.SECONDS));
      }
    }
  }

  @Test
  void composed() throws Exception {
    CompletableFuture<Long> chain = pool.submit(ECHO, 0L);
    for (int i = 0; i < 500; i++) {
      chain = chain.thenCompose(value -> pool.submit(ECHO, value + 1));
    }
    assertEquals(500, chain.get(20, TimeUnit.SECONDS));
    List<TaskFuture<Long>> futures = pool.submitAll(ECHO, List.of(1L, 2L, 3L), TaskOptions.DEFAULT);
    CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new)).get(20, TimeUnit.SECONDS);
    assertEquals(6, futures.stream().mapToLong(TaskFuture::join).sum());
  }

  /** The poller's own thread submits, waits and calls inside a callback, and does not stall. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void callbacksMaySubmitAndWait(boolean inline) throws Exception {
    CompletionMode mode = inline ? CompletionMode.INLINE : CompletionMode.VIRTUAL_THREADS;
    try (Ringwork own = Ringwork.launch(Pools.stock("FutureTest").completion(mode))) {
      List<CompletableFuture<Long>> results = new ArrayList<>();
      for (long i = 0; i < 100; i++) {
        results.add(
            own.submit(StockTasks.SLEEP, 2L)
                .thenApply(slept -> own.submit(ECHO, slept).join())
                .thenApply(
                    slept -> {
                      try {
                        return own.call(ECHO, slept);
                      } catch (InterruptedException e) {
                        throw new CompletionException(e);
                      }
                    }));
      }
      for (CompletableFuture<Long> result : results) {
        assertTrue(result.get(20, TimeUnit.SECONDS) >= 2);
      }
      Pools.assertUsable(own);
    }
  }

  /** A call that helps leaves the poller able to be woken: the next future is not late. */
  @Test
  void aFutureIsPromptAfterACallThatHelped() throws Exception {
    int rounds = 40;
    long[] nanos = new long[rounds];
    long[] without = new long[rounds];
    try (Ringwork own = Ringwork.launch(Pools.stock("FutureTest").waitStrategy(WaitStrategy.SPIN));
        ExecutorService other = Executors.newSingleThreadExecutor()) {
      for (int i = 0; i < rounds; i++) {
        AtomicBoolean over = new AtomicBoolean();
        Future<TaskFuture<Long>> beside =
            other.submit(
                () -> {
                  Await.until(
                      "the call is under way",
                      () -> over.get() || own.info().freeSlots() < own.info().slots());
                  return own.submit(ECHO, 1L);
                });
        own.call(StockTasks.SLEEP, 8L);
        over.set(true);
        Await.until("the other is done", beside.get()::isDone);
        nanos[i] = untilDone(own);
        without[i] = untilDone(own);
      }
    }
    Arrays.sort(nanos);
    Arrays.sort(without);
    // Late would be at the poller's next look by itself, up to 100 ms, which others never are.
    long bound = 30_000_000 + 3 * without[rounds / 2];
    System.out.printf("a future after a call: median %d us%n", nanos[rounds / 2] / 1000);
    assertTrue(nanos[rounds / 2] < bound, () -> bound + ": " + Arrays.toString(nanos));
  }

  private static long untilDone(Ringwork own) {
    long start = System.nanoTime();
    TaskFuture<Long> lone = own.submit(ECHO, 2L);
    while (!lone.isDone()) {
      Thread.onSpinWait();
    }
    return System.nanoTime() - start;
  }

  @Test
  void cancelRacesWithCompletion() {
    int cancelled = 0;
    for (long i = 0; i < 20_000; i++) {
      TaskFuture<Long> future = pool.submit(ECHO, i, Pools.PATIENT);
      if (i % 3 == 0) {
        Thread.onSpinWait();
      } else if (i % 3 == 1) {
        Thread.yield();
      }
      future.cancelTask();
      try {
        assertEquals(i, future.join());
      } catch (CancellationException e) {
        cancelled++;
      }
    }
    System.out.printf("20000 tasks cancelled at once: %d were in time%n", cancelled);
  }

  /** Busy lanes: what is urgent overtakes what waits, and what is not is served all the same. */
  @Test
  void prioritiesOvertakeButDoNotStarve() throws Exception {
    TaskType<String, Long> count = TaskType.of("test.count", Codec.UTF8, Codec.LONG);
    Path order = temporary.resolve("order");
    try (Ringwork own = Ringwork.launch(Pools.misbehaving("FutureTest"))) {
      List<TaskFuture<?>> futures = new ArrayList<>();
      for (String lane : List.of("one", "other")) {
        futures.add(waiting(own, lane));
        Await.until("a lane is busy", () -> Files.exists(temporary.resolve(lane)));
      }
      for (Priority priority : List.of(Priority.LOW, Priority.NORMAL, Priority.HIGH)) {
        for (int i = 0; i < 100; i++) {
          futures.add(own.submit(count, order + "\n" + priority, Pools.PATIENT.priority(priority)));
        }
      }
      go("one");
      go("other");
      futures.forEach(TaskFuture::join);
      double high = meanPlace(order, Priority.HIGH);
      double normal = meanPlace(order, Priority.NORMAL);
      double low = meanPlace(order, Priority.LOW);
      assertTrue(high < normal && normal < low, high + ", " + normal + ", " + low);

      AtomicBoolean served = new AtomicBoolean();
      own.submit(ECHO, 1L, Pools.PATIENT.priority(Priority.LOW)).thenRun(() -> served.set(true));
      long end = System.nanoTime() + Await.PATIENCE.toNanos();
      while (!served.get()) {
        own.submit(ECHO, 2L, Pools.PATIENT.priority(Priority.HIGH));
        assertTrue(System.nanoTime() < end, "a low priority starved");
      }
      Pools.assertUsable(own);
    }
  }

  private static double meanPlace(Path order, Priority priority) throws Exception {
    List<String> lines = Files.readAllLines(order);
    double sum = 0;
    for (int i = 0; i < lines.size(); i++) {
      sum += lines.get(i).equals(priority.toString()) ? i : 0;
    }
    return sum / 100;
  }
}
