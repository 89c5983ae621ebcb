package io.ringwork.internal.process;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the binary {@code ringwork}: as configured, by environment variable, by system property, or
 * unpacked from a natives jar: into the user's cache directory, else into the directory for
 * temporary files, else, where neither may be written or nothing in them executed, into memory.
 *
 * <p>The unpacked file is named by its SHA-256, made under another name and renamed, and hashed
 * again before each use: half a file, or a changed one, is never run.
 */
public final class NativeBinary implements AutoCloseable {
  public static final String VARIABLE = "RINGWORK_BINARY";
  public static final String PROPERTY = "ringwork.binary";

  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final Path path;
  private final @Nullable MemoryFile memory;

  private NativeBinary(Path path, @Nullable MemoryFile memory) {
    this.path = path;
    this.memory = memory;
  }

  /** What a natives jar carries, by the names of its resources. */
  @FunctionalInterface
  public interface Resources {
    /** A resource, or null where there is none of that name. */
    @Nullable InputStream open(String name) throws IOException;
  }

  /** What to start; valid until {@link #close}. */
  public Path path() {
    return path;
  }

  /** Gives back what was needed to start it; a program that runs already goes on. */
  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
  }

  public static NativeBinary find(@Nullable Path configured) {
    if (configured != null) {
      return check(configured, "LaunchConfig.binary");
    }
    String variable = System.getenv(VARIABLE);
    if (variable != null && !variable.isEmpty()) {
      return check(Path.of(variable), "the environment variable " + VARIABLE);
    }
    String property = System.getProperty(PROPERTY);
    if (property != null && !property.isEmpty()) {
      return check(Path.of(property), "the system property " + PROPERTY);
    }
    String resource = "io/ringwork/natives/" + platform() + "/ringwork";
    Resources natives = natives(resource);
    if (natives == null) {
      throw new Refusal(
          "no binary `ringwork`: add ringwork-natives-"
              + platform()
              + " to the class path (or to the module path, with --add-modules "
              + module(platform())
              + "; jlink needs it, too), or name one with LaunchConfig.binary, "
              + VARIABLE
              + " or -D"
              + PROPERTY,
          null);
    }
    return unpack(natives, resource, caches());
  }

  private static NativeBinary check(Path binary, String source) {
    if (!Files.isRegularFile(binary)) {
      throw new Refusal(
          "the binary "
              + binary
              + " that "
              + source
              + " names does not exist: build it with `cargo build --release`, or correct the path",
          null);
    }
    if (!Files.isExecutable(binary)) {
      throw new Refusal(
          "the binary " + binary + " that " + source + " names is not executable: chmod +x it",
          null);
    }
    return new NativeBinary(binary.toAbsolutePath(), null);
  }

  private static String platform() {
    String arch = System.getProperty("os.arch");
    return "linux-" + (arch.equals("amd64") ? "x86_64" : arch);
  }

  /** The name of the natives jar's module; the client does not require it. */
  private static String module(String platform) {
    return "io.ringwork.natives." + platform.replace('-', '.');
  }

  private static @Nullable Resources natives(String resource) {
    ClassLoader[] loaders = {
      NativeBinary.class.getClassLoader(),
      Thread.currentThread().getContextClassLoader(),
      ClassLoader.getSystemClassLoader()
    };
    for (ClassLoader loader : loaders) {
      if (loader != null && loader.getResource(resource) != null) {
        return loader::getResourceAsStream;
      }
    }
    // A run-time image may have the module without resolving it, when no other module requires it.
    ModuleReference linked = ModuleFinder.ofSystem().find(module(platform())).orElse(null);
    return linked == null ? null : name -> open(linked, name);
  }

  private static @Nullable InputStream open(ModuleReference module, String name)
      throws IOException {
    try (ModuleReader reader = module.open()) {
      InputStream in = reader.open(name).orElse(null);
      if (in == null) {
        return null;
      }
      try (in) { // nothing is read once the reader is closed
        return new ByteArrayInputStream(in.readAllBytes());
      }
    }
  }

  /**
   * Unpacks the binary where it can be written and executed, else into memory.
   *
   * @param caches the directories to try, the best first
   */
  public static NativeBinary unpack(Resources natives, String resource, List<Path> caches) {
    List<Exception> reasons = new ArrayList<>();
    try {
      String expected = expectedHash(natives, resource);
      for (Path base : caches) {
        try {
          Path directory = cache(base);
          Path binary = directory.resolve("ringwork-" + expected);
          if (!isIntact(binary, expected)) {
            write(natives, resource, directory, binary, expected);
          }
          return new NativeBinary(binary, null);
        } catch (IOException next) {
          reasons.add(next);
        }
      }
      MemoryFile memory = null;
      try (InputStream in = open(natives, resource)) {
        memory = MemoryFile.of(in);
        checkHash(Files.newInputStream(memory.path()), expected);
        MemoryFile taken = memory;
        memory = null;
        return new NativeBinary(taken.path(), taken);
      } finally {
        if (memory != null) {
          memory.close();
        }
      }
    } catch (IOException last) {
      reasons.add(last);
    }
    Refusal failed =
        new Refusal(
            "can't unpack the binary from the natives jar: "
                + reasons.stream()
                    .map(NativeBinary::describe)
                    .distinct()
                    .collect(Collectors.joining("; "))
                + "; set XDG_CACHE_HOME to a directory that is writable and allows to execute, or"
                + " name a binary with "
                + VARIABLE,
            reasons.get(0));
    reasons.stream().skip(1).forEach(failed::addSuppressed);
    throw failed;
  }

  /** Those of a file system often say no more than the file's name: the class says the rest. */
  private static String describe(Exception reason) {
    return reason.getClass() == IOException.class
        ? String.valueOf(reason.getMessage())
        : reason.toString();
  }

  private static String expectedHash(Resources natives, String resource) throws IOException {
    try (InputStream in = natives.open(resource + ".sha256")) {
      if (in != null) {
        // As sha256sum writes it: the digest, then perhaps the file's name.
        String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip();
        String hash = text.split("\\s+")[0];
        if (hash.matches("[0-9a-f]{64}")) {
          return hash;
        }
        throw new IOException("bad digest in " + resource + ".sha256");
      }
    }
    throw new IOException("the natives jar has no " + resource + ".sha256");
  }

  private static List<Path> caches() {
    List<Path> caches = new ArrayList<>();
    String xdg = System.getenv("XDG_CACHE_HOME");
    String home = System.getProperty("user.home");
    if (xdg != null && !xdg.isEmpty()) {
      caches.add(Path.of(xdg));
    } else if (home != null && Files.isDirectory(Path.of(home))) {
      caches.add(Path.of(home, ".cache"));
    }
    caches.add(Path.of(System.getProperty("java.io.tmpdir")));
    return caches;
  }

  private static Path cache(Path base) throws IOException {
    Path directory = base.resolve("ringwork-" + PoolFiles.userId());
    Files.createDirectories(base);
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createDirectory(directory, PRIVATE);
      } catch (java.nio.file.FileAlreadyExistsException raced) {
        // checked below
      }
    }
    int mode = (int) Files.getAttribute(directory, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    int owner = (int) Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    if ((mode & 0170000) != 0040000 || (mode & 022) != 0 || owner != PoolFiles.userId()) {
      throw new IOException(directory + " is not a directory that only you can write to");
    }
    return directory;
  }

  private static boolean isIntact(Path binary, String expected) throws IOException {
    return Files.isRegularFile(binary, LinkOption.NOFOLLOW_LINKS)
        && Files.isExecutable(binary)
        && hash(Files.newInputStream(binary)).equals(expected);
  }

  private static void write(
      Resources natives, String resource, Path directory, Path binary, String expected)
      throws IOException {
    Path part = Files.createTempFile(directory, "ringwork-", ".part", PRIVATE);
    try {
      try (InputStream in = open(natives, resource)) {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rwx------"));
      checkHash(Files.newInputStream(part), expected);
      if (!Files.isExecutable(part)) {
        throw new IOException(
            directory + " is on a file system that does not allow to execute (mounted noexec)");
      }
      Files.move(part, binary, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static InputStream open(Resources natives, String resource) throws IOException {
    InputStream in = natives.open(resource);
    if (in == null) {
      throw new IOException("the natives jar has no " + resource);
    }
    return in;
  }

  private static void checkHash(InputStream bytes, String expected) throws IOException {
    String found = hash(bytes);
    if (!found.equals(expected)) {
      throw new IOException(
          "the natives jar is damaged: SHA-256 " + found + " instead of " + expected);
    }
  }

  private static String hash(InputStream bytes) throws IOException {
    try (DigestInputStream in =
        new DigestInputStream(bytes, MessageDigest.getInstance("SHA-256"))) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException impossible) {
      throw new IOException(impossible);
    }
  }
}
