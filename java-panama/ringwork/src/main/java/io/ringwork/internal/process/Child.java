package io.ringwork.internal.process;

import io.ringwork.internal.Background;
import io.ringwork.internal.Signals;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The supervisor that this process has started.
 *
 * <p>It ends when its standard input ends, which the kernel sees to even when this JVM is killed.
 * Its own end is seen by a thread of ours, and by the poller, which looks at the supervisor's lock:
 * neither depends on a pool of threads that the application could keep busy.
 */
public final class Child {
  /** What it is told before the end of its input, when the pool is closed. */
  private static final byte[] FAREWELL = {'c', 'l', 'o', 's', 'e', '\n'};

  private static final long GRACE_NANOS = 3_000_000_000L;

  /** Looks for its status when it is gone, a millisecond apart. */
  private static final int LOOKS = 20;

  private final Process process;
  private final PoolFiles files;
  private volatile boolean ending;

  public Child(Process process, PoolFiles files) {
    this.process = process;
    this.files = files;
  }

  /** Tells how it ended, unless {@link #end} was called. Called on a thread of its own. */
  public void onExit(Consumer<String> how) {
    Runnable watch = () -> watch(how);
    Background.thread("ringwork-child-" + files.name(), () -> Background.insist(watch)).start();
  }

  private void watch(Consumer<String> how) {
    while (process.isAlive()) {
      try {
        process.waitFor();
      } catch (InterruptedException | OutOfMemoryError again) {
        Background.pause(); // no code of ours interrupts this thread
      }
    }
    if (!ending) {
      how.accept(describeEnd());
    }
  }

  /** How it ended; its lock is free a moment before the JDK has its status. */
  public String describeEnd() {
    for (int looks = 0; process.isAlive() && looks < LOOKS; looks++) {
      Background.pause();
    }
    return process.isAlive() ? "is gone" : Signals.describeExit(process.exitValue());
  }

  /**
   * Ends it and waits until it is gone, so that its files are, too. An interrupt does not shorten
   * the wait, which has a bound: what would be left then is not only a process but files that take
   * memory.
   */
  public void end() {
    ending = true;
    endInput();
    boolean interrupted = Thread.interrupted();
    try {
      boolean ended = awaitExit();
      if (!ended) {
        process.destroyForcibly();
        ended = awaitExit();
      }
      interrupted |= Thread.interrupted(); // else what follows could not open a file
      if (ended && Signals.isKilled(process.exitValue())) {
        Leftovers.remove(files);
      }
    } finally {
      closeQuietly(process.getInputStream());
      closeQuietly(process.getErrorStream());
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The end alone would say that this JVM has died; `FAREWELL` in worker's events.rs. */
  private void endInput() {
    try (OutputStream input = process.getOutputStream()) {
      input.write(FAREWELL);
    } catch (IOException gone) {
      // it has ended by itself
    }
  }

  private boolean awaitExit() {
    long end = System.nanoTime() + GRACE_NANOS;
    boolean interrupted = false;
    try {
      for (; ; ) {
        long left = end - System.nanoTime();
        try {
          if (process.waitFor(Math.max(0, left), TimeUnit.NANOSECONDS)) {
            return true;
          }
        } catch (InterruptedException again) {
          interrupted = true;
        }
        if (left <= 0) {
          return false;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void closeQuietly(AutoCloseable stream) {
    try {
      stream.close();
    } catch (Exception ignored) {
      // nothing is read from it any more
    }
  }
}
