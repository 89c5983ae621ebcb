package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client reads of its pool's numbers, on a pool played by this JVM. */
class StatsTest {
  @TempDir Path base;
  private FakePool pool;

  @BeforeEach
  void start() throws Exception {
    pool = new FakePool(base, 1, 32);
  }

  @AfterEach
  void stop() throws Exception {
    pool.close();
  }

  @Test
  void countersGoOnFromOneClientToTheNext() {
    pool.echo();
    for (int round = 1; round <= 3; round++) {
      try (Ringwork client = pool.connect()) {
        assertEquals(0, client.stats().client().submitted());
        for (int n = 0; n < round; n++) {
          client.submit(EndingsTest.NUMBER, 5L).join();
        }
        assertThrows(RejectedException.class, () -> client.claim("echo", 1 << 30));
        int own = round;
        Await.until(() -> client.stats().client().completed() == own);
        TaskCounts counts = client.stats().client();
        assertEquals(round, counts.submitted());
        assertEquals(1, counts.rejected().payloadTooLarge());
        assertEquals(1, counts.rejected().total());
        TaskCounts all = client.stats().allClients();
        assertEquals(round * (round + 1) / 2, all.submitted());
        assertEquals(all.submitted(), all.completed());
        assertEquals(round, all.rejected().payloadTooLarge());
        assertEquals(round, pool.counter(0, Layout.CLIENT_REJECTED));
      }
    }
  }

  private String name() {
    byte[] bytes = pool.memory.bytes(pool.geometry.client(0) + Layout.CLIENT_NAME, 64);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Test
  void aProgramThatTheLauncherCompilesIsCalledByItsFile() {
    String launcher = "jdk.compiler/com.sun.tools.javac.launcher.SourceLauncher";
    assertEquals("Hello.java", Settings.mainOf(launcher + " Hello.java a b"));
    assertEquals("com.example.Main", Settings.mainOf("com.example.Main Hello.java"));
    assertEquals(launcher, Settings.mainOf(launcher));
    assertEquals("", Settings.mainOf(""));
  }

  @Test
  void aClientTellsItsName() {
    try (Ringwork client = pool.connect()) {
      assertTrue(client.isOpen());
      String expected = ProcessHandle.current().pid() + "/";
      assertTrue(name().startsWith(expected), name());
    }
    String tooLong = "ä".repeat(31) + "x" + "ä";
    for (String[] c : new String[][] {{"web", "web"}, {tooLong, tooLong.substring(0, 32)}}) {
      assertEquals(Optional.of(c[0]), pool.config().clientName(c[0]).clientName());
      try (Ringwork client = Ringwork.connect(pool.config().clientName(c[0]))) {
        assertTrue(client.isOpen());
        assertEquals(c[1], name().replace("\0", ""));
        assertEquals(64, name().getBytes(StandardCharsets.UTF_8).length);
      }
    }
  }

  @Test
  void quantilesAreUpperBoundsAndAnIntervalIsTheDifferenceOfTwoLooks() {
    long[] buckets = TimeHistogram.emptyBuckets();
    TimeHistogram none = new TimeHistogram(buckets.clone(), 0);
    assertEquals(Optional.empty(), none.quantile(0.5));
    buckets[7] = 1; // 7 ns
    buckets[8] = 8; // 8 and 9 ns
    buckets[40] = 1;
    TimeHistogram times = new TimeHistogram(buckets.clone(), 5_000);
    assertEquals(Duration.ofNanos(8), times.quantile(0.1).orElseThrow());
    assertEquals(Duration.ofNanos(10), times.quantile(0.5).orElseThrow());
    Duration longest = times.quantile(1).orElseThrow();
    assertEquals(Duration.ofNanos(5L << 9), longest);
    assertThrows(IllegalArgumentException.class, () -> times.quantile(1.5));
    buckets[40]++;
    TimeHistogram since = new TimeHistogram(buckets, 7_000).since(times);
    assertEquals(1, since.samples());
    assertEquals(2_000, since.totalNanos());
    assertEquals(longest, since.quantile(0).orElseThrow());
    assertTrue(since.toString().startsWith("1 samples"), since.toString());
  }
}
