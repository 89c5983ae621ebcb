package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tasks whose caller looks for the end itself: they need no completion hint, until it stops. */
@Timeout(60)
class WatchedTest {
  private static final int SLOTS = 16;

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, SLOTS);
  }

  @AfterEach
  void close() throws IOException {
    if (client != null) {
      client.close();
    }
    pool.close();
  }

  private FutureTask<byte[]> call(TaskOptions options) {
    FutureTask<byte[]> call =
        new FutureTask<>(() -> client.call(StockTasks.ECHO, SubmitTest.bytes(64), options));
    Thread caller = new Thread(call, "caller");
    caller.setDaemon(true);
    caller.start();
    return call;
  }

  private void assertAllHome() {
    Await.until(() -> pool.slotsInUse() == 0 && client.info().freeSlots() == SLOTS);
  }

  @Test
  void aCallThatSpinsToItsEndIsSentNoHint() throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(WaitStrategy.SPIN));
    pool.echo();
    for (int n = 0; n < 200; n++) {
      assertArrayEquals(
          SubmitTest.bytes(n % 100), client.call(StockTasks.ECHO, SubmitTest.bytes(n % 100)));
    }
    assertEquals(0, pool.hints(0));
    assertAllHome();
  }

  @Test
  void aSubmittedTaskIsSentItsHint() throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(WaitStrategy.SPIN));
    pool.echo();
    client.submit(StockTasks.ECHO, SubmitTest.bytes(8)).get();
    Await.until(() -> pool.hints(0) == 1);
  }

  @ParameterizedTest
  @EnumSource(names = {"ADAPTIVE", "PARK"})
  void aCallThatSleepsIsSentOne(WaitStrategy strategy) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(strategy));
    for (int n = 1; n <= 20; n++) {
      FutureTask<byte[]> call = call(TaskOptions.DEFAULT);
      FakeTask task = pool.take();
      if (strategy == WaitStrategy.ADAPTIVE) {
        Await.until(() -> (task.asked() & Layout.HINT_BIT) != 0);
      }
      task.echo();
      assertArrayEquals(SubmitTest.bytes(64), call.get());
      assertEquals(n, pool.hints(0));
    }
    assertAllHome();
  }

  @Test
  void anEndBetweenTheLastLookAndTheRequestIsSeen() throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(WaitStrategy.ADAPTIVE));
    for (int n = 0; n < 300; n++) {
      FutureTask<byte[]> call = call(TaskOptions.DEFAULT);
      FakeTask task = pool.take();
      long end = System.nanoTime() + n * 400L; // to past the time at which the caller stops to look
      while (System.nanoTime() < end) {
        Thread.onSpinWait();
      }
      task.echo();
      assertArrayEquals(SubmitTest.bytes(64), call.get());
    }
    assertAllHome();
  }

  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void aTaskThatIsGivenUpComesHome(WaitStrategy strategy) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(strategy));
    TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(20));
    for (int n = 0; n < 20; n++) {
      FutureTask<byte[]> call = call(soon);
      FakeTask[] taken = new FakeTask[1];
      Await.until(() -> (taken[0] = pool.poll()) != null || call.isDone());
      Throwable late = null;
      try {
        call.get();
      } catch (ExecutionException failed) {
        late = failed.getCause();
      }
      assertTrue(late instanceof TaskTimeoutException, String.valueOf(late));
      if (taken[0] != null) { // else it was taken back in time
        Await.until(taken[0]::cancelled);
        taken[0].echo(); // too late: the slot comes home by the hint
      }
      assertAllHome();
    }
  }
}
