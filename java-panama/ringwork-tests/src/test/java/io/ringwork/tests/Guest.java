package io.ringwork.tests;

import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A JVM that uses a pool, its own or another's: calls, futures, payloads, a worker's death. */
final class Guest {
  private static final int CALLS = 50;
  private static final int FUTURES = 5_000;

  private Guest() {}

  /**
   * Arguments: the pool's or test's name; {@code launch}, {@code connect}, or {@code stay} to
   * connect and work until killed.
   */
  public static void main(String[] args) throws Exception {
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
        TaskFuture<Long> retried = first.submit(StockTasks.SLEEP.withAttempts(3), 300L);
        Pools.workers(first).getFirst().destroyForcibly();
        retried.join();
        use(second);
      }
    }
    System.out.printf("done in %d ms%n", (System.nanoTime() - start) / 1_000_000);
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
