package io.ringwork.benches;

import java.util.ArrayDeque;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Suite tail: tasks sent at a fixed rate, whatever comes back. A task's time counts from when it
 * should have been sent, so a pause is felt by all that were due meanwhile; what could not be sent
 * in the time, or did not come back, counts with the time that it has waited.
 *
 * <p>One thread sends; between two sends it waits for the oldest task, if that helps to complete
 * it, else it only looks at the clock. The thread that completes a task notes the time.
 */
final class OpenLoop implements Case {
  private static final double WARM_UP_SECONDS = 1;

  /** Shorter gaps are not worth a wait. */
  private static final long SHORT_NANOS = 2_000;

  /** More tasks under way than this is a backlog: sending waits for the oldest. */
  private static final int MOST = 4096;

  private final int rate;
  private final boolean helps;
  private final Callable<? extends Submitter> maker;
  private final HdrLog log = new HdrLog();

  /**
   * A case.
   *
   * @param rate tasks a second
   * @param helps whether a thread that waits for a future works on its completion
   * @param maker makes what is measured, for a round; its futures are completable ones
   */
  OpenLoop(int rate, boolean helps, Callable<? extends Submitter> maker) {
    this.rate = rate;
    this.helps = helps;
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    for (int i = 0; i < 2; i++) {
      try (Submitter submitter = maker.call()) {
        new Round(submitter).run(WARM_UP_SECONDS);
      }
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Submitter submitter = maker.call()) {
      new Round(submitter).run(0.3);
      Round round = new Round(submitter);
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

  private final class Round {
    private final Submitter submitter;
    private final Histogram times = new Histogram(600_000_000_000L, 3);
    private final ArrayDeque<CompletableFuture<?>> flying = new ArrayDeque<>();
    private volatile long lastEnd;
    private volatile long ended;
    private volatile boolean wrong;

    Round(Submitter submitter) {
      this.submitter = submitter;
    }

    /** Runs for a time; the tasks a second that came back. */
    double run(double seconds) throws Exception {
      long wanted = (long) (rate * seconds);
      long start = System.nanoTime() + 1_000_000;
      long stop = start + (long) (seconds * 1.02e9);
      long sent = 0;
      while (sent < wanted && System.nanoTime() < stop) {
        long due = start + (long) (sent * 1e9 / rate);
        if (System.nanoTime() >= due && flying.size() < MOST) {
          flying.add(send(sent++, due));
        } else {
          await(Math.min(due, stop));
        }
        while (!flying.isEmpty() && flying.peek().isDone()) {
          flying.remove();
        }
      }
      for (CompletableFuture<?> future : flying) {
        future.get(60, TimeUnit.SECONDS);
      }
      for (int i = 0; ended != sent && i < 1000; i++) {
        Thread.sleep(1); // a completed future's record is on its way
      }
      if (wrong || ended != sent) {
        throw new AssertionError(
            wrong ? "an answer was wrong" : sent + " tasks were sent, " + ended + " ended");
      }
      long end = System.nanoTime();
      for (long n = sent; n < wanted; n++) {
        times.recordValue(Math.max(1, end - (start + (long) (n * 1e9 / rate))));
      }
      return sent * 1e9 / Math.max(lastEnd - start, sent * 1e9 / rate);
    }

    private CompletableFuture<?> send(long number, long due) throws Exception {
      byte[] request = new byte[Message.LENGTH];
      Message.number(request, number);
      var future = (CompletableFuture<byte[]>) submitter.submit(request);
      CompletableFuture<?> recorded =
          future.whenComplete((answer, error) -> ended(answer, error, number, due));
      // Only the future itself lets a waiter help; elsewhere the record must be there, too.
      return helps ? future : recorded;
    }

    /** The poller and a thread that waits may both complete tasks, each its own. */
    private synchronized void ended(
        byte @Nullable [] answer, @Nullable Throwable error, long number, long due) {
      long now = System.nanoTime();
      try {
        if (error != null) {
          throw new AssertionError(error);
        }
        Message.check(Objects.requireNonNull(answer), number);
        times.recordValue(Math.max(1, now - due));
      } catch (AssertionError failed) {
        wrong = true;
      }
      lastEnd = now;
      ended = ended + 1;
    }

    private void await(long until) throws Exception {
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
  }
}
