package io.ringwork;

import io.ringwork.stock.StockTasks;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Whole tasks of 64 bytes each way, one in flight: the operations of the suite allocation of `make
 * bench`. What counts here is {@code gc.alloc.rate.norm}, which contains what the poller and all
 * other threads of the JVM take from the heap; the times are a closed loop's.
 *
 * <p>The state is a pool of one worker with one lane, all waits at their defaults: on a busy
 * machine a side that only spins takes the processor from the other one, and what JMH itself
 * allocates in an iteration would be divided by few tasks. The request's array is used again, each
 * answer is checked by its number.
 */
@State(Scope.Thread)
@Measurement(iterations = 6, time = 1, timeUnit = TimeUnit.SECONDS)
public class TaskCost extends ComponentBench {
  private static final int LENGTH = 64;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] request = new byte[LENGTH];
  private Ringwork pool;
  private RawCall call;
  private long number;

  /** Starts the pool, from the binary in the system property ringwork.binary. */
  @Setup
  public void open() {
    pool = Ringwork.launch(LaunchConfig.DEFAULT.workers(1).lanes(1));
    call = pool.rawCall("echo");
  }

  /** Ends the pool. */
  @TearDown
  public void close() {
    call.close();
    pool.close();
  }

  private byte[] next() {
    LONG.set(request, LENGTH - 8, ++number);
    return request;
  }

  private byte[] checked(byte[] answer) {
    check(
        answer.length == LENGTH && (long) LONG.get(answer, LENGTH - 8) == number,
        "the request comes back");
    return answer;
  }

  /**
   * A {@link RawCall}: claim, invoke, result in place.
   *
   * @return the number that came back
   */
  @Benchmark
  public long rawApi() throws Exception {
    call.claim(LENGTH).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, ++number);
    long length = call.invoke(LENGTH);
    long answer = call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    check(length == LENGTH && answer == number, "the request comes back");
    return answer;
  }

  /**
   * A {@link RawTask}: claim, submit, lease.
   *
   * @return the number that came back
   */
  @Benchmark
  public long rawTask() throws Exception {
    try (RawTask task = pool.claim("echo", LENGTH)) {
      task.request().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, ++number);
      try (ResultLease lease = task.submit().get()) {
        long answer = lease.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        check(answer == number, "the request comes back");
        return answer;
      }
    }
  }

  /**
   * A future that is waited for.
   *
   * @return the answer
   */
  @Benchmark
  public byte[] futureApi() throws Exception {
    return checked(pool.submit(StockTasks.ECHO, next()).get());
  }

  /**
   * A call.
   *
   * @return the answer
   */
  @Benchmark
  public byte[] call() throws Exception {
    return checked(pool.call(StockTasks.ECHO, next()));
  }
}
