package io.ringwork;

import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Logs what is wrong with the executor of the user, once in a while. From any thread. */
final class Mentions {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** How long an executor that fails, or blocks, is not mentioned again. */
  private static final long SILENCE_NANOS = 10_000_000_000L;

  private final String pool;
  private final AtomicLong last = new AtomicLong(System.nanoTime() - SILENCE_NANOS);
  private final AtomicLong unmentioned = new AtomicLong();
  private final AtomicInteger count = new AtomicInteger();

  Mentions(String pool) {
    this.pool = pool;
  }

  /** Logs it, or counts it for the next time. */
  void mention(String what) {
    long now = System.nanoTime();
    long before = last.get();
    if (now - before < SILENCE_NANOS || !last.compareAndSet(before, now)) {
      unmentioned.incrementAndGet();
      return;
    }
    count.incrementAndGet();
    long more = unmentioned.getAndSet(0);
    LOG.log(
        Level.WARNING,
        "pool "
            + pool
            + ": "
            + what
            + (more == 0 ? "" : " (so it was for " + more + " more since the last such message)"));
  }

  /** How often it was logged. */
  int count() {
    return count.get();
  }
}
