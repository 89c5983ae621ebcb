package io.ringwork.benches;

import io.ringwork.ChunkResult;
import io.ringwork.RawCall;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.stock.StockTasks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;

/** The echoes that need nothing but Ringwork and the JDK. */
final class Echoes {
  private Echoes() {}

  /** A call to a Rust worker: the calling thread waits for the completion itself. */
  record OnRingwork(Ringwork pool) implements Echo, Submitter {
    @Override
    public byte[] call(byte[] request) throws Exception {
      return pool.call(StockTasks.ECHO, request);
    }

    @Override
    public TaskFuture<byte[]> submit(byte[] request) {
      return pool.submit(StockTasks.ECHO, request);
    }

    @Override
    public void poll() {
      pool.poll();
    }

    /** Sends several at once, with one fence and one wake. */
    List<TaskFuture<byte[]>> submitAll(List<byte[]> requests) {
      return pool.submitAll(StockTasks.ECHO, requests);
    }

    /** Sends several as one task. */
    TaskFuture<ChunkResult<byte[]>> submitChunk(List<byte[]> requests) {
      return pool.submitChunk(StockTasks.ECHO, requests);
    }

    @Override
    public void close() {
      pool.close();
    }
  }

  /** A call of the raw interface: requests and results are copied into and out of shared memory. */
  record OnRawCall(Ringwork pool, RawCall call) implements Echo {
    OnRawCall(Ringwork pool) {
      this(pool, pool.rawCall(StockTasks.ECHO.name()));
    }

    @Override
    public byte[] call(byte[] request) throws Exception {
      MemorySegment.copy(
          request, 0, call.claim(request.length), ValueLayout.JAVA_BYTE, 0, request.length);
      byte[] answer = new byte[(int) call.invoke(request.length)];
      MemorySegment.copy(call.result(), ValueLayout.JAVA_BYTE, 0, answer, 0, answer.length);
      return answer;
    }

    @Override
    public void close() {
      call.close();
      pool.close();
    }
  }

  /**
   * A task whose result reaches its caller through a callback: the poller finds the completion, the
   * pool's executor (by default a virtual thread) runs the callback, and that wakes the caller.
   */
  record OnRingworkExecutor(Ringwork pool) implements Echo {
    @Override
    public byte[] call(byte[] request) throws Exception {
      // A dependent's get() can't help to poll, as the future's own does.
      return pool.submit(StockTasks.ECHO, request).thenApply(Function.identity()).get();
    }

    @Override
    public void close() {
      pool.close();
    }
  }

  /** A copy on a thread of a Java pool. */
  record OnExecutor(ExecutorService pool) implements Echo, Submitter {
    @Override
    public byte[] call(byte[] request) throws Exception {
      return submit(request).get();
    }

    @Override
    public CompletableFuture<byte[]> submit(byte[] request) {
      // Not pool.submit(..): a ForkJoinPool lets the caller run its own task, and nothing crosses.
      return CompletableFuture.supplyAsync(request::clone, pool);
    }

    @Override
    public void close() {
      pool.shutdownNow();
    }
  }
}
