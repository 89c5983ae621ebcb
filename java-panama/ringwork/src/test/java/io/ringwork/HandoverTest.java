package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.RejectedExecutionHandler;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Settled futures are completed, whatever executors, callbacks and the heap do. */
@Timeout(120)
class HandoverTest {
  private static final int TASKS = 200;

  @TempDir Path base;

  private static List<CompletableFuture<Integer>> submit(Ringwork client, int n) {
    List<CompletableFuture<Integer>> dependents = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      dependents.add(client.submit(EndingsTest.ECHO, new byte[8]).thenApply(bytes -> bytes.length));
    }
    return dependents;
  }

  private static void assertAllComplete(List<CompletableFuture<Integer>> dependents)
      throws Exception {
    for (CompletableFuture<Integer> dependent : dependents) {
      assertEquals(8, dependent.get(30, TimeUnit.SECONDS));
    }
  }

  @Test
  void anExecutorThatRejectsIsMentionedOnce() throws Exception {
    CompletionMode rejecting =
        CompletionMode.executor(
            task -> {
              throw new RejectedExecutionException("shut down");
            });
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS).echo();
        Ringwork client = Ringwork.connect(pool.config().completion(rejecting))) {
      TaskFuture<byte[]> first = client.submit(EndingsTest.ECHO, new byte[8]);
      assertAllComplete(submit(client, TASKS));
      assertEquals(8, first.get(30, TimeUnit.SECONDS).length);
      assertEquals(1, ((Core) first.engine).handover.mentions());
    }
  }

  /** It holds up the client; so it is told, and nothing is lost. */
  @Test
  void anExecutorThatBlocksIsMentionedOnce() throws Exception {
    CompletionMode blocking =
        CompletionMode.executor(
            task -> {
              try {
                Thread.sleep(150);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              task.run();
            });
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS).echo();
        Ringwork client = Ringwork.connect(pool.config().completion(blocking))) {
      TaskFuture<byte[]> first = client.submit(EndingsTest.ECHO, new byte[8]);
      assertAllComplete(submit(client, 5));
      assertEquals(8, first.get(30, TimeUnit.SECONDS).length);
      Await.until(() -> ((Core) first.engine).handover.mentions() == 1);
    }
  }

  /**
   * Not even one whose execute never returns holds up a call, a deadline or another future; it is
   * told of while it blocks.
   */
  @Test
  void anExecutorThatBlocksForEverHoldsUpNothing() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      CountDownLatch blocked = new CountDownLatch(1);
      CountDownLatch never = new CountDownLatch(1);
      CompletionMode blocking = blockingFor(never, blocked);
      String name;
      try (FakePool pool = new FakePool(base, 1, 2 * TASKS).echo();
          Ringwork client =
              Ringwork.connect(pool.config().completion(blocking).waitStrategy(strategy))) {
        TaskFuture<byte[]> first = client.submit(EndingsTest.ECHO, new byte[8]);
        CompletableFuture<Integer> dependent = first.thenApply(bytes -> bytes.length);
        blocked.await();
        assertEquals(8, client.call(EndingsTest.ECHO, new byte[8]).length);
        assertAllComplete(submit(client, TASKS));
        assertEquals(8, dependent.get(30, TimeUnit.SECONDS));
        assertEquals(1, ((Core) first.engine).handover.mentions());
        name = client.name();
      } catch (Throwable failed) {
        never.countDown();
        throw failed;
      }
      try {
        Await.until(() -> !isAlive("ringwork-rescue-" + name));
        assertTrue(isAlive("ringwork-give-" + name));
      } finally {
        never.countDown();
      }
      Await.until(() -> !isAlive("ringwork-give-" + name));
    }
  }

  private static boolean isAlive(String name) {
    return Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().equals(name));
  }

  /**
   * The JDK's pools are given futures without a thread between, and are no exception. Side by side:
   * what was dropped is waited for.
   */
  @Test
  void aPoolOfTheJdkThatRejectsOrDropsLosesNoFuture() throws Exception {
    List<RejectedExecutionHandler> policies =
        List.of(
            new ThreadPoolExecutor.AbortPolicy(),
            new ThreadPoolExecutor.DiscardPolicy(),
            new ThreadPoolExecutor.DiscardOldestPolicy(),
            new ThreadPoolExecutor.CallerRunsPolicy());
    try (ExecutorService threads = Executors.newFixedThreadPool(policies.size())) {
      List<Callable<Void>> trials = new ArrayList<>();
      for (RejectedExecutionHandler policy : policies) {
        trials.add(
            () -> {
              losesNoFuture(policy);
              return null;
            });
      }
      for (Future<Void> trial : threads.invokeAll(trials)) {
        trial.get();
      }
    }
  }

  private void losesNoFuture(RejectedExecutionHandler policy) throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<Runnable>(1), policy);
    CompletionMode mode = CompletionMode.executor(executor);
    assertEquals(policy instanceof ThreadPoolExecutor.CallerRunsPolicy, mode.mayBlock);
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS).echo();
        Ringwork client = Ringwork.connect(pool.config().completion(mode))) {
      CountDownLatch begun = new CountDownLatch(1);
      executor.execute(
          () -> {
            begun.countDown();
            awaitForEver(never);
          });
      begun.await();
      ConcurrentLinkedQueue<String> threads = new ConcurrentLinkedQueue<>();
      List<CompletableFuture<Integer>> dependents = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        dependents.add(
            client
                .submit(EndingsTest.ECHO, new byte[8])
                .thenApply(
                    bytes -> {
                      threads.add(Thread.currentThread().getName());
                      return bytes.length;
                    }));
      }
      assertAllComplete(dependents);
      assertFalse(threads.contains("ringwork-poller-" + client.name()));
    } finally {
      never.countDown();
      executor.shutdownNow();
    }
  }

  /** A queue of the application's, whose offer may do what it likes. */
  private static final class Mine extends LinkedBlockingQueue<Runnable> {
    private static final long serialVersionUID = 1L;
  }

  @Test
  void whatMayBlockIsGivenByAThreadOfItsOwn() throws Exception {
    try (ExecutorService fixed = Executors.newFixedThreadPool(1);
        ExecutorService wrapped = Executors.newSingleThreadExecutor();
        ExecutorService named = Executors.newFixedThreadPool(1, Thread::new);
        ExecutorService blocking = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new Mine())) {
      assertFalse(CompletionMode.executor(fixed).mayBlock);
      assertFalse(CompletionMode.executor(ForkJoinPool.commonPool()).mayBlock);
      for (Executor unknown : List.<Executor>of(wrapped, named, blocking, Runnable::run)) {
        assertTrue(CompletionMode.executor(unknown).mayBlock);
      }
    }
  }

  @Test
  void aDeadlineEndsItsFutureWhileTheExecutorBlocks() throws Exception {
    CountDownLatch blocked = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    CompletionMode blocking = blockingFor(never, blocked);
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork client = Ringwork.connect(pool.config().completion(blocking))) {
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(50));
      var first = client.submit(EndingsTest.ECHO, new byte[8], soon).handle((r, late) -> late);
      blocked.await();
      var second = client.submit(EndingsTest.ECHO, new byte[8], soon).handle((r, late) -> late);
      assertInstanceOf(TaskTimeoutException.class, first.get(30, TimeUnit.SECONDS));
      assertInstanceOf(TaskTimeoutException.class, second.get(30, TimeUnit.SECONDS));
    } finally {
      never.countDown();
    }
  }

  /** The client completes what an executor takes and never begins; also when the pool is gone. */
  @Test
  void anExecutorThatDropsLosesNoFuture() throws Exception {
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS);
        Ringwork client =
            Ringwork.connect(pool.config().completion(CompletionMode.executor(task -> {})))) {
      TaskFuture<byte[]> plain = client.submit(EndingsTest.ECHO, new byte[8]);
      List<CompletableFuture<Integer>> dependents = submit(client, 3);
      for (int i = 0; i < 4; i++) {
        pool.take().echo();
      }
      assertAllComplete(dependents);
      Await.until(plain::isDone);
      assertEquals(1, ((Core) plain.engine).handover.mentions());
      var lost = client.submit(EndingsTest.ECHO, new byte[8]).handle((r, failure) -> failure);
      pool.die();
      assertInstanceOf(ClosedException.class, lost.get(30, TimeUnit.SECONDS));
    }
  }

  /** What runs callbacks on the thread that it is called on does not run them on the poller. */
  @Test
  void aCallbackOnTheThreadOfExecuteHoldsUpNothing() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch blocked = new CountDownLatch(1);
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS);
        Ringwork client =
            Ringwork.connect(pool.config().completion(CompletionMode.executor(Runnable::run)))) {
      var stuck =
          client
              .submit(EndingsTest.ECHO, new byte[8])
              .thenRun(
                  () -> {
                    blocked.countDown();
                    awaitForEver(never);
                  });
      pool.echo(); // not before: the callback of a future that is done runs on this thread
      blocked.await();
      assertAllComplete(submit(client, TASKS));
      assertFalse(stuck.isDone());
    } finally {
      never.countDown();
    }
  }

  @Test
  void anExecutorWithoutMemoryIsTriedAgain() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    CompletionMode full =
        CompletionMode.executor(
            task -> {
              if (tries.incrementAndGet() <= 20) {
                throw new OutOfMemoryError("of the test");
              }
              Thread.startVirtualThread(task);
            });
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS).echo();
        Ringwork client = Ringwork.connect(pool.config().completion(full))) {
      assertAllComplete(submit(client, TASKS));
    }
  }

  /** Each of its results takes all memory; the slots are not lost for that. */
  @Test
  void aResultWithoutMemoryEndsItsFutureAndNothingElse() throws Exception {
    for (CompletionMode mode : List.of(CompletionMode.INLINE, CompletionMode.VIRTUAL_THREADS)) {
      try (FakePool pool = new FakePool(base, 1, 16).echo();
          Ringwork client = Ringwork.connect(pool.config().completion(mode))) {
        TaskType<byte[], byte[]> type = TaskType.of("echo", Codec.BYTES, new Greedy());
        for (int size : new int[] {8, 500}) {
          for (int i = 0; i < 100; i++) {
            CompletableFuture<byte[]> dependent =
                client.submit(type, new byte[size]).thenApply(bytes -> bytes);
            ExecutionException failed =
                assertThrows(ExecutionException.class, () -> dependent.get(30, TimeUnit.SECONDS));
            assertInstanceOf(CodecException.class, failed.getCause());
          }
        }
        assertEquals(8, client.call(EndingsTest.ECHO, new byte[8]).length);
        Await.until(() -> client.info().freeSlots() == 16);
        assertEquals(0, pool.blocksInUse());
      }
    }
  }

  private static final class Greedy implements Codec<byte[]> {
    @Override
    public int id() {
      return BYTES_ID;
    }

    @Override
    public long maxSize(byte[] value) {
      return value.length;
    }

    @Override
    public void encode(byte[] value, ByteBuffer target) {
      target.put(value);
    }

    @Override
    public byte[] decode(ByteBuffer source) {
      throw new OutOfMemoryError("of the test");
    }
  }

  /** A callback that never returns, in the thread that polls, keeps neither close nor others. */
  @Test
  void closeWaitsForNoCallback() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    try (FakePool pool = new FakePool(base, 1, 16)) {
      Ringwork client =
          Ringwork.connect(
              pool.config()
                  .completion(CompletionMode.INLINE)
                  .closeTimeout(Duration.ofSeconds(600)));
      client
          .submit(EndingsTest.ECHO, new byte[8])
          .thenRun(
              () -> {
                begun.countDown();
                awaitForEver(never);
              });
      var others = submit(client, 3);
      var stuckToo =
          client.submit(EndingsTest.ECHO, new byte[8]).thenRun(() -> awaitForEver(never));
      pool.take().echo();
      begun.await();
      pool.echo(); // what else is in flight ends, but is not taken in
      Thread closer = Thread.ofPlatform().daemon().start(client::close);
      closer.join(60_000);
      assertFalse(closer.isAlive(), "close waits for a callback");
      assertAllComplete(others);
      never.countDown();
      stuckToo.get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void aSecondCloseWaitsForNoCallbackEither() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    try (FakePool pool = new FakePool(base, 1, 16)) {
      Ringwork client = Ringwork.connect(pool.config().completion(CompletionMode.INLINE));
      client
          .submit(EndingsTest.ECHO, new byte[8])
          .thenRun(
              () -> {
                client.close();
                closed.countDown();
                awaitForEver(never); // as System.exit does
              });
      pool.take().echo();
      assertTrue(closed.await(30, TimeUnit.SECONDS));
      Thread hook = Thread.ofPlatform().daemon().start(client::close);
      hook.join(60_000);
      assertFalse(hook.isAlive(), "a second close waits for the callback of the first");
      never.countDown();
    }
  }

  /** An executor whose execute tells that it was called, and does not return. */
  private static CompletionMode blockingFor(CountDownLatch never, CountDownLatch blocked) {
    return CompletionMode.executor(
        task -> {
          blocked.countDown();
          awaitForEver(never);
        });
  }

  private static void awaitForEver(CountDownLatch never) {
    try {
      never.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** An interrupt flag that a callback leaves set is not the poller's. */
  @Test
  void theClientOutlivesAnInterruptOfItsPoller() throws Exception {
    try (FakePool pool = new FakePool(base, 1, 16).echo();
        Ringwork client = Ringwork.connect(pool.config().completion(CompletionMode.INLINE))) {
      for (int i = 0; i < 20; i++) {
        client
            .submit(EndingsTest.ECHO, new byte[8])
            .thenRun(() -> Thread.currentThread().interrupt())
            .get(30, TimeUnit.SECONDS);
        Thread.interrupted();
      }
      assertTrue(client.isOpen());
      pool.die();
      Await.until(() -> !client.isOpen());
    }
  }
}
