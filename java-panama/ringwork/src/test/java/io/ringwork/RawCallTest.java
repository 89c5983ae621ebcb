package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Place;
import io.ringwork.internal.segment.StateWord;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The reusable call: its results, and that every ending gives slot and blocks back once. */
@Tag("denied-too")
@Timeout(60)
class RawCallTest {
  private static final int SLOTS = 16;

  @TempDir Path base;
  FakePool pool;
  Ringwork client;
  RawCall call;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, SLOTS);
    client = pool.connect();
    call = client.rawCall("echo");
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

  private static byte[] invoke(RawCall call, byte[] request) throws InterruptedException {
    MemorySegment room = call.claim(request.length);
    MemorySegment.copy(request, 0, room, ValueLayout.JAVA_BYTE, 0, request.length);
    long length = call.invoke(request.length);
    assertEquals(length, call.resultLength());
    return call.result().asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
  }

  /** What an invoke on a thread of its own throws, while something is done to its task. */
  private interface Step {
    void run(Thread caller) throws Exception;
  }

  private <T extends Throwable> T failure(Class<T> type, RawCall call, int size, Step step)
      throws Exception {
    FutureTask<byte[]> result = new FutureTask<>(() -> invoke(call, SubmitTest.bytes(size)));
    Thread caller = new Thread(result, "caller");
    caller.start();
    step.run(caller);
    Throwable thrown = assertThrows(ExecutionException.class, result::get).getCause();
    if (!type.isInstance(thrown)) {
      throw new AssertionError("expected " + type.getSimpleName(), thrown);
    }
    return type.cast(thrown);
  }

  /** After whatever happened, the object makes the next call as if nothing had been. */
  private void assertUsable(RawCall call) throws Exception {
    FutureTask<byte[]> result = new FutureTask<>(() -> invoke(call, SubmitTest.bytes(200)));
    new Thread(result, "next").start();
    pool.take().echo();
    assertArrayEquals(SubmitTest.bytes(200), result.get());
    call.release();
    assertAllHome();
  }

  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void everySizeWithEveryStrategy(WaitStrategy strategy) throws Exception {
    client.close();
    pool.reap(0);
    client = Ringwork.connect(pool.config().waitStrategy(strategy));
    call = client.rawCall("echo");
    pool.echo();
    for (int n = 0; n < 20; n++) {
      for (int size : new int[] {0, 1, 63, 64, 65, 300, 5000}) {
        byte[] request = SubmitTest.bytes(size);
        assertArrayEquals(request, invoke(call, request));
      }
    }
    assertEquals(140, pool.counter(0, Layout.CLIENT_SUBMITTED));
    assertEquals(140, pool.counter(0, Layout.CLIENT_COMPLETED));
    call.close();
    assertAllHome();
  }

  @Test
  void itsOrder() throws Exception {
    pool.echo();
    assertThrows(IllegalStateException.class, call::request);
    assertThrows(IllegalStateException.class, call::result);
    assertThrows(IllegalStateException.class, () -> call.invoke(0));
    assertThrows(IllegalArgumentException.class, () -> call.claim(-1));
    assertThrows(RejectedException.class, () -> call.claim(1L << 40));
    assertThrows(IllegalArgumentException.class, () -> call.codec(256));
    MemorySegment room = call.claim(10);
    assertSame(room, call.request());
    assertEquals(Layout.INLINE, room.byteSize());
    for (long longer : new long[] {11, Layout.INLINE, Layout.INLINE + 1}) {
      String said =
          assertThrows(IllegalArgumentException.class, () -> call.invoke(longer)).getMessage();
      assertTrue(said.contains("room for 10 was claimed"), said);
    }
    assertThrows(IllegalArgumentException.class, () -> call.invoke(-1));
    assertEquals(3, call.codec(77).invoke(3));
    assertThrows(IllegalStateException.class, call::request);
    assertEquals(77, call.resultCodec());
    assertTrue(call.result().isReadOnly());
    assertEquals(SLOTS - 1, client.info().freeSlots());
    call.release();
    call.release();
    assertThrows(IllegalStateException.class, call::result);
    call.claim(1000);
    assertEquals(1, pool.blocksInUse());
    call.claim(1000); // gives the first back
    assertEquals(1, pool.blocksInUse());
    call.close();
    call.close();
    assertThrows(IllegalStateException.class, () -> call.claim(1));
    assertEquals(
        "handler",
        assertThrows(NullPointerException.class, () -> client.rawCall(null)).getMessage());
    assertEquals(
        "handler",
        assertThrows(NullPointerException.class, () -> client.claim(null, 8)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> client.rawCall(""));
    assertAllHome();
  }

  @Test
  void theNextRequestGoesIntoTheSlotOfTheLastResult() throws Exception {
    pool.echo();
    invoke(call, SubmitTest.bytes(Layout.INLINE));
    for (int size : new int[] {8, Layout.INLINE, Layout.INLINE + 1, 8, 5000, 0}) {
      assertArrayEquals(SubmitTest.bytes(size), invoke(call, SubmitTest.bytes(size)));
      assertEquals(SLOTS - 1, client.info().freeSlots());
    }
    assertEquals(0, pool.blocksInUse());
    call.claim(8); // given back again, without a task
    call.close();
    assertAllHome();
    assertEquals(7, pool.counter(0, Layout.CLIENT_COMPLETED));
  }

  @Test
  void aHeldResultDoesNotLetACallIntoAPoolThatDrains() throws Exception {
    pool.echo();
    invoke(call, SubmitTest.bytes(8));
    pool.memory.setIntOpaque(Layout.H_POOL_STATE, Layout.POOL_DRAINING);
    assertEquals(
        RejectedException.Reason.DRAINING,
        assertThrows(RejectedException.class, () -> call.claim(8)).reason());
    assertAllHome();
    pool.memory.setIntOpaque(Layout.H_POOL_STATE, Layout.POOL_SERVING);
    invoke(call, SubmitTest.bytes(8));
    client.close();
    assertThrows(ClosedException.class, () -> call.claim(8));
  }

  @Test
  void whatTheHandlerSays() throws Exception {
    failure(
        RemoteFailureException.class,
        call,
        300,
        caller -> pool.take().fail(Layout.STATUS_FAILED, "code", "x".repeat(90), "at"));
    failure(WorkerCrashedException.class, call, 300, caller -> pool.take().crash(3));
    failure(
        CorruptSegmentException.class,
        call,
        30,
        caller -> pool.take().done(Layout.STATUS_OK, 0, 89, 0));
    failure(
        CorruptSegmentException.class,
        call,
        30,
        caller -> pool.take().done(Layout.STATUS_OK, Place.block(6, 0), 89, 0));
    assertUsable(call);
  }

  @Test
  void deadlines() throws Exception {
    RawCall soon = client.rawCall("echo", TaskOptions.DEFAULT.timeout(Duration.ofMillis(30)));
    assertFalse(failure(TaskTimeoutException.class, soon, 300, caller -> {}).mayHaveRun());
    assertNull(pool.poll());
    assertAllHome();
    FakeTask[] running = new FakeTask[1];
    TaskTimeoutException late;
    int tries = 0;
    do {
      // One that passes before a loaded machine takes the task is tried again with more time.
      Duration limit = Duration.ofMillis(30L << tries);
      RawCall again =
          tries++ == 0 ? soon : client.rawCall("echo", TaskOptions.DEFAULT.timeout(limit));
      late =
          failure(
              TaskTimeoutException.class,
              again,
              300,
              caller -> Await.until(() -> (running[0] = pool.poll()) != null || !caller.isAlive()));
    } while (running[0] == null);
    assertTrue(late.mayHaveRun());
    assertTrue(running[0].cancelled());
    assertEquals(SLOTS - 1, client.info().freeSlots());
    running[0].echo(); // no thread waits: the poller frees it
    assertAllHome();
    RawCall never = client.rawCall("echo", TaskOptions.DEFAULT.timeout(Duration.ZERO));
    failure(TaskTimeoutException.class, never, 300, caller -> {});
    assertAllHome();
    assertEquals(1 + tries, pool.counter(0, Layout.CLIENT_TIMED_OUT));
  }

  @Test
  void interrupts() throws Exception {
    failure(
        InterruptedException.class,
        call,
        300,
        caller -> {
          Await.until(() -> pool.counter(0, Layout.CLIENT_SUBMITTED) == 1);
          caller.interrupt();
        });
    assertNull(pool.poll());
    assertAllHome();
    FakeTask[] running = new FakeTask[1];
    failure(
        InterruptedException.class,
        call,
        300,
        caller -> {
          running[0] = pool.take();
          caller.interrupt();
        });
    assertTrue(running[0].cancelled());
    running[0].crash(3);
    assertAllHome();
    call.claim(300);
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> call.invoke(1));
    assertEquals(2, pool.counter(0, Layout.CLIENT_CANCELLED));
    assertUsable(call);
  }

  @Test
  void closeWhileItWaits() throws Exception {
    client.close();
    pool.reap(0);
    client = Ringwork.connect(pool.config().closeTimeout(Duration.ofMillis(50)));
    call = client.rawCall("echo");
    assertFalse(
        failure(
                ClosedException.class,
                call,
                300,
                caller -> {
                  Await.until(() -> pool.slotsInUse() == 1);
                  client.close();
                })
            .mayHaveRun());
    assertEquals(0, pool.slotsInUse() + pool.blocksInUse());
    assertThrows(ClosedException.class, () -> call.claim(1));
  }

  @Test
  void closeWhileItRuns() throws Exception {
    client.close();
    pool.reap(0);
    client = Ringwork.connect(pool.config().closeTimeout(Duration.ofMillis(50)));
    call = client.rawCall("echo");
    FakeTask[] running = new FakeTask[1];
    ClosedException closed =
        failure(
            ClosedException.class,
            call,
            300,
            caller -> {
              running[0] = pool.take();
              client.close();
            });
    assertTrue(closed.mayHaveRun());
    assertTrue(running[0].cancelled());
    running[0].echo();
    pool.reap(0); // the slot was not home: the entry is left to the reaper
    assertEquals(0, pool.slotsInUse() + pool.blocksInUse());
  }

  @Test
  void closeWaitsForItsResult() throws Exception {
    FutureTask<byte[]> result = new FutureTask<>(() -> invoke(call, SubmitTest.bytes(30)));
    new Thread(result, "caller").start();
    FakeTask task = pool.take();
    Thread closer = new Thread(client::close, "closer");
    closer.start();
    Await.until(() -> !client.isOpen());
    task.echo();
    closer.join();
    try {
      assertEquals(30, result.get().length);
    } catch (ExecutionException unmapped) { // the result came; close did not wait for its reader
      assertTrue(unmapped.getCause() instanceof IllegalStateException, unmapped.toString());
    }
    call.close();
  }

  @Test
  void thePoolDies() throws Exception {
    failure(
        ClosedException.class,
        call,
        300,
        caller -> {
          pool.take();
          pool.die();
        });
    assertThrows(ClosedException.class, () -> call.claim(1));
  }

  @Test
  void anImpossibleWord() throws Exception {
    for (WaitStrategy strategy : WaitStrategy.values()) {
      client.close();
      pool.reap(0);
      client = Ringwork.connect(pool.config().waitStrategy(strategy));
      RawCall call = client.rawCall("echo");
      failure(
          CorruptSegmentException.class,
          call,
          3,
          caller -> {
            FakeTask task = pool.take();
            long wrong = StateWord.withdrawn(task.generation());
            assertTrue(pool.memory.casLong(task.at + Layout.SLOT_CLAIM, task.word, wrong));
          });
      assertEquals(SLOTS - 1, client.info().freeSlots());
    }
  }

  @Test
  void aHintThatNeverComes() throws Exception {
    FutureTask<byte[]> result = new FutureTask<>(() -> invoke(call, SubmitTest.bytes(30)));
    new Thread(result, "caller").start();
    FakeTask task = pool.take();
    Await.until(() -> pool.counter(0, Layout.CLIENT_SUBMITTED) == 1);
    pool.memory.put(task.at + Layout.SLOT_RESULT, SubmitTest.bytes(30));
    task.publish(Layout.STATUS_OK, 0, 30, 0);
    assertEquals(30, result.get().length);
  }

  @Test
  void backpressure() throws Exception {
    List<RawTask> all = new ArrayList<>();
    for (int n = 0; n < SLOTS; n++) {
      all.add(client.claim("echo", 1, TaskOptions.DEFAULT.priority(Priority.HIGH)));
    }
    assertEquals(
        RejectedException.Reason.NO_SLOT,
        assertThrows(RejectedException.class, () -> call.claim(1)).reason());
    assertThrows(IllegalStateException.class, call::request);
    Backpressure block = Backpressure.block(Duration.ofSeconds(50));
    RawCall patient = client.rawCall("echo", TaskOptions.DEFAULT.backpressure(block));
    FutureTask<byte[]> result = new FutureTask<>(() -> invoke(patient, SubmitTest.bytes(200)));
    new Thread(result, "patient").start();
    all.forEach(RawTask::close);
    pool.take().echo();
    assertArrayEquals(SubmitTest.bytes(200), result.get());
    patient.close();
    assertAllHome();
  }

  @Test
  void insideAnInlineCallback() throws Exception {
    client.close();
    pool.reap(0);
    client = Ringwork.connect(pool.config().completion(CompletionMode.INLINE));
    call = client.rawCall("echo");
    pool.echo();
    AtomicLong length = new AtomicLong();
    for (int n = 0; n < 50; n++) {
      client
          .submit(EndingsTest.NUMBER, 1L)
          .thenAccept(
              one -> {
                try {
                  length.addAndGet(invoke(call, SubmitTest.bytes(100)).length);
                } catch (InterruptedException unexpected) {
                  throw new AssertionError(unexpected);
                }
              })
          .join();
    }
    assertEquals(5000, length.get());
    call.close();
    assertAllHome();
  }

  /** Callers of both kinds, deadlines and interrupts at once, on fewer slots than they want. */
  @Test
  void manyCallersAndMishaps() throws Exception {
    for (int n = 0; n < 3; n++) {
      pool.echo();
    }
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong good = new AtomicLong();
    AtomicLong bad = new AtomicLong();
    List<FutureTask<Void>> callers = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 6; t++) {
      int self = t;
      FutureTask<Void> caller =
          new FutureTask<>(
              () -> {
                TaskOptions tight = TaskOptions.DEFAULT.timeout(Duration.ofNanos(200_000));
                try (RawCall often = client.rawCall("echo");
                    RawCall hasty = client.rawCall("echo", tight)) {
                  for (long n = 0; n < 3000 && !stop.get(); n++) {
                    RawCall one = self % 2 == 0 && n % 3 == 0 ? hasty : often;
                    int size = n % 5 == 0 ? 100 : 8;
                    try {
                      one.claim(size).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, n * 8 + self);
                      assertEquals(size, one.invoke(size));
                      assertEquals(
                          n * 8 + self, one.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
                      good.incrementAndGet();
                    } catch (TaskTimeoutException | RejectedException | InterruptedException e) {
                      bad.incrementAndGet();
                    }
                  }
                }
                return null;
              });
      callers.add(caller);
      Thread thread = new Thread(caller, "caller-" + t);
      threads.add(thread);
      thread.start();
    }
    while (callers.stream().anyMatch(caller -> !caller.isDone())) {
      threads.get(1).interrupt();
      Thread.sleep(2);
    }
    for (FutureTask<Void> caller : callers) {
      caller.get();
    }
    assertTrue(good.get() > 0 && bad.get() > 0, good + " and " + bad);
    assertAllHome();
  }
}
