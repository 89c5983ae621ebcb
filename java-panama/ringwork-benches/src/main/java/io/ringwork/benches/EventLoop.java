package io.ringwork.benches;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * A server's event loop in small: one thread with a tick due every millisecond that runs the
 * callbacks handed to it in between. It records how late each tick came, counted from the time it
 * was due: a loop that stood still for 5 ms has missed five ticks and records all five.
 */
final class EventLoop implements Executor {
  private static final long PERIOD_NANOS = 1_000_000;

  private final Queue<Runnable> callbacks = new ConcurrentLinkedQueue<>();
  private final Histogram late = new Histogram(3_600_000_000_000L, 3);
  private final Thread thread = new Thread(this::loop, "event-loop");
  private volatile boolean stopped;

  EventLoop() {
    thread.start();
  }

  @Override
  public void execute(Runnable callback) {
    callbacks.add(callback);
    LockSupport.unpark(thread);
  }

  /** Ends the loop after the callbacks handed in so far; how late its ticks were, in ns. */
  Histogram stop() throws InterruptedException {
    stopped = true;
    LockSupport.unpark(thread);
    thread.join();
    return late;
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
      for (; now - due >= 0; due += PERIOD_NANOS) {
        late.recordValue(now - due);
      }
      if (!last) {
        LockSupport.parkNanos(this, due - System.nanoTime());
      }
    } while (!last);
  }
}
