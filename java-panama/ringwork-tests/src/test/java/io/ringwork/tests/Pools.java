package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Backpressure;
import io.ringwork.LaunchConfig;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskOptions;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Pools for tests, and what is asserted of all of them. */
final class Pools {
  static final Path BINARY = program("ringwork.binary");

  /** For submits that must not fail for want of room: the tests fill pools on purpose. */
  static final TaskOptions PATIENT =
      TaskOptions.DEFAULT.backpressure(Backpressure.block(Await.PATIENCE));

  private Pools() {}

  private static Path program(String property) {
    Path path = Path.of(String.valueOf(System.getProperty(property))).normalize();
    assertTrue(
        Files.isExecutable(path),
        () ->
            path
                + " is missing: run `cargo build --release` first, or name another file with -D"
                + property);
    return path;
  }

  /** The worker with handlers that misbehave on request. */
  static Path testWorker() {
    return program("ringwork.testWorker");
  }

  /** Two stock workers of a lane each; the log goes to target/pool-logs. */
  static LaunchConfig roomy(String test) {
    return LaunchConfig.DEFAULT.binary(BINARY).workers(2).lanes(1).logFile(log(test));
  }

  /** The same with a small segment, which is made sooner. */
  static LaunchConfig stock(String test) {
    return roomy(test).segmentSize(16 << 20);
  }

  /** The same with the worker that misbehaves on request. */
  static LaunchConfig misbehaving(String test) {
    return stock(test).worker(testWorker());
  }

  static Path log(String test) {
    Path directory = Path.of(System.getProperty("ringwork.logs"));
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return directory.resolve(test + ".log");
  }

  /** The supervisor of a pool that this JVM launched: a child of ours. */
  static ProcessHandle supervisor(Ringwork pool) {
    return ProcessHandle.of(pool.info().supervisorPid()).orElseThrow();
  }

  static List<ProcessHandle> workers(Ringwork pool) {
    return supervisor(pool).children().filter(ProcessHandle::isAlive).toList();
  }

  /** The error that a future must fail with. */
  static <X extends RingworkException> X failure(Class<X> type, CompletableFuture<?> future) {
    ExecutionException wrapped =
        assertThrows(ExecutionException.class, () -> future.get(20, TimeUnit.SECONDS));
    return assertInstanceOf(type, wrapped.getCause());
  }

  static void assertSays(Throwable error, String... parts) {
    String message = String.valueOf(error.getMessage()).toLowerCase(Locale.ROOT);
    for (String part : parts) {
      assertTrue(
          message.contains(part.toLowerCase(Locale.ROOT)),
          () -> "'" + part + "' is not said by: " + error.getMessage());
    }
  }

  /** That nothing is broken: small and large tasks run, and no slot is missing. */
  static void assertUsable(Ringwork pool) throws Exception {
    assertWorks(pool);
    assertNoSlotLeaked(pool);
  }

  static void assertWorks(Ringwork pool) throws Exception {
    for (int size : new int[] {8, 4000}) {
      byte[] request = randomBytes(size);
      // Patient: tests flood pools, and what they left queued may still have every slot.
      assertArrayEquals(
          request, pool.submit(StockTasks.ECHO, request, PATIENT).get(20, TimeUnit.SECONDS));
    }
  }

  /** Slots come home a moment after their futures: some only when a cancelled handler ends. */
  static void assertNoSlotLeaked(Ringwork pool) {
    int slots = pool.info().slots();
    try {
      Await.until("all slots are free", () -> pool.info().freeSlots() == slots);
    } catch (AssertionError leaked) {
      assertEquals(slots, pool.info().freeSlots(), "free slots");
    }
  }

  /** How many requests of a size have room at once: fewer than before, and blocks have leaked. */
  static int room(Ringwork pool, long size) {
    List<RawTask> claimed = new ArrayList<>();
    try {
      while (true) {
        claimed.add(pool.claim("echo", size));
      }
    } catch (RejectedException full) {
      return claimed.size();
    } finally {
      claimed.forEach(RawTask::close);
    }
  }

  static byte[] randomBytes(int size) {
    byte[] bytes = new byte[size];
    ThreadLocalRandom.current().nextBytes(bytes);
    return bytes;
  }
}
