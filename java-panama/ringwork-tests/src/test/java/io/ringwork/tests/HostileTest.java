package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hostile and broken memory, with this JVM, or one of its own, as the victim: it never crashes,
 * every future ends, and a new pool works.
 */
class HostileTest {
  /** How a JVM ends that a signal has hit in its own code: by SIGABRT. */
  private static final int ABORTED = 128 + 6;

  private static final TaskType<String, byte[]> CORRUPT =
      TaskType.of("test.corrupt", Codec.UTF8, Codec.BYTES);
  private static final int BURSTS = 25;
  private static final int WORDS = 20;

  /** 10 parts of 500 wrong words each, in bursts, while two threads submit and wait. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "header", "clients", "workers", "lanes", "injectors",
        "slots", "completions", "tables", "owners", "blocks"
      })
  void aWorkerWritesWrongWordsUnderLoad(String part) throws Exception {
    List<TaskFuture<?>> futures = new ArrayList<>();
    AtomicInteger ended = new AtomicInteger();
    AtomicBoolean stop = new AtomicBoolean();
    try (Ringwork pool =
        Ringwork.launch(
            Pools.misbehaving("HostileTest")
                .slots(64)
                .segmentSize(8 << 20)
                .closeTimeout(Duration.ofMillis(200)))) {
      List<Thread> load = new ArrayList<>();
      for (int seed = 0; seed < 2; seed++) {
        Random random = new Random(seed);
        load.add(Thread.ofPlatform().start(() -> load(pool, random, stop, ended)));
      }
      Await.until("the load is on", () -> ended.get() > 100);
      for (int seed = 0; seed < BURSTS; seed++) {
        futures.add(
            pool.submit(
                CORRUPT,
                seed + " " + WORDS + " " + part,
                TaskOptions.DEFAULT.timeout(Duration.ofMillis(500))));
        ended(futures.getLast());
      }
      stop.set(true);
      for (Thread thread : load) {
        assertTrue(thread.join(Await.PATIENCE), "a waiting thread hangs");
      }
    }
    for (TaskFuture<?> future : futures) {
      assertTrue(future.isDone());
    }
    try (Ringwork again = Ringwork.launch(Pools.misbehaving("HostileTest"))) {
      Pools.assertUsable(again);
    }
  }

  private static void load(Ringwork pool, Random random, AtomicBoolean stop, AtomicInteger ended) {
    TaskOptions brief = TaskOptions.DEFAULT.timeout(Duration.ofMillis(300));
    while (!stop.get()) {
      List<TaskFuture<byte[]>> batch = new ArrayList<>();
      for (int n = 0; n < 8; n++) {
        byte[] request = new byte[new int[] {3, 88, 700, 20_000}[random.nextInt(4)]];
        batch.add(
            pool.submit(
                StockTasks.ECHO, request, random.nextBoolean() ? brief : TaskOptions.DEFAULT));
      }
      try {
        pool.call(StockTasks.echo(Codec.LONG), 7L, brief);
      } catch (RingworkException | InterruptedException expected) {
        // any clear error will do
      }
      for (TaskFuture<byte[]> future : batch) {
        ended(future);
        ended.incrementAndGet();
      }
    }
  }

  private static void ended(TaskFuture<?> future) {
    try {
      future.get(Await.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException told) {
      assertTrue(told.getCause() instanceof RuntimeException, told.toString());
    } catch (Exception hangs) {
      throw new AssertionError("a future does not end: " + hangs, hangs);
    }
  }

  /** What the supervisor finds is what the futures say. */
  @Test
  void theDamageIsNamed() throws Exception {
    try (Ringwork pool =
        Ringwork.launch(Pools.misbehaving("HostileTest").closeTimeout(Duration.ofMillis(200)))) {
      TaskFuture<Long> waiting = pool.submit(StockTasks.SLEEP, 600_000L);
      write(pool.info().segment(), 64, 1L << 40); // a constant of the header
      RingworkException error = Pools.failure(RingworkException.class, waiting);
      Pools.assertSays(error, "corrupt", "header");
      assertThrows(RingworkException.class, () -> pool.call(StockTasks.echo(Codec.LONG), 1L));
    }
    try (Ringwork again = Ringwork.launch(Pools.misbehaving("HostileTest"))) {
      Pools.assertUsable(again);
    }
  }

