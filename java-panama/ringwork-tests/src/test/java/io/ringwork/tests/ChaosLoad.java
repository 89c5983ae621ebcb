package io.ringwork.tests;

import io.ringwork.Backpressure;
import io.ringwork.ChunkResult;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.Priority;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultException;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskCancelledException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskTimeoutException;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.tests.ChaosJournal.End;
import io.ringwork.tests.ChaosPayload.KeyOf;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * One thread's load on a connection: futures, batches, chunks, calls, raw tasks with leased
 * results; deadlines, priorities, keys, cancels; of all sizes. Every end is written down by the
 * callback that sees it, as often as it is called.
 */
final class ChaosLoad implements Runnable {
  private static final int WINDOW = 12;
  private static final long PATIENCE_SECONDS = 60;

  /** Requests and results of chunks have so many bytes at most. */
  private static final int LARGEST_IN_CHUNK = 2048;

  private static final List<TaskType<byte[], byte[]>> WORK = typesOf("chaos.work");
  private static final List<TaskType<byte[], byte[]>> ECHO = typesOf("chaos.echo");
  private static final int[] ATTEMPTS = {1, 1, 1, 2, 3};

  /** What the threads of a connection share. */
  static final class Connection {
    final Ringwork pool;
    final ChaosJournal journal;
    final long number;
    private final Supplier<String> order;
    private final AtomicBoolean broken = new AtomicBoolean();
    private final AtomicInteger open = new AtomicInteger();

    Connection(Ringwork pool, ChaosJournal journal, long number, Supplier<String> order) {
      this.pool = pool;
      this.journal = journal;
      this.number = number;
      this.order = order;
    }

    boolean isOver() {
      return broken.get() || !order.get().equals("go");
    }

    /** Callbacks run on threads of their own: the last ones may come a little later. */
    void awaitAllSettled() throws InterruptedException {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (open.get() > 0 && System.nanoTime() < end) {
        Thread.sleep(1);
      }
    }
  }

  private final Connection connection;
  private final int thread;
  private final SplittableRandom random;
  private final ArrayDeque<CompletableFuture<?>> flying = new ArrayDeque<>();

  ChaosLoad(Connection connection, int thread, long seed) {
    this.connection = connection;
    this.thread = thread;
    this.random = new SplittableRandom(seed);
  }

  private static List<TaskType<byte[], byte[]>> typesOf(String handler) {
    TaskType<byte[], byte[]> once = TaskType.of(handler, Codec.BYTES, Codec.BYTES);
    return List.of(
        once,
        once.options(TaskOptions.DEFAULT.attempts(2)),
        once.options(TaskOptions.DEFAULT.attempts(3)));
  }

  @Override
  public void run() {
    try {
      while (!connection.isOver()) {
        int window = 1 + random.nextInt(WINDOW);
        while (flying.size() < window && !connection.isOver()) {
          submitSome();
        }
        awaitOne();
      }
      while (!flying.isEmpty()) {
        awaitOne();
      }
    } catch (Throwable e) {
      // Whatever it is, its task has no end now: the driver will find it lost.
      e.printStackTrace();
      connection.broken.set(true);
    }
  }

  private void awaitOne() throws InterruptedException {
    CompletableFuture<?> future = flying.poll();
    if (future == null) {
      return;
    }
    if (future instanceof TaskFuture<?> task && random.nextInt(25) == 0) {
      task.cancelTask();
    }
    try {
      future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | CancellationException e) {
      // The callback has written it down.
    } catch (TimeoutException e) {
      System.err.println("a future does not end: " + future);
    }
  }

  private void submitSome() throws InterruptedException {
    switch (random.nextInt(11)) {
      case 0 -> batch();
      case 10 -> chunk();
      case 1 -> call();
      case 2, 3 -> raw();
      default -> {
        ChaosPayload payload = draw();
        int attempts = attempts();
        long start = begin(payload, attempts);
        TaskFuture<byte[]> future =
            connection.pool.submit(type(payload, attempts), payload.toBytes(), options(payload));
        follow(future, payload, attempts, start);
      }
    }
  }

