package io.ringwork.benches;

import com.sun.management.ThreadMXBean;
import io.ringwork.RawCall;
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
 * thread that submits and waits, and the objects that the whole JVM makes for it, without the array
 * of the result, which the caller has asked for. (In the bytes it is: 80 with its header.) The
 * arrays of requests are reused.
 */
final class Allocation implements Case {
  private static final int WARM_UP = 200_000;
  private static final int OPERATIONS = 200_000;

  /** Fewer, so that no collection comes between. */
  private static final int COUNTED = 20_000;

  /** Makes one task and checks its answer. */
  private interface Operation {
    void run(long number) throws Exception;
  }

  private final String api;
  private final byte[] request = new byte[Message.LENGTH];
  private final Callable<Ringwork> maker;

  Allocation(String api, Callable<Ringwork> maker) {
    this.api = api;
    this.maker = maker;
  }

  @Override
  public void warmUp() throws Exception {
    round(0);
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    try (Ringwork pool = maker.call();
        RawCall call = pool.rawCall("echo")) {
      return switch (api) {
        case "raw_api" -> measure(0, number -> inPlace(call, number));
        case "raw_task" -> measure(0, number -> byTask(pool, number));
        case "future_api" -> measure(1, number -> byFuture(pool, number));
        case "call" -> measure(1, number -> byCall(pool, number));
        default -> throw new IllegalArgumentException("no API " + api);
      };
    }
  }

  private static Map<String, Double> measure(int results, Operation operation) throws Exception {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    repeat(WARM_UP, operation);
    long before = threads.getCurrentThreadAllocatedBytes();
    repeat(OPERATIONS, operation);
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    long objects = HeapCount.of(() -> repeat(COUNTED, operation));
    return Map.of(
        "bytes_per_op",
        (double) bytes / OPERATIONS,
        "objects_per_op",
        (double) objects / COUNTED - results);
  }

  private static void repeat(int times, Operation operation) throws Exception {
    for (int i = 0; i < times; i++) {
      operation.run(i);
    }
  }

  private void byFuture(Ringwork pool, long number) throws Exception {
    Message.number(request, number);
    Message.check(pool.submit(StockTasks.ECHO, request).get(), number);
  }

  private void byCall(Ringwork pool, long number) throws Exception {
    Message.number(request, number);
    Message.check(pool.call(StockTasks.ECHO, request), number);
  }

  private static void inPlace(RawCall call, long number) throws Exception {
    call.claim(Message.LENGTH).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, number);
    if (call.invoke(Message.LENGTH) != Message.LENGTH
        || call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0) != number) {
      throw new AssertionError("task " + number + " did not return its request");
    }
  }

  private static void byTask(Ringwork pool, long number) throws Exception {
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
