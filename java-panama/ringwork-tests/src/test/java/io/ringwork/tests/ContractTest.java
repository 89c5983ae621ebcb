package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.ringwork.CancelOutcome;
import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.LaunchConfig;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.tests.ContractCase.Contract;
import io.ringwork.tests.ContractCase.Expected;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** What every client must agree on: tests/contract.json, case by case, in its order. */
class ContractTest {
  private static final TaskType<String, String> UNTIL_CANCELLED =
      TaskType.of("test.until_cancelled", Codec.UTF8, Codec.UTF8);

  private static Contract contract;
  private static Ringwork pool;
  private static int markers;

  @TempDir private static Path temporary;

  @BeforeAll
  static void launch() throws IOException {
    contract = Contract.read(Path.of(System.getProperty("ringwork.contract")));
    pool =
        Ringwork.launch(
            LaunchConfig.DEFAULT
                .binary(Pools.BINARY)
                .worker(Pools.testWorker())
                .segmentSize(72 << 20) // whose largest block is the table's
                .workers(contract.pool().workers())
                .lanes(contract.pool().lanes())
                .arguments("--overrun-grace", contract.pool().overrunGraceMs() + "ms")
                .arguments("--keys", "true")
                .logFile(Pools.log("ContractTest")));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  @TestFactory
  Stream<DynamicTest> cases() {
    Stream<DynamicTest> cases =
        contract.cases().stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> run(c)));
    return Stream.concat(
        cases,
        Stream.of(
            DynamicTest.dynamicTest(
                "nothing is left in the end", () -> Pools.assertNoSlotLeaked(pool))));
  }

  private static void run(ContractCase test) throws Exception {
    if ("key".equals(test.expected().reason())) {
      checkKeyRefused(test);
      return;
    }
    Path marker = newMarker();
    List<Path> occupied = new ArrayList<>();
    List<TaskFuture<String>> occupying = new ArrayList<>();
    boolean behind = test.chosen().behind() != null;
    if (test.chosen().occupy() || behind) {
      occupy(occupied, occupying);
    }
    TaskFuture<byte[]> before = behind ? submitBefore(test, marker) : null;
    try {
      TaskFuture<byte[]> future = submit(test, marker);
      if (behind) {
        occupying.forEach(TaskFuture::cancelTask);
      }
      check(test, future, marker);
    } finally {
      occupying.forEach(TaskFuture::cancelTask);
      if (before != null) {
        before.cancelTask();
      }
      for (Path busy : occupied) {
        Await.until("a lane is free again", () -> text(busy).equals("started\ncancelled\n"));
      }
    }
    String expectedMarker = test.expected().marker();
    if (expectedMarker != null && expectedMarker.isEmpty()) {
      assertFalse(Files.exists(marker), "it has run");
    } else if (expectedMarker != null) {
      Await.until("the marker's text", () -> text(marker).equals(expectedMarker));
    }
  }

  /** A key that is none is refused where it is set, before any pool is asked. */
  private static void checkKeyRefused(ContractCase test) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, test::taskOptions);
    Pools.assertSays(
        refused, Objects.requireNonNull(test.expected().messageContains()).toArray(String[]::new));
  }

  private static Path newMarker() {
    return temporary.resolve("marker" + markers++);
  }

  private static void occupy(List<Path> markers, List<TaskFuture<String>> futures) {
    for (int i = 0; i < contract.pool().workers() * contract.pool().lanes(); i++) {
      markers.add(newMarker());
      futures.add(pool.submit(UNTIL_CANCELLED, markers.getLast().toString()));
    }
    markers.forEach(ContractTest::awaitStarted);
  }

  private static void awaitStarted(Path marker) {
    Await.until("a task has started", () -> text(marker).startsWith("started\n"));
  }

  private static String text(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static TaskFuture<byte[]> submit(ContractCase test, Path marker) {
    TaskType<byte[], byte[]> type =
        TaskType.of(
            test.handler(),
            new RawCodec(test.request().codecId()),
            new RawCodec(test.expected().codecId()));
    return pool.submit(type, test.request().bytes(marker.toString()), test.taskOptions());
  }

  private static TaskFuture<byte[]> submitBefore(ContractCase test, Path marker) {
    ContractCase.Behind before = Objects.requireNonNull(test.chosen().behind());
    TaskType<byte[], byte[]> type =
        TaskType.of(
            before.handler(),
            new RawCodec(before.request().codecId()),
            new RawCodec(Codec.BYTES_ID));
    return pool.submit(type, before.request().bytes(marker.toString()), test.optionsBefore());
  }

  private static void check(ContractCase test, TaskFuture<byte[]> future, Path marker)
      throws Exception {
    Expected expected = test.expected();
    switch (expected.outcome()) {
      case "completed" -> assertArrayEquals(expected.bytes(), future.get(20, TimeUnit.SECONDS));
      case "failed" -> checkFailed(expected, future);
      case "crashed" -> {
        WorkerCrashedException error = failure(WorkerCrashedException.class, future, expected);
        assertEquals(optional(expected.signal()), error.signal());
        assertEquals(optional(expected.exit()), error.exitCode());
        if (expected.attempts() != null) {
          assertEquals(expected.attempts(), error.attempts());
        }
      }
      case "timed_out" -> failure(TaskTimeoutException.class, future, expected);
      case "cancelled" -> checkCancelled(test, future, marker);
      case "rejected" -> {
        assertEquals("too_large", expected.reason());
        assertEquals(
            RejectedException.Reason.PAYLOAD_TOO_LARGE,
            failure(RejectedException.class, future, expected).reason());
      }
      default -> fail("outcome " + expected.outcome());
    }
  }

  private static OptionalInt optional(@Nullable Integer value) {
    return value == null ? OptionalInt.empty() : OptionalInt.of(value);
  }

  private static void checkFailed(Expected expected, TaskFuture<byte[]> future) {
    switch (String.valueOf(expected.status())) {
      case "codec" -> failure(CodecException.class, future, expected);
      case "result_too_large" ->
          assertEquals(
              ResultException.Reason.TOO_LARGE,
              failure(ResultException.class, future, expected).reason());
      case "arena_exhausted" ->
          assertEquals(
              ResultException.Reason.ARENA_EXHAUSTED,
              failure(ResultException.class, future, expected).reason());
      case "failed", "panicked", "unknown_handler", "key_poisoned" -> {
        RemoteFailureException error = failure(RemoteFailureException.class, future, expected);
        assertEquals(expected.code(), error.code());
        if (expected.locationContains() != null) {
          assertTrue(error.location().contains(expected.locationContains()), error::location);
        }
      }
      default -> fail("status " + expected.status());
    }
  }

  private static <X extends RingworkException> X failure(
      Class<X> type, TaskFuture<byte[]> future, Expected expected) {
    X error = Pools.failure(type, future);
    if (expected.mayHaveRun() != null) {
      assertEquals(expected.mayHaveRun(), error.mayHaveRun(), "may have run: " + error);
    }
    if (expected.messageContains() != null) {
      Pools.assertSays(error, expected.messageContains().toArray(String[]::new));
    }
    return error;
  }

  private static void checkCancelled(ContractCase test, TaskFuture<byte[]> future, Path marker) {
    if ("running".equals(test.chosen().cancel())) {
      awaitStarted(marker);
    }
    CancelOutcome outcome = future.cancelTask();
    assertTrue(future.isCancelled());
    assertEquals(
        Boolean.TRUE.equals(test.expected().mayHaveRun())
            ? CancelOutcome.WAS_RUNNING
            : CancelOutcome.WAS_QUEUED,
        outcome);
  }
}
