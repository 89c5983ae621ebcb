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
  // Of st_mode.
  private static final int TYPE = 0170000;
  private static final int PLAIN_FILE = 0100000;
  private static final int DIRECTORY = 0040000;
  private static final int LINK = 0120000;

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

  public Path workerLock(long epoch, int index) {
    return directory().resolve("worker." + hex(epoch) + "." + index + ".lock");
  }

  private static String hex(long epoch) {
    return HexFormat.of().toHexDigits(epoch);
  }

  /**
   * Refuses directories that are not private to this user.
   *
   * @throws Refusal with the reason and what helps
   */
  public void checkDirectories() {
    checkBase(attributes(base));
    checkDirectory(attributes(directory()));
  }

  private void checkBase(Attributes found) {
    if (found.isLink()) {
      throw refused(
          base,
          "is a link, which is not followed",
          "set " + DIRECTORY_VARIABLE + " to the directory that it leads to, or remove it");
    }
    if (!found.is(DIRECTORY)) {
      throw refused(
          base, "is no directory", "remove it, or set " + DIRECTORY_VARIABLE + " to another place");
    }
    if (!found.isOurs()) {
      throw refused(
          base,
          found.owner(),
          "set "
              + DIRECTORY_VARIABLE
              + " to a directory of yours; if somebody put it there to trap you, tell your admin");
    }
    if (found.isOpen()) {
      // A place for all, as /tmp: it would break others to close it.
      throw refused(
          base,
          found.openness(),
          (found.mode() & 01000) != 0
              ? "set " + DIRECTORY_VARIABLE + " to a directory of yours below it"
              : "chmod 700 " + base);
    }
  }

  private void checkDirectory(Attributes found) {
    Path path = directory();
    if (found.isLink()) {
      throw refused(
          path, "is a link, which is not followed", "remove the link, or choose another name");
    }
    if (!found.is(DIRECTORY)) {
      throw refused(path, "is no directory", "remove it, or choose another name");
    }
    if (!found.isOurs()) {
      throw refused(
          path,
          found.owner(),
          "choose another name, or remove it as user " + found.user() + " or root");
    }
    if (found.isOpen()) {
      throw refused(path, found.openness(), "chmod 700 " + path);
    }
  }

  /**
   * Refuses what is not a plain file of this user alone.
   *
   * @throws Refusal with the reason and what helps
   */
  public void checkFile(Path path) {
    Attributes found = attributes(path);
    if (!found.is(PLAIN_FILE)) {
      throw refused(path, "is not a plain file", clean());
    }
    if (!found.isOurs()) {
      throw refused(path, found.owner(), clean());
    }
    if (found.isOpen()) {
      throw refused(path, found.openness(), "chmod 600 " + path);
    }
  }

  /** The remedy against a file that no pool of ours has written. */
  String clean() {
    return "when no process serves the pool, " + command("clean " + name) + " removes it";
  }

  private Attributes attributes(Path path) {
    try {
      Map<String, Object> found =
          Files.readAttributes(path, "unix:mode,uid", LinkOption.NOFOLLOW_LINKS);
      return new Attributes((int) found.get("mode"), (int) found.get("uid"));
    } catch (NoSuchFileException missing) {
      throw missing(path, missing);
    } catch (IOException e) {
      throw new Refusal("pool '" + name + "': can't look at " + path + ": " + e, e);
    }
  }

  /** What is looked at of a file: its mode with its type, and its user. */
  private record Attributes(int mode, int user) {
    boolean is(int type) {
      return (mode & TYPE) == type;
    }

    boolean isLink() {
      return is(LINK);
    }

    boolean isOurs() {
      return user == userId();
    }

    String owner() {
      return "belongs to user " + user + ", not to you (" + userId() + ")";
    }

    boolean isOpen() {
      return (mode & 077) != 0;
    }

    String openness() {
      return "has mode " + Integer.toOctalString(mode & 0777) + ": others could reach it";
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

  /**
   * The refusal of a file.
   *
   * @param why what goes on behind the path, as "is a link"
   * @param remedy what helps, as an order
   */
  public Refusal refused(Path path, String why, String remedy) {
    return new Refusal("pool '" + name + "' is refused: " + path + " " + why + "; " + remedy, null);
  }
}
