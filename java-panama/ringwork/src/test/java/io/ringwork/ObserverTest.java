package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskObserver.Observation;
import io.ringwork.TaskObserver.Scope;
import io.ringwork.TaskObserver.Submission;
import io.ringwork.internal.Traceparent;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an observer is told of each task, and that it can't hurt one. */
@Tag("denied-too")
@Timeout(60)
class ObserverTest {
  private static final int SLOTS = 16;
  private static final TaskType<Long, Long> NUMBER = EndingsTest.NUMBER;
  private static final String HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  /** The context of a submitter, as a tracer has one. */
  private static final ThreadLocal<String> CONTEXT = ThreadLocal.withInitial(() -> "none");

  @TempDir Path base;
  private FakePool pool;

  /** What was observed, in the order of the endings. */
  private final BlockingQueue<Seen> seen = new LinkedBlockingQueue<>();

  private record Seen(Submission task, Ending ending) {}

  /** Notes all, and carries the submitter's context. */
  private final class Notes implements TaskObserver {
    @Override
    public Observation submitting(Submission task) {
      String context = CONTEXT.get();
      return new Observation() {
        @Override
        public Optional<String> traceparent() {
          return Optional.of(HEADER);
        }

        @Override
        public Scope restore() {
          String before = CONTEXT.get();
          CONTEXT.set(context);
          return () -> CONTEXT.set(before);
        }

        @Override
        public void ended(Ending ending) {
          seen.add(new Seen(task, ending));
        }
      };
    }
  }

