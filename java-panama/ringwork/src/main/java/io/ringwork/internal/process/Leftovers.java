package io.ringwork.internal.process;

import io.ringwork.internal.Background;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of a supervisor that was killed, and so could not remove them itself: they take memory
 * until they are removed. Removed under the lock of the pool's name, as another supervisor would do
 * it, so they are never those of one that lives.
 */
public final class Leftovers {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** A child that it was about to start may hold a copy of its lock for a moment. */
  private static final int LOOKS = 100;

  private static final Pattern OURS =
      Pattern.compile(
          "name\\.lock|segment(\\.memfd)?(\\.new)?|(options|looks)\\.json(\\.new)?|control"
              + "|quarantine\\.(new|[1-9]\\d*)"
              + "|supervisor\\.\\p{XDigit}{16}\\.lock|(client|worker)\\.\\p{XDigit}{16}\\.\\d+\\.lock");

  private Leftovers() {}

  /** Removes them, unless another supervisor has the name. The caller is not interrupted. */
  public static void remove(PoolFiles pool) {
    Path name = pool.directory().resolve("name.lock");
    try {
      Object named = identity(name);
      try (FileChannel lock =
          FileChannel.open(name, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
        // A lock of a file that was unlinked meanwhile would mean nothing.
        if (isTaken(lock) && named.equals(identity(name))) {
          removeAll(pool.directory(), name);
        }
      }
    } catch (NoSuchFileException gone) {
      // removed already
    } catch (IOException e) {
      LOG.log(
          Level.WARNING,
          "files of a pool may be left in " + pool.directory() + "; `ringwork clean` helps: " + e);
    }
  }

  private static Object identity(Path file) throws IOException {
    return Files.getAttribute(file, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean isTaken(FileChannel lock) throws IOException {
    try {
      for (int looks = 0; lock.tryLock() == null; looks++) {
        if (looks == LOOKS) {
          return false;
        }
        Background.pause();
      }
      return true;
    } catch (OverlappingFileLockException another) {
      return false; // thread of this JVM that does the same
    }
  }

  private static void removeAll(Path directory, Path name) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(directory)) {
      files = all.filter(file -> isOurs(file) && !file.equals(name)).toList();
    }
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
    Files.deleteIfExists(name);
    try {
      Files.deleteIfExists(directory);
    } catch (DirectoryNotEmptyException successor) {
      // that has the name now, or files of others: both stay
    }
  }

  /** As `is_file_of_a_pool` in ring/src/segment/paths.rs. */
  private static boolean isOurs(Path file) {
    return OURS.matcher(file.getFileName().toString()).matches();
  }
}
