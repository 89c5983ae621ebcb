package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.process.Child;
import io.ringwork.internal.process.PoolFiles;
import io.ringwork.internal.process.Refusal;
import io.ringwork.internal.process.Segments;
import io.ringwork.internal.wait.Futex;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Makes the client of a pool: waits until it can be attached to, and tells why it can't. */
final class Connector {
  private static final long LOOK_AGAIN_NANOS = 2_000_000;

  private Connector() {}

  static Client connect(ConnectConfig config) {
    return connect(
        files(config.settings.directory(), config.name),
        config.connectNanos,
        config.settings,
        null);
  }

  /** The files of a pool. */
  static PoolFiles files(@Nullable Path directory, String name) {
    try {
      return PoolFiles.of(directory, name);
    } catch (Refusal why) {
      throw ConnectException.of(why);
    }
  }

  static Client connect(
      PoolFiles files, long timeoutNanos, Settings settings, @Nullable Child child) {
    Futex.link();
    long end = Durations.saturatedAdd(System.nanoTime(), timeoutNanos);
    for (; ; ) {
      boolean last = System.nanoTime() >= end;
      Client client = attach(files, settings, child, null, !last);
      if (client != null) {
        client.start();
        return client;
      }
      if (last) {
        throw new ConnectException(
            "pool '"
                + files.name()
                + "' is not ready: its segment is still being written; see whether its supervisor"
                + " runs, or allow a longer connectTimeout",
            null);
      }
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
    }
  }

  /**
   * One try without waiting, of a client that tells its end; null if the segment is not ready.
   *
   * @param onEnd called once the pool of that client is seen to have ended, by any thread
   */
  static @Nullable Client look(PoolFiles files, Settings settings, Runnable onEnd) {
    Futex.link();
    Client client = attach(files, settings, null, onEnd, false);
    if (client != null) {
      client.start();
    }
    return client;
  }

  /** One try; null if the segment, or for the patient an entry of it, is not ready. */
  private static @Nullable Client attach(
      PoolFiles files,
      Settings settings,
      @Nullable Child child,
      @Nullable Runnable onEnd,
      boolean patient) {
    try {
      Attachment attachment =
          Segments.attach(files, settings.clientNameOrDefault(), onEnd != null, patient);
      return attachment == null ? null : client(attachment, settings, child, onEnd);
    } catch (Refusal why) {
      throw why.kind() == Refusal.Kind.INCOMPATIBLE
          ? new IncompatibleException(why.getMessage())
          : ConnectException.of(why);
    }
  }

  private static Client client(
      Attachment attachment, Settings settings, @Nullable Child child, @Nullable Runnable onEnd) {
    boolean allHome = true;
    Client client = null;
    try {
      client = new Client(attachment, settings, child, onEnd);
      return client;
    } catch (InternalError truncated) {
      allHome = false;
      throw Segments.truncated(attachment.path(), truncated);
    } finally {
      if (client == null) {
        attachment.release(allHome);
      }
    }
  }
}
