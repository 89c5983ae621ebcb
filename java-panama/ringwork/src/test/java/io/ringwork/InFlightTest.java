package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.RejectedException.Reason;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What one type, or one priority, leaves to others: {@link TaskType#maxInFlight(int)} on each way
 * on which a slot is taken and comes home, and the slots that are kept for {@link Priority#HIGH}.
 */
@Tag("denied-too")
@Timeout(60)
class InFlightTest {
  private static final int SLOTS = 32;
  private static final TaskType<byte[], byte[]> TWO = EndingsTest.ECHO.maxInFlight(2);
  private static final TaskType<byte[], byte[]> OTHER =
      TaskType.of("other", Codec.BYTES, Codec.BYTES);
  private static final TaskOptions PATIENT =
      TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(30)));
  private static final TaskOptions HIGH = TaskOptions.DEFAULT.priority(Priority.HIGH);

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, SLOTS);
    client = pool.connect();
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    pool.close();
  }

  private static Reason reason(CompletableFuture<?> future) {
    RejectedException e = EndingsTest.failure(RejectedException.class, future);
    assertFalse(e.mayHaveRun());
    return e.reason();
  }

  private Reason next() {
    return reason(client.submit(TWO, new byte[1]));
  }

  /** Exactly two places are free: no more, no less. */
  private void assertBothFree() {
    Await.until(
        () -> {
          List<TaskFuture<byte[]>> three =
              List.of(
                  client.submit(TWO, new byte[1]),
                  client.submit(TWO, new byte[1]),
                  client.submit(TWO, new byte[1]));
          // A place may come free between two of them: then the next one got it.
          boolean both = !three.get(0).isDone() && !three.get(1).isDone();
          assertTrue(!both || three.get(2).isDone(), "a third got in");
          three.forEach(future -> future.cancel(true));
          return both;
        });
  }

  /** A task that is ended in some way leaves its place, and not before its slot is home. */
  private void leaves(Consumer<FakeTask> end) {
    TaskFuture<byte[]> held = client.submit(TWO, new byte[100]);
    FakeTask task = pool.take();
    TaskFuture<byte[]> beside = client.submit(TWO, new byte[1]);
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
    end.accept(task);
    Await.until(held::isDone);
    beside.cancel(true);
    assertBothFree();
  }

  @Test
  void aFloodLeavesSlotsToOthers() {
    TaskType<byte[], byte[]> many = EndingsTest.ECHO.maxInFlight(20);
    assertEquals(OptionalInt.of(20), many.maxInFlight());
    assertEquals(OptionalInt.empty(), EndingsTest.ECHO.maxInFlight());
    List<TaskFuture<byte[]>> flood = new ArrayList<>();
    for (int n = 0; n < 1000; n++) {
      flood.add(client.submit(many, new byte[1]));
    }
    RejectedException e = EndingsTest.failure(RejectedException.class, flood.get(20));
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, e.reason());
    assertFalse(e.mayHaveRun());
    for (String part : List.of("echo", "20", "maxInFlight", "Backpressure.block")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
    assertEquals(980, pool.counter(0, Layout.CLIENT_REJECTED));
    assertEquals(20, client.info().slots() - client.info().freeSlots());
    TaskFuture<byte[]> other = client.submit(OTHER, new byte[1]);
    pool.echo();
    other.join();
    flood.subList(0, 20).forEach(TaskFuture::join);
  }

  @Test
  void theSlotCountsAndNotTheFuture() {
    TaskFuture<byte[]> runs = client.submit(TWO, new byte[1]);
    FakeTask running = pool.take();
    TaskFuture<byte[]> queued = client.submit(TWO, new byte[1]);
    assertEquals(CancelOutcome.WAS_RUNNING, runs.cancelTask());
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, next()); // its handler runs on
    assertEquals(CancelOutcome.WAS_QUEUED, queued.cancelTask());
    queued = client.submit(TWO, new byte[1]);
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
    queued.cancel(true);
    running.fail(Layout.STATUS_CANCELLED, "c", "stopped", "");
    assertBothFree();
  }

  @Test
  void aTaskThatRunsPastItsDeadlineCounts() {
    TaskFuture<byte[]> late =
        client.submit(TWO, new byte[1], TaskOptions.DEFAULT.timeout(Duration.ofMillis(30)));
    FakeTask running = pool.take(late);
    TaskFuture<byte[]> beside = client.submit(TWO, new byte[1]);
    EndingsTest.failure(TaskTimeoutException.class, late);
    if (running != null) {
      assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
      running.echo();
    }
    beside.cancel(true);
    assertBothFree();
    TaskFuture<byte[]> queued =
        client.submit(TWO, new byte[1], TaskOptions.DEFAULT.timeout(Duration.ofMillis(1)));
    EndingsTest.failure(TaskTimeoutException.class, queued);
    assertBothFree();
  }

  @Test
  void eachEnd() {
    leaves(FakeTask::echo);
    leaves(task -> task.complete(new byte[1], Codec.BYTES_ID));
    leaves(task -> task.complete(new byte[100], Codec.LONG_ID)); // not to be decoded
    leaves(task -> task.fail(Layout.STATUS_FAILED, "c", "m", ""));
    leaves(task -> task.crash(Layout.CAUSE_SIGNAL | 9));
    leaves(task -> task.done(Layout.STATUS_OK, 0, 89, 0)); // no such length
    leaves(
        task -> { // an impossible word: the slot is lost
          pool.memory.setLongRelease(task.at, 7);
          pool.hint(task.slot);
        });
    assertEquals(SLOTS - 1, client.info().freeSlots());
  }

  @Test
  void whatIsNotSubmittedLeavesItsPlace() {
    HintRing ring = pool.injectors[1];
    int put = 0;
    while (ring.offer(3)) {
      put++;
    }
    assertEquals(Reason.RING_FULL, next());
    assertEquals(Reason.RING_FULL, reason(client.submitAll(TWO, List.of(new byte[1])).get(0)));
    try (RawTask raw = client.claim(TWO, 1, TaskOptions.DEFAULT)) {
      assertEquals(Reason.RING_FULL, reason(raw.submit()));
    }
    int[] taken = new int[1];
    for (; put > 0; put--) {
      ring.poll(taken);
    }
    assertBothFree();
    TaskType<byte[], byte[]> broken =
        TaskType.of("echo", new EncodeFails(), Codec.BYTES).maxInFlight(2);
    for (int n = 0; n < 5; n++) {
      EndingsTest.failure(CodecException.class, client.submit(broken, new byte[1]));
    }
    assertBothFree();
  }

  @Test
  void batchesAndWaits() {
    List<byte[]> requests =
        java.util.stream.IntStream.range(0, 40).mapToObj(n -> new byte[1]).toList();
    List<TaskFuture<byte[]>> futures = client.submitAll(TWO, requests);
    for (TaskFuture<byte[]> refused : futures.subList(2, 40)) {
      assertEquals(Reason.TOO_MANY_IN_FLIGHT, reason(refused));
    }
    assertEquals(SLOTS - 2, client.info().freeSlots());
    EndingsTest.failure(
        TaskTimeoutException.class,
        client.submit(TWO, new byte[1], PATIENT.timeout(Duration.ofMillis(20))));
    TaskType<byte[], byte[]> here = TWO.fallback(x -> new byte[] {9});
    assertEquals(
        9,
        client.submit(
                here, new byte[1], TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns()))
            .resultNow()[0]);
    pool.echo();
    futures.subList(0, 2).forEach(TaskFuture::join);
    client.submitAll(TWO, requests, PATIENT).forEach(TaskFuture::join);
    for (int n = 0; n < 20; n++) {
      client.submit(TWO, new byte[1], PATIENT);
    }
    Await.until(() -> client.info().freeSlots() == SLOTS);
    pool.stopLanes(); // a submit takes in what they end, and a third would get in
    assertBothFree();
  }

  @Test
  void chunksAndRawTasksAndCalls() throws Exception {
    TaskFuture<ChunkResult<byte[]>> chunk =
        client.submitChunk(TWO, List.of(new byte[1], new byte[1], new byte[1]));
    try (RawTask raw = client.claim(TWO, 100, TaskOptions.DEFAULT)) {
      assertEquals(100, raw.request().byteSize());
      assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
      assertEquals(
          Reason.TOO_MANY_IN_FLIGHT,
          assertThrows(RejectedException.class, () -> client.claim(TWO, 1, TaskOptions.DEFAULT))
              .reason());
    }
    RawCall call = client.rawCall(TWO, TaskOptions.DEFAULT);
    call.claim(1);
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
    chunk.cancel(true);
    pool.echo();
    call.invoke(1);
    client.submit(TWO, new byte[1]).join(); // the one place beside
    TaskFuture<ResultLease> leased = client.claim(TWO, 100, TaskOptions.DEFAULT).submit();
    try (ResultLease lease = leased.join()) {
      assertEquals(100, lease.segment().byteSize());
      assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
    }
    call.close();
    pool.stopLanes();
    assertBothFree();
  }

  @Test
  void typesOfAHandlerAreCountedTogether() {
    client.submit(TWO.options(TaskOptions.DEFAULT.attempts(3)), new byte[1]);
    client.submit(EndingsTest.ECHO, new byte[1]); // has no limit, and does not count
    client.submit(TWO.fallback(x -> x), new byte[1]);
    assertEquals(Reason.TOO_MANY_IN_FLIGHT, next());
    assertFalse(client.submit(EndingsTest.ECHO.maxInFlight(3), new byte[1]).isDone());
    assertFalse(client.submit(EndingsTest.ECHO, new byte[1]).isDone());
    assertThrows(IllegalArgumentException.class, () -> TWO.maxInFlight(0));
    pool.echo(); // so that close has no task to wait for
  }

  @Test
  void manyHandlersLeaveNothingBehind() {
    pool.echo(); // empties the ring
    for (int n = 0; n < 2000; n++) {
      TaskType<byte[], byte[]> type = TaskType.of("h" + n, Codec.BYTES, Codec.BYTES).maxInFlight(1);
      client.submit(type, new byte[1]).join();
    }
    SlotTable<TaskFuture<?>> slots =
        ((Core) client.submit(OTHER, new byte[1]).engine).segment.slots;
    assertTrue(slots.inFlight.size() <= 300, "" + slots.inFlight.size());
  }

  @Test
  void theLastSlotsAreForTheUrgent() {
    List<TaskFuture<byte[]>> all = new ArrayList<>();
    for (Priority priority : new Priority[] {Priority.NORMAL, Priority.LOW}) {
      for (int n = 0; n < SLOTS; n++) {
        all.add(
            client.submit(EndingsTest.ECHO, new byte[1], TaskOptions.DEFAULT.priority(priority)));
      }
    }
    all.addAll(client.submitAll(EndingsTest.ECHO, java.util.Collections.nCopies(9, new byte[1])));
    assertEquals(2, client.info().freeSlots());
    RejectedException e = EndingsTest.failure(RejectedException.class, all.get(30));
    assertEquals(Reason.NO_SLOT, e.reason());
    assertTrue(e.getMessage().contains("Priority.HIGH"), e.getMessage());
    assertThrows(RejectedException.class, () -> client.claim("echo", 1));
    try (RawTask raw = client.claim("echo", 1, HIGH)) {
      assertEquals(1, raw.request().byteSize());
      TaskFuture<byte[]> urgent = client.submit(EndingsTest.ECHO, new byte[1], HIGH);
      assertEquals(
          Reason.NO_SLOT,
          reason(client.submitAll(EndingsTest.ECHO, List.of(new byte[1]), HIGH).get(0)));
      assertEquals(0, client.info().freeSlots());
      pool.echo();
      urgent.join();
    }
  }

  private static final class EncodeFails implements Codec<byte[]> {
    @Override
    public int id() {
      return BYTES_ID;
    }

    @Override
    public long maxSize(byte[] value) {
      return 100;
    }

    @Override
    public void encode(byte[] value, java.nio.ByteBuffer target) {
      throw new IllegalArgumentException("no");
    }

    @Override
    public byte[] decode(java.nio.ByteBuffer source) {
      return new byte[0];
    }
  }
}
