package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A handle whose pool is killed or drained, and served again, time and again under load. */
@Timeout(300)
class ReconnectLoadTest {
  private static final TaskType<Long, Long> NUMBER = TaskType.of("echo", Codec.LONG, Codec.LONG);
  private static final TaskType<String, Long> COUNT =
      TaskType.of("test.count", Codec.UTF8, Codec.LONG);

  /** Each way to run a task; the text is noted by the handler that runs it. */
  private interface Way {
    void run(Ringwork handle, String request) throws Exception;
  }

  private static final List<Way> WAYS =
      List.of(
          (handle, request) -> handle.call(COUNT, request, Pools.PATIENT),
          (handle, request) -> handle.submit(COUNT, request, Pools.PATIENT).join(),
          (handle, request) -> handle.submit(COUNT, request).join(),
          (handle, request) ->
              handle.submitAll(COUNT, List.of(request), Pools.PATIENT).getFirst().join(),
          (handle, request) ->
              handle.submitChunk(COUNT, List.of(request), 64, Pools.PATIENT).join().get(0),
          ReconnectLoadTest::leased);

  @AfterEach
  void removeWhatIsLeft() throws IOException {
    ReconnectTest.removePools();
  }

  private static void leased(Ringwork handle, String request) {
    byte[] bytes = request.getBytes(StandardCharsets.UTF_8);
    try (RawTask task = handle.claim("test.count", bytes.length, Pools.PATIENT)) {
      MemorySegment.copy(bytes, 0, task.request(), ValueLayout.JAVA_BYTE, 0, bytes.length);
      try (ResultLease lease = task.codec(Codec.UTF8_ID).submit().join()) {
        assertTrue(lease.segment().byteSize() > 0);
      }
    } catch (IllegalStateException late) {
      throw new UnsupportedOperationException("the memory went while it was filled", late);
    }
  }

  /** What the callers were told of their tasks. */
  private static final class Truth {
    final Set<String> succeeded = ConcurrentHashMap.newKeySet();
    final Set<String> neverRan = ConcurrentHashMap.newKeySet();
    final Set<String> mayHaveRun = ConcurrentHashMap.newKeySet();
    final ConcurrentLinkedQueue<Throwable> strange = new ConcurrentLinkedQueue<>();

    void run(Way way, Ringwork handle, Path ledger, String id) {
      try {
        way.run(handle, ledger + "\n" + id);
        succeeded.add(id);
      } catch (Throwable failed) {
        RingworkException error = RingworkException.of(failed).orElse(null);
        if (error == null) {
          strange.add(failed);
        } else {
          (error.mayHaveRun() ? mayHaveRun : neverRan).add(id);
          if (!(error instanceof ClosedException) && !(error instanceof RejectedException)) {
            strange.add(error);
          }
          LockSupport.parkNanos(1_000_000);
        }
      }
    }

    void check(List<String> ran) {
      Set<String> once = new HashSet<>(ran);
      assertEquals(ran.size(), once.size(), "a task ran twice");
      assertTrue(strange.isEmpty(), strange::toString);
      assertTrue(once.containsAll(succeeded), "a result of a task that never ran");
      neverRan.retainAll(once);
      assertEquals(Set.of(), neverRan, "they ran, but it was said that they never did");
      System.out.printf(
          "%d succeeded, %d may have run, %d of these did%n",
          succeeded.size(), mayHaveRun.size(), mayHaveRun.stream().filter(once::contains).count());
    }
  }

