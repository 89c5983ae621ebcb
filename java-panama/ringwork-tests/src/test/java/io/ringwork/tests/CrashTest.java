package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.ConnectConfig;
import io.ringwork.PoolState;
import io.ringwork.RawTask;
import io.ringwork.Reconnect;
import io.ringwork.RejectedException;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SIGKILL of workers, of the supervisor and of a JVM, and SIGSTOP. */
class CrashTest {
  /** Appends a text to a file and returns the attempt. */
  private static final TaskType<String, Long> COUNT =
      TaskType.of("test.count", Codec.UTF8, Codec.LONG);

  private static final int TASKS = 40_000;
  private static final int KILLS = 15;

  @TempDir private Path temporary;

  /** Every third task may run once, twice, three times. */
  private static int attempts(int task) {
    return task % 3 + 1;
  }

  @Test
  void workersKilledUnderLoadCompleteEveryTaskOnce() throws Exception {
    Path ran = Files.createFile(temporary.resolve("ran"));
    AtomicIntegerArray completions = new AtomicIntegerArray(TASKS);
    AtomicInteger completed = new AtomicInteger();
    List<TaskFuture<Long>> futures = new ArrayList<>();
    try (Ringwork pool = Ringwork.launch(Pools.misbehaving("CrashTest"))) {
      int room = Pools.room(pool, 4_000);
      Thread killer = Thread.ofPlatform().start(() -> killWorkers(pool, completed));
      for (int i = 0; i < TASKS; i++) {
        int task = i;
        // Long and short paths, so that requests travel inline and in blocks.
        String path = (i % 2 == 0 ? "" : "/".repeat(500)) + ran;
        TaskFuture<Long> future =
            pool.submit(COUNT, path + "\n" + i, Pools.PATIENT.attempts(attempts(i)));
        future.whenComplete(
            (result, error) -> {
              completions.incrementAndGet(task);
              completed.incrementAndGet();
            });
        futures.add(future);
      }
      Await.until(
          "all tasks are done",
          Duration.ofSeconds(40),
          () -> futures.stream().allMatch(CompletableFuture::isDone));
      killer.join();
      Await.until("both workers are back", () -> pool.info().lanes() == 2);
      Pools.assertUsable(pool);
      Await.until("no block is lost", () -> Pools.room(pool, 4_000) == room);
    }
    checkCompletions(futures, completions, timesRun(ran));
  }

  /** Kills a worker each time that another part of the tasks is done. */
  private static void killWorkers(Ringwork pool, AtomicInteger completed) {
    for (int kill = 1; kill <= KILLS; kill++) {
      int progress = TASKS / (KILLS + 1) * kill;
      Await.until("progress", () -> completed.get() >= progress);
      Await.until("a worker to kill", () -> !Pools.workers(pool).isEmpty());
      Pools.workers(pool).getFirst().destroyForcibly();
    }
  }

  private static Map<Integer, Long> timesRun(Path ran) throws Exception {
    try (Stream<String> lines = Files.lines(ran)) {
      return lines
          .map(Integer::valueOf)
          .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    }
  }

  private static void checkCompletions(
      List<TaskFuture<Long>> futures, AtomicIntegerArray completions, Map<Integer, Long> ran) {
    Await.until(
        "all callbacks have run",
        () -> IntStream.range(0, TASKS).allMatch(i -> completions.get(i) > 0));
    int crashed = 0;
    int repeated = 0;
    for (int i = 0; i < TASKS; i++) {
      assertEquals(1, completions.get(i), "completions of task " + i);
      long times = ran.getOrDefault(i, 0L);
      assertTrue(times <= attempts(i), "task " + i + " ran " + times + " times");
      try {
        long attempt = futures.get(i).join();
        assertTrue(times >= 1, "task " + i + " never ran, but has a result");
        assertTrue(times <= attempt, "task " + i + " ran after its last attempt");
        repeated += attempt > 1 ? 1 : 0;
      } catch (CompletionException e) {
        WorkerCrashedException crash = assertInstanceOf(WorkerCrashedException.class, e.getCause());
        assertEquals(attempts(i), crash.attempts());
        assertEquals(OptionalInt.of(9), crash.signal());
        assertTrue(crash.mayHaveRun());
        Pools.assertSays(crash, "SIGKILL", "test.count", "attempt");
        crashed++;
      }
    }
    System.out.printf(
        "%d workers killed under %,d tasks: %d failed as crashed, %d succeeded when repeated%n",
        KILLS, TASKS, crashed, repeated);
  }

