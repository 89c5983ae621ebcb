package io.ringwork.benches;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Suite tail: tasks sent at a fixed rate, whatever comes back. A task's time counts from when it
 * should have been sent, so a pause is felt by all that were due meanwhile; what could not be sent
 * in the time, or did not come back, counts with the time that it has waited.
 *
 * <p>One thread sends; between two sends it takes in what has come back, where that is its to do,
 * and waits for the oldest task, if that helps to complete it, else it only looks at the clock. The
 * thread that completes a task notes the time.
 */
public final class OpenLoop implements Case {
  private static final double WARM_UP_SECONDS = 1;

  /** Shorter gaps are not worth a wait. */
  private static final long SHORT_NANOS = 2_000;

  /** More tasks under way than this is a backlog: sending waits for the oldest. */
  private static final int MOST = 4096;

  /** What is measured, made for a round. */
  private interface Load extends AutoCloseable {
    Round round(int rate);

    @Override
    void close();
  }

  private final int rate;
  private final Callable<Load> maker;
  private final HdrLog log = new HdrLog();

  private OpenLoop(int rate, Callable<Load> maker) {
    this.rate = rate;
    this.maker = maker;
  }

  /**
   * A case of futures.
   *
   * @param rate tasks a second
   * @param helps whether a thread that waits for a future works on its completion
   * @param maker makes what is measured, for a round; its futures are completable ones
   */
  static OpenLoop ofFutures(int rate, boolean helps, Callable<? extends Submitter> maker) {
    record Futures(Submitter submitter, boolean helps) implements Load {
      @Override
      public Round round(int rate) {
        return new FutureRound(rate, submitter, helps);
      }

      @Override
      public void close() {
        submitter.close();
      }
    }
    return new OpenLoop(rate, () -> new Futures(maker.call(), helps));
  }

  /**
   * A case that sends and collects on one thread: between two sends it polls without a pause.
   *
   * @param rate messages a second
   * @param maker makes what is measured, for a round
   * @return the case, not warmed up yet
   */
  public static OpenLoop ofPipe(int rate, Callable<? extends Pipe> maker) {
    record Piped(Pipe pipe) implements Load {
      @Override
      public Round round(int rate) {
        return new PipeRound(rate, pipe);
      }

      @Override
      public void close() {
        pipe.close();
      }
    }
    return new OpenLoop(rate, () -> new Piped(maker.call()));
  }

  /**
   * The rate that a case's name tells at its end, in thousands a second.
   *
   * @param name as in {@code ringwork_spin_10k}
   * @return tasks a second
   */
  public static int rateIn(String name) {
    return 1000 * Integer.parseInt(name.substring(name.lastIndexOf('_') + 1, name.length() - 1));
  }

  @Override
  public void warmUp() throws Exception {
    for (int i = 0; i < 2; i++) {
      try (Load load = maker.call()) {
        load.round(rate).run(WARM_UP_SECONDS);
      }
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Load load = maker.call()) {
      load.round(rate).run(0.3);
      Round round = load.round(rate);
      double achieved = round.run(seconds);
      Histogram times = round.times;
      log.add(times);
      return Map.of(
          "p50_ns", (double) times.getValueAtPercentile(50),
          "p99_ns", (double) times.getValueAtPercentile(99),
          "p999_ns", (double) times.getValueAtPercentile(99.9),
          "p9999_ns", (double) times.getValueAtPercentile(99.99),
          "max_ns", (double) times.getMaxValue(),
          "achieved_per_s", achieved);
    }
  }

  /** A run at the rate; what it notes is noted the same way for each kind of load. */
  private abstract static class Round {
    final Histogram times = new Histogram(600_000_000_000L, 3);
    final int rate;
    private long start;
    private volatile long lastEnd;
    private volatile long ended;
    private volatile boolean wrong;

    Round(int rate) {
      this.rate = rate;
    }

    /** Sends, unless there is no room now. */
    abstract boolean send(long number) throws Exception;

    /** Looks for what has come back, without a wait; the tasks still under way. */
    abstract long collect(long sent) throws Exception;

    /** Nothing is due before {@code until}. */
    abstract void await(long until) throws Exception;

    /** Waits for all that is under way. */
    abstract void finish(long sent) throws Exception;

