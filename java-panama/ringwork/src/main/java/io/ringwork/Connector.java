package io.ringwork;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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

  /**
   * Refuses a segment that takes no tasks: a dead supervisor left it, or a live one is on its way
   * out. Looks are frequent, so this comes before the mapping.
   */
  private static void checkTakesTasks(PoolFiles files, FileChannel file) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(Layout.H_POOL_STATE + 4);
    header.order(ByteOrder.LITTLE_ENDIAN);
    if (file.read(header, 0) < header.capacity()
        || header.getLong(Layout.H_MAGIC) != Layout.MAGIC
        || header.getInt(Layout.H_READY) != Layout.READY
        || header.getInt(Layout.H_VERSION) != Layout.VERSION) {
      return; // it is told when the header is checked as a whole
    }
    if (!Attachment.supervisorLives(files, header.getLong(Layout.H_EPOCH))) {
      throw Attachment.noSupervisor(files);
    }
    int state = header.getInt(Layout.H_POOL_STATE);
    if (state != Layout.POOL_STARTING && state != Layout.POOL_SERVING) {
      throw ConnectException.absent(
          "pool '"
              + files.name()
              + (state == Layout.POOL_FAILED ? "' has failed" : "' is being stopped")
              + ", and takes no new tasks: the next one of that name is waited for",
          null);
    }
  }

  /** One try; null if the segment, or for the patient an entry of it, is not ready. */
  private static @Nullable Client attach(
      PoolFiles files,
      Settings settings,
      @Nullable Child child,
      @Nullable Runnable onEnd,
      boolean patient) {
    SegmentFile segment = SegmentFile.find(files);
    FileChannel file = null;
    SharedMemory memory = null;
    Attachment attachment = null;
    try {
      file = segment.open();
      if (onEnd != null) {
        checkTakesTasks(files, file);
      }
      memory = map(segment, files, file);
      if (Failpoints.ON) Failpoints.hit("attach.mapped");
      Geometry geometry = memory == null ? null : read(files, memory);
      if (geometry == null) {
        return null;
      }
      if (segment.sealed() && segment.epoch() != geometry.epoch()) {
        throw damaged(files, segment.path(), "it has not the epoch that its pointer promises");
      }
      if (Failpoints.ON) Failpoints.hit("attach.checked");
      attachment = Attachment.register(files, segment, file, memory, geometry, patient);
      if (attachment == null) {
        return null;
      }
      if ((memory.getInt(Layout.H_MAPPING) & Layout.MAPPING_PREFAULT) != 0) {
        memory.touchAll();
      }
      return new Client(attachment, settings, child, onEnd);
    } catch (NoSuchFileException replaced) {
      return null; // between our check and now: its successor will come
    } catch (IOException e) {
      throw new ConnectException("can't map " + segment.path() + ": " + e, e);
    } catch (InternalError truncated) {
      if (attachment != null) {
        attachment.release(false);
      }
      throw new ConnectException(segment.path() + " was truncated while it was opened", truncated);
    } catch (RuntimeException failed) {
      if (attachment != null) {
        attachment.release(true);
      }
      throw failed;
    } finally {
      if (attachment == null) {
        Attachment.closeQuietly(file);
        if (memory != null) {
          memory.unmap();
        }
      }
    }
  }

  private static @Nullable SharedMemory map(SegmentFile segment, PoolFiles files, FileChannel file)
      throws IOException {
    long size = file.size();
    if (size == 0) {
      return null;
    }
    if (size < Layout.HEADER_SIZE) {
      throw damaged(
          files,
          segment.path(),
          "it has " + size + " bytes, a segment's header alone has " + Layout.HEADER_SIZE);
    }
    return SharedMemory.map(file, size);
  }

  private static ConnectException damaged(PoolFiles files, Path path, String why) {
    return new ConnectException(
        "pool '"
            + files.name()
            + "' is refused: "
            + path
            + ": "
            + why
            + "; when nothing runs there, remove it (`ringwork clean`), or choose another name",
        null);
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
      throw damaged(files, files.segment(), "it is not a Ringwork segment");
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
      throw damaged(files, files.segment(), bad.getMessage());
    }
  }
}