  static List<CompletionMode> modes() {
    return List.of(
        CompletionMode.VIRTUAL_THREADS,
        CompletionMode.INLINE,
        CompletionMode.executor(task -> new Thread(task, "completing").start()));
  }

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 2, SLOTS);
    pool.stamps = true;
  }

  @AfterEach
  void close() throws IOException {
    pool.close();
  }

  private Ringwork connect() {
    return Ringwork.connect(pool.config().observer(new Notes()));
  }

  private Seen next() throws InterruptedException {
    Seen next = seen.poll(20, TimeUnit.SECONDS);
    assertTrue(next != null, "no end was told within 20 s");
    return next;
  }

  private Ending ending(TaskOutcome outcome) throws InterruptedException {
    Ending ending = next().ending();
    assertEquals(outcome, ending.outcome(), () -> String.valueOf(ending));
    return ending;
  }

  private void assertNoMore() {
    assertNull(seen.peek(), "an end was told twice, or of a task that was not submitted");
  }

  @ParameterizedTest
  @MethodSource("modes")
  void aResult(CompletionMode mode) throws Exception {
    pool.echo();
    try (Ringwork client = Ringwork.connect(pool.config().completion(mode).observer(new Notes()))) {
      TaskOptions options = TaskOptions.DEFAULT.priority(Priority.HIGH).attempts(2);
      assertEquals(5L, client.submit(NUMBER, 5L, options).get());
      Seen first = next();
      assertEquals(
          new Submission(client.name(), "number", 1, false, Priority.HIGH, 2, Optional.empty()),
          first.task());
      assertRan(first.ending());
      assertEquals(6L, client.call(NUMBER, 6L));
      assertRan(ending(TaskOutcome.COMPLETED));
      byte[] large = SubmitTest.bytes(5000);
      assertArrayEquals(large, client.submit(EndingsTest.ECHO, large).join());
      assertRan(ending(TaskOutcome.COMPLETED));
      assertNoMore();
    }
  }

  private static void assertRan(Ending ending) {
    assertEquals(TaskOutcome.COMPLETED, ending.outcome());
    assertEquals(Optional.empty(), ending.failure());
    assertEquals(Optional.empty(), ending.errorType());
    assertEquals(1, ending.attempt());
    assertEquals(0, ending.lane().orElseThrow());
    assertTrue(ending.queueNanos().orElseThrow() >= 0);
    assertTrue(ending.runNanos().orElseThrow() >= 0);
    assertEquals(
        ending.totalNanos(), ending.queueNanos().orElseThrow() + ending.runNanos().orElseThrow());
  }

  /** Also that its end is told before them, and that their thread is left as it was. */
  @ParameterizedTest
  @MethodSource("modes")
  void callbacksRunInTheSubmittersContext(CompletionMode mode) throws Exception {
    try (Ringwork client = Ringwork.connect(pool.config().completion(mode).observer(new Notes()))) {
      for (boolean fails : new boolean[] {false, true}) {
        CONTEXT.set("request " + fails);
        TaskFuture<Long> future = client.submit(NUMBER, 5L);
        CONTEXT.remove();
        CompletableFuture<String> found = new CompletableFuture<>();
        CompletableFuture<Integer> told = new CompletableFuture<>();
        future.whenComplete(
            (result, failure) -> {
              told.complete(seen.size());
              found.complete(CONTEXT.get());
            });
        FakeTask task = pool.take();
        if (fails) {
          task.fail(Layout.STATUS_FAILED, "number.odd", "odd", "");
        } else {
          task.echo();
        }
        assertEquals("request " + fails, found.get(20, TimeUnit.SECONDS));
        assertEquals(1, told.get());
        next();
      }
      pool.echo();
      CompletableFuture<String> after = new CompletableFuture<>();
      CONTEXT.set("another");
      client.submit(NUMBER, 1L).whenComplete((r, f) -> after.complete(CONTEXT.get()));
      assertEquals("another", after.get(20, TimeUnit.SECONDS));
      CONTEXT.remove();
    }
  }

  @Test
  void theTraceparentTravels() throws Exception {
    try (Ringwork client = connect()) {
      String own = HEADER.replace("b7", "c7");
      TaskFuture<Long> future = client.submit(NUMBER, 5L, TaskOptions.DEFAULT.traceparent(own));
      FakeTask task = pool.take();
      assertTrue(task.has(Layout.PUBLISHED_TRACED));
      assertEquals(
          HEADER,
          Traceparent.format(
              pool.memory.bytes(task.at + Layout.SLOT_TRACEPARENT, Traceparent.SIZE)));
      task.echo();
      future.get();
      assertEquals(Optional.of(own), next().task().traceparent());
    }
  }

  @Test
  void failures() throws Exception {
    try (Ringwork client = connect()) {
      TaskFuture<Long> failed = client.submit(NUMBER, 1L);
      pool.take().fail(Layout.STATUS_FAILED, "number.odd", "is odd", "");
      assertThrows(CompletionException.class, failed::join);
      Ending ending = ending(TaskOutcome.FAILED);
      assertEquals(Optional.of("number.odd"), ending.errorType());
      assertEquals(0, ending.lane().orElseThrow());

      TaskFuture<Long> crashed = client.submit(NUMBER, 1L, TaskOptions.DEFAULT.attempts(2));
      FakeTask first = pool.take();
      first.requeue();
      assertTrue(pool.injectors[1].offer(first.slot));
      pool.take().crash(Layout.CAUSE_UNKNOWN);
      assertThrows(CompletionException.class, crashed::join);
      ending = ending(TaskOutcome.CRASHED);
      assertEquals(2, ending.attempt());
      assertEquals(Optional.of("WorkerCrashedException"), ending.errorType());

      TaskOptions brief = TaskOptions.DEFAULT.timeout(Duration.ofMillis(1)).admitLate(true);
      assertThrows(CompletionException.class, client.submit(NUMBER, 1L, brief)::join);
      assertEquals(0, ending(TaskOutcome.TIMED_OUT).attempt());
      assertNoMore();
    }
  }

  @Test
  void deadlineWhileItRuns() throws Exception {
    try (Ringwork client = connect()) {
      TaskOptions brief = TaskOptions.DEFAULT.timeout(Duration.ofMillis(300)).admitLate(true);
      TaskFuture<Long> future = client.submit(NUMBER, 1L, brief);
      FakeTask running = pool.take(future);
      assertThrows(CompletionException.class, future::join);
      Ending ending = ending(TaskOutcome.TIMED_OUT);
      if (running != null) { // else this thread was paused, and the task was never taken
        assertEquals(1, ending.attempt());
        assertEquals(0, ending.lane().orElseThrow());
        running.echo();
      }
    }
    assertNoMore();
  }

  @Test
  void cancelledAndAbandoned() throws Exception {
    try (Ringwork client = connect()) {
      CONTEXT.set("request");
      TaskFuture<Long> queued = client.submit(NUMBER, 1L);
      CONTEXT.remove();
      CompletableFuture<String> found = queued.handle((result, failure) -> CONTEXT.get());
      queued.cancelTask();
      assertEquals("request", found.get(20, TimeUnit.SECONDS));
      assertEquals("none", CONTEXT.get());
      assertEquals(0, ending(TaskOutcome.CANCELLED).attempt());

      TaskFuture<Long> running = client.submit(NUMBER, 1L);
      FakeTask task = pool.take();
      running.cancel(true);
      assertEquals(1, ending(TaskOutcome.CANCELLED).attempt());
      task.echo();

      TaskFuture<Long> byHand = client.submit(NUMBER, 1L);
      byHand.complete(7L);
      ending(TaskOutcome.ABANDONED);
      pool.take().echo();
      client.submit(NUMBER, 2L);
      pool.take().echo();
      ending(TaskOutcome.COMPLETED);
      assertNoMore();
    }
  }

  @Test
  void refusals() throws Exception {
    try (Ringwork client = connect()) {
      List<TaskFuture<Long>> taken = new ArrayList<>();
      for (int n = 0; n < SLOTS - slots(client).reserve; n++) {
        taken.add(client.submit(NUMBER, 1L));
      }
      assertThrows(CompletionException.class, client.submit(NUMBER, 1L)::join);
      assertEquals(Optional.of("no_slot"), ending(TaskOutcome.REJECTED).errorType());
      assertThrows(RejectedException.class, () -> client.call(NUMBER, 1L));
      ending(TaskOutcome.REJECTED);
      assertThrows(RejectedException.class, () -> client.claim("number", 8));
      ending(TaskOutcome.REJECTED);
      assertThrows(RejectedException.class, () -> client.rawCall("number").claim(8));
      ending(TaskOutcome.REJECTED);
      TaskType<Long, Long> here = NUMBER.fallback(n -> n + 1);
      TaskOptions callerRuns = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
      assertEquals(3L, client.submit(here, 2L, callerRuns).join());
      assertEquals(0, ending(TaskOutcome.COMPLETED).attempt());
      taken.forEach(TaskFuture::cancelTask);
      for (int n = 0; n < taken.size(); n++) {
        ending(TaskOutcome.CANCELLED);
      }
    }
    assertNoMore();
  }

  private static SlotTable<TaskFuture<?>> slots(Ringwork handle) {
    return handle.connection.current().core.segment.slots;
  }

  @Test
  void aClientThatCloses() throws Exception {
    Ringwork client =
        Ringwork.connect(pool.config().closeTimeout(Duration.ZERO).observer(new Notes()));
    TaskFuture<Long> pending = client.submit(NUMBER, 1L);
    client.close();
    assertThrows(CompletionException.class, pending::join);
    ending(TaskOutcome.CLOSED);
    assertThrows(CompletionException.class, client.submit(NUMBER, 1L)::join);
    ending(TaskOutcome.CLOSED);
    assertNoMore();
  }

  @Test
  void inPlace() throws Exception {
    pool.echo();
    try (Ringwork client = connect()) {
      try (RawTask task = client.claim("echo", 8);
          ResultLease lease = task.submit().get()) {
        assertEquals(8, lease.segment().byteSize());
      }
      assertRan(ending(TaskOutcome.COMPLETED));
      try (RawCall call = client.rawCall("echo")) {
        for (int n = 0; n < 3; n++) {
          call.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, n);
          call.invoke(8);
          assertEquals(n, call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
          assertRan(ending(TaskOutcome.COMPLETED));
        }
      }
      client.claim("echo", 8).close();
    }
    assertNoMore();
  }

  @Test
  void rawCallThatFails() throws Exception {
    pool.lane(task -> task.fail(Layout.STATUS_FAILED, "number.odd", "is odd", ""));
    try (Ringwork client = connect();
        RawCall call = client.rawCall("echo")) {
      call.claim(8);
      assertThrows(RemoteFailureException.class, () -> call.invoke(8));
      assertEquals(Optional.of("number.odd"), ending(TaskOutcome.FAILED).errorType());
    }
    assertNoMore();
  }

  @ParameterizedTest
  @MethodSource("modes")
  void eachOfABatch(CompletionMode mode) throws Exception {
    pool.echo();
    List<Long> numbers = IntStream.range(0, 100).mapToObj(n -> (long) n).toList();
    TaskOptions patient =
        TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(20)));
    try (Ringwork client = Ringwork.connect(pool.config().completion(mode).observer(new Notes()))) {
      List<TaskFuture<Long>> futures = client.submitAll(NUMBER, numbers, patient);
      assertEquals(numbers, futures.stream().map(CompletableFuture::join).toList());
      for (int n = 0; n < numbers.size(); n++) {
        assertRan(ending(TaskOutcome.COMPLETED));
      }
    }
    assertNoMore();
  }

  /** An error of the program is thrown, and is the end of what was begun. */
  @Test
  void errorsOfTheProgram() throws Exception {
    try (Ringwork client = connect()) {
      List<Long> tooMany = IntStream.range(0, 70_000).mapToObj(n -> 1L).toList();
      assertThrows(IllegalArgumentException.class, () -> client.submitChunk(NUMBER, tooMany));
      Seen chunk = next();
      assertTrue(chunk.task().chunk());
      assertEquals(70_000, chunk.task().requests());
      assertEquals(TaskOutcome.FAILED, chunk.ending().outcome());
      assertThrows(NullPointerException.class, () -> client.submit(NUMBER, null));
    }
    assertNoMore();
  }

  @Test
  void aTaskOfNoInterest() throws Exception {
    pool.echo();
    try (Ringwork client = Ringwork.connect(pool.config().observer(task -> null))) {
      TaskFuture<Long> future = client.submit(NUMBER, 5L);
      assertEquals(5L, future.get());
      assertEquals(TaskFuture.class, future.getClass());
    }
  }

  @Test
  void severalObservers() throws Exception {
    pool.echo();
    try (Ringwork client =
        Ringwork.connect(pool.config().observer(new Notes()).observer(new Notes()))) {
      client.submit(NUMBER, 5L).get();
      ending(TaskOutcome.COMPLETED);
      ending(TaskOutcome.COMPLETED);
    }
  }

  /** Throws wherever it is asked. */
  private static final class Broken implements TaskObserver {
    private final String where;

    Broken(String where) {
      this.where = where;
    }

    private void reach(String here) {
      if (where.equals(here)) {
        throw new IllegalStateException("broken: " + here);
      }
    }

    @Override
    public Observation submitting(Submission task) {
      reach("submitting");
      return new Observation() {
        @Override
        public Optional<String> traceparent() {
          reach("traceparent");
          return Optional.of(where.equals("malformed") ? "00-nonsense" : HEADER);
        }

        @Override
        public Scope restore() {
          reach("restore");
          return () -> reach("close");
        }

        @Override
        public void ended(Ending ending) {
          reach("ended");
        }
      };
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void whatItThrowsIsLoggedOnceAndHurtsNoTask(CompletionMode mode) throws Exception {
    pool.echo();
    for (String where :
        List.of("submitting", "traceparent", "malformed", "restore", "close", "ended")) {
      ConnectConfig config =
          pool.config().completion(mode).observer(new Broken(where)).observer(new Notes());
      try (Ringwork client = Ringwork.connect(config)) {
        for (int n = 0; n < 3; n++) {
          CompletableFuture<Long> callback = new CompletableFuture<>();
          client.submit(NUMBER, 5L).whenComplete((r, f) -> callback.complete(r));
          assertEquals(5L, callback.get(20, TimeUnit.SECONDS), where);
          ending(TaskOutcome.COMPLETED); // the other observer is told all the same
          assertEquals(6L, client.call(NUMBER, 6L));
          ending(TaskOutcome.COMPLETED);
        }
      }
      // A scope is closed behind the callback.
      Await.until(() -> config.settings.observers().mentions() == 1);
    }
    assertFalse(pool.slotsInUse() > 0);
  }
}
