package io.ringwork.matrix;

import io.ringwork.ChunkResult;
import io.ringwork.ClosedException;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultLease;
import io.ringwork.TaskFuture;
import io.ringwork.TaskTimeoutException;
import io.ringwork.WorkerCrashedException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** How the futures of a session ended; each is counted once. */
final class Tally {
  private static final long PATIENCE_SECONDS = 60;

  final AtomicInteger tasks = new AtomicInteger();
  private final AtomicInteger tracked = new AtomicInteger();
  private final AtomicInteger completions = new AtomicInteger();
  private final AtomicInteger completed = new AtomicInteger();
  private final AtomicInteger crashed = new AtomicInteger();
  private final AtomicInteger poisoned = new AtomicInteger();
  private final AtomicInteger timedOut = new AtomicInteger();
  private final AtomicInteger cancelled = new AtomicInteger();
  private final AtomicInteger rejected = new AtomicInteger();
  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger unfinished = new AtomicInteger();
  private final AtomicInteger wrong = new AtomicInteger();
  private final AtomicReference<String> first = new AtomicReference<>("");

  /** A future that was submitted; it must complete once. */
  <R> TaskFuture<R> track(TaskFuture<R> future) {
    tasks.incrementAndGet();
    tracked.incrementAndGet();
    future.whenComplete((result, error) -> completions.incrementAndGet());
    return future;
  }

  /** Every future that was tracked has told its dependents once; they may be a little late. */
  void checkCompletions() throws InterruptedException {
    for (int n = 0; n < 5_000 && completions.get() < tracked.get(); n++) {
      Thread.sleep(1);
    }
    if (completions.get() != tracked.get()) {
      wrong(completions + " completions of " + tracked + " futures");
    }
  }

  /** Waits for a future and counts its end; false if the pool is closed. */
  boolean end(TaskFuture<?> future, byte[] request) throws InterruptedException {
    try {
      Object result = future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      byte[] bytes =
          switch (result) {
            case ResultLease lease -> {
              try (lease) {
                yield lease.segment().toArray(ValueLayout.JAVA_BYTE);
              }
            }
            case byte[] array -> array;
            default -> throw new IllegalStateException("a result of " + result.getClass());
          };
      completed.incrementAndGet();
      if (!Arrays.equals(bytes, flipped(request))) {
        wrong("a wrong result of " + bytes.length + " bytes");
      }
      return true;
    } catch (CancellationException e) {
      cancelled.incrementAndGet();
      return true;
    } catch (TimeoutException e) {
      unfinished.incrementAndGet();
      wrong("a future did not complete: " + future);
      return false;
    } catch (ExecutionException failed) {
      return failure(failed.getCause());
    }
  }

  /** As {@link #end(TaskFuture, byte[])}, for a chunk, whose requests each have an end. */
  boolean end(TaskFuture<ChunkResult<byte[]>> future, List<byte[]> requests)
      throws InterruptedException {
    ChunkResult<byte[]> results;
    try {
      results = future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      unfinished.incrementAndGet();
      wrong("a chunk did not complete: " + future);
      return false;
    } catch (ExecutionException failed) {
      return failure(failed.getCause());
    }
    completed.incrementAndGet();
    if (results.size() != requests.size()) {
      wrong(requests.size() + " requests in a chunk, but " + results);
    }
    boolean open = true;
    for (int i = 0; i < results.size(); i++) {
      if (results.failure(i).isPresent()) {
        open &= failure(results.failure(i).get());
      } else if (!Arrays.equals(results.get(i), flipped(requests.get(i)))) {
        wrong("a wrong result in a chunk");
      }
    }
    return open;
  }

  /** Counts a failure; false if the pool is closed. */
  boolean failure(Throwable cause) {
    switch (cause) {
      // One before it of its key has crashed.
      case RemoteFailureException e when e.code().equals("key.poisoned") ->
          poisoned.incrementAndGet();
      case WorkerCrashedException e -> crashed.incrementAndGet();
      case TaskTimeoutException e -> timedOut.incrementAndGet();
      case RejectedException e when e.reason() == RejectedException.Reason.DEADLINE_UNREACHABLE ->
          timedOut.incrementAndGet(); // where a lane is dead or stopped, and no other replaces it
      case RejectedException e -> {
        rejected.incrementAndGet();
        note(e.toString()); // why, where the case allows none
        return e.reason() != RejectedException.Reason.DRAINING;
      }
      case ClosedException e -> {
        closed.incrementAndGet();
        return false;
      }
      default -> wrong("an unexpected failure: " + cause);
    }
    return true;
  }

  void wrong(String what) {
    wrong.incrementAndGet();
    note(what);
  }

  /** Keeps the first. */
  private void note(String what) {
    first.compareAndSet("", what.replace(' ', '_').replace('\n', '_'));
  }

  static byte[] flipped(byte[] request) {
    byte[] flipped = new byte[request.length];
    for (int i = 0; i < request.length; i++) {
      flipped[i] = (byte) ~request[i];
    }
    return flipped;
  }

  @Override
  public String toString() {
    return "tasks=%s completed=%s crashed=%s poisoned=%s timed_out=%s cancelled=%s rejected=%s closed=%s unfinished=%s wrong=%s first=%s"
        .formatted(
            tasks,
            completed,
            crashed,
            poisoned,
            timedOut,
            cancelled,
            rejected,
            closed,
            unfinished,
            wrong,
            first);
  }
}