  private int attempts() {
    return ATTEMPTS[random.nextInt(ATTEMPTS.length)];
  }

  private static TaskType<byte[], byte[]> type(ChaosPayload payload, int attempts) {
    return (payload.isOrder() ? WORK : ECHO).get(attempts - 1);
  }

  private ChaosPayload draw() {
    int which = random.nextInt(10);
    return draw(which < 3 ? KeyOf.THREAD : which == 3 ? KeyOf.ALL : KeyOf.NOBODY);
  }

  private ChaosPayload draw(KeyOf key) {
    long number = connection.journal.nextId();
    return ChaosPayload.draw(ChaosPayload.id(number, key, connection.number, thread), random);
  }

  /** With the key that the task's id names. */
  private TaskOptions options(ChaosPayload payload) {
    byte[] key = ChaosPayload.key(payload.id());
    return key == null ? options() : options().key(key);
  }

  private TaskOptions options() {
    TaskOptions options =
        TaskOptions.DEFAULT
            .priority(Priority.values()[random.nextInt(Priority.values().length)])
            .backpressure(Backpressure.block(Duration.ofMillis(50)));
    return random.nextInt(10) == 0
        ? options.timeout(Duration.ofNanos(random.nextInt(100_000, 20_000_000)))
        : options;
  }

  private long begin(ChaosPayload payload, int attempts) {
    connection.journal.submit(payload.id(), payload.isOrder() ? attempts : 0);
    connection.open.incrementAndGet();
    return System.nanoTime();
  }

  private void follow(TaskFuture<byte[]> future, ChaosPayload payload, int attempts, long start) {
    flying.add(future);
    future.whenComplete(
        (bytes, error) -> {
          MemorySegment result = bytes == null ? null : MemorySegment.ofArray(bytes);
          end(payload, attempts, start, result, error);
        });
  }

  private void batch() {
    int attempts = attempts();
    KeyOf key = random.nextInt(3) == 0 ? KeyOf.THREAD : KeyOf.NOBODY;
    Several several = new Several(1 + random.nextInt(6), Integer.MAX_VALUE, attempts, key);
    TaskOptions options = options(several.payloads.getFirst());
    List<TaskFuture<byte[]>> futures =
        connection.pool.submitAll(WORK.get(attempts - 1), several.requests, options);
    for (int i = 0; i < futures.size(); i++) {
      follow(futures.get(i), several.payloads.get(i), attempts, several.starts.get(i));
    }
  }

  /** As a batch, but one task: a death costs one of them, or ends those that it had not begun. */
  private void chunk() {
    int attempts = attempts();
    Several several = new Several(1 + random.nextInt(20), LARGEST_IN_CHUNK, attempts, KeyOf.NOBODY);
    TaskFuture<ChunkResult<byte[]>> chunk =
        connection.pool.submitChunk(
            WORK.get(attempts - 1), several.requests, LARGEST_IN_CHUNK, options());
    flying.add(chunk);
    chunk.whenComplete(
        (results, error) -> {
          for (int i = 0; i < several.payloads.size(); i++) {
            Throwable why = results == null ? error : results.failure(i).orElse(null);
            MemorySegment result = why == null ? MemorySegment.ofArray(results.get(i)) : null;
            end(several.payloads.get(i), attempts, several.starts.get(i), result, why);
          }
        });
  }

  /** Requests of one type, so of one handler, that are begun together. */
  private final class Several {
    final List<ChaosPayload> payloads = new ArrayList<>();
    final List<byte[]> requests = new ArrayList<>();
    final List<Long> starts = new ArrayList<>();

    Several(int size, int largest, int attempts, KeyOf key) {
      while (payloads.size() < size) {
        ChaosPayload payload = draw(key);
        if (payload.isOrder() && payload.length() <= largest && payload.result() <= largest) {
          payloads.add(payload);
          requests.add(payload.toBytes());
          starts.add(begin(payload, attempts));
        }
      }
    }
  }

