package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an application may do with what the client shares with it: pools, interrupt flags. */
@Timeout(120)
class InterferenceTest {
  private static LaunchConfig config() {
    return Pools.stock("InterferenceTest");
  }

  /** Takes all threads of the JVM's common pool until the latch opens. */
  private static void blockCommonPool(CountDownLatch open) throws InterruptedException {
    int threads = Math.max(1, ForkJoinPool.getCommonPoolParallelism());
    CountDownLatch blocked = new CountDownLatch(threads);
    for (int i = 0; i < 2 * threads; i++) {
      ForkJoinPool.commonPool()
          .execute(
              () -> {
                blocked.countDown();
                try {
                  open.await();
                } catch (InterruptedException ended) {
                  Thread.currentThread().interrupt();
                }
              });
    }
    assertTrue(blocked.await(30, TimeUnit.SECONDS), "the common pool does not run");
  }

  @Test
  void theSupervisorsDeathIsSeenWithoutTheCommonPool() throws Exception {
    CountDownLatch open = new CountDownLatch(1);
    try (Ringwork pool = Ringwork.launch(config())) {
      List<TaskFuture<Long>> futures = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        futures.add(pool.submit(StockTasks.SLEEP, 60_000L));
      }
      blockCommonPool(open);
      Pools.supervisor(pool).destroyForcibly();
      for (TaskFuture<Long> future : futures) {
        ClosedException error = Pools.failure(ClosedException.class, future);
        Pools.assertSays(error, "supervisor", "SIGKILL");
      }
      assertFalse(pool.isOpen());
    } finally {
      open.countDown();
    }
  }

  @Test
  void anInterruptedThreadLeavesNothingWhenItCloses() {
    Ringwork pool = Ringwork.launch(config());
    ProcessHandle supervisor = Pools.supervisor(pool);
    Thread.currentThread().interrupt(); // as an executor's shutdownNow does
    pool.close();
    assertTrue(Thread.interrupted(), "the flag is the caller's");
    assertFalse(supervisor.isAlive());
    assertEquals(List.of(), PoolDirectory.list());
  }

  @Test
  void anInterruptWhileItWaitsLeavesNothingEither() throws Exception {
    Ringwork pool = Ringwork.launch(config());
    ProcessHandle supervisor = Pools.supervisor(pool);
    Proc.signal("STOP", supervisor.pid()); // it has to be killed, and can't remove its files
    Thread closer = new Thread(pool::close, "closer");
    closer.start();
    try {
      Await.until("it waits", () -> waitsFor(closer, "awaitClosed"));
      closer.interrupt();
      closer.join(60_000);
      assertFalse(closer.isAlive(), "close does not end");
    } finally {
      supervisor.destroyForcibly();
    }
    Await.until("no supervisor", () -> !Proc.isRunning(supervisor.pid()));
    assertEquals(List.of(), PoolDirectory.list());
  }

  /** Its main class is {@link Quitter}. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aCallbackMayExit(boolean closes) throws Exception {
    try (Child jvm = Child.java(List.of(), Quitter.class, Boolean.toString(closes))) {
      assertEquals(7, jvm.awaitExit(Await.PATIENCE), jvm::output);
    }
  }

  /** Its main class is {@link FullHeapVictim}. */
  @ParameterizedTest
  @CsvSource({
    "INLINE, Serial",
    "VIRTUAL_THREADS, Serial",
    "INLINE, Z",
    "VIRTUAL_THREADS, Z",
  })
  void aHeapThatIsFullForAMomentLosesNothing(String mode, String collector) throws Exception {
    String name = "InterferenceTest-heap";
    List<String> small = List.of("-Xmx32m", "-XX:+Use" + collector + "GC");
    try (Child pool = Child.serve(name);
        Child jvm = Child.java(small, FullHeapVictim.class, name, mode)) {
      assertEquals(0, jvm.awaitExit(Await.PATIENCE), jvm::output);
      jvm.awaitLine("its report", line -> line.startsWith("all ended"));
      assertTrue(pool.isAlive());
    }
  }

  private static boolean waitsFor(Thread thread, String method) {
    for (StackTraceElement frame : thread.getStackTrace()) {
      if (frame.getMethodName().equals(method)) {
        return true;
      }
    }
    return false;
  }
}
