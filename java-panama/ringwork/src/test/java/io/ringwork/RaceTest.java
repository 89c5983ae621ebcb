package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Everything at once: results, failures, crashes, cancels, deadlines, slow and hasty lanes. */
@Tag("denied-too")
@Timeout(120)
class RaceTest {
  private static final int THREADS = 4;
  private static final int TASKS = 3_000;

  @TempDir Path base;
  final AtomicLong results = new AtomicLong();
  final AtomicLong failures = new AtomicLong();
  final ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();

  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void everyFutureCompletesOnceAndEverythingComesHome(WaitStrategy strategy) throws Exception {
    race(config -> config.waitStrategy(strategy));
  }

  /** Whichever of its ends comes first; each of them is seen by observers, and only once. */
  @Test
  void everyTaskIsObservedOnce() throws Exception {
    AtomicInteger begun = new AtomicInteger();
    ConcurrentLinkedQueue<TaskOutcome> ended = new ConcurrentLinkedQueue<>();
    race(
        config ->
            config.observer(
                task -> {
                  begun.incrementAndGet();
                  return ending -> ended.add(ending.outcome());
                }));
    assertEquals(THREADS * TASKS, begun.get());
    assertEquals(THREADS * TASKS, ended.size());
    assertTrue(ended.contains(TaskOutcome.COMPLETED), ended::toString);
    assertTrue(ended.contains(TaskOutcome.CANCELLED), ended::toString);
    assertTrue(ended.contains(TaskOutcome.CRASHED), ended::toString);
  }

  private void race(UnaryOperator<ConnectConfig> options) throws Exception {
    try (FakePool pool = new FakePool(base, 1, 32)) {
      for (int lane = 0; lane < 3; lane++) {
        pool.lane(RaceTest::anything);
      }
      AtomicInteger callbacks = new AtomicInteger();
      try (Ringwork client = Ringwork.connect(options.apply(pool.config()))) {
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
          threads.add(new Thread(() -> submitter(client, callbacks)));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
          thread.join();
        }
        Await.until(() -> pool.slotsInUse() == 0 && pool.blocksInUse() == 0);
        Await.until(() -> client.info().freeSlots() == 32);
        Await.until(() -> callbacks.get() == THREADS * TASKS);
      }
      assertEquals(List.of(), List.copyOf(wrong));
      assertTrue(results.get() > 0 && failures.get() > 0, results + " and " + failures);
    }
  }

  private static void anything(FakeTask task) {
    switch (ThreadLocalRandom.current().nextInt(12)) {
      case 0 -> task.crash(Layout.CAUSE_SIGNAL | 9);
      case 1 -> task.fail(Layout.STATUS_FAILED, "code", "message".repeat(20), "place");
      case 2 -> {
        LockSupport.parkNanos(300_000);
        task.echo();
        task.pool.hint(task.slot); // twice
      }
      case 3 -> {
        LockSupport.parkNanos(2_000_000);
        task.echo();
      }
      default -> task.echo();
    }
  }

  private void submitter(Ringwork client, AtomicInteger callbacks) {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    TaskOptions patient =
        TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(30)));
    TaskOptions hasty = patient.timeout(Duration.ofNanos(700_000));
    for (int n = 0; n < TASKS; n++) {
      byte[] request = SubmitTest.bytes(random.nextInt(4) == 0 ? 600 : random.nextInt(89));
      TaskFuture<byte[]> future =
          client.submit(EndingsTest.ECHO, request, random.nextInt(4) == 0 ? hasty : patient);
      AtomicInteger seen = new AtomicInteger();
      future.whenComplete(
          (result, error) -> {
            callbacks.incrementAndGet();
            if (seen.incrementAndGet() != 1) {
              wrong.add(new AssertionError("completed twice"));
            }
            check(request, result, error);
          });
      switch (random.nextInt(4)) {
        case 0 -> future.cancel(true);
        case 1, 2 -> quietly(future);
        default -> {}
      }
    }
  }

  private static void quietly(TaskFuture<?> future) {
    try {
      future.join();
    } catch (CompletionException | CancellationException expected) {
      // counted by the callback
    }
  }

  private void check(byte[] request, byte[] result, Throwable error) {
    if (error == null) {
      results.incrementAndGet();
      if (!java.util.Arrays.equals(request, result)) {
        wrong.add(new AssertionError("another task's result"));
      }
      return;
    }
    failures.incrementAndGet();
    assertNotNull(error.getMessage());
    boolean expected =
        error instanceof CancellationException
            || error instanceof TaskTimeoutException
            || error instanceof WorkerCrashedException
            || error instanceof RemoteFailureException
            || error instanceof RejectedException rejected
                && rejected.reason() == RejectedException.Reason.ARENA_EXHAUSTED;
    if (!expected) {
      wrong.add(error);
    }
  }
}
