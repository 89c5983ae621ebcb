package io.ringwork;

import java.io.IOException;
import java.io.InputStream;
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
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the binary {@code ringwork}: as configured, by environment variable, by system property, or
 * unpacked from a natives jar into the user's cache directory.
 *
 * <p>The unpacked file is named by its SHA-256, made under another name and renamed, and hashed
 * again before each use: half a file, or a changed one, is never run.
 */
final class NativeBinary {
  static final String VARIABLE = "RINGWORK_BINARY";
  static final String PROPERTY = "ringwork.binary";

  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private NativeBinary() {}

  static Path find(@Nullable Path configured) {
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
    ClassLoader loader = loaderOf(resource);
    if (loader == null) {
      throw new LaunchException(
          "no binary `ringwork`: add ringwork-natives-"
              + platform()
              + " to the class path (or to the module path, with --add-modules "
              + module(platform())
              + "), or name one with LaunchConfig.binary, "
              + VARIABLE
              + " or -D"
              + PROPERTY,
          null);
    }
    return unpack(loader, resource);
  }

  private static Path check(Path binary, String source) {
    if (!Files.isRegularFile(binary)) {
      throw new LaunchException(
          "the binary "
              + binary
              + " that "
              + source
              + " names does not exist: build it with `cargo build --release`, or correct the path",
          null);
    }
    if (!Files.isExecutable(binary)) {
      throw new LaunchException(
          "the binary " + binary + " that " + source + " names is not executable: chmod +x it",
          null);
    }
    return binary.toAbsolutePath();
  }

  private static String platform() {
    String arch = System.getProperty("os.arch");
    return "linux-" + (arch.equals("amd64") ? "x86_64" : arch);
  }

  /**
   * The automatic name of the natives jar: nothing requires it, so it is resolved when asked for.
   */
  private static String module(String platform) {
    return "io.ringwork.natives." + platform.replace('-', '.');
  }

  private static @Nullable ClassLoader loaderOf(String resource) {
    ClassLoader[] loaders = {
      NativeBinary.class.getClassLoader(),
      Thread.currentThread().getContextClassLoader(),
      ClassLoader.getSystemClassLoader()
    };
    for (ClassLoader loader : loaders) {
      if (loader != null && loader.getResource(resource) != null) {
        return loader;
      }
    }
    return null;
  }

  private static Path unpack(ClassLoader loader, String resource) {
    try {
      String expected = expectedHash(loader, resource);
      Path directory = cache();
      Path binary = directory.resolve("ringwork-" + expected);
      if (!isIntact(binary, expected)) {
        write(loader, resource, directory, binary, expected);
      }
      return binary;
    } catch (IOException e) {
      throw new LaunchException(
          "can't unpack the binary from the natives jar: "
              + e
              + "; set XDG_CACHE_HOME to a"
              + " directory that is writable and allows to execute, or name a binary with "
              + VARIABLE,
          e);
    }
  }

  private static String expectedHash(ClassLoader loader, String resource) throws IOException {
    try (InputStream in = loader.getResourceAsStream(resource + ".sha256")) {
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

  private static Path cache() throws IOException {
    String xdg = System.getenv("XDG_CACHE_HOME");
    String home = System.getProperty("user.home");
    Path base =
        xdg != null && !xdg.isEmpty()
            ? Path.of(xdg)
            : home != null && Files.isWritable(Path.of(home))
                ? Path.of(home, ".cache")
                : Path.of(System.getProperty("java.io.tmpdir"));
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
      ClassLoader loader, String resource, Path directory, Path binary, String expected)
      throws IOException {
    Path part = Files.createTempFile(directory, "ringwork-", ".part", PRIVATE);
    try {
      InputStream in = loader.getResourceAsStream(resource);
      if (in == null) {
        throw new IOException(resource + " is gone");
      }
      try (in) {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rwx------"));
      String found = hash(Files.newInputStream(part));
      if (!found.equals(expected)) {
        throw new IOException(
            "the natives jar is damaged: SHA-256 " + found + " instead of " + expected);
      }
      Files.move(part, binary, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
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