  private void call() throws InterruptedException {
    ChaosPayload payload = draw();
    int attempts = attempts();
    long start = begin(payload, attempts);
    byte[] result;
    try {
      result = connection.pool.call(type(payload, attempts), payload.toBytes(), options(payload));
    } catch (RuntimeException error) {
      end(payload, attempts, start, null, error);
      return;
    }
    end(payload, attempts, start, MemorySegment.ofArray(result), null);
  }

  private void raw() {
    ChaosPayload payload = draw();
    long start = begin(payload, 1);
    String handler = payload.isOrder() ? "chaos.work" : "chaos.echo";
    TaskFuture<ResultLease> future;
    try (RawTask task = connection.pool.claim(handler, payload.length(), options(payload))) {
      payload.write(task.request());
      if (random.nextInt(50) == 0) {
        // Never submitted: the room is given back.
        end(payload, 1, start, null, new CancelledBeforeSubmit());
        return;
      }
      future = task.submit();
    } catch (RuntimeException error) {
      end(payload, 1, start, null, error);
      return;
    }
    flying.add(future);
    future.whenComplete(
        (lease, error) -> {
          if (lease == null) {
            end(payload, 1, start, null, error);
            return;
          }
          try (lease) {
            end(payload, 1, start, lease.segment(), null);
          }
        });
  }

  /** Nothing was sent. */
  private static final class CancelledBeforeSubmit extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CancelledBeforeSubmit() {
      super("not submitted", null, false, false);
    }
  }

  private void end(
      ChaosPayload payload, int attempts, long start, MemorySegment result, Throwable error) {
    End end = End.WRONG;
    boolean mayHaveRun = true;
    try {
      Throwable cause =
          error instanceof CompletionException && error.getCause() != null
              ? error.getCause()
              : error;
      if (result != null) {
        end = payload.isResult(result) ? End.COMPLETED : End.WRONG;
      } else {
        end = endOf(payload, attempts, cause);
        mayHaveRun = mayHaveRun(cause);
      }
      if (end == End.WRONG) {
        System.err.printf(
            "task %#x, %s, %d attempts: result %s, error %s%n",
            payload.id(), payload, attempts, result, error);
      }
      if (end == End.CLOSED) {
        connection.broken.set(true);
      }
    } finally {
      connection.journal.ended(payload.id(), end, mayHaveRun, start);
      connection.open.decrementAndGet();
    }
  }

  private static End endOf(ChaosPayload payload, int attempts, Throwable error) {
    return switch (error) {
      case WorkerCrashedException crashed ->
          // A chunk that has lost three workers ends, also where a request could run once more.
          crashed.attempts() <= attempts ? End.CRASHED : End.WRONG;
      case TaskTimeoutException e -> End.TIMED_OUT;
      case TaskCancelledException e -> End.CANCELLED;
      case CancellationException e -> End.CANCELLED;
      case CancelledBeforeSubmit e -> End.CANCELLED;
      case RejectedException rejected ->
          switch (rejected.reason()) {
            case PAYLOAD_TOO_LARGE -> End.WRONG;
            case DRAINING -> End.CLOSED;
            default -> End.REJECTED;
          };
      case ResultException lost ->
          lost.reason() == ResultException.Reason.ARENA_EXHAUSTED ? End.REJECTED : End.WRONG;
      case ClosedException e -> End.CLOSED;
      case RemoteFailureException failed -> {
        String expected =
            switch (payload.mode()) {
              case ChaosPayload.FAIL -> "chaos.asked";
              case ChaosPayload.PANIC -> "handler.panicked";
              default -> "";
            };
        yield failed.code().equals(expected) ? End.FAILED : End.WRONG;
      }
      default -> End.WRONG;
    };
  }

  private static boolean mayHaveRun(Throwable error) {
    return switch (error) {
      case io.ringwork.RingworkException e -> e.mayHaveRun();
      case CancelledBeforeSubmit e -> false;
      // What cancelTask answers is not known yet when the callback runs, but its text is.
      case CancellationException e -> !String.valueOf(e.getMessage()).endsWith("it never ran");
      default -> true;
    };
  }
}
