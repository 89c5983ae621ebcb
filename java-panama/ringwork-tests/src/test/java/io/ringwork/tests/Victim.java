package io.ringwork.tests;

import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A JVM to be killed: launches a pool, keeps it busy, and tells which processes it has. */
final class Victim {
  private Victim() {}

  public static void main(String[] args) throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("CrashTest").name(args[0]))) {
      for (int i = 0; i < 100; i++) {
        pool.submit(StockTasks.SLEEP, 60_000L);
      }
      ProcessHandle supervisor = Pools.supervisor(pool);
      System.out.println(
          Stream.concat(Stream.of(supervisor), supervisor.children())
              .map(process -> Long.toString(process.pid()))
              .collect(Collectors.joining(" ", "processes ", "")));
      Thread.currentThread().join();
    }
  }
}