    /** Runs for a time; the tasks a second that came back. */
    final double run(double seconds) throws Exception {
      long wanted = (long) (rate * seconds);
      start = System.nanoTime() + 1_000_000;
      long stop = start + (long) (seconds * 1.02e9);
      long sent = 0;
      long flying = 0;
      while (sent < wanted && System.nanoTime() < stop) {
        long due = due(sent);
        if (System.nanoTime() >= due && flying < MOST) {
          if (send(sent)) {
            sent++;
          }
        } else {
          await(Math.min(due, stop));
        }
        flying = collect(sent);
      }
      finish(sent);
      if (wrong || ended != sent) {
        throw new AssertionError(
            wrong ? "an answer was wrong" : sent + " tasks were sent, " + ended + " ended");
      }
      long end = System.nanoTime();
      for (long n = sent; n < wanted; n++) {
        times.recordValue(Math.max(1, end - due(n)));
      }
      return sent * 1e9 / Math.max(lastEnd - start, sent * 1e9 / rate);
    }

    private long due(long number) {
      return start + (long) (number * 1e9 / rate);
    }

    final long ended() {
      return ended;
    }

    /** Not by two threads at once. */
    final void ended(byte @Nullable [] answer, @Nullable Throwable error, long number) {
      long now = System.nanoTime();
      try {
        if (error != null) {
          throw new AssertionError(error);
        }
        Message.check(Objects.requireNonNull(answer), number);
        times.recordValue(Math.max(1, now - due(number)));
      } catch (AssertionError failed) {
        wrong = true;
      }
      lastEnd = now;
      ended = ended + 1;
    }
  }

  private static final class FutureRound extends Round {
    private final Submitter submitter;
    private final boolean helps;
    private final ArrayDeque<CompletableFuture<?>> flying = new ArrayDeque<>();

    FutureRound(int rate, Submitter submitter, boolean helps) {
      super(rate);
      this.submitter = submitter;
      this.helps = helps;
    }

    @Override
    boolean send(long number) throws Exception {
      byte[] request = new byte[Message.LENGTH];
      Message.number(request, number);
      var future = (CompletableFuture<byte[]>) submitter.submit(request);
      CompletableFuture<?> recorded =
          future.whenComplete((answer, error) -> endedOne(answer, error, number));
      // Only the future itself lets a waiter help; elsewhere the record must be there, too.
      return flying.add(helps ? future : recorded);
    }

    /** The poller and a thread that waits may both complete tasks, each its own. */
    private synchronized void endedOne(
        byte @Nullable [] answer, @Nullable Throwable error, long number) {
      ended(answer, error, number);
    }

    @Override
    long collect(long sent) {
      submitter.poll();
      while (!flying.isEmpty() && flying.peek().isDone()) {
        flying.remove();
      }
      return flying.size();
    }

    @Override
    void await(long until) throws Exception {
      CompletableFuture<?> oldest = flying.peek();
      long gap = until - System.nanoTime();
      if (helps && oldest != null && gap > SHORT_NANOS) {
        try {
          oldest.get(gap, TimeUnit.NANOSECONDS);
        } catch (TimeoutException due) {
          // time to send
        }
      } else {
        Thread.onSpinWait();
      }
    }

    @Override
    void finish(long sent) throws Exception {
      for (CompletableFuture<?> future : flying) {
        future.get(60, TimeUnit.SECONDS);
      }
      for (int i = 0; ended() != sent && i < 1000; i++) {
        Thread.sleep(1); // a completed future's record is on its way
      }
    }
  }

  private static final class PipeRound extends Round {
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final Pipe pipe;
    private final byte[] request = new byte[Message.LENGTH];
    private final Consumer<byte[]> answers = answer -> ended(answer, null, ended());

    PipeRound(int rate, Pipe pipe) {
      super(rate);
      this.pipe = pipe;
    }

    @Override
    boolean send(long number) {
      Message.number(request, number);
      return pipe.offer(request);
    }

    @Override
    long collect(long sent) {
      pipe.poll(answers);
      return sent - ended();
    }

    @Override
    void await(long until) {
      // Straight to the next poll, as this pipe's round trips in the suite rtt.
    }

    @Override
    void finish(long sent) {
      long end = System.nanoTime() + PATIENCE_NANOS;
      while (collect(sent) > 0 && System.nanoTime() < end) {
        // the last answers are on their way
      }
    }
  }
}
