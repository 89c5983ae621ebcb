package io.ringwork.benches;

import com.sun.management.ThreadMXBean;
import io.ringwork.RawTask;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Suite allocation: the bytes that a task takes from the Java heap, by the JVM's own count for the
 * thread that submits and waits. The arrays of requests are reused; the future API's result array
 * (80 bytes with its header) is in the figure.
 */
final class Allocation implements Case {
  private static final int WARM_UP = 200_000;
  private static final int OPERATIONS = 200_000;

  /** Makes one task and checks its answer. */
  private interface Operation {
    void run(Ringwork pool, long number) throws Exception;
  }

  private final boolean raw;
  private final byte[] request = new byte[Message.LENGTH];
  private final Callable<Ringwork> maker;

  Allocation(boolean raw, Callable<Ringwork> maker) {
    this.raw = raw;
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    round(0);
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    Operation operation = raw ? Allocation::inPlace : this::byFuture;
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Ringwork pool = maker.call()) {
      for (int i = 0; i < WARM_UP; i++) {
        operation.run(pool, i);
      }
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < OPERATIONS; i++) {
        operation.run(pool, i);
      }
      long after = threads.getCurrentThreadAllocatedBytes();
      return Map.of("bytes_per_op", (double) (after - before) / OPERATIONS);
    }
  }

  private void byFuture(Ringwork pool, long number) throws Exception {
    Message.number(request, number);
    Message.check(pool.submit(StockTasks.ECHO, request).get(), number);
  }

  private static void inPlace(Ringwork pool, long number) throws Exception {
    try (RawTask task = pool.claim("echo", Message.LENGTH)) {
      task.request().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, number);
      try (ResultLease lease = task.submit().get()) {
        if (lease.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0) != number) {
          throw new AssertionError("task " + number + " did not return its request");
        }
      }
    }
  }
}
