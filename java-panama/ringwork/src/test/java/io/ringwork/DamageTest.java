package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Place;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.StateWord;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Peers that are wrong, mad or gone: a clear error, and nothing else. */
@Timeout(60)
class DamageTest {
  @TempDir Path base;
  FakePool pool;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, 8);
  }

  @AfterEach
  void close() throws IOException {
    pool.close();
  }

  @Test
  void staleAndForeignHints() {
    try (Ringwork client = pool.connect()) {
      HintRing ring =
          new HintRing(
              pool.memory,
              pool.geometry.completion(0),
              pool.geometry.completionCapacity(),
              CorruptSegmentException::new);
      for (int hint : new int[] {0, 7, 8, 1000, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
        assertTrue(ring.offer(hint));
      }
      TaskFuture<Long> future = client.submit(EndingsTest.NUMBER, 5L);
      pool.hint(future.slot);
      FakeTask task = pool.take();
      pool.hint(future.slot);
      pool.wake(0);
      Await.until(ring::isEmpty);
      assertFalse(future.isDone());
      task.echo();
      pool.hint(future.slot);
      assertEquals(5L, future.join());
    }
  }

  @Test
  void aLostHintIsFoundByTheOverflowScan() {
    try (Ringwork client = pool.connect()) {
      CompletableFuture<byte[]> future = client.submit(EndingsTest.ECHO, SubmitTest.bytes(9));
      FakeTask task = pool.take();
      pool.memory.put(task.at + Layout.SLOT_RESULT, SubmitTest.bytes(9));
      task.publish(Layout.STATUS_OK, 0, 9, 0);
      pool.memory.setIntOpaque(pool.client(0) + Layout.CLIENT_OVERFLOW, 1);
      pool.wake(0);
      assertArrayEquals(SubmitTest.bytes(9), future.join());
      // A waiting thread may have seen the slot itself; the scan comes all the same.
      pool.wake(0);
      Await.until(() -> pool.memory.getIntVolatile(pool.client(0) + Layout.CLIENT_OVERFLOW) == 0);
    }
  }

  @Test
  void badResultReferences() {
    try (Ringwork client = pool.connect()) {
      long[][] bad = {
        {Place.block(0, 0), 100}, // a free block
        {Place.block(0, 8), 100},
        {Place.block(3, 0), 100},
        {Place.block(98, 0), 100},
        {0xffff_ffffL, 100},
        {0xff_ffff, 100},
        {Place.block(0, 0), -1},
        {0, 89},
        {0, -1},
        {0, Integer.MAX_VALUE},
      };
      for (long[] reference : bad) {
        CompletableFuture<byte[]> future = client.submit(EndingsTest.ECHO, SubmitTest.bytes(9));
        pool.take().done(Layout.STATUS_OK, reference[0], (int) reference[1], 0);
        EndingsTest.failure(CorruptSegmentException.class, future);
      }
      // A block of its own, but a length beyond it.
      CompletableFuture<byte[]> future = client.submit(EndingsTest.ECHO, SubmitTest.bytes(9));
      FakeTask task = pool.take();
      task.done(Layout.STATUS_OK, task.takeBlock(500), 1025, 0);
      EndingsTest.failure(CorruptSegmentException.class, future);
      // Its own request's block.
      CompletableFuture<byte[]> own = client.submit(EndingsTest.ECHO, SubmitTest.bytes(500));
      FakeTask second = pool.take();
      second.done(Layout.STATUS_OK, second.requestReference(), 500, 0);
      EndingsTest.failure(CorruptSegmentException.class, own);
      Await.until(() -> client.info().freeSlots() == 8);
    }
  }

  @Test
  void impossibleStateWords() {
    try (Ringwork client = pool.connect()) {
      long one = 1L << Layout.STATE_GENERATION_SHIFT;
      long[] ends = {one, one | Layout.KIND_CLAIMED, one | 7, 2 * one | 3, 0x7777_7777_7777_7773L};
      for (long word : ends) { // the first task of a slot is of generation 1
        TaskFuture<Long> future = client.submit(EndingsTest.NUMBER, 5L);
        assertEquals(1, future.generation);
        pool.memory.setLongRelease(pool.slot(future.slot) + Layout.SLOT_ENDED, word);
        pool.hint(future.slot);
        damaged(future);
      }
      assertEquals(3, client.info().freeSlots());
    }
  }

  /** Words that no hint tells of: the poller looks at them now and then. */
  @Test
  void aCheckTakesInAPartOfVeryManySlots() throws IOException {
    for (int slots : new int[] {8, Completer.CHECKED, Completer.CHECKED + 1, 65_536, 1 << 18}) {
      try (FakePool large = new FakePool(base, 1, slots);
          Ringwork client = large.connect()) {
        Completer completer = ((Client) client.connection).core.completer;
        int checks = 1;
        // No task is in flight, so the poller makes none of its own.
        while (!completer.check()) {
          checks++;
        }
        assertEquals(Math.min(20, (slots - 1) / Completer.CHECKED + 1), checks, slots + " slots");
      }
    }
  }

  @Test
  void impossibleWordsThatNobodyTellsOf() {
    try (Ringwork client = pool.connect()) {
      long one = 1L << Layout.STATE_GENERATION_SHIFT;
      List<TaskFuture<Long>> futures = new ArrayList<>();
      for (long claim : new long[] {one, one | Layout.KIND_DONE, one | 6, 2 * one | 2, 9 * one}) {
        TaskFuture<Long> future = client.submit(EndingsTest.NUMBER, 5L);
        pool.memory.setLongRelease(pool.slot(future.slot) + Layout.SLOT_CLAIM, claim);
        futures.add(future);
      }
      for (long published : new long[] {0, 2 * one, -1}) {
        TaskFuture<Long> future =
            client.submit(EndingsTest.NUMBER, 5L, TaskOptions.DEFAULT.priority(Priority.HIGH));
        pool.memory.setLongRelease(pool.slot(future.slot) + Layout.SLOT_PUBLISHED, published);
        futures.add(future);
      }
      futures.forEach(DamageTest::damaged);
      assertEquals(0, client.info().freeSlots());
    }
  }

  private static void damaged(TaskFuture<Long> future) {
    CorruptSegmentException e = EndingsTest.failure(CorruptSegmentException.class, future);
    assertTrue(e.getMessage().contains("restart"), e.getMessage());
  }

  /** Words before and after the last generation of all. */
  @Test
  void generationsWrap() throws Exception {
    long last = Layout.GENERATION_MASK;
    for (int s = 0; s < 8; s++) {
      long at = pool.slot(s);
      long before = last - s % 4;
      pool.memory.setLong(at + Layout.SLOT_CLAIM, StateWord.withdrawn(before));
      pool.memory.setLong(at + Layout.SLOT_PUBLISHED, PublishedWord.with(before, 0));
      pool.memory.setLong(at + Layout.SLOT_ENDED, StateWord.of(before - 1, 0, 0, 3));
      pool.memory.setLong(at + Layout.SLOT_ASKED, Layout.CANCEL_BIT | before);
    }
    Set<Long> generations = new TreeSet<>();
    try (Ringwork client = pool.connect()) {
      for (int n = 0; n < 20; n++) {
        List<TaskFuture<Long>> futures = new ArrayList<>();
        for (int s = 0; s < 7; s++) {
          futures.add(client.submit(EndingsTest.NUMBER, 5L));
          generations.add(futures.get(s).generation);
        }
        assertEquals(CancelOutcome.WAS_QUEUED, futures.get(6).cancelTask());
        FakeTask running = pool.take();
        TaskFuture<Long> asked =
            futures.stream().filter(f -> f.slot == running.slot).findFirst().orElseThrow();
        assertEquals(CancelOutcome.WAS_RUNNING, asked.cancelTask());
        assertTrue(running.cancelled());
        running.echo();
        for (int s = 1; s < 6; s++) {
          pool.take().echo();
        }
        for (TaskFuture<Long> future : futures) {
          if (!future.isCancelled()) {
            assertEquals(5L, future.get());
          }
        }
        Await.until(() -> client.info().freeSlots() == 8);
      }
    }
    assertTrue(generations.containsAll(List.of(last, 0L, 1L)), generations.toString());
  }

  @Test
  void ringsThatContradictThemselves() {
    try (Ringwork client = pool.connect()) {
      long ring = pool.geometry.injector(1);
      for (int c = 0; c < pool.geometry.injectorCapacity(); c++) {
        pool.memory.setLong(ring + Layout.RING_CELLS + 8L * c, 0x7000_0000_0000_0000L);
      }
      CompletableFuture<Long> future = client.submit(EndingsTest.NUMBER, 5L);
      EndingsTest.failure(CorruptSegmentException.class, future);
    }
  }

  /** Random bytes all over the tables: errors are allowed, hangs and crashes are not. */
  @Test
  void noise() throws Exception {
    for (int seed = 0; seed < 20; seed++) {
      try (FakePool noisy = new FakePool(base, 1, 8)) {
        noisy.echo();
        Random random = new Random(seed);
        try (Ringwork client =
            Ringwork.connect(noisy.config().closeTimeout(Duration.ofMillis(50)))) {
          for (int n = 0; n < 50; n++) {
            long at = random.nextLong(noisy.geometry.client(0), noisy.memory.size() - 8) & ~7L;
            noisy.memory.setLong(at, random.nextBoolean() ? random.nextLong() : random.nextInt(9));
            try {
              client
                  .submit(
                      EndingsTest.ECHO,
                      SubmitTest.bytes(random.nextInt(300)),
                      TaskOptions.DEFAULT.timeout(Duration.ofMillis(50)))
                  .join();
            } catch (RuntimeException expected) {
              // any clear error will do
            }
          }
        }
      } catch (IllegalStateException fakeLaneSawNoise) {
        // the fake's own problem
      }
    }
  }

  // ---- attach

  private ConnectException refused(String text) {
    ConnectException e = assertThrows(ConnectException.class, pool::connect);
    assertTrue(e.getMessage().contains(text), e.getMessage());
    return e;
  }

  private void put(int at, int value) {
    pool.memory.setInt(at, value);
  }

  @Test
  void missing() {
    ConnectException e =
        assertThrows(
            ConnectException.class,
            () -> Ringwork.connect(ConnectConfig.of("nothing-here").directory(base)));
    assertTrue(e.getMessage().contains("ringwork serve --name nothing-here"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Ringwork.connect("../etc"));
    assertThrows(IllegalArgumentException.class, () -> Ringwork.connect(""));
  }

  @Test
  void foreignModesAndKinds() throws IOException {
    Path dir = pool.segment().getParent();
    Files.setPosixFilePermissions(pool.segment(), PosixFilePermissions.fromString("rw-r-----"));
    refused("mode 640");
    Files.setPosixFilePermissions(pool.segment(), PosixFilePermissions.fromString("rw-------"));
    Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
    refused("mode 755");
    Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwx------"));
    Path real = dir.resolve("real");
    Files.move(pool.segment(), real);
    Files.createSymbolicLink(pool.segment(), real);
    refused("is not a plain file");
  }

  @Test
  void otherVersionsAndFeatures() {
    put(Layout.H_VERSION, Layout.VERSION + 1);
    IncompatibleException version = assertThrows(IncompatibleException.class, pool::connect);
    assertTrue(
        version.getMessage().contains("version " + (Layout.VERSION + 1)), version.getMessage());
    put(Layout.H_VERSION, Layout.VERSION);
    pool.memory.setLong(Layout.H_FEATURES, 1L << 40);
    IncompatibleException features = assertThrows(IncompatibleException.class, pool::connect);
    assertTrue(features.getMessage().contains("use a newer release"), features.getMessage());
  }

  private void section(int index, int kind, int count, int bytes, long at) {
    int entry = Layout.H_SECTIONS + index * Layout.SECTION_STRIDE;
    put(entry + Layout.SECTION_KIND, kind);
    put(entry + Layout.SECTION_COUNT, count);
    put(entry + Layout.SECTION_BYTES, bytes);
    pool.memory.setLong(entry + Layout.SECTION_OFFSET, at);
    put(Layout.H_SECTION_COUNT, index + 1);
  }

  @Test
  void whatIsOptionalAndUnknownIsLeftAlone() {
    pool.echo();
    long free = pool.memory.getLong(Layout.H_ERRORS); // of which a client knows nothing
    pool.memory.setLong(Layout.H_OPTIONAL, 1L << 40);
    section(0, 0x7f00, 2, 128, free);
    section(1, 0x7f01, 1, 128, free + 256);
    try (Ringwork client = pool.connect()) {
      assertEquals(5L, client.submit(EndingsTest.NUMBER, 5L).join());
    }
  }

  @Test
  void sectionsWithImpossiblePlacesAreRefused() {
    long free = pool.memory.getLong(Layout.H_ERRORS);
    long slots = pool.memory.getLong(Layout.H_SLOTS);
    Object[][] bad = {
      {0, 1, 128, free},
      {7, 0, 128, free},
      {7, -1, 128, free},
      {7, 1, 0, free},
      {7, 1, 64, free},
      {7, 1, -128, free},
      {7, 1 << 24, 1 << 20, free},
      {7, 1, 128, free + 64},
      {7, 1, 128, 0L},
      {7, 1, 128, -128L},
      {7, 1, 128, Long.MIN_VALUE},
      {7, 1, 128, Long.MAX_VALUE & ~127},
      {7, 1, 128, slots},
      {7, 1, 128, slots - slots % 128 + 128},
    };
    for (Object[] b : bad) {
      section(0, (int) b[0], (int) b[1], (int) b[2], (long) b[3]);
      refused("corrupt");
    }
    section(0, 7, 1, 128, free);
    section(1, 7, 1, 128, free + 128);
    refused("corrupt");
    section(1, 8, 1, 128, free);
    refused("overlap");
    put(Layout.H_SECTION_COUNT, Layout.MAX_SECTIONS + 1);
    refused("corrupt");
    put(Layout.H_SECTION_COUNT, -1);
    refused("corrupt");
  }

  @Test
  void notReadyThenReady() {
    put(Layout.H_READY, 0);
    refused("not ready");
    pool.echo();
    CompletableFuture<Ringwork> connecting =
        CompletableFuture.supplyAsync(
            () -> Ringwork.connect(pool.config().connectTimeout(Duration.ofSeconds(20))));
    put(Layout.H_READY, Layout.READY);
    try (Ringwork client = connecting.join()) {
      assertEquals(5L, client.submit(EndingsTest.NUMBER, 5L).join());
    }
  }

  @Test
  void damagedHeaders() {
    pool.memory.setLong(Layout.H_MAGIC, 42);
    refused("not a Ringwork segment");
    pool.memory.setLong(Layout.H_MAGIC, Layout.MAGIC);
    int[] counts = {
      Layout.H_MAX_CLIENTS,
      Layout.H_SLOTS_PER_CLIENT,
      Layout.H_MAX_LANES,
      Layout.H_PRIORITIES,
      Layout.H_INJECTOR_CAPACITY,
      Layout.H_COMPLETION_CAPACITY,
      Layout.H_CLASS_COUNT
    };
    for (int at : counts) {
      int right = pool.memory.getInt(at);
      for (int wrong : new int[] {-1, 0, Integer.MAX_VALUE, 3}) {
        if (wrong == right || at == Layout.H_CLASS_COUNT && wrong == 0 || wrong == 3 && at < 80) {
          continue;
        }
        put(at, wrong);
        refused("header is corrupt");
      }
      put(at, right);
    }
    int[] offsets = {
      Layout.H_CLIENTS,
      Layout.H_LANES,
      Layout.H_INJECTORS,
      Layout.H_SLOTS,
      Layout.H_COMPLETIONS,
      Layout.H_CLASSES + Layout.CLASS_OWNERS,
      Layout.H_CLASSES + Layout.CLASS_BLOCKS
    };
    for (int at : offsets) {
      long right = pool.memory.getLong(at);
      for (long wrong : new long[] {-8, 0, Long.MAX_VALUE & ~7, pool.memory.size(), right + 1}) {
        pool.memory.setLong(at, wrong);
        refused("header is corrupt");
      }
      pool.memory.setLong(at, right);
    }
    long one = 1L << Layout.STATE_GENERATION_SHIFT;
    for (long[] word :
        new long[][] {
          {Layout.SLOT_PUBLISHED, one}, // queued
          {Layout.SLOT_CLAIM, Layout.KIND_REQUEUED},
          {Layout.SLOT_CLAIM, Layout.KIND_CLAIMED},
          {Layout.SLOT_CLAIM, one},
        }) {
      pool.memory.setLong(pool.slot(3) + word[0], word[1]);
      assertThrows(CorruptSegmentException.class, pool::connect);
      pool.memory.setLong(pool.slot(3) + word[0], 0);
    }
    pool.connect().close();
  }

  @Test
  void truncated() throws IOException {
    try (FakePool other = new FakePool(base, 1, 8);
        FileChannel file = FileChannel.open(other.segment(), StandardOpenOption.WRITE)) {
      long size = file.size();
      file.truncate(size - 4096);
      ConnectException e = assertThrows(ConnectException.class, other::connect);
      assertTrue(e.getMessage().contains("truncated"), e.getMessage());
      file.truncate(100);
      assertThrows(ConnectException.class, other::connect);
    }
  }

  @Test
  void noSupervisor() throws IOException {
    pool.die();
    refused("no supervisor");
  }
}
