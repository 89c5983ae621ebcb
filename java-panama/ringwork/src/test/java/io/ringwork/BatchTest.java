package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.wait.Futex;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tasks submitted together: each ends by itself, and nothing that one does harms the others. */
@Tag("denied-too")
@Timeout(60)
class BatchTest {
  private static final int SLOTS = 256;

  /** The rest is kept for {@link Priority#HIGH}. */
  private static final int USABLE = SLOTS - SLOTS / 16;

  private static final TaskOptions PATIENT =
      TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofSeconds(30)));

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

  private void assertAllHome() {
    Await.until(() -> pool.slotsInUse() == 0 && pool.blocksInUse() == 0);
    Await.until(() -> client.info().freeSlots() == SLOTS);
  }

  private static List<byte[]> sized(int... sizes) {
    return IntStream.of(sizes).mapToObj(SubmitTest::bytes).toList();
  }

  private static void assertAnswers(List<byte[]> requests, List<TaskFuture<byte[]>> futures) {
    assertEquals(requests.size(), futures.size());
    for (int n = 0; n < requests.size(); n++) {
      assertArrayEquals(requests.get(n), futures.get(n).join());
    }
  }

  @Test
  void firstInFirstOut() {
    List<Long> requests = LongStream.range(0, 200).boxed().toList();
    List<TaskFuture<Long>> futures = client.submitAll(SubmitTest.NUMBER, requests);
    List<Long> seen = new ArrayList<>();
    for (int n = 0; n < requests.size(); n++) {
      FakeTask task = pool.take();
      seen.add(pool.memory.getLong(task.at + Layout.SLOT_REQUEST));
      task.echo();
    }
    assertEquals(requests, seen);
    assertEquals(requests, futures.stream().map(TaskFuture::join).toList());
    assertAllHome();
    assertEquals(200, pool.counter(0, Layout.CLIENT_SUBMITTED));
    Await.until(() -> pool.counter(0, Layout.CLIENT_COMPLETED) == 200);
  }

  @Test
  void none() {
    assertEquals(List.of(), client.submitAll(SubmitTest.NUMBER, List.of()));
    assertEquals(SLOTS, client.info().freeSlots());
  }

  @Test
  void moreThanThereAreSlots() {
    List<byte[]> requests = IntStream.range(0, USABLE + 50).mapToObj(n -> new byte[1]).toList();
    List<TaskFuture<byte[]>> futures = client.submitAll(SubmitTest.ECHO, requests);
    for (TaskFuture<byte[]> late : futures.subList(USABLE, USABLE + 50)) {
      RejectedException e = EndingsTest.failure(RejectedException.class, late);
      assertEquals(RejectedException.Reason.NO_SLOT, e.reason());
    }
    pool.echo();
    assertAnswers(requests.subList(0, USABLE), futures.subList(0, USABLE));
    assertAllHome();
    assertEquals(USABLE, pool.counter(0, Layout.CLIENT_SUBMITTED));
    assertEquals(50, pool.counter(0, Layout.CLIENT_REJECTED));
    assertAnswers(requests, client.submitAll(SubmitTest.ECHO, requests, PATIENT));
  }

  @Test
  void allSizes() {
    List<byte[]> requests = sized(0, 1, 88, 89, 600, 88, 200_000, 3, 5_000, 88);
    pool.echo();
    assertAnswers(requests, client.submitAll(SubmitTest.ECHO, requests));
    assertAllHome();
  }

  @Test
  void largeRequestsDoNotWaitForTheRest() {
    List<String> seen = new ArrayList<>();
    Codec<byte[]> watching =
        new Codec<>() {
          @Override
          public int id() {
            return Codec.BYTES_ID;
          }

          @Override
          public long maxSize(byte[] value) {
            return value.length;
          }

          @Override
          public void encode(byte[] value, ByteBuffer target) {
            FakeTask ready = pool.poll();
            seen.add(ready == null ? "nothing" : "a task");
            if (ready != null) {
              ready.echo();
            }
            target.put(value);
          }

          @Override
          public byte[] decode(ByteBuffer source) {
            throw new AssertionError();
          }
        };
    TaskType<byte[], byte[]> type = TaskType.of("echo", watching, Codec.BYTES);
    List<byte[]> requests = sized(200_000, 1, 200_000, 1);
    List<TaskFuture<byte[]>> futures = client.submitAll(type, requests);
    assertEquals(List.of("nothing", "a task", "nothing", "a task"), seen);
    pool.echo();
    assertAnswers(requests, futures);
    assertAllHome();
  }

  @Test
  void oneThatIsTooLarge() {
    List<byte[]> requests = sized(1, 50_000_000, 2);
    pool.echo();
    List<TaskFuture<byte[]>> futures = client.submitAll(SubmitTest.ECHO, requests);
    RejectedException e = EndingsTest.failure(RejectedException.class, futures.get(1));
    assertEquals(RejectedException.Reason.PAYLOAD_TOO_LARGE, e.reason());
    assertArrayEquals(requests.get(0), futures.get(0).join());
    assertArrayEquals(requests.get(2), futures.get(2).join());
    assertAllHome();
  }

  @Test
  void noBlockForSome() {
    // The largest class has 6 blocks for requests: the 7th finds none, and what is small goes on.
    List<byte[]> requests = new ArrayList<>(sized(1));
    IntStream.range(0, 7).forEach(n -> requests.add(SubmitTest.bytes(200_000)));
    requests.add(SubmitTest.bytes(2));
    List<TaskFuture<byte[]>> futures = client.submitAll(SubmitTest.ECHO, requests);
    RejectedException e = EndingsTest.failure(RejectedException.class, futures.get(7));
    assertEquals(RejectedException.Reason.ARENA_EXHAUSTED, e.reason());
    pool.echo();
    for (int n : new int[] {0, 1, 2, 3, 4, 5, 6, 8}) {
      assertArrayEquals(requests.get(n), futures.get(n).join());
    }
    assertAllHome();
    assertAnswers(requests, client.submitAll(SubmitTest.ECHO, requests, PATIENT));
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
    assertEquals(2, ring.poll(new int[2]));
    List<byte[]> requests = sized(1, 2, 3, 4);
    List<TaskFuture<byte[]>> futures = client.submitAll(SubmitTest.ECHO, requests);
    for (TaskFuture<byte[]> late : futures.subList(2, 4)) {
      RejectedException e = EndingsTest.failure(RejectedException.class, late);
      assertEquals(RejectedException.Reason.RING_FULL, e.reason());
    }
    pool.echo();
    assertAnswers(requests.subList(0, 2), futures.subList(0, 2));
    assertAllHome();
  }

  /** Numbers: odd ones can't be encoded, 100 ends in an Error, and the size is not known. */
  private record Picky(long size) implements Codec<Long> {
    @Override
    public int id() {
      return Codec.LONG_ID;
    }

    @Override
    public long maxSize(Long value) {
      return size;
    }

    @Override
    public void encode(Long value, ByteBuffer target) throws IOException {
      if (value == 100) {
        throw new AssertionError("one hundred");
      }
      if (value % 2 != 0) {
        throw new IOException("odd");
      }
      target.putLong(value);
    }

    @Override
    public ByteBuffer encode(Long value) throws IOException {
      ByteBuffer buffer = ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN);
      encode(value, buffer);
      return buffer.flip();
    }

    @Override
    public Long decode(ByteBuffer source) {
      return source.getLong();
    }
  }

  @Test
  void codecsThatFail() {
    for (long size : new long[] {8, Codec.UNKNOWN_SIZE}) {
      TaskType<Long, Long> type = TaskType.of("number", new Picky(size), Codec.LONG);
      List<TaskFuture<Long>> futures = client.submitAll(type, List.of(2L, 3L, 4L, 5L));
      EndingsTest.failure(CodecException.class, futures.get(1));
      EndingsTest.failure(CodecException.class, futures.get(3));
      List<Long> seen = new ArrayList<>();
      for (int n = 0; n < 2; n++) {
        FakeTask task = pool.take();
        seen.add(pool.memory.getLong(task.at + Layout.SLOT_REQUEST));
        task.echo();
      }
      assertEquals(List.of(2L, 4L), seen);
      assertEquals(2L, futures.get(0).join());
      assertEquals(4L, futures.get(2).join());
      assertAllHome();
    }
  }

  /** Numbers of which the odd ones don't know their size. */
  private static final Codec<Long> MIXED =
      new Codec<>() {
        private final Picky even = new Picky(8);

        @Override
        public int id() {
          return Codec.LONG_ID;
        }

        @Override
        public long maxSize(Long value) {
          return value % 2 == 0 ? 8 : Codec.UNKNOWN_SIZE;
        }

        @Override
        public void encode(Long value, ByteBuffer target) throws IOException {
          even.encode(value, target);
        }

        @Override
        public ByteBuffer encode(Long value) throws IOException {
          return even.encode(value - 1);
        }

        @Override
        public Long decode(ByteBuffer source) {
          return source.getLong();
        }
      };

  @Test
  void noSlotIsKeptFromItsOwnTasks() {
    TaskType<Long, Long> type = TaskType.of("number", MIXED, Codec.LONG);
    List<Long> requests = LongStream.range(1_000, 1_000 + USABLE).boxed().toList();
    List<TaskFuture<Long>> futures = client.submitAll(type, requests);
    assertEquals(SLOTS - USABLE, client.info().freeSlots());
    pool.echo();
    for (int n = 0; n < USABLE; n++) {
      assertEquals(1_000 + n - n % 2, futures.get(n).join());
    }
    assertAllHome();
  }

  @Test
  void noSlotIsKeptFromOthersWhileItWaits() throws Exception {
    List<byte[]> large = IntStream.range(0, 64).mapToObj(n -> SubmitTest.bytes(200_000)).toList();
    Thread waits =
        Thread.ofPlatform().start(() -> client.submitAll(SubmitTest.ECHO, large, PATIENT));
    Await.until(() -> waits.getState() == Thread.State.TIMED_WAITING);
    assertEquals(SLOTS - 6, client.info().freeSlots());
    pool.echo();
    waits.join();
    assertAllHome();
  }

  @Test
  void anErrorOfACodecKeepsNothingBack() {
    TaskType<Long, Long> type = TaskType.of("number", new Picky(8), Codec.LONG);
    List<TaskFuture<Long>> futures = client.submitAll(type, List.of(2L, 100L, 4L), PATIENT);
    CodecException error = EndingsTest.failure(CodecException.class, futures.get(1));
    assertTrue(error.getMessage().contains("one hundred"), error::getMessage);
    FakeTask first = pool.take();
    FakeTask last = pool.take();
    assertEquals(SLOTS - 2, client.info().freeSlots());
    first.echo();
    last.echo();
    assertEquals(2, futures.get(0).join());
    assertEquals(4, futures.get(2).join());
    assertAllHome();
  }

  /** Fails to decode 3, with an exception that can't even be printed. */
  private static final Codec<Long> UNPRINTABLE =
      new Codec<>() {
        @Override
        public int id() {
          return Codec.LONG_ID;
        }

        @Override
        public long maxSize(Long value) {
          return 8;
        }

        @Override
        public void encode(Long value, ByteBuffer target) {
          target.putLong(value);
        }

        @Override
        public Long decode(ByteBuffer source) {
          long value = source.getLong();
          if (value == 3) {
            throw new IllegalArgumentException() {
              private static final long serialVersionUID = 1;

              @Override
              public String toString() {
                throw new AssertionError("not printable");
              }
            };
          }
          return value;
        }
      };

  @Test
  void aResultThatCanNotBeTakenInHarmsNoOther() {
    TaskType<Long, Long> type = TaskType.of("number", Codec.LONG, UNPRINTABLE);
    for (int round = 0; round < 2; round++) {
      List<TaskFuture<Long>> futures = client.submitAll(type, List.of(1L, 2L, 3L, 4L));
      List<FakeTask> tasks = new ArrayList<>();
      for (int n = 0; n < 4; n++) {
        tasks.add(pool.take());
      }
      tasks.forEach(FakeTask::echo);
      assertEquals(1L, futures.get(0).join());
      assertEquals(2L, futures.get(1).join());
      EndingsTest.failure(CodecException.class, futures.get(2));
      assertEquals(4L, futures.get(3).join());
      assertAllHome();
    }
  }

  @Test
  void deadlines() {
    TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(20));
    List<TaskFuture<Long>> futures =
        client.submitAll(SubmitTest.NUMBER, LongStream.range(0, 70).boxed().toList(), soon);
    futures.forEach(future -> EndingsTest.failure(TaskTimeoutException.class, future));
    assertAllHome();
    TaskOptions past = TaskOptions.DEFAULT.timeout(Duration.ZERO);
    for (TaskFuture<Long> future : client.submitAll(SubmitTest.NUMBER, List.of(1L, 2L), past)) {
      EndingsTest.failure(TaskTimeoutException.class, future);
    }
  }

  @Test
  void notServing() {
    pool.state(Layout.POOL_DRAINING);
    for (TaskFuture<Long> future : client.submitAll(SubmitTest.NUMBER, List.of(1L, 2L))) {
      RejectedException e = EndingsTest.failure(RejectedException.class, future);
      assertEquals(RejectedException.Reason.DRAINING, e.reason());
    }
    client.close();
    for (TaskFuture<Long> future : client.submitAll(SubmitTest.NUMBER, List.of(1L, 2L))) {
      EndingsTest.failure(ClosedException.class, future);
    }
  }

  @Test
  void aSleepingLaneIsWoken() {
    int lane = FakePool.LANES - 1;
    pool.memory.setLong(Layout.H_IDLE, 1L << lane);
    List<TaskFuture<Long>> futures = client.submitAll(SubmitTest.NUMBER, List.of(1L, 2L));
    if (Futex.available()) {
      long wake = pool.geometry.lane(lane) + Layout.LANE_WAKE;
      assertEquals(1, pool.memory.getInt(wake));
      assertEquals(0, pool.memory.getLong(Layout.H_IDLE));
    }
    pool.echo();
    futures.forEach(TaskFuture::join);
  }

  @Test
  void manyThreadsAtOnce() throws Exception {
    pool.echo().echo();
    ConcurrentLinkedQueue<Throwable> wrong = new ConcurrentLinkedQueue<>();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      long first = 1_000_000L * t;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int round = 0; round < 60; round++) {
                      long from = first + 1_000L * round;
                      List<Long> requests = LongStream.range(from, from + 90).boxed().toList();
                      List<Long> results =
                          client.submitAll(SubmitTest.NUMBER, requests, PATIENT).stream()
                              .map(TaskFuture::join)
                              .toList();
                      if (!results.equals(requests)) {
                        wrong.add(new AssertionError(results.toString()));
                      }
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertTrue(wrong.isEmpty(), wrong.toString());
    assertAllHome();
    assertEquals(4 * 60 * 90, pool.counter(0, Layout.CLIENT_SUBMITTED));
    Await.until(() -> pool.counter(0, Layout.CLIENT_COMPLETED) == 4 * 60 * 90);
  }
}
