package io.ringwork.peers;

import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.nio.file.Path;
import org.agrona.concurrent.BackoffIdleStrategy;

/**
 * Aeron's media driver in a process of its own. Between two processes on one machine it moves no
 * message: it only makes the logs and updates the limits of flow control. So it has one thread for
 * all its agents, which backs off when there is nothing to do, and leaves the two cores to the two
 * sides that spin; with three threads that spin, as Aeron advises where there are cores for them,
 * everything here would be slower.
 */
final class AeronDriver {
  /**
   * Bytes of a term. A window is half of it: 87,000 messages, which take longer than the driver's
   * longest sleep (1 ms), so that it never holds a side up.
   */
  private static final int TERM = 16 << 20;

  private AeronDriver() {}

  static MediaDriver open(Path directory) {
    return MediaDriver.launch(
        new MediaDriver.Context()
            .aeronDirectoryName(directory.toString())
            .threadingMode(ThreadingMode.SHARED)
            .sharedIdleStrategy(new BackoffIdleStrategy())
            .ipcTermBufferLength(Integer.getInteger("bench.aeron.term", TERM))
            .termBufferSparseFile(false)
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true));
  }
}
