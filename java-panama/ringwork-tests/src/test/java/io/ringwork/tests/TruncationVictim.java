package io.ringwork.tests;

import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** A JVM under load whose segment is truncated: it reports how its tasks ended, and exits 0. */
final class TruncationVictim {
  private TruncationVictim() {}

  /** Argument: the pool's name. */
  public static void main(String[] args) throws Exception {
    List<Thread> threads = new ArrayList<>();
    try (Ringwork pool = Ringwork.connect(args[0])) {
      for (int n = 0; n < 3; n++) {
        int kind = n;
        threads.add(Thread.ofPlatform().start(() -> work(pool, kind)));
      }
      Thread.sleep(500); // so that what is hot is compiled
      System.out.println("busy");
      for (Thread thread : threads) {
        thread.join();
      }
    }
    System.out.println("all ended");
  }

  /** Works until the pool refuses; all that was submitted must end. */
  private static void work(Ringwork pool, int kind) {
    List<TaskFuture<byte[]>> futures = new ArrayList<>();
    byte[] large = new byte[30_000];
    try {
      while (pool.isOpen()) {
        switch (kind) {
          case 0 -> pool.call(StockTasks.echo(Codec.LONG), 1L);
          case 1 -> {
            futures.add(pool.submit(StockTasks.ECHO, large, Pools.PATIENT));
            if (futures.size() > 50) {
              futures.removeFirst().get();
            }
          }
          default -> {
            try (var task = pool.claim("echo", 3000, Pools.PATIENT)) {
              task.request().fill((byte) 1);
              try (var lease = task.submit().get()) {
                lease.segment().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0);
              }
            }
          }
        }
      }
    } catch (RingworkException | InterruptedException | ExecutionException over) {
      System.out.println(kind + ": " + over);
    } catch (InternalError direct) {
      if (kind != 2) { // only a holder of shared memory may see it
        throw direct;
      }
    }
    for (TaskFuture<byte[]> future : futures) {
      try {
        future.get(20, TimeUnit.SECONDS);
      } catch (ExecutionException ended) {
        // told
      } catch (Exception hangs) {
        System.out.println("hangs: " + hangs);
        System.exit(3);
      }
    }
  }
}
