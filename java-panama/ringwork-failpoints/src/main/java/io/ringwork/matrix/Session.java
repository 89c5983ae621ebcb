package io.ringwork.matrix;

import io.ringwork.ChunkResult;
import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.CompletionMode;
import io.ringwork.ConnectConfig;
import io.ringwork.ConnectException;
import io.ringwork.OnFailure;
import io.ringwork.RawTask;
import io.ringwork.RejectedException;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The load on one pool: a thread that keeps a window of tasks in flight, another that calls.
 *
 * <p>A session that cycles closes its client after some rounds and connects anew, so that the ways
 * in and out are walked, too.
 */
final class Session {
  private static final TaskType<byte[], byte[]> FLIP =
      TaskType.of("flip", Codec.BYTES, Codec.BYTES);
  private static final TaskType<byte[], byte[]> HOLD =
      TaskType.of("hold", Codec.BYTES, Codec.BYTES);
  private static final TaskOptions PATIENT = TaskOptions.DEFAULT;
  private static final TaskOptions THRICE = PATIENT.attempts(3);
  private static final int ROUNDS = 12;

  /** Tasks that are submitted together in each round. */
  private static final int BATCH = 6;

  /** As many of them go once more as a chunk. */
  private static final int CHUNK = 4;

  private final ConnectConfig config;
  private final boolean cycles;
  private final Random random = new Random(7);
  private final Tally tally = new Tally();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stopping;
  private volatile boolean poolEnded;
  private volatile @Nullable Ringwork pool;

  Session(Path directory, String name, boolean cycles) {
    this.config =
        ConnectConfig.of(name)
            .directory(directory)
            .completion(CompletionMode.INLINE)
            .connectTimeout(Duration.ofSeconds(20))
            .closeTimeout(Duration.ofMillis(cycles ? 20 : 2_000));
    this.cycles = cycles;
  }

  String open() {
    if (!cycles) {
      pool = Ringwork.connect(config);
    }
    threads.add(Thread.ofPlatform().daemon().start(() -> guard(this::rounds)));
    if (!cycles) {
      threads.add(Thread.ofPlatform().daemon().start(() -> guard(this::calls)));
    }
    Ringwork now = pool;
    return now == null ? "cycling" : Integer.toString(now.info().clientIndex());
  }

  /** Ends the load; every future must have ended. */
  String stop() throws InterruptedException {
    stopping = true;
    for (Thread thread : threads) {
      thread.join(TimeUnit.SECONDS.toMillis(90));
      if (thread.isAlive()) {
        tally.wrong("a thread of the load hangs");
        for (StackTraceElement frame : thread.getStackTrace()) {
          System.err.println("  at " + frame);
        }
      }
    }
    tally.checkCompletions();
    return tally.toString();
  }

