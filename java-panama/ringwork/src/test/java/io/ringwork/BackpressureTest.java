package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.wait.PollerRole;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** No slot, no room in the ring, no block: for each policy. */
@Tag("denied-too")
@Timeout(60)
class BackpressureTest {
  private static final int ROUNDS = 20;

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, 8);
    client = pool.connect();
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    pool.close();
  }

  private List<TaskFuture<byte[]>> fill(int size) {
    List<TaskFuture<byte[]>> futures = new ArrayList<>();
    for (int n = 0; n < 8; n++) {
      futures.add(client.submit(EndingsTest.ECHO, SubmitTest.bytes(size)));
    }
    return futures;
  }

  private RejectedException rejected(byte[] request, TaskOptions options) {
    RejectedException e =
        EndingsTest.failure(
            RejectedException.class, client.submit(EndingsTest.ECHO, request, options));
    assertFalse(e.mayHaveRun());
    return e;
  }

  private static TaskOptions block(Duration timeout) {
    return TaskOptions.DEFAULT.backpressure(Backpressure.block(timeout));
  }

  @Test
  void noSlot() {
    List<TaskFuture<byte[]>> futures = fill(1);
    assertEquals(
        RejectedException.Reason.NO_SLOT, rejected(new byte[1], TaskOptions.DEFAULT).reason());
    long start = System.nanoTime();
    assertEquals(
        RejectedException.Reason.NO_SLOT,
        rejected(new byte[1], block(Duration.ofMillis(30))).reason());
    assertTrue(System.nanoTime() - start >= 30_000_000);
    RejectedException thrown = assertThrows(RejectedException.class, () -> client.claim("echo", 1));
    assertEquals(RejectedException.Reason.NO_SLOT, thrown.reason());
    Thread blocked =
        new Thread(
            () ->
                client.submit(
                    EndingsTest.ECHO, SubmitTest.bytes(5), block(Duration.ofSeconds(30))));
    blocked.start();
    Await.until(
        () ->
            blocked.getState() == Thread.State.TIMED_WAITING
                || blocked.getState() == Thread.State.WAITING);
    pool.echo();
    futures.forEach(TaskFuture::join);
    Await.until(() -> !blocked.isAlive());
    Await.until(() -> pool.slotsInUse() == 0);
    Await.until(() -> pool.counter(0, Layout.CLIENT_REJECTED) == 3);
  }

  @Test
  void blockEndsAtTheDeadlineAndOnInterrupt() {
    List<TaskFuture<byte[]>> futures = fill(1);
    TaskOptions soon = block(Duration.ofSeconds(30)).timeout(Duration.ofMillis(20));
    EndingsTest.failure(
        TaskTimeoutException.class, client.submit(EndingsTest.ECHO, new byte[1], soon));
    Thread.currentThread().interrupt();
    TaskFuture<byte[]> interrupted =
        client.submit(EndingsTest.ECHO, new byte[1], block(Duration.ofSeconds(30)));
    assertTrue(Thread.interrupted());
    EndingsTest.failure(RejectedException.class, interrupted);
    pool.echo();
    futures.forEach(TaskFuture::join);
  }

  @Test
  void noBlock() {
    // The largest class has 8 blocks, 2 of them for results only: the 7th request finds none.
    List<TaskFuture<byte[]>> futures = new ArrayList<>();
    for (int n = 0; n < 6; n++) {
      futures.add(client.submit(EndingsTest.ECHO, SubmitTest.bytes(200_000)));
    }
    RejectedException full = rejected(SubmitTest.bytes(200_000), TaskOptions.DEFAULT);
    assertEquals(RejectedException.Reason.ARENA_EXHAUSTED, full.reason());
    assertEquals(
        RejectedException.Reason.ARENA_EXHAUSTED,
        rejected(SubmitTest.bytes(200_000), block(Duration.ofMillis(20))).reason());
    // Smaller ones still have theirs, and may fall back one class up, where there is one.
    futures.add(client.submit(EndingsTest.ECHO, SubmitTest.bytes(20)));
    assertThrows(RejectedException.class, () -> client.claim("echo", 200_000));
    pool.echo();
    futures.add(
        client.submit(EndingsTest.ECHO, SubmitTest.bytes(200_000), block(Duration.ofSeconds(30))));
    futures.forEach(TaskFuture::join);
    Await.until(() -> pool.blocksInUse() == 0);
  }

  /**
   * What has ended is taken in by the submit that needs its room, not only by the poller.
   *
   * <p>In most of the rounds: when the poller is taking it in at that moment, and waits for a
   * processor, there is no room yet.
   */
  @Test
  void whatHasEndedMakesRoom() {
    assertMakesRoom(8, 1, () -> isTaken(client.submit(EndingsTest.ECHO, new byte[1])));
    assertMakesRoom(8, 1, this::canBeClaimed); // the raw API, too
    byte[] large = SubmitTest.bytes(200_000); // there are six blocks of this size
    assertMakesRoom(6, large.length, () -> isTaken(client.submit(EndingsTest.ECHO, large)));
  }

  private void assertMakesRoom(int tasks, int size, BooleanSupplier attempt) {
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++) {
      List<TaskFuture<byte[]>> futures = new ArrayList<>();
      for (int n = 0; n < tasks; n++) {
        futures.add(client.submit(EndingsTest.ECHO, SubmitTest.bytes(size)));
      }
      endWithoutWaking();
      refused += attempt.getAsBoolean() ? 0 : 1;
      futures.forEach(TaskFuture::join);
      Await.until(() -> client.info().freeSlots() == 8 && pool.blocksInUse() == 0);
    }
    assertTrue(refused <= ROUNDS / 4, refused + " of " + ROUNDS);
  }

  private boolean isTaken(TaskFuture<byte[]> future) {
    boolean taken = !future.isCompletedExceptionally();
    endWithoutWaking();
    if (taken) {
      future.join();
    }
    return taken;
  }

  private boolean canBeClaimed() {
    try {
      client.claim("echo", 1).close();
      return true;
    } catch (RejectedException full) {
      return false;
    }
  }

  private void endWithoutWaking() {
    for (FakeTask task = pool.poll(); task != null; task = pool.poll()) {
      task.publish(Layout.STATUS_OK, 0, 0, 0);
      pool.offer(task.slot);
    }
  }

  @Test
  void oneClassUp() {
    List<TaskFuture<byte[]>> futures = fill(600);
    assertEquals(8, pool.blocksInUse());
    pool.echo();
    futures.forEach(TaskFuture::join);
    Await.until(() -> pool.blocksInUse() == 0);
  }

  @Test
  void fullRing() {
    HintRing ring =
        new HintRing(
            pool.memory,
            pool.geometry.injector(1),
            pool.geometry.injectorCapacity(),
            CorruptSegmentException::new);
    while (ring.offer(3)) {}
    RejectedException full = rejected(SubmitTest.bytes(100), TaskOptions.DEFAULT);
    assertEquals(RejectedException.Reason.RING_FULL, full.reason());
    assertEquals(0, pool.slotsInUse());
    assertEquals(0, pool.blocksInUse());
    assertEquals(8, client.info().freeSlots());
    callsFindNoRoom();
    Thread blocked =
        new Thread(
            () ->
                client
                    .submit(EndingsTest.ECHO, SubmitTest.bytes(5), block(Duration.ofSeconds(30)))
                    .join());
    blocked.start();
    pool.echo();
    Await.until(() -> !blocked.isAlive());
    assertEquals(1, pool.counter(0, Layout.CLIENT_SUBMITTED));
  }

  /** They have the poller's role by then, and must not keep it, or no result is taken in again. */
  private void callsFindNoRoom() {
    PollerRole role = ((Client) client.connection).core.role;
    TaskOptions patient = block(Duration.ofMillis(5));
    RawCall raw = client.rawCall("echo");
    for (int n = 0; n < 4; n++) {
      assertRingIsFull(() -> client.call(EndingsTest.ECHO, new byte[1]));
      assertFalse(role.isMine());
      assertRingIsFull(() -> client.call(EndingsTest.ECHO, new byte[1], patient));
      assertFalse(role.isMine());
      raw.claim(1);
      assertRingIsFull(() -> raw.invoke(1));
      assertFalse(role.isMine());
    }
    // One was counted too early; the next that is submitted makes up for it.
    assertTrue(pool.counter(0, Layout.CLIENT_SUBMITTED) <= 1);
    assertEquals(8, client.info().freeSlots());
  }

  private static void assertRingIsFull(Executable call) {
    assertEquals(
        RejectedException.Reason.RING_FULL, assertThrows(RejectedException.class, call).reason());
  }
}
