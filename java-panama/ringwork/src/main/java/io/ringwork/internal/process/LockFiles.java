package io.ringwork.internal.process;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * The lock files of a pool, by which the lives of its processes are proved.
 *
 * <p>Pitfall: the kernel drops a POSIX lock when its process closes <em>any</em> descriptor of that
 * file. So lock files are opened only under a monitor that is common to the whole JVM (an interned
 * string, which class loaders share), and a client's only while its entry says FREE: then no other
 * client of this JVM holds it.
 */
final class LockFiles {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** The monitor under which they are opened and closed. */
  static final Object JVM_WIDE = "io.ringwork lock files".intern();

  private LockFiles() {}

  static FileChannel open(Path lock) throws IOException {
    return FileChannel.open(
        lock, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Whether no process holds the lock exclusively. A shared lock is taken for a moment to see it.
   */
  static boolean isFree(FileChannel lock) throws IOException {
    try (FileLock shared = lock.tryLock(0, Long.MAX_VALUE, true)) {
      return shared != null;
    } catch (OverlappingFileLockException ours) {
      return false; // this JVM holds it: a supervisor of a test
    }
  }

  /** Whether the supervisor of a segment holds its lock. */
  static boolean supervisorLives(PoolFiles files, long epoch) {
    return isHeld(files.supervisorLock(epoch));
  }

  /** Whether a process holds this lock; not for those of clients, which this JVM may hold. */
  static boolean isHeld(Path path) {
    synchronized (JVM_WIDE) {
      try (FileChannel lock = open(path)) {
        return !isFree(lock);
      } catch (IOException removed) {
        return false;
      }
    }
  }

  static Refusal noSupervisor(PoolFiles files) {
    return Refusal.absent(
        "pool '"
            + files.name()
            + "' has no supervisor any more: start it again with "
            + files.command("serve --name " + files.name())
            + " ("
            + files.command("clean")
            + " removes what it left)",
        null);
  }

  static void closeQuietly(@Nullable FileChannel file) {
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "close failed", e);
      }
    }
  }
}
