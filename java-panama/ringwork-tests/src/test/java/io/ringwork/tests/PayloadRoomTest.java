package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a pool of the default size takes at a time, and what is said where it takes less. */
class PayloadRoomTest {
  private static final int PHOTO = 8 << 20;

  @Test
  void aDefaultPoolTakesSixteenPhotosAtATime() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("PayloadRoomTest"))) {
      assumeTrue(pool.info().maxPayloadBytes() > 16 << 20, "there is memory for it");
      byte[] photo = Pools.randomBytes(PHOTO);
      List<TaskFuture<byte[]>> echoes = new ArrayList<>();
      List<TaskFuture<byte[]>> digests = new ArrayList<>();
      for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 16; n++) {
          echoes.add(pool.submit(StockTasks.ECHO, photo));
        }
        for (TaskFuture<byte[]> echo : echoes) {
          assertArrayEquals(photo, echo.get(60, TimeUnit.SECONDS));
        }
        echoes.clear();
      }
      for (int n = 0; n < 6; n++) {
        digests.add(pool.submit(StockTasks.ECHO, new byte[1_100_000]));
      }
      for (TaskFuture<byte[]> digest : digests) {
        assertEquals(1_100_000, digest.get(60, TimeUnit.SECONDS).length);
      }
    }
  }

  /** Whatever size the photos have, and however they are mixed: embedded and served. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aDefaultPoolTakesSixteenPhotosOfAnySize(boolean embedded) throws Exception {
    String name = "photos-" + ProcessHandle.current().pid();
    try (Child served = embedded ? null : Child.serveRoomy(name);
        Ringwork pool =
            served == null
                ? Ringwork.launch(Pools.roomy("PayloadRoomTest"))
                : Ringwork.connect(name)) {
      assumeTrue(pool.info().maxPayloadBytes() > 16 << 20, "there is memory for it");
      byte[] photo = Pools.randomBytes(PHOTO);
      int[] sizes = {100, 130, 300, 600, 1100, 1900, 2100, 4000, 8000};
      for (int round = 0; round <= sizes.length; round++) {
        // The lanes are kept busy: a result that was not taken in holds blocks, too.
        List<TaskFuture<Long>> asleep = new ArrayList<>();
        for (int lane = 0; lane < 64; lane++) {
          asleep.add(pool.submit(StockTasks.SLEEP, 60_000L));
        }
        List<TaskFuture<byte[]>> echoes = new ArrayList<>();
        for (int n = 0; n < 16; n++) {
          int kb = sizes[round < sizes.length ? round : (4 + n) % sizes.length];
          echoes.add(pool.submit(StockTasks.ECHO, Arrays.copyOf(photo, kb * 1000)));
        }
        asleep.forEach(TaskFuture::cancelTask);
        for (TaskFuture<byte[]> echo : echoes) {
          byte[] answer = echo.get(60, TimeUnit.SECONDS);
          assertArrayEquals(Arrays.copyOf(photo, answer.length), answer);
        }
        // A future ends before its blocks are given back, by a moment.
        Await.until(
            "the round's slots are free", () -> pool.info().freeSlots() == pool.info().slots());
      }
    }
  }

  /** Memory comes with the first use of a block: a pool that does little takes little. */
  @Test
  void aDefaultPoolTakesMemoryOnlyAsPayloadsNeedIt() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.roomy("PayloadRoomTest"))) {
      assumeTrue(pool.info().maxPayloadBytes() > 16 << 20, "there is memory for it");
      byte[] photo = Pools.randomBytes(PHOTO);
      long before = allocated(pool);
      for (int n = 0; n < 20; n++) {
        assertArrayEquals(photo, pool.call(StockTasks.ECHO, photo));
      }
      long grown = allocated(pool) - before;
      // A block each way; twice as much, should a block have been read late.
      assertTrue(grown <= 4L * (PHOTO + 4096), grown + " bytes after one photo at a time");
    }
  }

  /** The bytes of a memfd that are allocated, as the kernel counts them. */
  private static long allocated(Ringwork pool) throws IOException {
    Path smaps = Path.of("/proc", Long.toString(pool.info().supervisorPid()), "fd");
    try (var descriptors = Files.list(smaps)) {
      for (Path descriptor : descriptors.toList()) {
        Path target = Files.isSymbolicLink(descriptor) ? Files.readSymbolicLink(descriptor) : smaps;
        if (target.toString().startsWith("/memfd:ringwork:")) {
          Process stat =
              new ProcessBuilder("stat", "-L", "-c", "%b", descriptor.toString()).start();
          return 512 * Long.parseLong(new String(stat.getInputStream().readAllBytes()).trim());
        }
      }
    }
    throw new AssertionError("the pool has no memfd");
  }

  /** What a rejection recommends is tried: it helps. */
  @ParameterizedTest
  @CsvSource({
    "16777216",
    "20971520",
    "50000000",
    "100000000",
    "200000000",
    "500000000",
    "1000000000"
  })
  void theSegmentSizeThatIsRecommendedCarriesThePayload(int size) throws Exception {
    try (Ringwork small = Ringwork.launch(Pools.stock("PayloadRoomTest"))) {
      RejectedException error =
          assertThrows(RejectedException.class, () -> small.claim("echo", size));
      assertEquals(RejectedException.Reason.PAYLOAD_TOO_LARGE, error.reason());
      Pools.assertSays(error, "LaunchConfig.segmentSize");
      Matcher bytes = Pattern.compile("\\((\\d+) bytes\\)").matcher(error.getMessage());
      assertTrue(bytes.find(), error.getMessage());
      String[] command = {
        Pools.BINARY.toString(), "serve", "--segment-size", bytes.group(1), "--print-config"
      };
      Process printed = new ProcessBuilder(command).redirectErrorStream(true).start();
      String text = new String(printed.getInputStream().readAllBytes());
      Matcher largest = Pattern.compile("largest payload: (\\d+) MiB").matcher(text);
      assertTrue(largest.find(), text);
      assertTrue(Long.parseLong(largest.group(1)) << 20 >= size, largest.group());
    }
  }

  @Test
  void aPoolWithoutRoomSaysHowMuchThereIsAndWhatHelps() {
    try (Ringwork small = Ringwork.launch(Pools.roomy("PayloadRoomTest").segmentSize(62 << 20))) {
      List<TaskFuture<byte[]>> futures = new ArrayList<>();
      RejectedException error = null;
      for (int n = 0; n < 100 && error == null; n++) {
        TaskFuture<byte[]> future = small.submit(StockTasks.ECHO, new byte[PHOTO]);
        futures.add(future);
        if (future.isCompletedExceptionally()) {
          error = Pools.failure(RejectedException.class, future);
        }
      }
      assertTrue(error != null, "one of a hundred finds no room");
      assertEquals(RejectedException.Reason.ARENA_EXHAUSTED, error.reason());
      Pools.assertSays(error, "room for 1 at a time", "LaunchConfig.segmentSize", "60 MiB");
      for (TaskFuture<byte[]> future : futures) {
        try {
          future.join();
        } catch (RuntimeException expected) {
          assertTrue(expected.getCause() instanceof RingworkException, expected.toString());
        }
      }
    }
  }
}
