package io.ringwork.internal.process;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where a pool's files are, and the refusal of files that someone else could have made. See section
 * 1 of docs/internals/protocol.md.
 */
public record PoolFiles(Path base, String name) {
  private static final String DIRECTORY_VARIABLE = "RINGWORK_DIR";

  /** The pool of a name, in the given directory or the user's. */
  public static PoolFiles of(@Nullable Path directory, String name) {
    return new PoolFiles(directory != null ? directory : defaultBase(), name);
  }

  private static Path defaultBase() {
    String given = System.getenv(DIRECTORY_VARIABLE);
    return given != null && !given.isEmpty()
        ? Path.of(given)
        : Path.of("/dev/shm/ringwork-" + userId());
  }

  /** The effective user id: /proc/self belongs to it. */
  public static int userId() {
    try {
      return (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      throw new Refusal("Ringwork needs Linux with /proc mounted: " + e, e);
    }
  }

  public static void checkName(String name) {
    if (!name.matches("[A-Za-z0-9_-][A-Za-z0-9_.-]*") || name.length() >= Layout.NAME_SIZE) {
      throw new IllegalArgumentException(
          "pool name '"
              + name
              + "': use 1 to "
              + (Layout.NAME_SIZE - 1)
              + " letters, digits, '-', '_' or '.', not starting with '.'");
    }
  }

  public Path directory() {
    return base.resolve(name);
  }

  public Path segment() {
    return directory().resolve("segment");
  }

  /** Says where the memory is, if it is no file. */
  public Path pointer() {
    return directory().resolve("segment.memfd");
  }

  /** The lock of the pool's name, whose time the supervisor sets each second. */
  public Path nameLock() {
    return directory().resolve("name.lock");
  }

  public Path supervisorLock(long epoch) {
    return directory().resolve("supervisor." + hex(epoch) + ".lock");
  }

  public Path clientLock(long epoch, int index) {
    return directory().resolve("client." + hex(epoch) + "." + index + ".lock");
  }

  private static String hex(long epoch) {
    return HexFormat.of().toHexDigits(epoch);
  }

  /**
   * Refuses directories that are not private to this user.
   *
   * @throws Refusal with the reason
   */
  public void checkDirectories() {
    int user = userId();
    check(base, user, 0040000, "directory", "700");
    check(directory(), user, 0040000, "directory", "700");
  }

  /**
   * Refuses what is not a plain file of this user alone.
   *
   * @throws Refusal with the reason
   */
  public void checkFile(Path path) {
    check(path, userId(), 0100000, "plain file", "600");
  }

  private void check(Path path, int user, int type, String what, String mode) {
    Map<String, Object> found;
    try {
      found = Files.readAttributes(path, "unix:mode,uid", LinkOption.NOFOLLOW_LINKS);
    } catch (NoSuchFileException missing) {
      throw missing(path, missing);
    } catch (IOException e) {
      throw new Refusal("pool '" + name + "': can't look at " + path + ": " + e, e);
    }
    int bits = (int) found.get("mode");
    if ((bits & 0170000) != type) {
      throw refused(path, "is not a " + what);
    }
    if ((int) found.get("uid") != user) {
      throw refused(path, "belongs to user " + found.get("uid") + ", not to you (" + user + ")");
    }
    if ((bits & 077) != 0) {
      throw refused(
          path,
          "has mode "
              + Integer.toOctalString(bits & 07777)
              + ", open to others: it should be "
              + mode);
    }
  }

  public Refusal missing(Path path, Throwable cause) {
    return Refusal.absent(
        "there is no pool '"
            + name
            + "' ("
            + path
            + " is missing): start it with "
            + command("serve --name " + name)
            + ", or see "
            + command("list"),
        cause);
  }

  /** What a person types so that the command sees this pool's directory, too. */
  public String command(String arguments) {
    String place = base.toString();
    if (!place.matches("[A-Za-z0-9_./:@%+=,-]+")) {
      place = "'" + place.replace("'", "'\\''") + "'";
    }
    return "`"
        + (base.equals(defaultBase()) ? "" : DIRECTORY_VARIABLE + "=" + place + " ")
        + "ringwork "
        + arguments
        + "`";
  }

  public Refusal refused(Path path, String why) {
    return new Refusal("pool '" + name + "' is refused: " + path + " " + why, null);
  }
}
