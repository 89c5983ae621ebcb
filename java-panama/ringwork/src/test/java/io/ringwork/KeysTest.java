package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.OrderKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a client does for tasks with keys, beside lanes that know nothing of them: whatever its
 * order is here, the client has made it.
 */
@Timeout(60)
class KeysTest {
  private static final int SLOTS = 16;
  private static final TaskOptions KEYED = TaskOptions.DEFAULT.key("k");
  private static final TaskType<Long, Long> NUMBER = EndingsTest.NUMBER;

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = FakePool.keyed(base, SLOTS);
    client = pool.connect();
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    pool.close();
  }

  private void assertAllHome() {
    Await.until(() -> pool.slotsInUse() == 0 && pool.blocksInUse() == 0);
    Await.until(() -> client.info().freeSlots() == SLOTS);
  }

  private TaskFuture<Long> submit(long number) {
    return client.submit(NUMBER, number, KEYED);
  }

  /** Takes the task that has a hint, and only that one. */
  private FakeTask only() {
    FakeTask task = pool.take();
    assertNull(pool.poll(), "a task runs beside another one of its key");
    return task;
  }

  private long keyNext(int slot) {
    return pool.memory.getLongAcquire(pool.keyLine(slot) + Layout.KEY_NEXT) & Layout.KEY_SLOT_MASK;
  }

  @Test
  void eachTaskOfAKeyIsHintedByTheEndOfTheOneBeforeIt() {
    List<TaskFuture<Long>> futures = List.of(submit(0), submit(1), submit(2));
    long before = 0;
    for (int n = 0; n < futures.size(); n++) {
      FakeTask task = only();
      assertTrue(task.has(Layout.PUBLISHED_KEYED));
      long line = pool.keyLine(task.slot);
      assertEquals(
          OrderKey.hash("k".getBytes(StandardCharsets.UTF_8)),
          pool.memory.getLong(line + Layout.KEY_HASH));
      assertEquals(before, pool.memory.getLong(line + Layout.KEY_BEFORE));
      before = task.generation() << Layout.KEY_GENERATION_SHIFT | task.slot + 1;
      task.echo();
      assertEquals(n, futures.get(n).join());
    }
    assertAllHome();
    // All are home: the next one is behind none.
    TaskFuture<Long> after = submit(3);
    FakeTask last = only();
    assertEquals(0, pool.memory.getLong(pool.keyLine(last.slot) + Layout.KEY_BEFORE));
    last.echo();
    assertEquals(3L, after.join());
  }

  /** The lane that has ended the first one has seen to the second before the client comes. */
  @Test
  void whatItsLaneHasHintedIsNotHintedAgain() {
    TaskFuture<Long> first = submit(0);
    TaskFuture<Long> second = submit(1);
    FakeTask task = only();
    long at = pool.keyLine(task.slot) + Layout.KEY_NEXT;
    long found = pool.memory.getLongAcquire(at);
    int next = (int) (found & Layout.KEY_SLOT_MASK) - 1;
    assertTrue(pool.memory.casLong(at, found, found | Layout.KEY_NEXT_TAKEN));
    task.echo();
    assertEquals(0L, first.join());
    assertAllHomeBut(1);
    assertNull(pool.poll(), "a second hint");
    assertTrue(pool.injectors[1].offer(next));
    only().echo();
    assertEquals(1L, second.join());
    assertAllHome();
  }

  /** The first one has ended, and is not home: its line is no longer open. */
  @Test
  void aSubmitThatComesTooLateToBeLedToWritesItsHint() {
    TaskFuture<Long> first = submit(0);
    FakeTask task = only();
    long at = pool.keyLine(task.slot) + Layout.KEY_NEXT;
    long open = pool.memory.getLongAcquire(at);
    assertTrue(pool.memory.casLong(at, open, open | Layout.KEY_NEXT_TAKEN));
    TaskFuture<Long> second = submit(1);
    only().echo();
    assertEquals(1L, second.join());
    task.echo();
    assertEquals(0L, first.join());
    assertAllHome();
  }

  private void assertAllHomeBut(int tasks) {
    Await.until(() -> client.info().freeSlots() == SLOTS - tasks);
  }

  @Test
  void tasksOfOtherKeysAndThoseWithoutRunBesideIt() {
    TaskFuture<Long> first = submit(0);
    TaskFuture<Long> other = client.submit(NUMBER, 1L, TaskOptions.DEFAULT.key("other"));
    TaskFuture<Long> plain = client.submit(NUMBER, 2L);
    FakeTask[] tasks = {pool.take(), pool.take(), pool.take()};
    assertFalse(tasks[2].has(Layout.PUBLISHED_KEYED));
    for (int n = 2; n >= 0; n--) {
      tasks[n].echo();
    }
    assertEquals(List.of(0L, 1L, 2L), List.of(first.join(), other.join(), plain.join()));
    assertAllHome();
  }

  @Test
  void aCancelledTaskKeepsItsPlaceAndIsLeftOut() {
    TaskFuture<Long> first = submit(0);
    TaskFuture<Long> second = submit(1);
    TaskFuture<Long> third = submit(2);
    FakeTask running = only();
    assertEquals(CancelOutcome.WAS_QUEUED, second.cancelTask());
    assertThrows(CancellationException.class, second::join);
    assertAllHomeBut(3);
    running.echo();
    assertEquals(0L, first.join());
    skip();
    only().echo();
    assertEquals(2L, third.join());
    assertAllHome();
  }

  /** What a lane does with a task that was given up. */
  private void skip() {
    FakeTask skipped = only();
    assertTrue(skipped.cancelled());
    skipped.fail(Layout.STATUS_CANCELLED | Layout.STATUS_NOT_RUN, "task.cancelled", "", "");
  }

  @Test
  void aDeadlineEndsATaskAtOnceAndLeavesItOut() {
    TaskFuture<Long> first = submit(0);
    FakeTask running = only();
    TaskFuture<Long> second =
        client.submit(NUMBER, 1L, KEYED.timeout(Duration.ofMillis(20)).admitLate(true));
    TaskFuture<Long> third = submit(2);
    TaskTimeoutException late = EndingsTest.failure(TaskTimeoutException.class, second);
    assertFalse(late.mayHaveRun());
    assertAllHomeBut(3);
    running.echo();
    skip();
    only().echo();
    assertEquals(List.of(0L, 2L), List.of(first.join(), third.join()));
    assertEquals(1, pool.counter(0, Layout.CLIENT_TIMED_OUT));
    assertAllHome();
  }

  /** A raw call keeps nothing of a task that it has given up. */
  @Test
  void aRawCallThatIsLateLeavesItsTaskInItsPlace() throws Exception {
    TaskFuture<Long> first = submit(0);
    FakeTask running = only();
    TaskOptions hurried = KEYED.timeout(Duration.ofMillis(20)).admitLate(true);
    try (RawCall call = client.rawCall("number", hurried)) {
      call.claim(8);
      TaskTimeoutException late = assertThrows(TaskTimeoutException.class, () -> call.invoke(8));
      assertFalse(late.mayHaveRun());
      TaskFuture<Long> third = submit(2);
      running.echo();
      skip();
      only().echo();
      assertEquals(List.of(0L, 2L), List.of(first.join(), third.join()));
    }
    assertAllHome();
  }

  @Test
  void aFailureIsNotedBehindItWhereItWasAskedFor() {
    for (OnFailure mode : OnFailure.values()) {
      TaskFuture<Long> first = client.submit(NUMBER, 0L, KEYED.onFailure(mode));
      TaskFuture<Long> second = submit(1);
      only().fail(Layout.STATUS_FAILED, "no", "", "");
      EndingsTest.failure(RemoteFailureException.class, first);
      FakeTask behind = only();
      assertEquals(
          mode == OnFailure.FAIL_KEY ? 1 : 0,
          pool.memory.getInt(pool.keyLine(behind.slot) + Layout.KEY_POISONED));
      behind.fail(Layout.STATUS_KEY_POISONED | Layout.STATUS_NOT_RUN, "key.poisoned", "", "");
      RemoteFailureException poisoned = EndingsTest.failure(RemoteFailureException.class, second);
      assertEquals("key.poisoned", poisoned.code());
      assertFalse(poisoned.mayHaveRun());
      assertAllHome();
    }
  }

  /** Each of these ends is no failure: what is behind it is not to be poisoned. */
  @Test
  void whatIsSkippedPoisonsNothing() {
    for (int status : new int[] {Layout.STATUS_CANCELLED, Layout.STATUS_EXPIRED}) {
      client.submit(NUMBER, 0L, KEYED.onFailure(OnFailure.FAIL_KEY));
      TaskFuture<Long> second = submit(1);
      only().fail(status | Layout.STATUS_NOT_RUN, "", "", "");
      FakeTask behind = only();
      assertEquals(0, pool.memory.getInt(pool.keyLine(behind.slot) + Layout.KEY_POISONED));
      behind.echo();
      assertEquals(1L, second.join());
    }
    assertAllHome();
  }

  @Test
  void callsBatchesChunksAndRawTasksHaveKeys() throws Exception {
    TaskFuture<Long> first = submit(0);
    List<TaskFuture<Long>> batch = client.submitAll(NUMBER, List.of(1L, 2L), KEYED);
    TaskFuture<ResultLease> raw;
    try (RawTask task = client.claim("number", 8, KEYED)) {
      raw = task.submit();
    }
    TaskFuture<ChunkResult<Long>> chunk = client.submitChunk(NUMBER, List.of(4L), 64, KEYED);
    Thread caller =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    client.call(NUMBER, 5L, KEYED);
                  } catch (InterruptedException | RingworkException failed) {
                    throw new AssertionError(failed);
                  }
                });
    FakeTask running = only();
    Await.until(() -> client.info().freeSlots() == SLOTS - 6);
    for (int n = 0; n < 3; n++) {
      running.echo();
      running = only();
    }
    assertEquals(
        List.of(0L, 1L, 2L), List.of(first.join(), batch.get(0).join(), batch.get(1).join()));
    running.complete(new byte[8], Codec.LONG_ID);
    raw.join().close();
    running = only();
    assertEquals(Layout.CODEC_CHUNK, running.requestCodec());
    running.fail(Layout.STATUS_FAILED, "no", "", "");
    assertThrows(Exception.class, () -> chunk.join().get(0));
    only().echo();
    caller.join();
    assertAllHome();
  }

  @Test
  void aFullRingTakesTheTaskBack() {
    HintRing ring = pool.injectors[1];
    while (ring.offer(3)) {}
    TaskFuture<Long> refused = submit(0);
    assertEquals(
        RejectedException.Reason.RING_FULL,
        EndingsTest.failure(RejectedException.class, refused).reason());
    assertEquals(SLOTS, client.info().freeSlots());
    int[] stale = new int[64];
    while (ring.poll(stale) > 0) {}
    TaskFuture<Long> next = submit(1);
    FakeTask task = only();
    assertEquals(0, pool.memory.getLong(pool.keyLine(task.slot) + Layout.KEY_BEFORE));
    task.echo();
    assertEquals(1L, next.join());
    assertAllHome();
  }

  /** Its caller would run it beside others of its key. */
  @Test
  void noCallerRunsIt() {
    TaskType<Long, Long> here = NUMBER.maxInFlight(1).fallback(number -> -number);
    TaskOptions callerRuns = KEYED.backpressure(Backpressure.callerRuns());
    TaskFuture<Long> first = client.submit(here, 1L, callerRuns);
    TaskFuture<Long> second = client.submit(here, 2L, callerRuns);
    String said = EndingsTest.failure(RejectedException.class, second).getMessage();
    assertTrue(said.contains("Backpressure.block"), said);
    only().echo();
    assertEquals(1L, first.join());
    assertAllHome();
  }

  @Test
  void closeFailsWhatIsQueued() {
    Ringwork own = client;
    TaskFuture<Long> first = submit(0);
    TaskFuture<Long> second = submit(1);
    FakeTask running = only();
    Thread closer = Thread.ofPlatform().start(own::close);
    Await.until(running::cancelled);
    assertTrue(EndingsTest.failure(ClosedException.class, first).mayHaveRun());
    assertFalse(EndingsTest.failure(ClosedException.class, second).mayHaveRun());
    running.echo();
    Await.until(() -> !closer.isAlive());
  }

  @Test
  void aPoolWithoutKeysRefusesThemAndSaysWhatHelps() throws Exception {
    try (FakePool without = new FakePool(base, 1, 8);
        Ringwork plain = without.connect()) {
      assertRefused(() -> plain.call(NUMBER, 1L, KEYED));
      assertRefused(() -> plain.claim("number", 8, KEYED));
      assertRefused(
          () -> {
            try (RawCall call = plain.rawCall("number", KEYED)) {
              call.claim(8);
            }
          });
      for (TaskFuture<?> future :
          List.of(
              plain.submit(NUMBER, 1L, KEYED),
              plain.submitAll(NUMBER, List.of(1L), KEYED).get(0),
              plain.submitChunk(NUMBER, List.of(1L), 64, KEYED))) {
        RejectedException refused = EndingsTest.failure(RejectedException.class, future);
        assertRefused(
            () -> {
              throw refused;
            });
      }
      assertEquals(8, plain.info().freeSlots());
      assertEquals(6, without.counter(0, Layout.CLIENT_REJECTED));
    }
  }

  private static void assertRefused(Executable submit) {
    RejectedException refused = assertThrows(RejectedException.class, submit);
    assertEquals(RejectedException.Reason.KEY, refused.reason());
    assertTrue(refused.getMessage().contains("--keys true"), refused.getMessage());
  }

  @Test
  void aKeyHasOneTo1024Bytes() {
    for (byte[] key : new byte[][] {{}, new byte[1025], new byte[100 << 10]}) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> TaskOptions.DEFAULT.key(key));
      assertTrue(refused.getMessage().contains("1 to 1024 bytes"), refused.getMessage());
    }
    assertThrows(IllegalArgumentException.class, () -> TaskOptions.DEFAULT.key(""));
    assertTrue(TaskOptions.DEFAULT.key(new byte[1024]).hasKey());
  }

  @Test
  void aKeyIsAnOptionLikeTheOthers() {
    TaskOptions bytes = TaskOptions.DEFAULT.key("größe".getBytes(StandardCharsets.UTF_8));
    assertEquals(bytes, TaskOptions.DEFAULT.key("größe"));
    assertEquals(
        KEYED.onFailure(OnFailure.FAIL_KEY).priority(Priority.LOW),
        KEYED
            .priority(Priority.LOW)
            .over(TaskOptions.DEFAULT.key("other").onFailure(OnFailure.FAIL_KEY)));
    assertFalse(TaskOptions.DEFAULT.noKey().over(KEYED).hasKey());
    assertEquals(OnFailure.CONTINUE, TaskOptions.DEFAULT.onFailure());
    assertEquals(
        "TaskOptions[key=0x2eb895f56869eaa1, onFailure=FAIL_KEY]",
        bytes.onFailure(OnFailure.FAIL_KEY).toString());
    assertEquals("TaskOptions[key=none]", KEYED.noKey().toString());
    // What it comes to in the slot: that of its type.
    TaskFuture<Long> future = client.submit(NUMBER.options(KEYED), 1L);
    FakeTask task = only();
    assertTrue(task.has(Layout.PUBLISHED_KEYED));
    assertEquals(0, keyNext(task.slot));
    task.echo();
    assertEquals(1L, future.join());
  }
}