  /** Kills that hit workers in the midst of copying results into blocks. */
  @Test
  void workersKilledWhileTheyWriteResultsLoseNoBlock() throws Exception {
    int[] sizes = {89, 1_025, 30_000, 200_000};
    try (Ringwork pool = Ringwork.launch(Pools.roomy("CrashTest"))) {
      List<Integer> room = Arrays.stream(sizes).mapToObj(s -> Pools.room(pool, s)).toList();
      int succeeded = 0;
      for (int kill = 0; kill < 8; kill++) {
        List<byte[]> requests = new ArrayList<>();
        List<TaskFuture<byte[]>> futures = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
          requests.add(Pools.randomBytes(sizes[i % sizes.length] + i));
          futures.add(pool.submit(StockTasks.ECHO, requests.getLast(), Pools.PATIENT.attempts(3)));
          if (i == 100) {
            Pools.workers(pool).forEach(ProcessHandle::destroyForcibly);
          }
        }
        for (int i = 0; i < futures.size(); i++) {
          try {
            assertArrayEquals(requests.get(i), futures.get(i).join());
            succeeded++;
          } catch (CompletionException e) {
            assertInstanceOf(WorkerCrashedException.class, e.getCause());
          }
        }
        Await.until("the workers are back", () -> Pools.workers(pool).size() == 2);
      }
      assertTrue(succeeded > 1_500, succeeded + " of 1600");
      Pools.assertUsable(pool);
      Await.until(
          "no block is lost",
          () -> Arrays.stream(sizes).mapToObj(s -> Pools.room(pool, s)).toList().equals(room));
    }
  }

  @Test
  void aLeaseOutlivesTheWorkerThatWroteIt() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("CrashTest"));
        RawTask task = pool.claim("echo", 5_000)) {
      byte[] request = Pools.randomBytes(5_000);
      task.request().copyFrom(MemorySegment.ofArray(request));
      try (ResultLease lease = task.submit().get()) {
        List<ProcessHandle> workers = Pools.workers(pool);
        workers.forEach(ProcessHandle::destroyForcibly);
        Pools.assertWorks(pool);
        assertArrayEquals(request, lease.segment().toArray(ValueLayout.JAVA_BYTE));
        assertTrue(workers.stream().noneMatch(worker -> Proc.isRunning(worker.pid())));
      }
      Pools.assertUsable(pool);
    }
  }

  /** The client keeps the deadlines itself: no worker, and no supervisor, is needed for them. */
  @Test
  void deadlinesHoldWhileEverybodyElseIsStopped() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("CrashTest"))) {
      List<Long> others = new ArrayList<>();
      others.add(Pools.supervisor(pool).pid());
      Await.until("both workers are there", () -> pool.info().workers() == 2);
      Pools.workers(pool).forEach(worker -> others.add(worker.pid()));
      TaskOptions deadline = TaskOptions.DEFAULT.timeout(Duration.ofMillis(100));
      TaskFuture<Long> running = pool.submit(StockTasks.SLEEP, 60_000L, deadline);
      others.forEach(pid -> Proc.signal("STOP", pid));
      try {
        TaskFuture<Long> queued = pool.submit(StockTasks.SLEEP, 60_000L, deadline);
        Pools.failure(TaskTimeoutException.class, running);
        assertFalse(Pools.failure(TaskTimeoutException.class, queued).mayHaveRun());
        assertThrows(
            TaskTimeoutException.class, () -> pool.call(StockTasks.SLEEP, 60_000L, deadline));
      } finally {
        others.forEach(pid -> Proc.signal("CONT", pid));
      }
      Pools.assertUsable(pool);
    }
  }

  @Test
  void aStoppedWorkerHoldsUpOnlyWhatItRuns() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("CrashTest"))) {
      long stopped = Pools.workers(pool).getFirst().pid();
      List<TaskFuture<byte[]>> futures = new ArrayList<>();
      Runnable submit =
          () -> {
            for (int i = 0; i < 500; i++) {
              futures.add(
                  pool.submit(StockTasks.ECHO, Pools.randomBytes(100), Pools.PATIENT.attempts(2)));
            }
          };
      submit.run();
      Proc.signal("STOP", stopped);
      submit.run();
      Await.until(
          "all but the tasks of the stopped lane are done",
          () -> futures.stream().filter(f -> !f.isDone()).count() <= 1);
      Proc.signal("CONT", stopped);
      futures.forEach(TaskFuture::join);
      Proc.signal("STOP", stopped);
      submit.run();
      Proc.signal("KILL", stopped);
      futures.forEach(TaskFuture::join);
      Pools.assertUsable(pool);
    }
  }

  private static List<TaskFuture<Long>> submitSleeps(Ringwork pool, int count) {
    List<TaskFuture<Long>> futures = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      futures.add(pool.submit(StockTasks.SLEEP, 60_000L));
    }
    return futures;
  }

  private static void assertAllFailSoon(String what, List<TaskFuture<Long>> futures) {
    Duration took =
        Await.until(
            "all pending futures have failed",
            Duration.ofSeconds(20),
            () -> futures.stream().allMatch(CompletableFuture::isDone));
    System.out.printf("%s: %d futures failed after %d ms%n", what, futures.size(), took.toMillis());
    for (TaskFuture<Long> future : futures) {
      Pools.assertSays(Pools.failure(ClosedException.class, future), "supervisor");
    }
  }

  @Test
  void aKilledSupervisorFailsWhatIsPendingAndCanBeLaunchedAgain() throws Exception {
    String name = "CrashTest-launched";
    try (Ringwork pool = Ringwork.launch(Pools.stock("CrashTest").name(name))) {
      List<Long> processes = new ArrayList<>();
      Pools.workers(pool).forEach(worker -> processes.add(worker.pid()));
      assertEquals(2, processes.size());
      List<TaskFuture<Long>> futures = submitSleeps(pool, 100);
      Pools.supervisor(pool).destroyForcibly();
      assertAllFailSoon("SIGKILL of a launched supervisor", futures);
      assertFalse(pool.isOpen());
      ClosedException late =
          Pools.failure(ClosedException.class, pool.submit(StockTasks.SLEEP, 1L));
      assertFalse(late.mayHaveRun());
      Await.until("the workers are gone", () -> processes.stream().noneMatch(Proc::isRunning));
    }
    try (Ringwork again = Ringwork.launch(Pools.stock("CrashTest").name(name))) {
      Pools.assertUsable(again);
    }
  }

  @Test
  void aKilledSupervisorCanBeReplacedUnderItsName() throws Exception {
    String name = "CrashTest-served";
    try (Child first = Child.serve(name);
        Ringwork pool = Ringwork.connect(name)) {
      Pools.assertUsable(pool);
      List<TaskFuture<Long>> futures = submitSleeps(pool, 100);
      first.kill();
      assertAllFailSoon("SIGKILL of a separate supervisor", futures);
      try (Child second = Child.serve(name)) {
        try (Ringwork again = Ringwork.connect(name)) {
          Pools.assertUsable(again);
          assertFalse(pool.isOpen(), "the old client must not come to life again");
        }
        second.terminate();
        assertEquals(0, second.awaitExit(Await.PATIENCE));
      }
    }
  }

  /** Not after the next of the client's own looks: a caller is told the truth at once. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aPoolIsNotReadyOnceItsSupervisorWasKilled(boolean reconnects) throws Exception {
    String name = "CrashTest-ready-" + reconnects;
    ConnectConfig config = ConnectConfig.of(name);
    for (int round = 0; round < 5; round++) {
      try (Child pool = Child.serve(name);
          Ringwork handle =
              Ringwork.connect(reconnects ? config.reconnect(Reconnect.DEFAULT) : config)) {
        assertTrue(handle.awaitReady(Await.PATIENCE));
        Thread.currentThread().interrupt(); // it must not close what is looked at
        assertTrue(handle.info().ready());
        assertTrue(Thread.interrupted());
        pool.kill();
        pool.awaitExit(Await.PATIENCE);
        boolean even = round % 2 == 0;
        try {
          assertFalse(even ? handle.info().ready() : handle.awaitReady(Duration.ZERO));
          assertEquals(PoolState.FAILED, handle.info().state());
          Pools.assertSays(new Exception(handle.info().reason()), "supervisor is gone");
        } catch (ClosedException | RejectedException noticed) {
          // the client's own look was faster
        }
      } finally {
        Thread.interrupted();
        PoolDirectory.delete(PoolDirectory.PATH.resolve(name));
      }
    }
  }

  /** What the pool had ended with is not why the wait ends. */
  @Test
  void aWaitForAPoolThatIsEndedByCloseSaysSo() throws Exception {
    String name = "CrashTest-close";
    Ringwork handle = Ringwork.connect(ConnectConfig.of(name).reconnect(Reconnect.DEFAULT));
    try {
      try (Child pool = Child.serve(name)) {
        assertTrue(handle.awaitReady(Await.PATIENCE));
        pool.kill();
        pool.awaitExit(Await.PATIENCE);
      } finally {
        PoolDirectory.delete(PoolDirectory.PATH.resolve(name));
      }
      FutureTask<Boolean> wait = new FutureTask<>(() -> handle.awaitReady(Duration.ofHours(1)));
      Thread waiter = Thread.ofPlatform().start(wait);
      Await.until("it waits", () -> waiter.getState() == Thread.State.TIMED_WAITING);
      handle.close();
      ExecutionException end =
          assertThrows(ExecutionException.class, () -> wait.get(30, TimeUnit.SECONDS));
      Pools.assertSays(
          assertInstanceOf(ClosedException.class, end.getCause()), "the client was closed");
    } finally {
      handle.close();
    }
    Pools.assertSays(
        assertThrows(ClosedException.class, () -> handle.awaitReady(Duration.ZERO)),
        "the client was closed");
  }

  /** Its main class is {@link Victim}. */
  @Test
  void aKilledJvmTakesItsPoolAlong() throws Exception {
    String name = "CrashTest-victim";
    try (Child jvm = Child.java(List.of(), Victim.class, name)) {
      String line = jvm.awaitLine("the pool's processes", l -> l.startsWith("processes "));
      List<Long> processes = Arrays.stream(line.split(" ")).skip(1).map(Long::valueOf).toList();
      assertEquals(3, processes.size());
      assertTrue(processes.stream().allMatch(Proc::isRunning));
      Path directory = PoolDirectory.PATH.resolve(name);
      assertTrue(Files.exists(directory));
      jvm.kill();
      Duration took =
          Await.until(
              "supervisor, workers and segment are gone",
              Duration.ofSeconds(5),
              () -> processes.stream().noneMatch(Proc::isRunning) && !Files.exists(directory));
      System.out.printf("SIGKILL of a JVM: its pool was gone after %d ms%n", took.toMillis());
    }
  }

  /** No process is left to remove the files then: the next launch does. */
  @Test
  void whatAKilledProcessGroupLeavesGoesAtTheNextLaunch() throws Exception {
    String name = "CrashTest-group";
    Path directory = PoolDirectory.PATH.resolve(name);
    try (Child jvm = Child.java(List.of(), Victim.class, name)) {
      String line = jvm.awaitLine("the pool's processes", l -> l.startsWith("processes "));
      List<Long> processes = Arrays.stream(line.split(" ")).skip(1).map(Long::valueOf).toList();
      // Stopped first, so that it does not see the end of its owner: as if all died at once.
      Proc.signal("STOP", processes.getFirst());
      jvm.kill();
      jvm.awaitExit(Await.PATIENCE);
      Proc.signal("KILL", processes.getFirst());
      Await.until("all are gone", () -> processes.stream().noneMatch(Proc::isRunning));
      // A zombie's other threads may still be on their way out, and the lock with them.
      Await.until("the lock is free", () -> isFree(directory.resolve("name.lock")));
      try (Ringwork next = Ringwork.launch(Pools.stock("CrashTest"))) {
        assertFalse(Files.exists(directory), () -> PoolDirectory.listing(directory));
        Pools.assertUsable(next);
      }
    } finally {
      if (Files.exists(directory)) {
        PoolDirectory.delete(directory);
      }
    }
  }

  private static boolean isFree(Path lock) {
    try (FileChannel file = FileChannel.open(lock, StandardOpenOption.WRITE)) {
      return file.tryLock() != null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One definition of ready: the client's, and that of the command, in the same words. */
  @Test
  void stoppedProcessesAreNotReadyToTheClientAndTheCommandAlike() throws Exception {
    String name = "CrashTest-stopped";
    try (Child served = Child.serve(name);
        Ringwork pool = Ringwork.connect(name)) {
      Await.until("two workers serve", () -> pool.info().workers() == 2 && pool.info().ready());
      List<Long> workers = served.children().stream().map(ProcessHandle::pid).toList();
      assertEquals(2, workers.size());
      assertAlike(pool, name, true, "");
      signalled(
          workers.subList(0, 1),
          () -> {
            Await.until("one is told", () -> stat(name).contains("is stopped"));
            assertTrue(pool.info().ready(), "the other worker runs");
            assertEquals("", pool.info().reason());
            assertTrue(pool.awaitReady(Duration.ZERO));
            assertEquals(0, readiness(name));
          });
      signalled(
          workers,
          () -> {
            Await.until("it is told", () -> !pool.info().ready());
            assertAlike(pool, name, false, "(process " + workers.getFirst() + ") is stopped");
          });
      Await.until("they go on", () -> pool.info().ready());
      assertAlike(pool, name, true, "");
      signalled(
          List.of(served.pid()),
          () -> {
            Await.until("it is told", () -> !pool.info().ready());
            assertAlike(pool, name, false, "supervisor (process " + served.pid() + ") is stopped");
          });
      assertTrue(pool.awaitReady(Await.PATIENCE));
    }
  }

  private interface Check {
    void run() throws Exception;
  }

  private static void signalled(List<Long> processes, Check check) throws Exception {
    try {
      processes.forEach(process -> Proc.signal("STOP", process));
      check.run();
    } finally {
      processes.forEach(process -> Proc.signal("CONT", process));
    }
  }

  private static void assertAlike(Ringwork pool, String name, boolean ready, String says)
      throws Exception {
    assertEquals(ready, pool.info().ready());
    assertEquals(ready, pool.awaitReady(Duration.ZERO));
    assertEquals(ready ? 0 : 1, readiness(name));
    assertTrue(pool.info().reason().contains(says), pool.info()::reason);
    assertTrue(stat(name).contains(says), () -> stat(name));
  }

  private static int readiness(String name) throws Exception {
    try (Child stat = Child.ringwork("stat", name, "--ready")) {
      return stat.awaitExit(Await.PATIENCE);
    }
  }

  private static String stat(String name) {
    try (Child stat = Child.ringwork("stat", name, "--json")) {
      assertEquals(0, stat.awaitExit(Await.PATIENCE), stat::output);
      return stat.output();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aStoppedSupervisorIsNotReady() throws Exception {
    try (Child served = Child.serve("CrashTest-silent");
        Ringwork pool = Ringwork.connect("CrashTest-silent")) {
      assertTrue(pool.awaitReady(Await.PATIENCE));
      Proc.signal("STOP", served.pid());
      try {
        Await.until("it is told", () -> !pool.info().ready());
        assertTrue(
            pool.info().reason().contains("is stopped and has not looked"), pool.info()::reason);
        assertFalse(pool.awaitReady(Duration.ofMillis(20)));
        assertTrue(pool.isOpen(), "its workers go on");
        assertEquals(7, pool.submit(StockTasks.ECHO, new byte[7]).get(60, TimeUnit.SECONDS).length);
      } finally {
        Proc.signal("CONT", served.pid());
      }
      assertTrue(pool.awaitReady(Await.PATIENCE));
    }
  }
}
