package io.ringwork.tests;

import io.ringwork.CompletionMode;
import io.ringwork.ConnectConfig;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A JVM whose heap is full for a moment, time and again, while tasks end: each future must end, and
 * no slot be lost. It exits 0 then.
 */
final class FullHeapVictim {
  private static final int TASKS = 400;

  /** The rows of the rubbish, which are there from the start. */
  private static final Object[][] HELD = new Object[64][4096];

  private FullHeapVictim() {}

  /** Arguments: the pool's name, the mode. */
  public static void main(String[] args) throws Exception {
    CompletionMode mode =
        args[1].equals("INLINE") ? CompletionMode.INLINE : CompletionMode.VIRTUAL_THREADS;
    try (Ringwork pool = Ringwork.connect(ConnectConfig.of(args[0]).completion(mode))) {
      for (int i = 0; i < 300; i++) { // what is used is loaded
        pool.submit(StockTasks.ECHO, new byte[i % 2 * 500]).thenApply(x -> x).get();
      }
      for (int round = 0; round < 3; round++) {
        round(pool);
      }
      pool.submit(StockTasks.ECHO, new byte[8]).get(60, TimeUnit.SECONDS);
      Await.until("no slot is lost", () -> pool.info().freeSlots() == pool.info().slots());
    }
    System.out.println("all ended");
  }

  private static void round(Ringwork pool) throws Exception {
    List<TaskFuture<byte[]>> futures = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      pool.submit(StockTasks.SLEEP, 40L); // so that what follows ends while the heap is full
    }
    for (int i = 0; i < TASKS; i++) {
      TaskFuture<byte[]> future = pool.submit(StockTasks.ECHO, new byte[i % 2 * 500]);
      future.whenComplete((x, failed) -> {}); // so that it is completed where the mode says
      futures.add(future);
    }
    Thread filler = new Thread(FullHeapVictim::fill);
    filler.start();
    filler.join();
    // Not asked by get, which would complete them here. Nor are their dependents asked: those that
    // found no memory to fail with the JDK has dropped.
    Await.until("each future ends", () -> futures.stream().allMatch(TaskFuture::isDone));
  }

  private static void fill() {
    long end = System.nanoTime() + 300_000_000;
    int row = 0;
    int at = 0;
    while (System.nanoTime() < end) {
      try {
        for (; row < HELD.length; row++, at = 0) {
          for (; at < HELD[row].length; at++) {
            HELD[row][at] = new byte[row < 8 ? 2048 : 16];
          }
        }
      } catch (OutOfMemoryError full) {
        // that is what is wanted
      }
    }
    for (Object[] held : HELD) {
      java.util.Arrays.fill(held, null);
    }
  }
}
