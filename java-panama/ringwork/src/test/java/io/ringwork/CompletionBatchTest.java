package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Futures without dependents are completed together, and none is lost by that. */
@Tag("denied-too")
@Timeout(60)
class CompletionBatchTest {
  private static final int TASKS = 200;

  @TempDir Path base;

  @Test
  void futuresThatNobodyWaitsForShareTasksOfTheExecutor() throws IOException {
    AtomicInteger executed = new AtomicInteger();
    CompletionMode counting =
        CompletionMode.executor(
            task -> {
              executed.incrementAndGet();
              task.run();
            });
    try (FakePool pool = new FakePool(base, 1, 2 * TASKS);
        Ringwork client = Ringwork.connect(pool.config().completion(counting))) {
      List<FakeTask> taken = new ArrayList<>();
      List<TaskFuture<byte[]>> futures =
          client.submitAll(
              EndingsTest.ECHO, Stream.generate(() -> new byte[8]).limit(TASKS).toList());
      for (int i = 0; i < TASKS; i++) {
        taken.add(pool.take());
      }
      // All have ended before the poller is told to look at the slots: it finds them together.
      taken.forEach(task -> task.publish(Layout.STATUS_OK, 0, 8, Layout.CODEC_BYTES));
      pool.memory.setIntOpaque(pool.geometry.client(0) + Layout.CLIENT_OVERFLOW, 1);
      pool.wake(0);
      Await.until(() -> futures.stream().allMatch(TaskFuture::isDone));
      assertTrue(executed.get() < TASKS, "one task of the executor for each future");
    }
  }

  @Test
  void aFutureWithADependentHasATaskOfItsOwn() throws Exception {
    ConcurrentLinkedQueue<Thread> threads = new ConcurrentLinkedQueue<>();
    CountDownLatch all = new CountDownLatch(2);
    CompletableFuture<Void> stuck = new CompletableFuture<>();
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork client = pool.connect()) {
      for (int i = 0; i < 2; i++) {
        client
            .submit(EndingsTest.ECHO, new byte[8])
            .thenAccept(
                done -> {
                  threads.add(Thread.currentThread());
                  all.countDown();
                  stuck.join();
                });
      }
      FakeTask one = pool.take();
      pool.take().echo();
      one.echo();
      all.await(); // the second callback runs while the first one blocks
      stuck.complete(null);
    }
    assertEquals(2, threads.stream().distinct().count());
  }

  @Test
  void aStuckBatchIsTakenOnByAnotherThread() throws Exception {
    try (FakePool pool = new FakePool(base, 1, 16);
        Ringwork client = pool.connect()) {
      List<TaskFuture<byte[]>> futures =
          client.submitAll(EndingsTest.ECHO, Stream.generate(() -> new byte[8]).limit(3).toList());
      CountDownLatch begun = new CountDownLatch(1);
      CompletableFuture<Void> stuck = new CompletableFuture<>();
      var after =
          futures
              .getFirst()
              .thenRun(
                  () -> {
                    begun.countDown();
                    stuck.join();
                  });
      futures.forEach(future -> future.settle(new byte[8]));
      var batch =
          new CompletionBatch(
              future -> ((Core) future.engine).handover.complete(future),
              futures.toArray(TaskFuture<?>[]::new),
              0);
      Thread first = Thread.startVirtualThread(batch);
      begun.await();
      assertFalse(batch.isTaken());
      assertFalse(futures.get(1).isDone());
      assertFalse(batch.isLate(BatchList.STUCK_NANOS, BatchList.STUCK_NANOS));
      assertTrue(batch.isLate(BatchList.STUCK_NANOS + 1, BatchList.STUCK_NANOS));
      batch.run(); // as the poller has it done then
      assertTrue(batch.isTaken());
      assertTrue(futures.get(1).isDone() && futures.get(2).isDone());
      stuck.complete(null);
      first.join();
      after.join();
      for (int i = 0; i < 3; i++) {
        pool.take().echo();
      }
      Await.until(() -> client.info().freeSlots() == 16);
    }
  }
}
