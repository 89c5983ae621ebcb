package io.ringwork.tests;

import io.ringwork.Codec;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectionState;
import io.ringwork.Reconnect;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A JVM that uses a pool, its own or another's: calls, futures, payloads, a worker's death. */
final class Guest {
  private static final int CALLS = 50;
  private static final int FUTURES = 5_000;

  private Guest() {}

  /**
   * Arguments: the pool's or test's name; {@code launch}, {@code connect}, {@code stay} to connect
   * and work until killed, {@code keyed} to queue tasks of one key until killed, or {@code outlive}
   * to use three pools of that name, one after the other.
   */
  public static void main(String[] args) throws Exception {
    if (args[1].equals("outlive")) {
      outlive(args[0]);
      return;
    }
    if (args[1].equals("keyed")) {
      queueTasksOfAKey(args[0]);
      return;
    }
    boolean launch = args[1].equals("launch");
    long start = System.nanoTime();
    try (Ringwork first =
            launch ? Ringwork.launch(Pools.stock(args[0])) : Ringwork.connect(args[0]);
        Ringwork second = Ringwork.connect(first.name())) {
      use(first);
      use(second);
      if (args[1].equals("stay")) {
        System.out.println("busy");
        while (true) {
          use(first);
          use(second);
        }
      }
      if (launch) {
        TaskFuture<Long> retried =
            first.submit(StockTasks.SLEEP, 300L, TaskOptions.DEFAULT.attempts(3));
        Pools.workers(first).getFirst().destroyForcibly();
        retried.join();
        use(second);
      }
    }
    System.out.printf("done in %d ms%n", (System.nanoTime() - start) / 1_000_000);
  }

  private static void queueTasksOfAKey(String name) throws InterruptedException {
    try (Ringwork pool = Ringwork.connect(name)) {
      TaskOptions keyed = TaskOptions.DEFAULT.key("k");
      for (int n = 0; n < 40; n++) {
        pool.submit(StockTasks.SLEEP, 20L, keyed);
      }
      System.out.println("queued");
      Thread.currentThread().join();
    }
  }

  private static void outlive(String name) throws Exception {
    AtomicInteger connections = new AtomicInteger();
    Reconnect policy =
        Reconnect.DEFAULT.listener(
            event -> {
              if (event.state() == ConnectionState.CONNECTED) {
                connections.incrementAndGet();
              }
            });
    try (Ringwork handle = Ringwork.connect(ConnectConfig.of(name).reconnect(policy))) {
      for (int pool = 1; pool <= 3; pool++) {
        int which = pool;
        Await.until("there is pool " + pool, () -> connections.get() == which);
        check(handle.awaitReady(Await.PATIENCE));
        use(handle);
        System.out.println("used " + pool);
      }
    }
  }

  private static void use(Ringwork pool) throws Exception {
    for (long i = 0; i < CALLS; i++) {
      check(pool.call(StockTasks.echo(Codec.LONG), i) == i);
    }
    List<TaskFuture<Long>> futures = new ArrayList<>();
    for (long i = 0; i < FUTURES; i++) {
      futures.add(pool.submit(StockTasks.echo(Codec.LONG), i, Pools.PATIENT));
    }
    for (int i = 0; i < FUTURES; i++) {
      check(futures.get(i).join() == i);
    }
    byte[] large = Pools.randomBytes(100_000);
    check(Arrays.equals(large, pool.submit(StockTasks.ECHO, large).join()));
  }

  private static void check(boolean right) {
    if (!right) {
      throw new AssertionError("a wrong result");
    }
  }
}
