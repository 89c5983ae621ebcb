package io.ringwork.benches;

import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.HdrHistogram.Histogram;

/**
 * Suite cpu10k: all tasks submitted at once, each result handed to an event loop that ticks every
 * millisecond meanwhile.
 *
 * @param <R> the result of a task
 */
final class CpuLoad<R> implements Case {
  private static final int CHECKED = 25;
  private static final long PATIENCE_SECONDS = 120;

  private final Work<R> work;
  private final Callable<Side> maker;

  CpuLoad(Work<R> work, Callable<Side> maker) {
    this.work = work;
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    work.prepare();
    run(work.tasks() / 4);
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    return run(work.tasks());
  }

  private Map<String, Double> run(int tasks) throws Exception {
    try (Side side = maker.call()) {
      // A pool's first tasks pay for starting its threads or processes; that is another suite's.
      EventLoop few = new EventLoop();
      new Load(Runtime.getRuntime().availableProcessors() * 2).await(side, few);
      few.stop();
      Load load = new Load(tasks);
      EventLoop loop = new EventLoop();
      long start = System.nanoTime();
      load.await(side, loop);
      long end = System.nanoTime();
      Histogram late = loop.stop();
      load.check();
      return Map.of(
          "wall_ms", (end - start) / 1e6,
          "loop_stall_p99_us", late.getValueAtPercentile(99) / 1e3,
          "loop_stall_max_us", late.getMaxValue() / 1e3);
    }
  }

  /** The tasks of one run and their results. */
  private final class Load {
    private final Object[] results;
    private final CountDownLatch left;
    private final AtomicReference<String> wrong = new AtomicReference<>();

    Load(int tasks) {
      results = new Object[tasks];
      left = new CountDownLatch(tasks);
    }

    void await(Side side, EventLoop loop) throws InterruptedException {
      for (int i = 0; i < results.length; i++) {
        int task = i;
        side.submit(work, i).whenCompleteAsync((result, error) -> ended(task, result, error), loop);
      }
      if (!left.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException(left.getCount() + " tasks did not end");
      }
    }

    private void ended(int i, R result, Throwable error) {
      if (error != null) {
        wrong.compareAndSet(null, "task " + i + ": " + error);
      } else if (!work.plausible(i, result)) {
        wrong.compareAndSet(null, "task " + i + " has a wrong result");
      }
      results[i] = result;
      left.countDown();
    }

    @SuppressWarnings("unchecked") // only results of `work` are put in
    void check() throws Exception {
      if (wrong.get() != null) {
        throw new AssertionError(wrong.get());
      }
      for (int i = 0; i < results.length; i += Math.max(1, results.length / CHECKED)) {
        if (!work.right(i, (R) results[i])) {
          throw new AssertionError("task " + i + " has a wrong result");
        }
      }
    }
  }
}
