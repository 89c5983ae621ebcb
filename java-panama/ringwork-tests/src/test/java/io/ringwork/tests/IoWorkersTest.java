package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.LaunchConfig;
import io.ringwork.RawCall;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A pool whose async handlers have a worker of their own. */
class IoWorkersTest {
  private static final TaskType<String, String> ECHO =
      TaskType.of("io.echo", Codec.UTF8, Codec.UTF8);
  private static final TaskType<byte[], Long> IO_PID =
      TaskType.of("io.pid", Codec.BYTES, Codec.LONG);
  private static final TaskType<byte[], Long> CPU_PID =
      TaskType.of("cpu.pid", Codec.BYTES, Codec.LONG);
  private static final TaskType<Long, Long> BLOCKS =
      TaskType.of("cpu.blocks", Codec.LONG, Codec.LONG);
  private static final byte[] NOTHING = {};

  private static Ringwork launch(String test) {
    LaunchConfig config =
        Pools.stock(test).worker(Pools.testWorker().resolveSibling("ringwork-test-io-worker"));
    return Ringwork.launch(config.workers(1).arguments("--io-workers=1"));
  }

  /** Every way to submit, while the only lane of the other worker has more than enough to do. */
  @Test
  void asyncTasksGoToTheirWorkerAndWaitForNoOther() throws Exception {
    try (Ringwork pool = launch("IoWorkersTest")) {
      long io = pool.call(IO_PID, NOTHING);
      assertNotEquals(io, pool.call(CPU_PID, NOTHING));
      List<TaskFuture<Long>> blocked = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        blocked.add(pool.submit(BLOCKS, 100L));
      }
      assertEquals("tea", pool.call(ECHO, "tea"));
      TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(900)).attempts(1);
      assertEquals("milk", pool.submit(ECHO, "milk", soon).get());
      for (TaskFuture<Long> pid : pool.submitAll(IO_PID, Collections.nCopies(50, NOTHING))) {
        assertEquals(io, pid.get());
      }
      try (RawCall call = pool.rawCall("io.pid")) {
        call.claim(0);
        assertEquals(8, call.invoke(0));
        assertEquals(io, call.result().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
      }
      assertTrue(pool.stats().queued() > 0, "the others are through already");
      for (TaskFuture<Long> task : blocked) {
        assertEquals(100L, task.get());
      }
    }
  }
}