  /** What ran is what succeeded or may have run, and nothing runs twice, by whatever way. */
  @Test
  void eachTaskIsToldTheTruth(@TempDir Path directory) throws Exception {
    String name = "ReconnectLoadTest-truth";
    Path ledger = directory.resolve("ledger");
    Truth truth = new Truth();
    AtomicBoolean stop = new AtomicBoolean();
    List<Thread> threads = new ArrayList<>();
    try (Ringwork handle = ReconnectTest.connect(name)) {
      for (int w = 0; w < 2 * WAYS.size(); w++) {
        Way way = WAYS.get(w % WAYS.size());
        String prefix = w + "-";
        Thread.Builder builder = w < WAYS.size() ? Thread.ofPlatform() : Thread.ofVirtual();
        threads.add(
            builder.start(
                () -> {
                  for (int n = 0; !stop.get(); n++) {
                    truth.run(way, handle, ledger, prefix + n);
                  }
                }));
      }
      String worker = Pools.testWorker().toString();
      for (int n = 0; n < 6; n++) {
        // Some die while they start: nothing, a part or all of the segment is there.
        for (int early = 0; early < 4; early++) {
          try (Child pool = Child.ringwork("serve", "--name", name, "--worker", worker)) {
            LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(60_000_000));
            ReconnectTest.kill(pool);
          }
        }
        try (Child pool = Child.serve(name, "--worker", worker)) {
          int before = truth.succeeded.size();
          Await.until("tasks run", () -> truth.succeeded.size() > before + 200);
          if (n % 2 == 0) {
            ReconnectTest.kill(pool);
          } else {
            pool.terminate();
            pool.awaitExit(Await.PATIENCE);
          }
        }
      }
    } finally {
      stop.set(true);
    }
    for (Thread thread : threads) {
      thread.join(Await.PATIENCE);
    }
    truth.check(Files.readAllLines(ledger));
  }

  /** Numbers submitted at a steady rate, whatever becomes of them. */
  private static final class Load {
    final ConcurrentLinkedQueue<TaskFuture<Long>> futures = new ConcurrentLinkedQueue<>();
    final AtomicLong made = new AtomicLong();
    final AtomicLong ended = new AtomicLong();
    final AtomicLong wrong = new AtomicLong();
    final AtomicInteger failed = new AtomicInteger();
    final AtomicBoolean stop = new AtomicBoolean();

    void run(Ringwork handle) {
      long next = System.nanoTime();
      while (!stop.get()) {
        long number = made.incrementAndGet();
        TaskFuture<Long> future = handle.submit(NUMBER, number);
        futures.add(future);
        future.whenComplete((result, error) -> end(number, result, error));
        next += 100_000; // 10,000 a second
        LockSupport.parkNanos(next - System.nanoTime());
      }
    }

    private void end(long number, Long result, Throwable error) {
      ended.incrementAndGet();
      if (error == null ? result != number : !(error instanceof RingworkException)) {
        wrong.incrementAndGet();
      }
      if (error != null) {
        failed.incrementAndGet();
      }
    }
  }

  /**
   * Restarts under load, killed and drained in turn. {@code -Dringwork.restarts=100} for the whole
   * number.
   */
  @Test
  void restartsUnderLoad() throws Exception {
    String name = "ReconnectLoadTest-restarts";
    int restarts = Integer.getInteger("ringwork.restarts", 6);
    Load load = new Load();
    long[] micros = new long[restarts];
    long begun = System.nanoTime();
    Child pool = Child.serve(name);
    try (Ringwork handle = ReconnectTest.connect(name)) {
      Thread submitter = Thread.startVirtualThread(() -> load.run(handle));
      int[] before = null;
      for (int n = 0; n < restarts; n++) {
        LockSupport.parkNanos(100_000_000);
        if (n % 2 == 0) {
          ReconnectTest.kill(pool);
        } else {
          pool.terminate();
          pool.awaitExit(Await.PATIENCE);
        }
        pool.close();
        pool = Child.serve(name, "--memory", n % 2 == 0 ? "memfd" : "file");
        long ready = System.nanoTime();
        Await.until("it serves again", () -> works(handle));
        micros[n] = (System.nanoTime() - ready) / 1000;
        if (n == 2) {
          before = settled(name);
        }
      }
      load.stop.set(true);
      submitter.join();
      Await.until(
          "every future is decided", () -> load.futures.stream().allMatch(TaskFuture::isDone));
      Await.until("each callback has run once", () -> load.ended.get() == load.made.get());
      assertEquals(0, load.wrong.get(), "results or errors that are wrong");
      if (before != null) {
        int[] now = settled(name);
        assertTrue(now[0] <= before[0], "threads: " + before[0] + ", then " + now[0]);
        assertTrue(now[1] <= before[1], "mappings: " + before[1] + ", then " + now[1]);
        assertTrue(now[2] <= before[2], "descriptors: " + before[2] + ", then " + now[2]);
      }
      Arrays.sort(micros);
      System.out.printf(
          "%d restarts, %d tasks in %.1f s, %d failed; serving again after readiness was seen: median %.1f ms,"
              + " p99 %.1f ms, max %.1f ms%n",
          restarts,
          load.made.get(),
          (System.nanoTime() - begun) / 1e9,
          load.failed.get(),
          micros[restarts / 2] / 1e3,
          micros[restarts * 99 / 100] / 1e3,
          micros[restarts - 1] / 1e3);
    } finally {
      load.stop.set(true);
      pool.close();
    }
    Await.until("no file is left", () -> PoolDirectory.list().isEmpty());
    Await.until("no thread is left", () -> ReconnectTest.threads(name).isEmpty());
  }

  private static boolean works(Ringwork handle) {
    TaskFuture<Long> probe = handle.submit(NUMBER, 1L);
    try {
      return probe.join() == 1L;
    } catch (CompletionException notYet) {
      return false;
    }
  }

  /** Threads, mappings and descriptors of the handle, once no earlier connection is retiring. */
  private static int[] settled(String name) {
    Await.until(
        "earlier connections are given up",
        () -> Proc.threads("ringwork-retire-" + name).isEmpty());
    int files =
        (int)
            Proc.descriptors().stream()
                .filter(path -> path.contains("/" + name + "/") || path.contains("memfd:ringwork:"))
                .count();
    return new int[] {
      ReconnectTest.threads(name).size(),
      Proc.mappings(PoolDirectory.PATH.resolve(name)).size(),
      files
    };
  }
}
