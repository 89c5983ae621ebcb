package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.ringwork.ConnectConfig;
import io.ringwork.ConnectException;
import io.ringwork.IncompatibleException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.SegmentSurgery;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Attaching to what is no pool, or not one of ours: files that a test makes by hand. */
class AttachTest {
  private static final String NAME = "AttachTest-copy";
  private static final Path DIRECTORY = PoolDirectory.PATH.resolve(NAME);
  private static final Path SEGMENT = DIRECTORY.resolve("segment");

  @BeforeEach
  void makeDirectory() throws IOException {
    Files.createDirectory(DIRECTORY);
    mode(DIRECTORY, "rwx------");
  }

  @AfterEach
  void removeDirectory() throws IOException {
    PoolDirectory.delete(DIRECTORY);
  }

  private static void mode(Path path, String mode) throws IOException {
    Set<PosixFilePermission> permissions = PosixFilePermissions.fromString(mode);
    Files.setPosixFilePermissions(path, permissions);
  }

  private static void segment(byte[] content) throws IOException {
    Files.write(SEGMENT, content);
    mode(SEGMENT, "rw-------");
  }

  private interface Surgery {
    void on(Path segment) throws IOException;
  }

  /** A copy of a true segment, with something changed. */
  private static void damagedCopy(Surgery surgery) throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.stock("AttachTest"))) {
      Files.copy(pool.info().segment(), SEGMENT);
      mode(SEGMENT, "rw-------");
      surgery.on(SEGMENT);
      Pools.assertUsable(pool);
    }
  }

  private static <X extends RingworkException> void assertRefused(Class<X> type, String... says) {
    ConnectConfig config = ConnectConfig.of(NAME).connectTimeout(Duration.ofMillis(100));
    X error = assertThrows(type, () -> Ringwork.connect(config).close());
    assertFalse(error.mayHaveRun());
    Pools.assertSays(error, NAME);
    Pools.assertSays(error, says);
  }

  @Test
  void missing() {
    ConnectException error =
        assertThrows(ConnectException.class, () -> Ringwork.connect("AttachTest-nobody"));
    Pools.assertSays(
        error, "AttachTest-nobody", "ringwork serve --name AttachTest-nobody", "ringwork list");
  }

  @Test
  void directoryWithoutASegment() {
    assertRefused(ConnectException.class, "segment", "missing");
  }

  @Test
  void foreign() throws Exception {
    segment(Pools.randomBytes(1 << 20));
    assertRefused(ConnectException.class, "not a Ringwork segment", "ringwork clean " + NAME);
  }

  @Test
  void foreignAndShort() throws Exception {
    segment("not a segment".getBytes());
    assertRefused(ConnectException.class, "13 bytes");
  }

  @Test
  void truncated() throws Exception {
    damagedCopy(
        segment -> {
          try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
            file.truncate(file.size() / 2);
          }
        });
    assertRefused(ConnectException.class, "segment");
  }

  @Test
  void ofAnotherVersion() throws Exception {
    damagedCopy(SegmentSurgery::raiseVersion);
    assertRefused(IncompatibleException.class, "version", "same release");
  }

  @Test
  void withAnUnknownFeature() throws Exception {
    damagedCopy(SegmentSurgery::addFeature);
    assertRefused(IncompatibleException.class, "feature", "newer");
  }

  @Test
  void withImpossibleCounts() throws Exception {
    damagedCopy(SegmentSurgery::inflateSlots);
    assertRefused(ConnectException.class, "segment");
  }

  @Test
  void stillUnready() throws Exception {
    damagedCopy(SegmentSurgery::makeUnready);
    assertRefused(ConnectException.class, "not ready", "connectTimeout");
  }

  @Test
  void ofADeadSupervisor() throws Exception {
    damagedCopy(segment -> {});
    assertRefused(ConnectException.class, "supervisor");
  }

  @Test
  void openToOthers() throws Exception {
    segment(Pools.randomBytes(1 << 20));
    mode(SEGMENT, "rw-rw-rw-");
    assertRefused(ConnectException.class, "mode 666", "chmod 600 " + SEGMENT);
    mode(DIRECTORY, "rwxr-xr-x");
    assertRefused(ConnectException.class, "mode 755", "chmod 700 " + DIRECTORY);
  }

  /** Each cause of a refused directory of the pools has its own remedy: `clean` helps with none. */
  @Test
  void directoryOfThePools() throws Exception {
    Path base = DIRECTORY.resolve("pools");
    Files.createDirectory(base);
    assertBaseRefused(base, "rwxrwxrwx", "mode 777: others could reach it; chmod 700 " + base);
    mode(base, "rwx------");
    Path link = Files.createSymbolicLink(DIRECTORY.resolve("link"), base);
    assertBaseRefused(link, null, "is a link, which is not followed; set RINGWORK_DIR to");
    Path file = Files.createFile(DIRECTORY.resolve("file"));
    assertBaseRefused(file, null, "is no directory; remove it, or set RINGWORK_DIR");
    Files.delete(link);
    Files.delete(file);
    Path pool = Files.createFile(base.resolve(NAME));
    assertBaseRefused(base, null, "is no directory; remove it, or choose another name");
    Files.delete(pool);
    Files.createSymbolicLink(pool, DIRECTORY);
    assertBaseRefused(base, null, "remove the link, or choose another name");
    Files.delete(pool);
    Files.delete(base);
  }

  private static void assertBaseRefused(Path base, @Nullable String mode, String says)
      throws IOException {
    if (mode != null) {
      mode(base, mode);
    }
    ConnectConfig config =
        ConnectConfig.of(NAME).directory(base).connectTimeout(Duration.ofMillis(100));
    ConnectException error =
        assertThrows(ConnectException.class, () -> Ringwork.connect(config).close());
    Pools.assertSays(error, says);
    assertFalse(error.getMessage().contains("ringwork clean"), error.getMessage());
  }

  @Test
  void symbolicLink() throws Exception {
    Files.createSymbolicLink(SEGMENT, Path.of("/dev/zero"));
    assertRefused(ConnectException.class, "not a plain file");
  }
}
