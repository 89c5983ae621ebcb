package io.ringwork.internal;

import java.util.concurrent.locks.LockSupport;

/**
 * Threads of the client's own. They take nothing from the thread that happens to make them: no
 * context class loader and no thread-locals (an application that is undeployed would be kept by
 * them), no thread group, no priority. They are daemons.
 */
public final class Background {
  /** How long a thread waits that found no memory. */
  private static final long PAUSE_NANOS = 1_000_000;

  private Background() {}

  public static Thread thread(String name, Runnable body) {
    Thread thread =
        Thread.ofPlatform()
            .group(topGroup())
            .name(name)
            .daemon()
            .priority(Thread.NORM_PRIORITY)
            .inheritInheritableThreadLocals(false)
            .unstarted(body);
    thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
    LockSupport.parkNanos(0); // links what pause() calls: the first call of it takes memory
    return thread;
  }

  /** Waits for the end of a thread, also when interrupted; false if it did not end in time. */
  public static boolean join(Thread thread, long nanos) {
    boolean interrupted = false;
    long end = System.nanoTime() + nanos;
    while (thread.isAlive()) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        break;
      }
      try {
        thread.join(left / 1_000_000 + 1);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return !thread.isAlive();
  }

  private static ThreadGroup topGroup() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    if (group == null) { // of a thread that has ended
      throw new IllegalStateException("called by a thread that has ended");
    }
    for (ThreadGroup up = group.getParent(); up != null; up = up.getParent()) {
      group = up;
    }
    return group;
  }

  /**
   * Does what must be done, however often no memory or no stack is left for it. For threads of the
   * client's own, whose stacks are not deep: what is lacking is memory, and it comes back.
   */
  public static void insist(Runnable step) {
    for (; ; ) {
      try {
        step.run();
        return;
      } catch (OutOfMemoryError | StackOverflowError shortage) {
        pause();
      }
    }
  }

  /**
   * Lets other threads make room; allocates nothing, and returns at once for an interrupt. Throws
   * nothing.
   */
  public static void pause() {
    try {
      LockSupport.parkNanos(PAUSE_NANOS);
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      // no pause, then: the JVM has collected garbage for this thread meanwhile
    }
  }
}
