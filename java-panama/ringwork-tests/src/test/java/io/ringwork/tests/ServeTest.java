package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.ConnectException;
import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Pools that run on their own: `ringwork serve` here, clients in other processes. */
class ServeTest {
  private static final List<String> ALLOWED = List.of("--enable-native-access=ALL-UNNAMED");

  /** The example of connect mode: one pool, two JVMs and this one, all at once. */
  @Test
  void twoJvmsShareAPool() throws Exception {
    String name = "ServeTest-shared";
    try (Child pool = Child.serve(name);
        Child one = Child.java(ALLOWED, Guest.class, name, "connect");
        Child two = Child.java(ALLOWED, Guest.class, name, "connect");
        Ringwork here = Ringwork.connect(name)) {
      for (Child jvm : List.of(one, two)) {
        jvm.awaitLine("the guest's report", line -> line.startsWith("done "));
        assertEquals(0, jvm.awaitExit(Await.PATIENCE), jvm::output);
      }
      Pools.assertUsable(here);
      assertEquals(2, here.info().lanes());
      assertTrue(pool.isAlive(), "the pool outlives its clients");
    }
  }

  /** A client that dies gives nothing back itself: the reaper does. */
  @Test
  void aKilledClientDisturbsNobody() throws Exception {
    String name = "ServeTest-killed";
    try (Child pool = Child.serve(name, "--clients", "3");
        Ringwork here = Ringwork.connect(name)) {
      int room = Pools.room(here, 4_000);
      for (int round = 0; round < 3; round++) {
        try (Child jvm = Child.java(ALLOWED, Guest.class, name, "stay")) {
          jvm.awaitLine("its two connections in use", line -> line.equals("busy"));
          if (round == 1) {
            Proc.signal("STOP", jvm.pid());
            Pools.assertUsable(here);
          }
          jvm.kill();
          jvm.awaitExit(Await.PATIENCE);
        }
        Pools.assertUsable(here);
      }
      Await.until("no block is lost", () -> Pools.room(here, 4_000) == room);
      Await.until("all entries are free", () -> connectedTwiceWorks(name));
      assertTrue(pool.isAlive());
    }
  }

  /** What is queued behind its running task is dropped, and the key is free for others. */
  @Test
  void aKilledClientHoldsUpNoKey() throws Exception {
    String name = "ServeTest-keyed";
    TaskOptions keyed = TaskOptions.DEFAULT.key("k");
    try (Child pool = Child.serve(name, "--clients", "3", "--keys", "true");
        Ringwork here = Ringwork.connect(name)) {
      for (int round = 0; round < 3; round++) {
        try (Child jvm = Child.java(ALLOWED, Guest.class, name, "keyed")) {
          jvm.awaitLine("its tasks are queued", line -> line.equals("queued"));
          TaskFuture<Long> own = here.submit(StockTasks.SLEEP, 1L, keyed);
          jvm.kill();
          jvm.awaitExit(Await.PATIENCE);
          own.get();
        }
        here.submit(StockTasks.SLEEP, 1L, keyed).get();
        Pools.assertUsable(here);
      }
      Await.until("all entries are free", () -> connectedTwiceWorks(name));
      assertTrue(pool.isAlive());
    }
  }

  private static boolean connectedTwiceWorks(String name) {
    try (Ringwork one = Ringwork.connect(name);
        Ringwork two = Ringwork.connect(name)) {
      return one.isOpen() && two.isOpen();
    } catch (ConnectException notYetReaped) {
      return false;
    }
  }

  /** SIGTERM: what runs and waits is finished, new tasks are refused with the reason. */
  @Test
  void aPoolThatDrainsFinishesWhatItHas() throws Exception {
    String name = "ServeTest-drained";
    try (Child pool = Child.serve(name);
        Ringwork here = Ringwork.connect(name)) {
      List<TaskFuture<Long>> futures = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        futures.add(here.submit(StockTasks.SLEEP, 50L));
      }
      pool.terminate();
      RingworkException refused = null;
      while (refused == null) {
        // Not waited for: when one that was not refused yet is done, the pool may be gone.
        TaskFuture<Long> late = here.submit(StockTasks.SLEEP, 1L);
        if (late.isCompletedExceptionally()) {
          refused = (RingworkException) late.exceptionNow();
        } else {
          LockSupport.parkNanos(1_000_000);
        }
      }
      assertFalse(refused.mayHaveRun());
      if (refused instanceof RejectedException rejected) {
        assertEquals(RejectedException.Reason.DRAINING, rejected.reason());
      }
      Pools.assertSays(refused, "draining");
      for (TaskFuture<Long> future : futures) {
        assertTrue(future.get() >= 50);
      }
      assertEquals(0, pool.awaitExit(Await.PATIENCE));
      Await.until("the client knows that the pool has ended", () -> !here.isOpen());
      Pools.assertSays(
          Pools.failure(ClosedException.class, here.submit(StockTasks.SLEEP, 1L)), name);
      assertThrows(ConnectException.class, () -> Ringwork.connect(name));
    }
  }

  /** The pool is there for the shell, too. */
  @Test
  void commandsOfTheShellSeeTheSamePool() throws Exception {
    String name = "ServeTest-shell";
    try (Child pool = Child.serve(name);
        Ringwork here = Ringwork.connect(name)) {
      Pools.assertUsable(here);
      try (Child list = Child.ringwork("list")) {
        assertEquals(0, list.awaitExit(Await.PATIENCE), list::output);
        assertTrue(list.output().contains(name), list::output);
      }
      try (Child submit = Child.ringwork("submit", name, "echo", "--data", "hello")) {
        assertEquals(0, submit.awaitExit(Await.PATIENCE), submit::output);
        assertEquals("hello", submit.output());
      }
      try (Child clean = Child.ringwork("clean")) {
        assertEquals(0, clean.awaitExit(Await.PATIENCE), clean::output);
      }
      Pools.assertUsable(here);
      assertTrue(pool.isAlive(), "clean must never remove a live pool");
    }
  }
}
