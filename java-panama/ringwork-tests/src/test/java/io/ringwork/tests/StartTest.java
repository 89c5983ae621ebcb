package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.LaunchConfig;
import io.ringwork.LaunchException;
import io.ringwork.Ringwork;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pools that can't start: an exception that says why, and nothing that stays behind. */
class StartTest {
  private static final String NAME = "StartTest-pool";

  @TempDir private Path temporary;

  private static LaunchConfig config() {
    return Pools.stock("StartTest").name(NAME);
  }

  private static void assertFails(LaunchConfig config, String... says) {
    long start = System.nanoTime();
    LaunchException error = assertThrows(LaunchException.class, () -> Ringwork.launch(config));
    assertTrue(System.nanoTime() - start < 15_000_000_000L, "too slow to give up");
    Pools.assertSays(error, says);
  }

  @AfterEach
  void nothingIsLeft() {
    Await.until("no child is left", () -> ProcessHandle.current().children().findAny().isEmpty());
    assertEquals(List.of(), PoolDirectory.list());
  }

  private Path script(String text) throws IOException {
    Path script = Files.writeString(temporary.resolve("worker.sh"), "#!/bin/sh\n" + text + "\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    return script;
  }

  @Test
  void theBinaryIsMissing() {
    assertFails(config().binary(temporary.resolve("nothing")), "nothing");
  }

  @Test
  void theBinaryIsNotExecutable() throws IOException {
    Path file = Files.writeString(temporary.resolve("text"), "no program");
    assertFails(config().binary(file), "text");
  }

  @Test
  void theBinaryIsAnotherProgram() throws IOException {
    assertFails(config().binary(script("echo hello")), "hello");
    assertFails(config().binary(script("exit 7")), "status 7", "the `ringwork` command");
  }

  @Test
  void theBinaryHangs() throws IOException {
    assertFails(
        config().binary(script("exec sleep 60")).startTimeout(Duration.ofMillis(200)),
        "not ready",
        "startTimeout");
  }

  @Test
  void theWorkerIsMissing() {
    assertFails(config().worker(temporary.resolve("nobody")), "nobody");
  }

  @Test
  void theWorkerCrashesAtItsStart() throws IOException {
    Path log = temporary.resolve("starts");
    assertFails(
        config().worker(script("echo started >>" + log + "; echo no luck >&2; exit 3")),
        "worker.sh",
        "3",
        "no luck");
    assertTrue(Files.readAllLines(log).size() <= 10, "respawned without end");
  }

  @Test
  void theWorkerIsNone() throws IOException {
    assertFails(
        config().worker(script("exec sleep 60")).arguments("--start-timeout", "300ms"),
        "worker.sh",
        "--start-timeout");
  }

  @Test
  void twoSupervisorsOfOneName() throws Exception {
    try (Ringwork first = Ringwork.launch(config())) {
      assertFails(config(), NAME, "already");
      Pools.assertUsable(first);
    }
  }

  @Test
  void sharedMemoryIsTooSmall() {
    LaunchConfig huge = Pools.roomy("StartTest").name(NAME).segmentSize(1L << 45);
    assertFails(huge.arguments("--memory", "file"), "--shm-size", "emptyDir");
    assertFails(huge.arguments("--memory", "memfd"), "memory limit", "--segment-size");
  }

  @Test
  void optionsThatAreNone() {
    assertFails(config().arguments("--nonsense"), "--nonsense");
    LaunchException silent =
        assertThrows(
            LaunchException.class,
            () -> Ringwork.launch(config().log(LaunchConfig.Log.INHERIT).arguments("--nonsense")));
    Pools.assertSays(silent, "all of the arguments", "--nonsense");
    LaunchException quoted =
        assertThrows(
            LaunchException.class,
            () -> Ringwork.launch(config().log(LaunchConfig.Log.DISCARD).arguments("--nonsense")));
    Pools.assertSays(quoted, "--nonsense", "its log ends with");
    assertFalse(quoted.getMessage().contains("command?"), quoted.getMessage());
  }

  @Test
  void optionsThatDoNotFit() {
    assertFails(config().slots(1 << 20), "slots");
    assertFails(Pools.roomy("StartTest").name(NAME).segmentSize(4096), "segment", "--segment-size");
  }
}