  /** Serves tasks that must all complete. */
  String serve(int count) throws Exception {
    try (Ringwork own = pool == null ? Ringwork.connect(config) : null) {
      Ringwork target = own != null ? own : pool;
      List<TaskFuture<byte[]>> futures = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        futures.add(target.submit(FLIP, request(i, 0, 16)));
        if (futures.size() == 32 || i == count - 1) {
          for (TaskFuture<byte[]> future : futures) {
            future.get(60, TimeUnit.SECONDS);
          }
          futures.clear();
        }
      }
    }
    return Integer.toString(count);
  }

  String close() {
    Ringwork now = pool;
    if (now != null) {
      now.close();
    }
    return "closed";
  }

  private interface Load {
    void run() throws InterruptedException;
  }

  private void guard(Load load) {
    try {
      load.run();
    } catch (Throwable broken) {
      tally.wrong("the load failed: " + broken);
      broken.printStackTrace();
    }
  }

  private void rounds() throws InterruptedException {
    while (!stopping && !poolEnded) {
      if (!cycles) {
        round(pool);
        continue;
      }
      try (Ringwork own = Ringwork.connect(config)) {
        Thread caller = Thread.ofPlatform().daemon().start(() -> guard(() -> callSome(own)));
        for (int r = 0; r < ROUNDS && !stopping && !poolEnded; r++) {
          round(own);
        }
        caller.join();
        // Left to the close, which fails it, or lets it end.
        own.submit(HOLD, request(1, 30, 80));
      } catch (ConnectException | ClosedException gone) {
        poolEnded = true;
      }
    }
  }

  /** One window of tasks, and their ends. */
  private void round(Ringwork target) throws InterruptedException {
    List<TaskFuture<?>> futures = new ArrayList<>();
    List<byte[]> requests = new ArrayList<>();
    for (int n = 0; n < 14; n++) {
      int size = n % 3 == 0 ? 300 + random.nextInt(3_000) : 12 + random.nextInt(50);
      int hold = n == 4 ? 3 : n == 5 ? 1 : n == 6 ? 40 : n == 10 ? 2 : 0;
      byte[] request = request(random.nextInt(), hold, size);
      TaskFuture<?> future = submit(target, n, request);
      if (future != null) {
        futures.add(tally.track(future));
        requests.add(request);
      }
    }
    List<byte[]> batch = new ArrayList<>();
    for (int n = 0; n < BATCH; n++) {
      batch.add(request(random.nextInt(), 0, n == 2 ? 500 : 12 + random.nextInt(50)));
    }
    for (TaskFuture<byte[]> future : target.submitAll(FLIP, batch, THRICE)) {
      futures.add(tally.track(future));
    }
    requests.addAll(batch);
    List<byte[]> chunk = new ArrayList<>(batch.subList(0, CHUNK));
    TaskFuture<ChunkResult<byte[]>> chunkEnd =
        tally.track(target.submitChunk(FLIP, chunk, 200, PATIENT.attempts(1 + random.nextInt(2))));
    boolean open = true;
    for (int n = 0; n < futures.size(); n++) {
      open &= tally.end(futures.get(n), requests.get(n));
    }
    open &= tally.end(chunkEnd, chunk);
    poolEnded |= !open;
    Thread.sleep(2 + random.nextInt(4));
  }

  private @Nullable TaskFuture<?> submit(Ringwork target, int n, byte[] request)
      throws InterruptedException {
    TaskOptions hurried = PATIENT.timeout(Duration.ofMillis(150));
    switch (n) {
      case 0, 1, 2:
        return target.submit(FLIP, request, THRICE);
      case 3:
        return target.submit(FLIP, request, hurried);
      case 4:
        return target.submit(HOLD, request, THRICE);
      case 5:
        {
          TaskFuture<byte[]> queued = target.submit(HOLD, request);
          queued.cancelTask();
          return queued;
        }
      case 6:
        {
          TaskFuture<byte[]> running = target.submit(HOLD, request);
          Thread.sleep(1);
          running.cancelTask();
          return running;
        }
      case 7:
        return raw(target, request);
      case 10:
        return target.submit(HOLD, request, keyed(1));
      case 11, 13:
        return target.submit(FLIP, request, keyed(3));
      case 12:
        {
          TaskFuture<byte[]> behind = target.submit(FLIP, request, keyed(3));
          behind.cancelTask();
          return behind;
        }
      default:
        return target.submit(FLIP, request);
    }
  }

  /** Options of a task whose key others have, too, of this client and of others. */
  private TaskOptions keyed(int attempts) {
    byte[] key = {(byte) random.nextInt(2)};
    return PATIENT.attempts(attempts).key(key).onFailure(OnFailure.FAIL_KEY);
  }

  /** A request written in place and a leased result; and a claim that is given back. */
  private @Nullable TaskFuture<?> raw(Ringwork target, byte[] request) {
    try {
      target.claim("flip", 200).close();
      RawTask task = target.claim("flip", Math.max(100, request.length));
      MemorySegment.copy(MemorySegment.ofArray(request), 0, task.request(), 0, request.length);
      return task.length(request.length).submit();
    } catch (RejectedException | ClosedException refused) {
      poolEnded |= !tally.failure(refused);
      return null;
    }
  }

  private void calls() throws InterruptedException {
    while (!stopping && !poolEnded) {
      callSome(pool);
    }
  }

  private void callSome(Ringwork target) throws InterruptedException {
    for (int n = 0; n < 8 && !poolEnded; n++) {
      byte[] request = request(n, 0, 16);
      try {
        tally.tasks.incrementAndGet();
        byte[] result = target.call(FLIP, request, THRICE);
        if (!java.util.Arrays.equals(result, Tally.flipped(request))) {
          tally.wrong("a wrong result of a call");
        }
      } catch (RingworkException failed) {
        poolEnded |= !tally.failure(failed);
      }
      Thread.sleep(1, 500_000);
    }
  }

  /** A request: milliseconds to hold the task, then bytes of its own. */
  private static byte[] request(int seed, int milliseconds, int size) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    ByteBuffer.wrap(bytes).putShort((short) milliseconds);
    return bytes;
  }
}
