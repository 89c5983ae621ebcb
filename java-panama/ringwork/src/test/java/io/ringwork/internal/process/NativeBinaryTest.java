package io.ringwork.internal.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringwork.internal.process.NativeBinary.Resources;
import io.ringwork.internal.wait.Futex;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the binary of a natives jar is unpacked to, and what is tried when it can't be. */
class NativeBinaryTest {
  private static final byte[] PROGRAM =
      "#!/bin/sh\necho started\n".getBytes(StandardCharsets.US_ASCII);

  @TempDir private Path temporary;

  private static Resources jar(byte[] program, String digest) {
    Map<String, byte[]> files =
        Map.of("r", program, "r.sha256", (digest + "  r\n").getBytes(StandardCharsets.US_ASCII));
    return name -> files.containsKey(name) ? new ByteArrayInputStream(files.get(name)) : null;
  }

  private static Resources jar() throws Exception {
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(PROGRAM);
    return jar(PROGRAM, HexFormat.of().formatHex(digest));
  }

  /** What no user can make a directory in, not even root. */
  private Path unwritable(String name) throws IOException {
    return Files.writeString(temporary.resolve(name), "a file, not a directory");
  }

  private static void assertStarts(NativeBinary binary) throws Exception {
    Process process = new ProcessBuilder(binary.path().toString()).start();
    try {
      assertTrue(process.waitFor(30, TimeUnit.SECONDS), "it does not end");
      assertEquals("started\n", new String(process.getInputStream().readAllBytes()));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void theFirstDirectoryThatCanBeWrittenIsTaken() throws Exception {
    List<Path> caches = List.of(unwritable("none"), temporary.resolve("second"));
    try (NativeBinary binary = NativeBinary.unpack(jar(), "r", caches)) {
      assertTrue(binary.path().startsWith(temporary.resolve("second")), binary.path().toString());
      assertStarts(binary);
    }
    // Once unpacked it is only looked at, and written again when it was changed.
    Path file;
    try (NativeBinary binary = NativeBinary.unpack(jar(), "r", caches)) {
      file = binary.path();
      Files.writeString(file, "#!/bin/sh\necho changed\n");
    }
    try (NativeBinary binary = NativeBinary.unpack(jar(), "r", caches)) {
      assertEquals(file, binary.path());
      assertStarts(binary);
    }
  }

  @Test
  void aDirectoryThatOthersMayWriteToIsPassedOver() throws Exception {
    Path open = Files.createDirectory(temporary.resolve("ringwork-" + PoolFiles.userId()));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    List<Path> caches = List.of(temporary, temporary.resolve("second"));
    try (NativeBinary binary = NativeBinary.unpack(jar(), "r", caches)) {
      assertTrue(binary.path().startsWith(temporary.resolve("second")), binary.path().toString());
    }
  }

  @Test
  void whereNothingCanBeWrittenItIsInMemory() throws Exception {
    assumeTrue(Futex.awaitLinked(), "native access is denied");
    Path path;
    try (NativeBinary binary = NativeBinary.unpack(jar(), "r", List.of(unwritable("none")))) {
      path = binary.path();
      assertTrue(Files.readSymbolicLink(path).toString().startsWith("/memfd:"), path.toString());
      assertStarts(binary);
      assertThrows(IOException.class, () -> Files.write(path, PROGRAM), "it is not sealed");
    }
    assertFalse(
        Files.isSymbolicLink(path) && Files.readSymbolicLink(path).toString().contains("memfd"),
        "the descriptor was not closed");
  }

  @Test
  @Tag("denied-only")
  void withoutNativeAccessTheErrorNamesIt() throws Exception {
    Resources jar = jar();
    List<Path> caches = List.of(unwritable("none"));
    Refusal error = assertThrows(Refusal.class, () -> NativeBinary.unpack(jar, "r", caches));
    for (String said : List.of("none", "--enable-native-access=io.ringwork", "XDG_CACHE_HOME")) {
      assertTrue(error.getMessage().contains(said), error.getMessage());
    }
  }

  @Test
  void aDamagedJarIsNotRun() throws Exception {
    Resources damaged = jar(PROGRAM, "0".repeat(64));
    List<Path> caches = List.of(temporary.resolve("cache"));
    Refusal error = assertThrows(Refusal.class, () -> NativeBinary.unpack(damaged, "r", caches));
    assertTrue(error.getMessage().contains("is damaged"), error.getMessage());
    Path directory = temporary.resolve("cache").resolve("ringwork-" + PoolFiles.userId());
    try (var left = Files.list(directory)) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void whatWasTriedIsSaid() throws Exception {
    Resources none = name -> name.endsWith(".sha256") ? jarDigest() : null;
    Path first = unwritable("first");
    Path second = unwritable("second");
    Refusal error =
        assertThrows(Refusal.class, () -> NativeBinary.unpack(none, "r", List.of(first, second)));
    for (String said :
        List.of("first", "second", "has no r", "XDG_CACHE_HOME", "RINGWORK_BINARY")) {
      assertTrue(error.getMessage().contains(said), error.getMessage());
    }
  }

  private static ByteArrayInputStream jarDigest() {
    return new ByteArrayInputStream("0".repeat(64).getBytes(StandardCharsets.US_ASCII));
  }
}
