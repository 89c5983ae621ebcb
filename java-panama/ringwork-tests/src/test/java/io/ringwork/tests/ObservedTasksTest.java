package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectionState;
import io.ringwork.LaunchConfig;
import io.ringwork.Reconnect;
import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.TaskObserver;
import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskOptions;
import io.ringwork.TaskOutcome;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.StockTasks;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What observers and the flight recorder are told of tasks that real workers run. */
@Timeout(300)
class ObservedTasksTest {
  private static final TaskType<String, String> ABORT =
      TaskType.of("test.abort", Codec.UTF8, Codec.UTF8);

  @TempDir private Path temporary;

  private final BlockingQueue<Ending> endings = new LinkedBlockingQueue<>();
  private final TaskObserver notes = task -> endings::add;

  /** A supervisor that is killed leaves its directory. */
  @AfterEach
  void removeWhatIsLeft() throws Exception {
    ReconnectTest.removePools();
  }

  private Ending next() throws InterruptedException {
    Ending next = endings.poll(Await.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertTrue(next != null, "no end was told");
    return next;
  }

  @Test
  void whereAndHowLongItRan() throws Exception {
    LaunchConfig config = Pools.stock("ObservedTasksTest").observer(notes);
    try (Ringwork pool = Ringwork.launch(config)) {
      List<Long> workers = Pools.workers(pool).stream().map(ProcessHandle::pid).toList();
      for (int n = 0; n < 3000; n++) { // also those that are not sampled else
        pool.call(StockTasks.ECHO, new byte[8]);
        Ending ending = next();
        assertEquals(TaskOutcome.COMPLETED, ending.outcome());
        assertEquals(1, ending.attempt());
        assertTrue(workers.contains((long) ending.workerPid().orElseThrow()), ending.toString());
        assertTrue(ending.queueNanos().orElseThrow() >= 0, ending.toString());
        assertTrue(ending.runNanos().orElseThrow() >= 0, ending.toString());
      }
      pool.submit(StockTasks.SLEEP, 50L).join();
      assertTrue(next().runNanos().orElseThrow() >= 50_000_000);
      // Each of them is timed by its lane, too.
      assertEquals(3000, pool.stats().handler("echo").orElseThrow().run().samples());
    }
  }

  @Test
  void chunksAndAttempts() throws Exception {
    LaunchConfig config = Pools.misbehaving("ObservedTasksTest").observer(notes);
    try (Ringwork pool = Ringwork.launch(config)) {
      TaskType<byte[], byte[]> info = TaskType.of("test.fail", Codec.BYTES, Codec.BYTES);
      pool.submitChunk(info, List.of(new byte[1], new byte[1], new byte[1])).join();
      Ending chunk = next();
      assertEquals(TaskOutcome.COMPLETED, chunk.outcome());
      assertEquals(3, chunk.chunk().orElseThrow().size());
      assertEquals(3, chunk.chunk().orElseThrow().failures());

      TaskOptions twice = TaskOptions.DEFAULT.attempts(2);
      CompletionException crashed =
          assertThrows(CompletionException.class, () -> pool.submit(ABORT, "", twice).join());
      assertEquals(WorkerCrashedException.class, crashed.getCause().getClass());
      Ending ending = next();
      assertEquals(TaskOutcome.CRASHED, ending.outcome());
      assertEquals(2, ending.attempt());
      assertTrue(ending.queueNanos().orElseThrow() > 0, "the claim of the second attempt");
    }
    assertEquals(List.of(), List.copyOf(endings));
  }

  /** A task that waits for a pool is one task, however many pools turn it away. */
  @Test
  void reconnect() throws Exception {
    String name = "ObservedTasksTest-reconnect";
    ConnectConfig config = ConnectConfig.of(name).reconnect(Reconnect.DEFAULT).observer(notes);
    try (Ringwork handle = Ringwork.connect(config)) {
      assertThrows(CompletionException.class, handle.submit(StockTasks.ECHO, new byte[1])::join);
      assertThrows(RejectedException.class, () -> handle.call(StockTasks.ECHO, new byte[1]));
      for (int n = 0; n < 2; n++) {
        Ending ending = next();
        assertEquals(TaskOutcome.REJECTED, ending.outcome());
        assertEquals(Optional.of("disconnected"), ending.errorType());
      }
      for (int round = 0; round < 2; round++) {
        List<Thread> patient = new ArrayList<>();
        patient.add(
            Thread.startVirtualThread(
                () -> handle.submit(StockTasks.ECHO, new byte[1], Pools.PATIENT).join()));
        patient.add(
            Thread.startVirtualThread(
                () ->
                    handle
                        .submitAll(StockTasks.ECHO, List.of(new byte[1]), Pools.PATIENT)
                        .getFirst()
                        .join()));
        patient.add(Thread.startVirtualThread(() -> call(handle)));
        try (Child pool = Child.serve(name)) {
          for (Thread thread : patient) {
            thread.join(Await.PATIENCE);
            assertEquals(TaskOutcome.COMPLETED, next().outcome());
          }
          ReconnectTest.kill(pool);
        }
        // The next round begins with a client that has ended, and turns its tasks away.
        Await.until("it is gone", () -> handle.state() == ConnectionState.DISCONNECTED);
      }
    }
    assertEquals(List.of(), List.copyOf(endings));
  }

  private static void call(Ringwork handle) {
    try {
      handle.call(StockTasks.ECHO, new byte[1], Pools.PATIENT);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anObserverThatThrowsIsLoggedOnce() throws Exception {
    List<String> messages = new ArrayList<>();
    Logger logger = Logger.getLogger("io.ringwork");
    Handler handler = new Collect(messages);
    logger.addHandler(handler);
    TaskObserver broken =
        task -> {
          throw new IllegalStateException("broken");
        };
    try (Ringwork pool =
        Ringwork.launch(Pools.stock("ObservedTasksTest").observer(broken).observer(notes))) {
      for (int n = 0; n < 10; n++) {
        pool.submit(StockTasks.ECHO, new byte[8]).join();
        assertEquals(TaskOutcome.COMPLETED, next().outcome());
      }
    } finally {
      logger.removeHandler(handler);
    }
    synchronized (messages) {
      assertEquals(1, messages.size(), messages.toString());
      assertTrue(messages.getFirst().contains(broken.getClass().getName()), messages.getFirst());
    }
  }

  private static final class Collect extends Handler {
    private final List<String> messages;

    Collect(List<String> messages) {
      this.messages = messages;
    }

    @Override
    public void publish(LogRecord record) {
      if (record.getMessage().contains("observer")) {
        synchronized (messages) {
          messages.add(record.getMessage());
        }
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  // ---- the flight recorder

  @Test
  void events() throws Exception {
    Path file = temporary.resolve("tasks.jfr");
    try (Ringwork pool = Ringwork.launch(Pools.stock("ObservedTasksTest"))) {
      pool.call(StockTasks.ECHO, new byte[8]); // before the recording
      try (Recording recording = new Recording()) {
        recording.enable("ringwork.Task");
        recording.start();
        pool.call(StockTasks.ECHO, new byte[8]);
        pool.submit(StockTasks.SLEEP, 20L).get();
        pool.submitAll(StockTasks.ECHO, List.of(new byte[1], new byte[1]))
            .forEach(future -> future.join());
        TaskOptions late = TaskOptions.DEFAULT.timeout(Duration.ZERO);
        assertThrows(
            CompletionException.class, pool.submit(StockTasks.ECHO, new byte[1], late)::join);
        recording.stop();
        recording.dump(file);
      }
      pool.call(StockTasks.ECHO, new byte[8]); // behind it
      List<RecordedEvent> events = RecordingFile.readAllEvents(file);
      assertEquals(5, events.size(), events.toString());
      for (RecordedEvent event : events) {
        assertEquals("ringwork.Task", event.getEventType().getName());
        assertEquals(pool.name(), event.getString("pool"));
        assertEquals("NORMAL", event.getString("priority"));
        assertEquals(1, event.getInt("requests"));
      }
      RecordedEvent sleep = find(events, "sleep");
      assertEquals("COMPLETED", sleep.getString("outcome"));
      assertTrue(sleep.getDuration("runTime").compareTo(Duration.ofMillis(20)) >= 0);
      assertTrue(sleep.getDuration().compareTo(sleep.getDuration("runTime")) >= 0);
      assertEquals(1, sleep.getInt("attempt"));
      List<Long> workers = Pools.workers(pool).stream().map(ProcessHandle::pid).toList();
      assertTrue(workers.contains((long) sleep.getInt("workerPid")));
      RecordedEvent refused = events.getLast();
      assertEquals("TIMED_OUT", refused.getString("outcome"));
      assertEquals("TaskTimeoutException", refused.getString("error"));
      assertEquals(-1, refused.getInt("lane"));
    }
  }

  private static RecordedEvent find(List<RecordedEvent> events, String handler) {
    return events.stream()
        .filter(event -> event.getString("handler").equals(handler))
        .findFirst()
        .orElseThrow();
  }

  /** A recording that does not ask for them has none: they are off unless they are enabled. */
  @Test
  void eventsAreOffByDefault() throws Exception {
    Path file = temporary.resolve("others.jfr");
    try (Ringwork pool = Ringwork.launch(Pools.stock("ObservedTasksTest"));
        Recording recording = new Recording()) {
      recording.enable("jdk.ThreadPark");
      recording.start();
      pool.call(StockTasks.ECHO, new byte[8]);
      recording.stop();
      recording.dump(file);
    }
    assertTrue(
        RecordingFile.readAllEvents(file).stream()
            .noneMatch(event -> event.getEventType().getName().startsWith("ringwork")));
    EventType type =
        FlightRecorder.getFlightRecorder().getEventTypes().stream()
            .filter(each -> each.getName().equals("ringwork.Task"))
            .findFirst()
            .orElseThrow();
    assertEquals(
        "false",
        type.getSettingDescriptors().stream()
            .filter(setting -> setting.getName().equals("enabled"))
            .findFirst()
            .orElseThrow()
            .getDefaultValue());
  }
}
