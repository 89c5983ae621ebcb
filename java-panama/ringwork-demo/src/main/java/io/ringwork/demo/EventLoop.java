package io.ringwork.demo;

import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;

/**
 * A server's event loop in small: one thread that has a tick to serve every millisecond and between
 * the ticks runs the callbacks handed to it. It records how late each tick came.
 *
 * <p>Ticks are counted from the time they were due: a loop that stood still for 5 ms has missed
 * five ticks and records all five, not one.
 */
final class EventLoop implements Executor, AutoCloseable {
  private static final long PERIOD_NANOS = 1_000_000;
  private static final int MAX_TICKS = 300_000;

  /**
   * How late the ticks came, in nanoseconds.
   *
   * @param ticks how many ticks were due
   * @param p50 the median
   * @param p99 the lateness that 99 of 100 ticks stayed within
   * @param max the worst
   */
  record Stalls(int ticks, long p50, long p99, long max) {}

  private final Queue<Runnable> callbacks = new ConcurrentLinkedQueue<>();
  private final long[] late = new long[MAX_TICKS];
  private final Thread thread;
  private volatile boolean stopped;
  // Written by the loop's thread, read after it has ended.
  private int ticks;

  EventLoop() {
    thread = new Thread(this::loop, "event-loop");
    thread.setDaemon(true);
    thread.start();
  }

  /** Makes the loop's thread run {@code callback} at once, or after what it is doing. */
  @Override
  public void execute(Runnable callback) {
    callbacks.add(callback);
    LockSupport.unpark(thread);
  }

  /** Ends the loop after the callbacks handed in so far, and tells how late its ticks were. */
  Stalls stop() {
    close();
    long[] sorted = Arrays.copyOf(late, ticks);
    Arrays.sort(sorted);
    return stalls(sorted);
  }

  @Override
  public void close() {
    stopped = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The figures of latenesses given in rising order. */
  static Stalls stalls(long[] sorted) {
    int n = sorted.length;
    if (n == 0) {
      return new Stalls(0, 0, 0, 0);
    }
    return new Stalls(n, sorted[(n - 1) / 2], sorted[(int) ((n - 1) * 0.99)], sorted[n - 1]);
  }

  private void loop() {
    long due = System.nanoTime() + PERIOD_NANOS;
    boolean last;
    do {
      last = stopped;
      for (Runnable next = callbacks.poll(); next != null; next = callbacks.poll()) {
        next.run();
      }
      long now = System.nanoTime();
      while (now - due >= 0) {
        if (ticks < MAX_TICKS) {
          late[ticks++] = now - due;
        }
        due += PERIOD_NANOS;
      }
      if (!last) {
        LockSupport.parkNanos(this, due - System.nanoTime());
      }
    } while (!last);
  }
}
