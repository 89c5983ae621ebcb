package io.ringwork.benches;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.function.Consumer;

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
  private record Futures(Submitter submitter) implements Load {
    @Override
    public long run(double seconds) throws Exception {
      byte[][] requests = new byte[WINDOW][Message.LENGTH];
      @SuppressWarnings({"unchecked", "rawtypes"})
      Future<byte[]>[] ring = new Future[WINDOW];
      long end = end(seconds);
      long sent = 0;
      while (sent % PACE != 0 || System.nanoTime() < end) {
        int at = (int) (sent % WINDOW);
        if (sent >= WINDOW) {
          Message.check(ring[at].get(), sent - WINDOW);
        }
        Message.number(requests[at], sent);
        ring[at] = submitter.submit(requests[at]);
        sent++;
      }
      for (long n = Math.max(0, sent - WINDOW); n < sent; n++) {
        Message.check(ring[(int) (n % WINDOW)].get(), n);
      }
      return sent;
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
