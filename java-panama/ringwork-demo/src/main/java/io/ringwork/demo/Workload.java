package io.ringwork.demo;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Jobs that one side does, while a server's event loop in small takes the results: one thread with
 * a tick to serve every millisecond. Ticks are counted from the time they were due: a loop that
 * stood still for 5 ms has missed five ticks, not one.
 */
final class Workload {
  /** Jobs at a time, the same for either side. */
  private static final int IN_FLIGHT = 8;

  private static final long TICK_NANOS = 1_000_000;

  /**
   * What one run gave.
   *
   * @param seconds wall time from the first submission to the last result
   * @param stalls how late the event loop's ticks were, in nanoseconds, in rising order
   */
  record Outcome(double seconds, long[] stalls) {
    /** The lateness in milliseconds that this part of the ticks, 0 to 1, stayed within. */
    double stallMillis(double part) {
      return stalls.length == 0 ? 0 : stalls[(int) (part * (stalls.length - 1))] / 1e6;
    }
  }

  private final ScheduledExecutorService loop =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("event-loop").daemon().factory());
  // Written by the event loop's thread, read after it has ended.
  private final long[] late = new long[300_000];
  private int ticks;
  private long due;

  /** Has {@code side} do {@code jobs}, and shows how far it is; to be called once. */
  Outcome run(
      String name,
      List<Job> jobs,
      Function<Job, CompletableFuture<?>> side,
      List<String> complaints) {
    Semaphore window = new Semaphore(IN_FLIGHT);
    AtomicInteger done = new AtomicInteger();
    System.gc(); // No run pays for the garbage of what came before it.
    due = System.nanoTime() + TICK_NANOS;
    loop.scheduleAtFixedRate(this::tick, TICK_NANOS, TICK_NANOS, TimeUnit.NANOSECONDS);
    long start = System.nanoTime();
    for (Job job : jobs) {
      window.acquireUninterruptibly();
      Demo.progress(name, done.get(), jobs.size());
      side.apply(job)
          .whenCompleteAsync(
              (result, failure) -> {
                if (failure != null) {
                  complaints.add(job + ": " + failure);
                }
                done.incrementAndGet();
                window.release();
              },
              loop);
    }
    window.acquireUninterruptibly(IN_FLIGHT);
    double seconds = (System.nanoTime() - start) / 1e9;
    Demo.progress(name, jobs.size(), jobs.size());
    loop.close();
    tick();
    long[] stalls = Arrays.copyOf(late, ticks);
    Arrays.sort(stalls);
    return new Outcome(seconds, stalls);
  }

  private void tick() {
    long now = System.nanoTime();
    for (; now - due >= 0; due += TICK_NANOS) {
      if (ticks < late.length) {
        late[ticks++] = now - due;
      }
    }
  }
}
