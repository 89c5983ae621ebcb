package io.ringwork;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The supervisor that this process has started.
 *
 * <p>It ends when its standard input ends, which the kernel sees to even when this JVM is killed.
 */
final class Child {
  private static final long GRACE_MILLIS = 3_000;

  private final Process process;
  private volatile boolean ending;

  Child(Process process) {
    this.process = process;
  }

  /** Tells how it ended, unless {@link #end} was called. Called on the JDK's reaper's pool. */
  void onExit(Consumer<String> how) {
    process
        .onExit()
        .thenAccept(
            ended -> {
              if (!ending) {
                how.accept(Signals.describeExit(ended.exitValue()));
              }
            });
  }

  /** Ends it and waits until it is gone, so that its files are, too. */
  void end() {
    ending = true;
    try {
      process.getOutputStream().close();
    } catch (IOException gone) {
      // it has ended by itself
    }
    boolean interrupted = false;
    try {
      if (!process.waitFor(GRACE_MILLIS, TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        process.waitFor(GRACE_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      interrupted = true;
      process.destroyForcibly();
    }
    closeQuietly(process.getInputStream());
    closeQuietly(process.getErrorStream());
    if (interrupted) {
      Thread.currentThread().interrupt();
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
