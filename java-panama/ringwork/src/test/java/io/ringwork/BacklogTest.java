package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.RejectedException.Reason;
import io.ringwork.internal.queue.LanePace;
import io.ringwork.internal.queue.RunTimes;
import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Deadlines that can't be met are refused at the submit, and no others. The lanes are words that
 * the test writes: two that run, with tasks of about a second.
 */
@Tag("denied-too")
@Timeout(120)
class BacklogTest {
  private static final int SLOTS = 256;
  private static final TaskOptions SOON = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(5));

  /** 0.94 s, as {@code bucket_of} has it. */
  private static final int ABOUT_A_SECOND = 115;

  /** 60 s. */
  private static final int ABOUT_A_MINUTE = ABOUT_A_SECOND + 24;

  @TempDir Path base;
  FakePool pool;
  Ringwork client;
  Client connected;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 8, SLOTS);
    for (int lane = 0; lane < 2; lane++) {
      pool.memory.setLongRelease(
          pool.geometry.lane(lane) + Layout.LANE_WORD, 1L << 24 | Layout.ENTRY_ACTIVE);
      busy(lane, true);
    }
    client = Ringwork.connect(pool.config().closeTimeout(Duration.ZERO));
    connected = (Client) client.connection;
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    pool.close();
  }

  private void busy(int lane, boolean busy) {
    pool.memory.setIntOpaque(pool.geometry.lane(lane) + Layout.LANE_CURRENT, busy ? 1 : 0);
  }

  private void ran(int bucket, int tasks) {
    long at = pool.geometry.lane(1) + Layout.LANE_RUN_HISTOGRAM + 8L * bucket;
    pool.memory.setLong(at, pool.memory.getLong(at) + tasks);
  }

  private void hold(int lane, int place, int slot) {
    long at = pool.geometry.lane(lane) + Layout.LANE_HELD + 4L * place;
    pool.memory.setIntOpaque(at, slot + 1);
  }

  private void count(int counter, int tasks) {
    long at = pool.geometry.lane(0) + counter;
    pool.memory.setLong(at, pool.memory.getLong(at) + tasks);
  }

  /** The lanes have started tasks. */
  private void started(int tasks) {
    count(Layout.LANE_STARTED, tasks);
  }

  private List<TaskFuture<byte[]>> flood(int tasks) {
    return client.submitAll(EndingsTest.ECHO, Collections.nCopies(tasks, new byte[1]));
  }

  private RejectedException refusal(TaskFuture<?> future) {
    if (!future.isDone()) { // let in: by a probe, or before it was known
      future.cancel(true); // its hint stays in the ring
      LockSupport.parkNanos(2_000_000);
      return null;
    }
    RejectedException e = EndingsTest.failure(RejectedException.class, future);
    assertEquals(Reason.DEADLINE_UNREACHABLE, e.reason());
    assertFalse(e.mayHaveRun());
    return e;
  }

  private RejectedException refused(Supplier<TaskFuture<?>> submit) {
    return Await.value(() -> refusal(submit.get()));
  }

  private RejectedException refused(TaskOptions options) {
    return refused(() -> client.submit(EndingsTest.ECHO, new byte[1], options));
  }

  /** Not by a probe alone. */
  private void letIn(TaskOptions options) {
    for (int n = 0; n < 5; n++) {
      TaskFuture<byte[]> future = client.submit(EndingsTest.ECHO, new byte[1], options);
      assertFalse(future.isDone());
      future.cancel(true);
    }
  }

  /** In a moment, and not by a probe alone. */
  private void letInSoon(TaskOptions options) {
    Await.until(
        () -> {
          List<TaskFuture<byte[]>> three = new ArrayList<>();
          for (int n = 0; n < 3; n++) {
            three.add(client.submit(EndingsTest.ECHO, new byte[1], options));
          }
          boolean in = three.stream().noneMatch(TaskFuture::isDone);
          three.forEach(future -> future.cancel(true));
          return in;
        });
  }

  /** A hundred tasks are queued, of a second each as it seems. */
  private List<TaskFuture<byte[]>> saturate() {
    List<TaskFuture<byte[]>> flood = flood(100);
    letIn(SOON); // begins to count
    ran(ABOUT_A_SECOND, 8);
    refused(SOON);
    return flood;
  }

  @Test
  void whatCannotBeInTimeIsRefused() {
    saturate();
    RejectedException e = refused(SOON);
    for (String part : List.of("echo", "46 s", "100 tasks", "2 lanes", "4", "admitLate", "HIGH")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertTrue(pool.counter(0, Layout.CLIENT_REJECTED) >= 1);
    letIn(TaskOptions.DEFAULT);
    letIn(TaskOptions.DEFAULT.timeout(Duration.ofMinutes(2)));
    letIn(SOON.priority(Priority.HIGH)); // nothing is before it
    letIn(SOON.admitLate(true));
    refused(SOON.priority(Priority.LOW));
    refused(SOON.backpressure(Backpressure.block(Duration.ofSeconds(3))));
    TaskType<byte[], byte[]> here = EndingsTest.ECHO.fallback(x -> new byte[] {9});
    TaskOptions inline = SOON.backpressure(Backpressure.callerRuns());
    Await.until(
        () -> {
          TaskFuture<byte[]> one = client.submit(here, new byte[1], inline);
          TaskFuture<byte[]> two = client.submitAll(here, List.of(new byte[1]), inline).get(0);
          boolean ran = one.isDone() && two.isDone();
          return ran && one.resultNow()[0] == 9 && two.resultNow()[0] == 9;
        });
  }

  @Test
  void onEachWayIn() throws Exception {
    saturate();
    int free = client.info().freeSlots();
    refused(() -> client.submitAll(EndingsTest.ECHO, List.of(new byte[1]), SOON).get(0));
    refused(() -> client.submitChunk(EndingsTest.ECHO, List.of(new byte[1]), 10, SOON));
    refused(() -> client.claim("echo", 100, SOON).submit());
    try (RawCall call = client.rawCall("echo", SOON)) {
      call.claim(1);
      RejectedException e = assertThrows(RejectedException.class, () -> call.invoke(1));
      assertEquals(Reason.DEADLINE_UNREACHABLE, e.reason());
    }
    assertEquals(free, client.info().freeSlots());
  }

  @Test
  void besideALaneThatFindsNothingToDoNothingIs() {
    List<TaskFuture<byte[]>> flood = saturate();
    busy(1, false); // between two tasks: it takes one of those that are queued
    for (int n = 0; n < 20; n++) {
      refused(SOON);
    }
    busy(1, true);
    pool.memory.setLong(Layout.H_IDLE, 2);
    refused(SOON); // one that was just woken, or waits for the processor, runs no hundred at once
    flood.forEach(future -> future.cancel(true));
    pool.memory.setLong(Layout.H_IDLE, 2);
    letInSoon(SOON);
    pool.memory.setLong(Layout.H_IDLE, 0);
    // What ran before the lane was idle says nothing about what is queued now.
    flood(100);
    for (int n = 0; n < 20; n++) {
      letIn(SOON);
    }
    ran(ABOUT_A_SECOND, 7);
    letIn(SOON);
    ran(ABOUT_A_SECOND, 1);
    refused(SOON);
  }

  private RunTimes runTimes() {
    return connected.core.counters.runTimes;
  }

  /** Tasks have run, each of which took so long. */
  private void ran(TaskType<byte[], byte[]> type, int tasks, long millis) throws Exception {
    for (int n = 0; n < tasks; n++) {
      TaskFuture<byte[]> future = client.submit(type, new byte[1]);
      FakeTask task = pool.take();
      long claimed = System.nanoTime() - millis * 1_000_000;
      pool.memory.setLong(task.at + Layout.SLOT_SUBMITTED_NS, claimed - 1);
      pool.memory.setLong(task.at + Layout.SLOT_CLAIMED_NS, claimed);
      task.echo();
      future.get();
    }
  }

  /** How many of a hundred at once are let in. */
  private int ofAHundred(TaskType<byte[], byte[]> type, TaskOptions options) {
    int in = 0;
    for (int n = 0; n < 100; n++) {
      in += client.submit(type, new byte[1], options).isDone() ? 0 : 1;
    }
    return in;
  }

  @Test
  void aBurstOnAnIdlePoolIsWeighedByWhatItsHandlersTasksTook() throws Exception {
    ran(EndingsTest.ECHO, 3, 10_000);
    pool.memory.setLong(Layout.H_IDLE, 3);
    // 5 s for each on two lanes, and 10 s for itself: ten, and one as a probe.
    int in = ofAHundred(EndingsTest.ECHO, SOON.timeout(Duration.ofMinutes(1)));
    assertTrue(in >= 10 && in <= 12, in + " were let in");
    refused(SOON);
    // So is what comes behind it, whichever handler it is for.
    refused(() -> client.submit(TaskType.of("other", Codec.BYTES, Codec.BYTES), new byte[1], SOON));
  }

  @Test
  void soIsOneThatIsSubmittedTogether() throws Exception {
    ran(EndingsTest.ECHO, 3, 10_000);
    pool.memory.setLong(Layout.H_IDLE, 3);
    TaskOptions options = SOON.timeout(Duration.ofMinutes(1));
    long in =
        client.submitAll(EndingsTest.ECHO, Collections.nCopies(100, new byte[1]), options).stream()
            .filter(future -> !future.isDone())
            .count();
    assertTrue(in >= 10 && in <= 12, in + " were let in");
  }

  @Test
  void aBurstOfAHandlerThatNeverRanIsLetIn() throws Exception {
    ran(EndingsTest.ECHO, 2, 10_000); // too few
    ran(TaskType.of("other", Codec.BYTES, Codec.BYTES), 3, 10_000);
    pool.memory.setLong(Layout.H_IDLE, 3);
    assertEquals(100, ofAHundred(EndingsTest.ECHO, SOON));
  }

  @Test
  void theMarginGrowsWhileTasksThatWereLetInComeTooLate() throws Exception {
    ran(EndingsTest.ECHO, 3, 100);
    RunTimes.Handler echo = runTimes().known(TaskType.idOf("echo"));
    TaskOptions options = SOON.timeout(Duration.ofMillis(400));
    Await.until(
        () -> {
          client.submit(EndingsTest.ECHO, new byte[1], options); // no lane takes it
          LockSupport.parkNanos(2_000_000);
          return echo.margin(System.nanoTime()) > RunTimes.LEAST_MARGIN;
        });
  }

  @Test
  void tasksThatWereGivenUpAreNotWaitedFor() {
    List<TaskFuture<byte[]>> flood = saturate();
    flood.subList(0, 95).forEach(future -> future.cancel(true)); // their hints stay
    letInSoon(SOON);
    flood(100);
    refused(SOON);
  }

  @Test
  void tasksThatWillHaveExpiredAreNotWaitedForAndTheOthersAre() {
    flood(8);
    letIn(SOON); // begins to count
    ran(ABOUT_A_MINUTE, 8);
    refused(SOON);
    TaskOptions two = TaskOptions.DEFAULT.timeout(Duration.ofMinutes(2));
    client.submitAll(EndingsTest.ECHO, Collections.nCopies(100, new byte[1]), two.admitLate(true));
    // Eight take four minutes; all others have expired when a lane gets to them.
    letInSoon(two.timeout(Duration.ofMinutes(8)));
    refused(two.timeout(Duration.ofMinutes(3)));
    refused(two);
    TaskOptions nine = two.timeout(Duration.ofMinutes(9));
    client.submitAll(EndingsTest.ECHO, Collections.nCopies(10, new byte[1]), nine.admitLate(true));
    letInSoon(two.timeout(Duration.ofMinutes(14)));
    refused(two.timeout(Duration.ofMinutes(5)));
  }

  @Test
  void tasksThatALaneHoldsAreWaitedFor() {
    saturate().forEach(future -> future.cancel(true));
    letInSoon(SOON);
    while (pool.injectors[1].poll(new int[64]) > 0) {
      // hints of the cancelled
    }
    flood(16);
    int[] hints = new int[16];
    assertEquals(16, pool.injectors[1].poll(hints));
    letInSoon(SOON);
    for (int h = 0; h < Layout.HELD; h++) {
      for (int lane = 0; lane < 2; lane++) {
        hold(lane, h, hints[2 * h + lane]);
      }
    }
    refused(SOON);
    refused(SOON.priority(Priority.HIGH));
  }

  @Test
  void tasksThatStartFasterThanTheRunTimesSayAreBelieved() {
    saturate();
    int[] hints = new int[32];
    Await.until(
        () -> {
          List<TaskFuture<byte[]>> more = flood(20);
          started(pool.injectors[1].poll(hints));
          boolean in = true;
          for (int n = 0; n < 3; n++) {
            TaskFuture<byte[]> future = client.submit(EndingsTest.ECHO, new byte[1], SOON);
            in &= !future.isDone();
            future.cancel(true);
          }
          more.forEach(future -> future.cancel(true));
          return in;
        });
  }

  @Test
  void hintsOfTasksThatNeverStartAreNoPace() {
    saturate();
    int[] hints = new int[64];
    int[] refusedInARow = {0};
    Await.until(
        () -> {
          while (pool.injectors[1].poll(hints) > 0) {
            // those of the round before
          }
          started(10); // too late, as each of them says: they took no time
          count(Layout.LANE_EXPIRED, 10);
          List<TaskFuture<byte[]>> expired = flood(30);
          boolean refused = false;
          for (int n = 0; n < 2; n++) { // one may be a probe
            TaskFuture<byte[]> future = client.submit(EndingsTest.ECHO, new byte[1], SOON);
            refused |= future.isDone();
            future.cancel(true);
          }
          expired.forEach(future -> future.cancel(true));
          refusedInARow[0] = refused ? refusedInARow[0] + 1 : 0;
          return refusedInARow[0] == 100;
        });
  }

  @Test
  void shorterTasksAreBelievedAndOneInAWhileIsLetIn() {
    saturate();
    Await.until(() -> !client.submit(EndingsTest.ECHO, new byte[1], SOON).isDone()); // a probe
    refused(SOON);
    ran(60, 100_000); // a few tens of microseconds
    Await.until(
        () -> {
          ran(60, 100_000);
          TaskFuture<byte[]> one = client.submit(EndingsTest.ECHO, new byte[1], SOON);
          TaskFuture<byte[]> two = client.submit(EndingsTest.ECHO, new byte[1], SOON);
          boolean in = !one.isDone() && !two.isDone();
          one.cancel(true);
          two.cancel(true);
          return in;
        });
  }

  @Test
  void bucketsAreThoseOfTheLanes() {
    assertEquals(7, LanePace.bucketFloor(7));
    assertEquals(8, LanePace.bucketFloor(8));
    assertEquals(939_524_096, LanePace.bucketFloor(ABOUT_A_SECOND));
    assertEquals(7L << 38, LanePace.bucketFloor(Layout.HISTOGRAM_BUCKETS - 1));
  }
}
