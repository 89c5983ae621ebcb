package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Backpressure;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectException;
import io.ringwork.ConnectionEvent;
import io.ringwork.ConnectionState;
import io.ringwork.IncompatibleException;
import io.ringwork.PoolState;
import io.ringwork.RawCall;
import io.ringwork.RawTask;
import io.ringwork.Reconnect;
import io.ringwork.RejectedException;
import io.ringwork.RejectedException.Reason;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.SegmentSurgery;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A handle that outlives its pools: `ringwork serve`, killed, stopped and started again. */
@Timeout(300)
class ReconnectTest {
  private static final TaskType<Long, Long> NUMBER = TaskType.of("echo", Codec.LONG, Codec.LONG);
  private static final TaskType<String, String> UNTIL_CANCELLED =
      TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8);

  /** A supervisor that is killed leaves its directory. */
  @AfterEach
  void removeWhatIsLeft() throws IOException {
    removePools();
  }

  static void removePools() throws IOException {
    for (Path left : PoolDirectory.list()) {
      PoolDirectory.delete(left);
    }
  }

  private static ConnectConfig config(String name, Reconnect policy) {
    return ConnectConfig.of(name).closeTimeout(Duration.ofSeconds(5)).reconnect(policy);
  }

  static Ringwork connect(String name) {
    return Ringwork.connect(config(name, Reconnect.DEFAULT));
  }

  static void kill(Child pool) throws InterruptedException {
    pool.kill();
    pool.awaitExit(Await.PATIENCE);
  }

  private static void awaitState(Ringwork handle, ConnectionState state) {
    Await.until("it is " + state, () -> handle.state() == state);
  }

  static void assertReady(Ringwork handle) throws InterruptedException {
    assertTrue(handle.awaitReady(Await.PATIENCE), "not ready");
  }

  /** Each method of a handle without a pool, then the same with one, then after close. */
  @Test
  void startsBeforeItsPool() throws Exception {
    String name = "ReconnectTest-before";
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    Ringwork handle =
        Ringwork.connect(
            config(
                name,
                Reconnect.DEFAULT.listener(
                    event -> {
                      events.add(event);
                      throw new IllegalStateException("a listener that fails");
                    })));
    try (handle;
        RawCall raw = handle.rawCall("echo")) {
      assertTrue(handle.isOpen());
      assertEquals(ConnectionState.DISCONNECTED, handle.state());
      assertEquals("Ringwork[" + name + ", DISCONNECTED]", handle.toString());
      assertRefusesEverything(handle, raw, name);
      assertDoesWhatNeedsNoPool(handle, raw);
      assertWaitsAsLongAsItMay(handle, name);

      AtomicReference<Long> waited = new AtomicReference<>();
      Thread patient =
          Thread.startVirtualThread(
              () -> waited.set(handle.submit(NUMBER, 7L, Pools.PATIENT).join()));
      try (Child pool = Child.serve(name)) {
        patient.join(Await.PATIENCE);
        assertEquals(7L, waited.get());
        assertReady(handle);
        Pools.assertUsable(handle);
        raw.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 9);
        assertEquals(8, raw.invoke(8));
        assertTrue(pool.isAlive());
      }
    }
    assertFalse(handle.isOpen());
    assertEquals(ConnectionState.CLOSED, handle.state());
    assertThrows(ClosedException.class, handle::info);
    assertThrows(ClosedException.class, () -> handle.awaitReady(Duration.ZERO));
    Pools.failure(ClosedException.class, handle.submit(NUMBER, 1L, Pools.PATIENT));
    handle.close();
    Await.until("CLOSED is told", () -> events.getLast().state() == ConnectionState.CLOSED);
    assertEquals(ConnectionState.DISCONNECTED, events.get(0).state());
    assertEquals(ConnectionState.CONNECTED, events.get(1).state());
  }

  private static void assertRefusesEverything(Ringwork handle, RawCall raw, String name)
      throws Exception {
    assertFalse(handle.awaitReady(Duration.ofMillis(5)));
    assertFalse(handle.awaitReady(Duration.ofMillis(-1)));
    assertFalse(handle.awaitReady(Duration.ofSeconds(Long.MIN_VALUE)));
    assertEquals(0, handle.poll());
    assertDisconnected(assertThrows(RejectedException.class, handle::info), name);
    assertDisconnected(assertThrows(RejectedException.class, () -> handle.claim("echo", 8)), name);
    assertDisconnected(assertThrows(RejectedException.class, () -> raw.claim(8)), name);
    assertDisconnected(assertThrows(RejectedException.class, () -> handle.call(NUMBER, 1L)), name);
    assertDisconnected(Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L)), name);
    assertDisconnected(
        Pools.failure(RejectedException.class, handle.submitChunk(NUMBER, List.of(1L))), name);
    for (TaskFuture<Long> future : handle.submitAll(NUMBER, List.of(1L, 2L))) {
      assertDisconnected(Pools.failure(RejectedException.class, future), name);
    }
  }

  /** What needs no pool is done; what is the program's error is told as ever. */
  private static void assertDoesWhatNeedsNoPool(Ringwork handle, RawCall raw) throws Exception {
    assertEquals(List.of(), handle.submitAll(NUMBER, List.of(), Pools.PATIENT));
    assertEquals(0, handle.submitChunk(NUMBER, List.of()).join().size());
    assertThrows(IllegalArgumentException.class, () -> handle.claim("", 8));
    assertThrows(IllegalArgumentException.class, () -> handle.claim("echo", -1));
    assertThrows(IllegalArgumentException.class, () -> raw.claim(-1));
    assertThrows(IllegalArgumentException.class, () -> handle.rawCall(""));
    assertThrows(NullPointerException.class, () -> handle.submit(NUMBER, null));
    TaskType<Long, Long> here = NUMBER.fallback(n -> -n);
    TaskOptions callerRuns = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
    assertEquals(-5L, handle.submit(here, 5L, callerRuns).join());
    assertEquals(-5L, handle.call(here, 5L, callerRuns));
  }

  private static void assertWaitsAsLongAsItMay(Ringwork handle, String name) {
    TaskOptions brief = TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofMillis(20)));
    assertDisconnected(
        Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L, brief)), name);
    Pools.failure(
        TaskTimeoutException.class,
        handle.submit(NUMBER, 1L, Pools.PATIENT.timeout(Duration.ofMillis(20))));
  }

  private static void assertDisconnected(RejectedException error, String name) {
    assertEquals(Reason.DISCONNECTED, error.reason());
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, name, "not connected");
  }

  /** What is pending ends with the truth, and what belongs to the dead pool stays with it. */
  @Test
  void pendingTasksEndWithTheTruth(@TempDir Path directory) throws Exception {
    String name = "ReconnectTest-truth";
    try (Ringwork handle = connect(name)) {
      List<TaskFuture<String>> futures = new ArrayList<>();
      Path started = directory.resolve("started");
      String worker = Pools.testWorker().toString();
      RawCall raw = handle.rawCall("echo");
      RawTask claimed;
      try (Child pool = Child.serve(name, "--lanes", "1", "--worker", worker)) {
        assertReady(handle);
        raw.claim(8);
        raw.invoke(8);
        claimed = handle.claim("echo", 8);
        for (int n = 0; n < 30; n++) {
          futures.add(handle.submit(UNTIL_CANCELLED, started.toString()));
        }
        Await.until("both lanes have one", () -> hasLines(started, 2));
        kill(pool);
        int ran = 0;
        for (TaskFuture<String> future : futures) {
          ran += Pools.failure(ClosedException.class, future).mayHaveRun() ? 1 : 0;
        }
        assertEquals(2, ran, "so many may have run, of two lanes");
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      try (Child pool = Child.serve(name, "--slots", "512", "--lanes", "2")) {
        assertReady(handle);
        assertFalse(Pools.failure(ClosedException.class, claimed.submit()).mayHaveRun());
        claimed.close();
        raw.claim(8).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 3);
        assertEquals(8, raw.invoke(8));
        assertEquals(3, raw.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        raw.close();
        assertEquals(512, handle.info().slots());
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
    }
  }

  private static boolean hasLines(Path file, int lines) {
    try {
      return Files.exists(file) && Files.readAllLines(file).size() == lines;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What is read in place stays readable until it is given back, or the handle is closed. */
  @Test
  void leasesOutliveTheirPool() throws Exception {
    String name = "ReconnectTest-lease";
    try (Ringwork handle = connect(name)) {
      ResultLease lease;
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        RawTask task = handle.claim("echo", 8);
        task.request().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, 77);
        lease = task.submit().join();
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        assertEquals(77, lease.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
        assertEquals(1, Proc.threads("ringwork-retire-" + name).size());
        lease.close();
        Await.until("the old memory goes", () -> Proc.threads("ringwork-retire-" + name).isEmpty());
        assertTrue(pool.isAlive());
      }
      ResultLease held;
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        held = handle.claim("echo", 8).submit().join();
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      Duration took = timed(handle::close);
      assertTrue(took.toMillis() < 4_000, "close waited for a lease: " + took);
      assertThrows(
          IllegalStateException.class,
          () -> held.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
      held.close();
    }
  }

  private static Duration timed(Runnable action) {
    long start = System.nanoTime();
    action.run();
    return Duration.ofNanos(System.nanoTime() - start);
  }

  /** Pools under the name that can't be used are told, once each, and do not end the looks. */
  @Test
  void aPoolThatIsRefusedIsTold() throws Exception {
    String name = "ReconnectTest-refused";
    Path directory = PoolDirectory.PATH.resolve(name);
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Ringwork handle =
        Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
      ConnectionEvent open = awaitTold(events, "mode 755");
      assertInstanceOf(ConnectException.class, open.cause().orElseThrow());
      Pools.assertSays(
          Pools.failure(RejectedException.class, handle.submit(NUMBER, 1L)), "mode 755");
      Files.delete(directory);
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        kill(pool);
      }
      awaitState(handle, ConnectionState.DISCONNECTED);
      SegmentSurgery.raiseVersion(directory.resolve("segment"));
      ConnectionEvent other = awaitTold(events, "layout version");
      assertInstanceOf(IncompatibleException.class, other.cause().orElseThrow());
      assertEquals(ConnectionState.DISCONNECTED, other.state());
      assertEquals(1, events.stream().filter(e -> e.reason().equals(other.reason())).count());
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
    }
  }

  private static ConnectionEvent awaitTold(List<ConnectionEvent> events, String part) {
    Await.until(
        "it is told: " + part, () -> events.stream().anyMatch(e -> e.reason().contains(part)));
    return events.stream().filter(e -> e.reason().contains(part)).findFirst().orElseThrow();
  }

  /** A supervisor that is stopped has not ended: nothing is given up. */
  @Test
  void aStoppedSupervisorIsNoEnd() throws Exception {
    String name = "ReconnectTest-stopped";
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Child pool = Child.serve(name);
        Ringwork handle = Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      Proc.signal("STOP", pool.pid());
      for (int n = 0; n < 20; n++) {
        assertEquals(20L, handle.submit(StockTasks.SLEEP, 20L).join() >= 20 ? 20L : 0);
      }
      assertEquals(ConnectionState.CONNECTED, handle.state());
      Proc.signal("CONT", pool.pid());
      assertTrue(events.size() <= 1, events::toString);
    }
  }

  /** Close at any moment, from a listener that blocks, too: it returns, and nothing is left. */
  @Test
  void closesAtAnyMoment() throws Exception {
    String name = "ReconnectTest-close";
    for (int round = 0; round < 6; round++) {
      AtomicReference<Ringwork> closing = new AtomicReference<>();
      Ringwork handle =
          Ringwork.connect(
              config(
                  name,
                  Reconnect.DEFAULT.listener(
                      event -> {
                        Ringwork mine = closing.get();
                        if (mine != null && event.state() == ConnectionState.DISCONNECTED) {
                          mine.close();
                        }
                      })));
      if (round == 0) {
        handle.close(); // before any pool
        continue;
      }
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        closing.set(round % 2 == 0 ? handle : null);
        kill(pool);
        if (round % 2 == 0) {
          Await.until("the listener has closed it", () -> !handle.isOpen());
        } else {
          LockSupport.parkNanos(round * 20_000_000L);
        }
        handle.close();
      }
    }
    Await.until("no thread is left", () -> threads(name).isEmpty());
  }

  static List<String> threads(String name) {
    return Proc.threads("ringwork-").stream().filter(thread -> thread.endsWith(name)).toList();
  }

  /**
   * The successor of a supervisor that is stopped comes only after its death; the handle goes on.
   */
  @Test
  void theSuccessorOfAStoppedSupervisorIsFound() throws Exception {
    String name = "ReconnectTest-successor";
    try (Ringwork handle = connect(name);
        Child pool = Child.serve(name)) {
      assertReady(handle);
      Proc.signal("STOP", pool.pid());
      try (Child refused = Child.ringwork("serve", "--name", name)) {
        assertNotEquals(0, refused.awaitExit(Await.PATIENCE));
      }
      Pools.assertUsable(handle);
      kill(pool);
      try (Child successor = Child.serve(name)) {
        Await.until("it has gone over", () -> isServedBy(handle, successor));
        Pools.assertUsable(handle);
      }
    }
  }

  private static boolean isServedBy(Ringwork handle, Child pool) {
    try {
      return handle.info().supervisorPid() == pool.pid();
    } catch (RejectedException | ClosedException notYet) {
      return false;
    }
  }

  /** Who comes while a pool drains does not go to and fro between it and nothing. */
  @Test
  void aPoolThatDrainsIsNotConnectedTo(@TempDir Path directory) throws Exception {
    String name = "ReconnectTest-draining";
    Path started = directory.resolve("started");
    String worker = Pools.testWorker().toString();
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Ringwork first = connect(name)) {
      try (Child pool = Child.serve(name, "--worker", worker)) {
        assertReady(first);
        first.submit(UNTIL_CANCELLED, started.toString());
        Await.until("it runs", () -> hasLines(started, 1));
        pool.terminate();
        Await.until("it drains", () -> first.info().state().equals(PoolState.DRAINING));
        assertTrue(isRefused(first, NUMBER, TaskOptions.DEFAULT, Reason.DRAINING));
        try (Ringwork second =
            Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
          assertFalse(second.awaitReady(Duration.ofMillis(100)));
          Pools.assertSays(
              Pools.failure(RejectedException.class, second.submit(NUMBER, 1L)), "being stopped");
          kill(pool);
          try (Child successor = Child.serve(name)) {
            assertReady(second);
            assertTrue(successor.isAlive());
            Pools.assertUsable(second);
          }
        }
      }
    }
    assertEquals(1, events.stream().filter(e -> e.state() == ConnectionState.CONNECTED).count());
  }

  /** A drained pool comes back with `resume`: the same pool, and the same handle. */
  @Test
  void aDrainedPoolIsNotReadyUntilItIsResumed() throws Exception {
    String name = "ReconnectTest-drained";
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Child pool = Child.serve(name);
        Ringwork first = Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      assertReady(first);
      Pools.assertUsable(first);
      steer("drain", name, "--wait");
      Await.until("it is drained", () -> first.info().state().equals(PoolState.DRAINING));
      assertTrue(isRefused(first, NUMBER, TaskOptions.DEFAULT, Reason.DRAINING));
      try (Ringwork second = connect(name)) {
        assertFalse(second.awaitReady(Duration.ofMillis(100)));
        steer("resume", name);
        assertReady(second);
        Pools.assertUsable(second);
      }
      assertReady(first);
      Pools.assertUsable(first);
      assertTrue(pool.isAlive());
    }
    // It was never gone: a handle that had it has not looked for another.
    assertEquals(1, events.stream().filter(e -> e.state() == ConnectionState.CONNECTED).count());
  }

  private static void steer(String... arguments) throws InterruptedException {
    try (Child command = Child.ringwork(arguments)) {
      assertEquals(0, command.awaitExit(Await.PATIENCE));
    }
  }

  /** A crash storm is no end: not ready, refused with its reason, and over after a restart. */
  @Test
  void aCrashStormIsNotReady() throws Exception {
    String name = "ReconnectTest-storm";
    TaskType<Long, Long> deadly = TaskType.of("test.exit", Codec.LONG, Codec.LONG);
    List<ConnectionEvent> events = new CopyOnWriteArrayList<>();
    try (Ringwork handle =
        Ringwork.connect(config(name, Reconnect.DEFAULT.listener(events::add)))) {
      String worker = Pools.testWorker().toString();
      try (Child pool = Child.serve(name, "--worker", worker, "--crash-storm", "3/60s")) {
        assertReady(handle);
        Await.until(
            "no worker is left", () -> isRefused(handle, deadly, Pools.PATIENT, Reason.NO_WORKER));
        assertFalse(handle.awaitReady(Duration.ofMillis(50)));
        assertEquals(ConnectionState.CONNECTED, handle.state());
        kill(pool);
      }
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
      assertTrue(events.stream().noneMatch(e -> e.state() == ConnectionState.CLOSED));
    }
  }

  private static boolean isRefused(
      Ringwork handle, TaskType<Long, Long> type, TaskOptions options, Reason reason) {
    TaskFuture<Long> future = handle.submit(type, 1L, options);
    try {
      future.join();
      return false;
    } catch (CompletionException failed) {
      return failed.getCause() instanceof RejectedException e && e.reason() == reason;
    }
  }

  /** All that waits for a pool ends when the handle is closed, or its thread interrupted. */
  @Test
  void closeEndsWhatWaitsForAPool() throws Exception {
    String name = "ReconnectTest-waiters";
    TaskOptions forever = TaskOptions.DEFAULT.backpressure(Backpressure.block(Duration.ofHours(1)));
    Ringwork handle = connect(name);
    RawCall raw = handle.rawCall("echo", forever);
    List<Callable<?>> waits =
        List.of(
            () -> handle.call(NUMBER, 1L, forever),
            () -> handle.submit(NUMBER, 1L, forever).join(),
            () -> handle.submitAll(NUMBER, List.of(1L, 2L), forever).getLast().join(),
            () -> handle.submitChunk(NUMBER, List.of(1L), 64, forever).join(),
            () -> handle.claim("echo", 8, forever),
            () -> raw.claim(8),
            () -> handle.awaitReady(Duration.ofHours(1)));
    List<Thread> threads = new ArrayList<>();
    ConcurrentLinkedQueue<Throwable> ends = new ConcurrentLinkedQueue<>();
    for (int n = 0; n < 2 * waits.size(); n++) {
      Callable<?> wait = waits.get(n % waits.size());
      Thread.Builder builder = n < waits.size() ? Thread.ofPlatform() : Thread.ofVirtual();
      threads.add(
          builder.start(
              () -> {
                try {
                  wait.call();
                  ends.add(new AssertionError("it has come back"));
                } catch (Throwable end) {
                  ends.add(end instanceof CompletionException ? end.getCause() : end);
                }
              }));
    }
    Await.until("all wait", () -> threads.stream().allMatch(ReconnectTest::waits));
    threads.getFirst().interrupt();
    threads.get(1).interrupt();
    Await.until("the interrupted have ended", () -> ends.size() == 2);
    assertTrue(ends.stream().anyMatch(InterruptedException.class::isInstance), ends::toString);
    assertTrue(ends.stream().anyMatch(RejectedException.class::isInstance), ends::toString);
    handle.close();
    Await.until("all have ended", () -> ends.size() == threads.size());
    ends.stream().skip(2).forEach(end -> assertInstanceOf(ClosedException.class, end));
  }

  private static boolean waits(Thread thread) {
    Thread.State state = thread.getState();
    return state == Thread.State.TIMED_WAITING || state == Thread.State.WAITING;
  }

  /** Callbacks that submit again at once, on the thread that ends the tasks of the dead pool. */
  @Test
  void callbacksOfADeadPoolSubmitAgain() throws Exception {
    String name = "ReconnectTest-inline";
    ConnectConfig inline = config(name, Reconnect.DEFAULT).completion(CompletionMode.INLINE);
    try (Ringwork handle = Ringwork.connect(inline)) {
      ConcurrentLinkedQueue<Throwable> again = new ConcurrentLinkedQueue<>();
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        for (int n = 0; n < 40; n++) {
          handle
              .submit(StockTasks.SLEEP, 60_000L)
              .whenComplete(
                  (result, error) ->
                      handle
                          .submit(NUMBER, 1L, Pools.PATIENT)
                          .whenComplete((r, e) -> again.add(e == null ? new Error("ran") : e)));
        }
        kill(pool);
        Await.until("each has told its end", () -> again.size() == 40);
      }
      // They can't wait: it is their thread that ends the others.
      again.forEach(e -> assertEquals(Reason.DISCONNECTED, ((RejectedException) e).reason()));
      try (Child pool = Child.serve(name)) {
        assertReady(handle);
        Pools.assertUsable(handle);
        assertTrue(pool.isAlive());
      }
    }
  }

  /** A JVM that denies native access has no futex; its handle goes on as others do. */
  @Test
  void withoutNativeAccess() throws Exception {
    String name = "ReconnectTest-denied";
    boolean option = Runtime.version().feature() >= 24;
    String denied = option ? "--illegal-native-access=deny" : "--enable-native-access=java.logging";
    try (Child jvm = Child.java(List.of(denied), Guest.class, name, "outlive")) {
      for (int round = 1; round <= 3; round++) {
        String used = "used " + round;
        try (Child pool = Child.serve(name)) {
          jvm.awaitLine("the guest has used it", line -> line.equals(used));
          kill(pool);
        }
      }
      assertEquals(0, jvm.awaitExit(Await.PATIENCE), jvm::output);
      assertTrue(jvm.output().contains("no futex"), jvm::output);
    }
  }
}
