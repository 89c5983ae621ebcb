package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.ringwork.Codec;
import io.ringwork.RawCall;
import io.ringwork.RawTask;
import io.ringwork.ResultLease;
import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import io.ringwork.WaitStrategy;
import io.ringwork.stock.StockTasks;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * How many bytes of the Java heap an operation costs the thread that makes it, by the JVM's own
 * count.
 *
 * <p>No time is in it. Until code is compiled more is allocated: the interpreter makes objects that
 * the compiler proves needless, and when it gets there depends on the machine. So rounds are made
 * until one is within the bound, up to a generous number. What the code really allocates is in
 * every round, and a round is so long that an object in every hundredth operation would fail it.
 */
@Timeout(300)
class AllocationTest {
  private static final int OPERATIONS = 20_000;
  private static final int ROUNDS = 100;

  /** For a whole round: a class that is loaded late, what a thread makes when it first parks. */
  private static final long A_LITTLE = 1024;

  /** 64-bit HotSpot with compressed references: a TaskFuture; an array of 64 bytes. */
  private static final long FUTURE = 72;

  private static final long RESULT = 16 + 64;

  /** A HeapByteBuffer, unless the compiler proves it needless. */
  private static final long BUFFER = 64;

  /** A RawTask and a ResultLease. */
  private static final long TASK_AND_LEASE = 72 + 56;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Makes one task and looks at its answer. */
  private interface Operation {
    void run(long number) throws Exception;
  }

  /** Tasks may have keys, which is to cost those nothing that have none. */
  private static Ringwork launch() {
    return Ringwork.launch(Pools.stock("AllocationTest").arguments("--keys", "true"));
  }

  private static void assertAllocates(long bytesPerOperation, Operation operation)
      throws Exception {
    long most = bytesPerOperation * OPERATIONS + A_LITTLE;
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least > most; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int n = 0; n < OPERATIONS; n++) {
        operation.run(n);
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertTrue(least <= most, least + " bytes in " + OPERATIONS + " operations, more than " + most);
  }

  private static void invoke(RawCall call, int size, long number) throws InterruptedException {
    call.claim(size).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, number);
    if (call.invoke(size) != size
        || call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0) != number) {
      throw new AssertionError("operation " + number);
    }
  }

  /** Request and result in the slot, in a block, and both in turn. */
  @ParameterizedTest
  @CsvSource({"8, 8", "64, 64", "88, 88", "89, 88", "1000, 1000", "64, 5000"})
  void aRawCallAllocatesNothing(int even, int odd) throws Exception {
    try (Ringwork pool = launch();
        RawCall call = pool.rawCall("echo")) {
      assertAllocates(0, n -> invoke(call, n % 2 == 0 ? even : odd, n));
    }
  }

  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void howeverItWaits(WaitStrategy strategy) throws Exception {
    TaskOptions options = TaskOptions.DEFAULT.timeout(Duration.ofHours(1));
    try (Ringwork pool = Ringwork.launch(Pools.stock("AllocationTest").waitStrategy(strategy));
        RawCall call = pool.rawCall("echo", options)) {
      assertAllocates(0, n -> invoke(call, 8, n));
    }
  }

  /** The future, and the result that it is asked for. */
  @Test
  void aFutureIsOneObject() throws Exception {
    byte[] request = new byte[64];
    try (Ringwork pool = launch()) {
      assertAllocates(FUTURE + RESULT, n -> pool.call(StockTasks.ECHO, request));
      assertAllocates(FUTURE + RESULT, n -> pool.submit(StockTasks.ECHO, request).get());
    }
  }

  /** Its options are made once; the tables of keys are, too. */
  @Test
  void aKeyAllocatesNothing() throws Exception {
    byte[] request = new byte[64];
    TaskOptions keyed = TaskOptions.DEFAULT.key("account-4711");
    try (Ringwork pool = launch();
        RawCall call = pool.rawCall("echo", keyed)) {
      assertAllocates(FUTURE + RESULT, n -> pool.submit(StockTasks.ECHO, request, keyed).get());
      assertAllocates(0, n -> invoke(call, 8, n));
    }
  }

  /** With as many bytes as a slot holds: a view of fewer is made for each task. */
  @Test
  void aRawTaskIsThreeObjects() throws Exception {
    try (Ringwork pool = launch()) {
      assertAllocates(
          FUTURE + TASK_AND_LEASE,
          n -> {
            try (RawTask task = pool.claim("echo", 88)) {
              task.request().set(ValueLayout.JAVA_LONG_UNALIGNED, 0, n);
              try (ResultLease lease = task.submit().get()) {
                lease.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
              }
            }
          });
    }
  }

  /** The bytes alone: what is given as bytes is copied once, as any value is encoded. */
  @Test
  void aPublicationAllocatesItsEncoding() throws Exception {
    byte[] value = new byte[64];
    try (Ringwork pool = launch()) {
      assertAllocates(BUFFER + RESULT, n -> pool.publish("allocation.test", Codec.BYTES, value));
    }
  }
}
