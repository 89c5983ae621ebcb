package io.ringwork.internal.process;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.Plural;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Attaches to a segment: checks the file and the header, then takes an entry. */
public final class Segments {
  private Segments() {}

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
    if (!LockFiles.supervisorLives(files, header.getLong(Layout.H_EPOCH))) {
      throw LockFiles.noSupervisor(files);
    }
    int state = header.getInt(Layout.H_POOL_STATE);
    if (state != Layout.POOL_STARTING && state != Layout.POOL_SERVING) {
      throw Refusal.absent(
          "pool '"
              + files.name()
              + (state == Layout.POOL_FAILED ? "' has failed" : "' is being stopped")
              + ", and takes no new tasks: the next one of that name is waited for",
          null);
    }
  }

  /**
   * Opens, maps and checks the segment of a pool, and takes an entry of it.
   *
   * @param clientName what the entry says that its client is called
   * @param alive whether it is refused unless it takes tasks
   * @param patient whether the caller tries again soon when an entry is about to be free
   * @return null if the segment, or for the patient an entry of it, is not ready
   * @throws Refusal if there is none, or it can't be used
   */
  public static @Nullable Attachment attach(
      PoolFiles files, String clientName, boolean alive, boolean patient) {
    SegmentFile place = SegmentFile.find(files);
    FileChannel file = null;
    SharedMemory memory = null;
    Attachment attachment = null;
    boolean attached = false;
    try {
      file = place.open();
      if (alive) {
        checkTakesTasks(files, file);
      }
      memory = map(place, files, file);
      if (Failpoints.ON) Failpoints.hit("attach.mapped");
      Geometry geometry = memory == null ? null : read(files, memory);
      if (geometry == null) {
        return null;
      }
      if (place.sealed() && place.epoch() != geometry.epoch()) {
        throw damaged(files, place.path(), "it has not the epoch that its pointer promises");
      }
      if (Failpoints.ON) Failpoints.hit("attach.checked");
      attachment =
          Attachment.register(
              new MappedSegment(files, place, file, memory, geometry), clientName, patient);
      if (attachment == null) {
        return null;
      }
      if ((memory.getInt(Layout.H_MAPPING) & Layout.MAPPING_PREFAULT) != 0) {
        memory.touchAll();
      }
      attached = true;
      return attachment;
    } catch (NoSuchFileException replaced) {
      return null; // between our check and now: its successor will come
    } catch (IOException e) {
      throw new Refusal("can't map " + place.path() + ": " + e, e);
    } catch (InternalError truncated) {
      throw truncated(place.path(), truncated);
    } finally {
      if (attachment != null && !attached) {
        attachment.release(false);
      } else if (attachment == null) {
        LockFiles.closeQuietly(file);
        if (memory != null) {
          memory.unmap();
        }
      }
    }
  }

  /** The file has shrunk while it was opened. */
  public static Refusal truncated(Path path, InternalError cause) {
    return new Refusal(path + " was truncated while it was opened", cause);
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
          "it has "
              + Plural.of(size, "byte")
              + ", a segment's header alone has "
              + Layout.HEADER_SIZE);
    }
    return SharedMemory.map(file, size);
  }

  private static Refusal damaged(PoolFiles files, Path path, String why) {
    return new Refusal(
        "pool '" + files.name() + "' is refused: " + path + ": " + why + "; " + files.clean(),
        null);
  }

  /** The checked header; null if not ready. */
  private static @Nullable Geometry read(PoolFiles files, SharedMemory memory) {
    // pairs with the release store of READY: a thread that sees it sees the header.
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
      throw new Refusal(
          Refusal.Kind.INCOMPATIBLE,
          "pool '"
              + files.name()
              + "' has layout version "
              + version
              + ", this client knows "
              + Layout.VERSION
              + ": use the same release of Ringwork on both sides",
          null);
    }
    if (ready != Layout.READY) {
      return null;
    }
    long unknown = memory.getLong(Layout.H_FEATURES) & ~Layout.FEATURES_KNOWN;
    if (unknown != 0) {
      throw new Refusal(
          Refusal.Kind.INCOMPATIBLE,
          "pool '"
              + files.name()
              + "' has features that this client doesn't know (bits 0x"
              + Long.toHexString(unknown)
              + "): use a newer release of the Java client",
          null);
    }
    try {
      return Geometry.read(memory);
    } catch (Geometry.BadHeader bad) {
      throw damaged(files, files.segment(), bad.getMessage());
    }
  }
}
