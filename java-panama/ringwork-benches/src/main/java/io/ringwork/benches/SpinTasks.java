package io.ringwork.benches;

import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskType;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Suite scale: tasks that keep a lane busy for a time, by the handler {@code bench.spin} of
 * benches/src/bin/worker.rs, which returns its request.
 *
 * @param pool where they run
 * @param micros how long each takes
 */
record SpinTasks(Ringwork pool, int micros) implements Submitter {
  private static final TaskType<byte[], byte[]> SPIN =
      TaskType.of("bench.spin", Codec.BYTES, Codec.BYTES);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  @Override
  public TaskFuture<byte[]> submit(byte[] request) {
    INT.set(request, 8, micros);
    return pool.submit(SPIN, request);
  }

  @Override
  public void close() {
    pool.close();
  }
}
