package io.ringwork.internal.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Where a pool's memory can be opened: a file in its directory, or a sealed memfd of its
 * supervisor, which a pointer file in that directory names. See docs/decisions/0006.
 *
 * @param path the file, or the descriptor in /proc
 * @param sealed whether it is a memfd, which can't be truncated
 * @param epoch the epoch that a pointer promises; 0 for a file
 */
public record SegmentFile(Path path, boolean sealed, long epoch) {
  private static final String MARK = "ringwork-memfd-1";
  private static final int POINTER_MAX = 512;

  /**
   * Finds and checks it.
   *
   * @throws Refusal if it is missing, or someone else could have made it
   */
  public static SegmentFile find(PoolFiles files) {
    files.checkDirectories();
    if (Files.exists(files.segment(), LinkOption.NOFOLLOW_LINKS)
        || !Files.exists(files.pointer(), LinkOption.NOFOLLOW_LINKS)) {
      files.checkFile(files.segment());
      return new SegmentFile(files.segment(), false, 0);
    }
    files.checkFile(files.pointer());
    return pointed(files, read(files));
  }

  private static String[] read(PoolFiles files) {
    String text;
    try (FileChannel file =
        FileChannel.open(files.pointer(), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      ByteBuffer bytes = ByteBuffer.allocate(POINTER_MAX);
      file.read(bytes);
      text = StandardCharsets.US_ASCII.decode(bytes.flip()).toString();
    } catch (NoSuchFileException replaced) {
      throw files.missing(files.pointer(), replaced);
    } catch (IOException e) {
      throw new Refusal("can't read " + files.pointer() + ": " + e, e);
    }
    String[] fields = text.strip().split(" +");
    if (fields.length != 6 || !fields[0].equals(MARK)) {
      throw files.refused(files.pointer(), "is no pointer to a segment", files.clean());
    }
    return fields;
  }

  private static SegmentFile pointed(PoolFiles files, String[] fields) {
    long epoch;
    long device;
    long inode;
    Path path;
    try {
      path = Path.of("/proc/" + Long.parseLong(fields[1]) + "/fd/" + Integer.parseInt(fields[2]));
      device = Long.parseLong(fields[3]);
      inode = Long.parseLong(fields[4]);
      epoch = Long.parseUnsignedLong(fields[5], 16);
    } catch (NumberFormatException damaged) {
      throw files.refused(files.pointer(), "is no pointer to a segment", files.clean());
    }
    Map<String, Object> found;
    String target;
    try {
      found = Files.readAttributes(path, "unix:dev,ino,uid,mode");
      target = Files.readSymbolicLink(path).toString();
    } catch (IOException gone) {
      throw unreachable(files, epoch, fields[1], gone.toString(), gone);
    }
    if ((long) found.get("ino") != inode
        || (long) found.get("dev") != device
        || !target.startsWith("/memfd:ringwork:")) {
      throw unreachable(files, epoch, fields[1], "another file has that number", null);
    }
    if ((int) found.get("uid") != PoolFiles.userId() || ((int) found.get("mode") & 077) != 0) {
      throw files.refused(path, "is not yours alone", "stop that pool, and serve it again");
    }
    return new SegmentFile(path, true, epoch);
  }

  private static Refusal unreachable(
      PoolFiles files, long epoch, String process, String why, @Nullable Throwable cause) {
    // A process that ends closes its descriptors one by one: for a moment its lock outlives its
    // memory.
    for (int looks = 0; looks < 20; looks++) {
      if (!LockFiles.supervisorLives(files, epoch)) {
        return LockFiles.noSupervisor(files);
      }
      LockSupport.parkNanos(5_000_000);
    }
    return new Refusal(
        "the memory of pool '"
            + files.name()
            + "' is a descriptor of process "
            + process
            + ", which can't be opened from here ("
            + why
            + "): for another PID namespace, or without /proc, serve it with --memory file",
        cause);
  }

  /** Opens it for reading and writing. */
  public FileChannel open() throws IOException {
    OpenOption[] plain = {
      StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS
    };
    // The descriptor in /proc is a link by nature.
    return sealed
        ? FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)
        : FileChannel.open(path, plain);
  }
}
