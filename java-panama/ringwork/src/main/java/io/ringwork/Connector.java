package io.ringwork;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Attaches to a segment: checks the file and the header, then takes an entry. */
final class Connector {
  private static final long LOOK_AGAIN_NANOS = 2_000_000;

  private Connector() {}

  static Client connect(ConnectConfig config) {
    PoolFiles files = PoolFiles.of(config.directory, config.name);
    return connect(files, config.connectNanos, config.settings, null);
  }

  static Client connect(
      PoolFiles files, long timeoutNanos, Settings settings, @Nullable Child child) {
    long end = TaskFuture.saturatedAdd(System.nanoTime(), timeoutNanos);
    for (; ; ) {
      Client client = attach(files, settings, child);
      if (client != null) {
        client.start();
        return client;
      }
      if (System.nanoTime() >= end) {
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

  /** One try; null if the segment is not ready. */
  private static @Nullable Client attach(
      PoolFiles files, Settings settings, @Nullable Child child) {
    files.check();
    SharedMemory memory = map(files);
    if (memory == null) {
      return null;
    }
    if (Failpoints.ON) Failpoints.hit("attach.mapped");
    Attachment attachment = null;
    try {
      Geometry geometry = read(files, memory);
      if (geometry != null) {
        if (Failpoints.ON) Failpoints.hit("attach.checked");
        attachment = Attachment.register(files, memory, geometry);
        return new Client(attachment, settings, child);
      }
      memory.unmap();
      return null;
    } catch (RuntimeException failed) {
      if (attachment != null) {
        attachment.release(true);
      } else {
        memory.unmap();
      }
      throw failed;
    }
  }

  private static @Nullable SharedMemory map(PoolFiles files) {
    try (FileChannel file =
        FileChannel.open(
            files.segment(),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            LinkOption.NOFOLLOW_LINKS)) {
      long size = file.size();
      if (size == 0) {
        return null;
      }
      if (size < Layout.HEADER_SIZE) {
        throw damaged(
            files, "it has " + size + " bytes, a segment's header alone has " + Layout.HEADER_SIZE);
      }
      return SharedMemory.map(file, size);
    } catch (NoSuchFileException replaced) {
      return null; // between our check and now: its successor will come
    } catch (IOException e) {
      throw new ConnectException("can't map " + files.segment() + ": " + e, e);
    }
  }

  private static ConnectException damaged(PoolFiles files, String why) {
    return new ConnectException(
        "pool '" + files.name() + "' is refused: " + files.segment() + ": " + why, null);
  }

  /** The checked header; null if not ready. */
  private static @Nullable Geometry read(PoolFiles files, SharedMemory memory) {
    // pairs with the release store of READY: whoever sees it sees the header.
    int ready = memory.getIntAcquire(Layout.H_READY);
    long magic = memory.getLong(Layout.H_MAGIC);
    if (magic == 0 && ready == 0) {
      return null;
    }
    if (magic != Layout.MAGIC) {
      throw damaged(files, "it is not a Ringwork segment");
    }
    int version = memory.getInt(Layout.H_VERSION);
    if (version != Layout.VERSION) {
      throw new IncompatibleException(
          "pool '"
              + files.name()
              + "' has layout version "
              + version
              + ", this client knows "
              + Layout.VERSION
              + ": use the same release of Ringwork on both sides");
    }
    if (ready != Layout.READY) {
      return null;
    }
    long unknown = memory.getLong(Layout.H_FEATURES) & ~Layout.FEATURES_KNOWN;
    if (unknown != 0) {
      throw new IncompatibleException(
          "pool '"
              + files.name()
              + "' has features that this client doesn't know (bits 0x"
              + Long.toHexString(unknown)
              + "): use a newer release of the Java client");
    }
    try {
      return Geometry.read(memory);
    } catch (Geometry.BadHeader bad) {
      throw damaged(files, bad.getMessage());
    }
  }
}
