package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.CancelOutcome;
import io.ringwork.Codec;
import io.ringwork.LaunchConfig;
import io.ringwork.OnFailure;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tasks with keys of the Java client on real lanes: tests/tests/keys.rs has the same for Rust. */
@Timeout(120)
class KeysTest {
  /** PATH NAME MILLISECONDS END: notes in a file that it begins and ends. */
  private static final TaskType<String, Long> SPELL =
      TaskType.of("test.spell", Codec.UTF8, Codec.LONG);

  @TempDir private Path temporary;

  private static LaunchConfig config() {
    return Pools.misbehaving("KeysTest").workers(2).lanes(2).arguments("--keys", "true");
  }

  private static TaskOptions key(String key) {
    return Pools.PATIENT.key(key);
  }

  private static String spell(Path file, Object name, int milliseconds, String end) {
    return file + " " + name + " " + milliseconds + " " + end;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.exists(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tasks that a file tells of: each begins when the one before it has ended. */
  private static List<String> tasksOf(Path file) {
    List<String> lines = lines(file);
    List<String> tasks = new ArrayList<>();
    for (int n = 0; n < lines.size(); n += 2) {
      String name = lines.get(n).substring("begin ".length());
      assertEquals("begin " + name, lines.get(n), lines::toString);
      String end = n + 1 < lines.size() ? lines.get(n + 1) : "nothing";
      assertTrue(end.equals("end " + name) || end.equals("fail " + name), lines::toString);
      tasks.add(name);
    }
    return tasks;
  }

  @Test
  void tasksOfAKeyRunInOrderAndOthersBesideThem() throws Exception {
    try (Ringwork pool = Ringwork.launch(config())) {
      List<TaskFuture<Long>> futures = new ArrayList<>();
      List<Path> files = IntStream.range(0, 4).mapToObj(n -> temporary.resolve("f" + n)).toList();
      for (int n = 0; n < 40; n++) {
        for (int k = 0; k < files.size(); k++) {
          futures.add(pool.submit(SPELL, spell(files.get(k), n, 1, "ok"), key("order-" + k)));
        }
      }
      for (TaskFuture<Long> future : futures) {
        assertEquals(1L, future.get());
      }
      for (Path file : files) {
        assertEquals(IntStream.range(0, 40).mapToObj(Integer::toString).toList(), tasksOf(file));
      }
      Pools.assertNoSlotLeaked(pool);
    }
  }

  /** By threads that submit at the same time, calls among them: each keeps its own order. */
  @Test
  void threadsShareAKey() throws Exception {
    Path file = temporary.resolve("shared");
    try (Ringwork pool = Ringwork.launch(config())) {
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        int thread = t;
        Runnable load =
            () -> {
              try {
                List<TaskFuture<Long>> own = new ArrayList<>();
                for (int n = 0; n < 20; n++) {
                  String request = spell(file, thread + "." + (char) ('a' + n), 0, "ok");
                  if (n % 5 == 4) {
                    pool.call(SPELL, request, key("shared"));
                  } else {
                    own.add(pool.submit(SPELL, request, key("shared")));
                  }
                }
                for (TaskFuture<Long> future : own) {
                  future.join();
                }
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            };
        threads.add(t % 2 == 0 ? Thread.ofPlatform().start(load) : Thread.ofVirtual().start(load));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      List<String> ran = tasksOf(file);
      assertEquals(80, ran.size());
      for (String thread : List.of("0.", "1.", "2.", "3.")) {
        List<String> own = ran.stream().filter(name -> name.startsWith(thread)).toList();
        assertEquals(own.stream().sorted().toList(), own);
      }
      Pools.assertNoSlotLeaked(pool);
    }
  }

  @Test
  void aWorkerThatDiesKeepsTheOrder() throws Exception {
    Path file = temporary.resolve("died");
    try (Ringwork pool = Ringwork.launch(config())) {
      TaskFuture<Long> first =
          pool.submit(SPELL, spell(file, "first", 20, "die"), key("k").attempts(2));
      TaskFuture<Long> second = pool.submit(SPELL, spell(file, "second", 0, "ok"), key("k"));
      assertEquals(1L, second.get());
      assertEquals(2L, first.get());
      assertEquals(
          List.of("begin first", "begin first", "end first", "begin second", "end second"),
          lines(file));
      Pools.assertNoSlotLeaked(pool);
    }
  }

  @Test
  void whatIsGivenUpInMidChainIsLeftOut() throws Exception {
    Path file = temporary.resolve("skipped");
    TaskType<String, String> untilCancelled =
        TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8);
    try (Ringwork pool = Ringwork.launch(config())) {
      Path started = temporary.resolve("started");
      TaskFuture<String> first = pool.submit(untilCancelled, started.toString(), key("k"));
      Await.until("the first one runs", () -> !lines(started).isEmpty());
      TaskFuture<Long> cancelled = pool.submit(SPELL, spell(file, "c", 0, "ok"), key("k"));
      TaskFuture<Long> late =
          pool.submit(
              SPELL,
              spell(file, "l", 0, "ok"),
              key("k").timeout(Duration.ofMillis(50)).admitLate(true));
      TaskFuture<Long> last = pool.submit(SPELL, spell(file, "last", 0, "ok"), key("k"));
      assertEquals(CancelOutcome.WAS_QUEUED, cancelled.cancelTask());
      assertThrows(CancellationException.class, cancelled::join);
      assertFalse(Pools.failure(TaskTimeoutException.class, late).mayHaveRun());
      assertFalse(last.isDone());
      first.cancelTask();
      assertEquals(1L, last.get());
      assertEquals(List.of("last"), tasksOf(file));
      Pools.assertNoSlotLeaked(pool);
    }
  }

  @Test
  void whatIsBehindAFailureRunsOrDoesNotAsItWasAsked() throws Exception {
    try (Ringwork pool = Ringwork.launch(config())) {
      for (OnFailure mode : OnFailure.values()) {
        Path file = temporary.resolve(mode.name());
        Path started = temporary.resolve("started-" + mode);
        TaskType<String, String> untilCancelled =
            TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8);
        // Holds the key until all are queued behind it.
        TaskFuture<String> holds = pool.submit(untilCancelled, started.toString(), key("k"));
        pool.submit(SPELL, spell(file, "fails", 0, "fail"), key("k").onFailure(mode));
        List<TaskFuture<Long>> behind =
            pool.submitAll(
                SPELL, List.of(spell(file, "b1", 0, "ok"), spell(file, "b2", 0, "ok")), key("k"));
        holds.cancelTask();
        for (TaskFuture<Long> future : behind) {
          if (mode == OnFailure.CONTINUE) {
            assertEquals(1L, future.get());
          } else {
            RemoteFailureException poisoned = Pools.failure(RemoteFailureException.class, future);
            assertEquals("key.poisoned", poisoned.code());
            assertFalse(poisoned.mayHaveRun());
          }
        }
        assertEquals(1L, pool.call(SPELL, spell(file, "after", 0, "ok"), key("k")));
      }
      Pools.assertNoSlotLeaked(pool);
    }
  }

  /** A thread that dies amid its submits holds up nothing: its tasks are the client's. */
  @Test
  void aThreadThatDiesLeavesItsTasksInOrder() throws Exception {
    Path file = temporary.resolve("thread");
    try (Ringwork pool = Ringwork.launch(config())) {
      List<TaskFuture<Long>> futures = new ArrayList<>();
      Thread dies =
          Thread.ofPlatform()
              .unstarted(
                  () -> {
                    for (int n = 0; n < 10; n++) {
                      futures.add(pool.submit(SPELL, spell(file, n, 1, "ok"), key("k")));
                    }
                    throw new ThreadDied();
                  });
      dies.setUncaughtExceptionHandler((thread, thrown) -> {});
      dies.start();
      dies.join();
      assertEquals(1L, pool.call(SPELL, spell(file, 10, 0, "ok"), key("k")));
      assertEquals(
          IntStream.rangeClosed(0, 10).mapToObj(Integer::toString).toList(), tasksOf(file));
      assertEquals(10, futures.stream().filter(f -> f.join() == 1L).count());
    }
  }

  private static final class ThreadDied extends Error {
    private static final long serialVersionUID = 1L;
  }

  @Test
  void aPoolWithoutKeysSaysWhichOptionHelps() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("KeysTest").arguments("--keys", "false"))) {
      String said =
          Pools.failure(
                  RejectedException.class, pool.submit(StockTasks.ECHO, new byte[1], key("k")))
              .getMessage();
      assertTrue(said.contains("arguments(\"--keys\", \"true\")"), said);
      Pools.assertUsable(pool);
    }
  }
}