  /** Nor does it matter which tells first, the poller or the exit of the process. */
  @Test
  void theDamageIsNamedThoughThePollerIsBusy() throws Exception {
    CompletableFuture<Void> release = new CompletableFuture<>();
    CountDownLatch busy = new CountDownLatch(1);
    try (Ringwork pool =
        Ringwork.launch(
            Pools.misbehaving("HostileTest")
                .completion(CompletionMode.INLINE)
                .closeTimeout(Duration.ofMillis(200)))) {
      try {
        TaskFuture<Long> waiting = pool.submit(StockTasks.SLEEP, 600_000L);
        pool.submit(StockTasks.SLEEP, 10L)
            .thenRun(
                () -> {
                  busy.countDown();
                  release.join();
                });
        assertTrue(busy.await(Await.PATIENCE.toSeconds(), TimeUnit.SECONDS));
        write(pool.info().segment(), 64, 1L << 40);
        Pools.assertSays(Pools.failure(RingworkException.class, waiting), "corrupt", "header");
      } finally {
        release.complete(null);
      }
    }
  }

  private static void write(Path segment, long at, long word) throws IOException {
    try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
      file.write(java.nio.ByteBuffer.allocate(8).putLong(0, word), at);
    }
  }

  // ---- truncation

  /** The segment of an embedded pool is a sealed memfd: it can't be truncated at all. */
  @Test
  void anEmbeddedSegmentCanNotBeTruncated() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("HostileTest"))) {
      Path segment = pool.info().segment();
      assertTrue(segment.startsWith("/proc"), segment.toString());
      assertTrue(Files.readSymbolicLink(segment).toString().startsWith("/memfd:ringwork:"));
      assertEquals(pool.info().segmentBytes(), Files.size(segment));
      try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
        assertThrows(IOException.class, () -> file.truncate(0));
        assertThrows(IOException.class, () -> file.truncate(4096));
      }
      assertThrows(
          IOException.class, () -> Files.newOutputStream(segment).close(), "O_TRUNC is refused");
      byte[] data = Pools.randomBytes(100_000);
      assertArrayEquals(data, pool.submit(StockTasks.ECHO, data).join());
    }
  }

  /**
   * A file can be truncated by its owner: the JVM lives on, all futures end, the pool is over.
   *
   * <p>But for the hole in docs/guide/operations.md: the virtual machine's own compare-and-swap,
   * which interpreted code calls, has no guard against a missing page. A JVM that interprets
   * everything is in it so often that it may end there, and nowhere else.
   */
  @ParameterizedTest
  @CsvSource({"0,false", "4096,false", "300000,false", "0,true"})
  void aFileTruncatedUnderALiveJvm(long size, boolean interpreted) throws Exception {
    String name = "HostileTest-" + size + interpreted;
    List<String> options = new ArrayList<>(List.of("--enable-native-access=ALL-UNNAMED"));
    if (interpreted) {
      options.add("-Xint");
      options.add("-XX:ErrorFile=target/hs_err_pid%p.log");
    }
    try (Child pool = Child.serve(name);
        Child jvm = Child.java(options, TruncationVictim.class, name)) {
      jvm.awaitLine("its load is on", line -> line.equals("busy"));
      Path segment = PoolDirectory.PATH.resolve(name).resolve("segment");
      try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
        file.truncate(size);
      }
      int exit = jvm.awaitExit(Await.PATIENCE);
      if (!interpreted || exit != ABORTED || !jvm.output().contains("Unsafe_CompareAndSet")) {
        assertEquals(0, exit, jvm::output);
        jvm.awaitLine("its report", line -> line.startsWith("all ended"));
      }
      assertTrue(pool.awaitExit(Await.PATIENCE) != 0, pool::output);
    }
    aNewPoolTakesItsPlace(name);
  }

  /**
   * The next pool of a name removes what the last one left: its directory, if the supervisor met
   * the missing memory before it looked at the file's size, and died of SIGBUS.
   */
  private static void aNewPoolTakesItsPlace(String name) throws Exception {
    try (Child pool = Child.serve(name);
        Ringwork again = Ringwork.connect(name)) {
      Pools.assertUsable(again);
      assertTrue(pool.isAlive());
    }
  }

  /** Futures without a waiter end, too. */
  @Test
  void anUnwatchedFutureEndsWhenTheFileIsTruncated() throws Exception {
    String name = "HostileTest-unwatched";
    try (Child pool = Child.serve(name);
        Ringwork client = Ringwork.connect(name)) {
      CompletableFuture<Long> future = client.submit(StockTasks.SLEEP, 600_000L);
      Path segment = PoolDirectory.PATH.resolve(name).resolve("segment");
      try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
        file.truncate(0);
      }
      Await.until("it ends", future::isDone);
      assertTrue(future.isCompletedExceptionally());
      assertTrue(pool.awaitExit(Await.PATIENCE) != 0, pool::output);
    }
    aNewPoolTakesItsPlace(name);
  }
}
