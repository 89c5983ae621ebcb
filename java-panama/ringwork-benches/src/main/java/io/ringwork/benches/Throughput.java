package io.ringwork.benches;

import io.ringwork.ChunkResult;
import io.ringwork.TaskFuture;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Suite throughput: one thread keeps 1024 requests of 64 bytes under way and checks every answer.
 * It counts the answers of a round, from the first request to the last answer.
 */
public final class Throughput implements Case {
  /** Requests under way. */
  private static final int WINDOW = 1024;

  /** The clock is read once in so many requests. */
  private static final int PACE = 256;

  private static final double FIRST_WARM_UP_SECONDS = 4;
  private static final double WARM_UP_SECONDS = 0.3;

  /** Makes what is measured for a round. */
  private interface Load extends AutoCloseable {
    /** Works for a time; the answers counted. */
    long run(double seconds) throws Exception;

    @Override
    void close();
  }

  private final Callable<Load> maker;

  private Throughput(Callable<Load> maker) {
    this.maker = maker;
  }

  /**
   * A case of futures: each request takes the place of the oldest one, which is waited for.
   *
   * @param maker makes it for a round
   * @return the case, not warmed up yet
   */
  public static Throughput ofFutures(Callable<? extends Submitter> maker) {
    return new Throughput(() -> new Futures(maker.call()));
  }

  /**
   * A case that sends and collects on one thread.
   *
   * @param maker makes it for a round
   * @return the case, not warmed up yet
   */
  public static Throughput ofPipe(Callable<? extends Pipe> maker) {
    return new Throughput(() -> new Piped(maker.call()));
  }

  /** A case of futures that are submitted together. */
  static Throughput ofBatches(Callable<Echoes.OnRingwork> maker) {
    return ofBunches(maker, (pool, requests) -> futures(pool.submitAll(requests)));
  }

  /** A case of chunks, each of which is one task. */
  static Throughput ofChunks(Callable<Echoes.OnRingwork> maker) {
    return ofBunches(maker, (pool, requests) -> chunk(pool.submitChunk(requests)));
  }

  private static Throughput ofBunches(
      Callable<Echoes.OnRingwork> maker, BiFunction<Echoes.OnRingwork, List<byte[]>, Bunch> send) {
    return new Throughput(() -> new Bunches(maker.call(), send));
  }

  /** A case of several threads that share the window and a submitter. */
  static Throughput ofProducers(int producers, Callable<? extends Submitter> maker) {
    return new Throughput(() -> new Producers(producers, maker.call()));
  }

  @Override
  public void warmUp() throws Exception {
    for (int i = 0; i < 2; i++) {
      try (Load load = maker.call()) {
        load.run(FIRST_WARM_UP_SECONDS / 2);
      }
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Load load = maker.call()) {
      load.run(WARM_UP_SECONDS);
      long start = System.nanoTime();
      long answers = load.run(seconds);
      return Map.of("ops_per_s", answers * 1e9 / (System.nanoTime() - start));
    }
  }

  private static long end(double seconds) {
    return System.nanoTime() + (long) (seconds * 1e9);
  }

  /** A ring of futures with the arrays of their requests. */
  private record Futures(Submitter submitter, int window) implements Load {
    Futures(Submitter submitter) {
      this(submitter, WINDOW);
    }

    @Override
    public long run(double seconds) throws Exception {
      byte[][] requests = new byte[window][Message.LENGTH];
      @SuppressWarnings({"unchecked", "rawtypes"})
      Future<byte[]>[] ring = new Future[window];
      long end = end(seconds);
      long sent = 0;
      while (sent % PACE != 0 || System.nanoTime() < end) {
        int at = (int) (sent % window);
        if (sent >= window) {
          Message.check(ring[at].get(), sent - window);
        }
        Message.number(requests[at], sent);
        ring[at] = submitter.submit(requests[at]);
        sent++;
      }
      for (long n = Math.max(0, sent - window); n < sent; n++) {
        Message.check(ring[(int) (n % window)].get(), n);
      }
      return sent;
    }

    @Override
    public void close() {
      submitter.close();
    }
  }

  /** Requests that were sent together. */
  private interface Bunch {
    /** Waits for the answers, and checks them against their numbers. */
    void check(long first) throws Exception;
  }

  /** A ring of bunches. */
  private record Bunches(
      Echoes.OnRingwork pool, BiFunction<Echoes.OnRingwork, List<byte[]>, Bunch> send)
      implements Load {
    private static final int SIZE = 64;

    @Override
    public long run(double seconds) throws Exception {
      List<List<byte[]>> requests = new ArrayList<>();
      List<Bunch> ring = new ArrayList<>();
      for (int i = 0; i < WINDOW / SIZE; i++) {
        requests.add(Stream.generate(() -> new byte[Message.LENGTH]).limit(SIZE).toList());
        ring.add(first -> {});
      }
      long end = end(seconds);
      long sent = 0;
      while (sent % PACE != 0 || System.nanoTime() < end) {
        int at = (int) (sent % WINDOW / SIZE);
        ring.get(at).check(sent - WINDOW);
        long number = sent;
        for (byte[] request : requests.get(at)) {
          Message.number(request, number++);
        }
        ring.set(at, send.apply(pool, requests.get(at)));
        sent += SIZE;
      }
      for (long n = sent; n < sent + WINDOW; n += SIZE) {
        ring.get((int) (n % WINDOW / SIZE)).check(n - WINDOW);
      }
      return sent;
    }

    @Override
    public void close() {
      pool.close();
    }
  }

  private static Bunch futures(List<TaskFuture<byte[]>> answers) {
    return first -> {
      long number = first;
      for (TaskFuture<byte[]> answer : answers) {
        Message.check(answer.get(), number++);
      }
    };
  }

  private static Bunch chunk(TaskFuture<ChunkResult<byte[]>> chunk) {
    return first -> {
      ChunkResult<byte[]> answers = chunk.get();
      for (int i = 0; i < answers.size(); i++) {
        Message.check(answers.get(i), first + i);
      }
    };
  }

  /** Several threads that submit, each with its part of the window. */
  private record Producers(int count, Submitter submitter) implements Load {
    @Override
    public long run(double seconds) throws Exception {
      try (ExecutorService threads = Executors.newFixedThreadPool(count)) {
        Futures part = new Futures(submitter, WINDOW / count);
        Callable<Long> producer = () -> part.run(seconds);
        long sum = 0;
        for (Future<Long> answers : threads.invokeAll(Collections.nCopies(count, producer))) {
          sum += answers.get();
        }
        return sum;
      }
    }

    @Override
    public void close() {
      submitter.close();
    }
  }

  /** One thread that sends until the window is full, then collects. */
  private static final class Piped implements Load, Consumer<byte[]> {
    private final Pipe pipe;
    private final byte[] request = new byte[Message.LENGTH];
    private long sent;
    private long answered;

    Piped(Pipe pipe) {
      this.pipe = pipe;
    }

    @Override
    public long run(double seconds) {
      long before = answered;
      long end = end(seconds);
      do {
        for (int i = 0; i < PACE; i++) {
          send();
          if (pipe.poll(this) == 0) {
            Thread.onSpinWait();
          }
        }
      } while (System.nanoTime() < end);
      while (answered < sent) {
        pipe.poll(this);
      }
      return answered - before;
    }

    private void send() {
      while (sent - answered < WINDOW) {
        Message.number(request, sent);
        if (!pipe.offer(request)) {
          return;
        }
        sent++;
      }
    }

    @Override
    public void accept(byte[] answer) {
      Message.check(answer, answered++);
    }

    @Override
    public void close() {
      pipe.close();
    }
  }
}
