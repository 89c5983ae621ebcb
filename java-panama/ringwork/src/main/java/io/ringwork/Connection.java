package io.ringwork;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Ringwork} handle stands on: one {@link Client}, or a {@link Reconnector}, which has
 * one after the other. Options are the effective ones. The methods do as those of the handle say;
 * what observers are told of a task goes with it, null for none.
 *
 * <p>A class and not an interface, so that its methods need not be public.
 */
abstract sealed class Connection permits Client, Reconnector {
  abstract <Q, R> TaskFuture<R> submit(
      TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed);

  abstract <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      TaskOptions options,
      Observed @Nullable [] observed);

  abstract <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      int resultRoom,
      TaskOptions options,
      @Nullable Observed observed);

  abstract <Q, R> R call(
      TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed)
      throws InterruptedException;

  abstract RawTask claim(TaskType<byte[], ResultLease> type, long size, TaskOptions options);

  abstract RawCall rawCall(TaskType<byte[], ResultLease> type, TaskOptions options);

  /** The type of a handler's raw tasks. */
  abstract TaskType<byte[], ResultLease> rawType(String handler);

  abstract int poll();

  abstract String name();

  abstract PoolInfo info();

  abstract PoolStats stats();

  public abstract boolean isOpen();

  abstract ConnectionState state();

  /** The present client, or the last one, which may have ended; null if there was none yet. */
  abstract @Nullable Client current();

  /**
   * The present client, for what is asked of its pool and does not wait for another.
   *
   * @throws RingworkException if there is none, or its pool has ended
   */
  abstract Client connected();

  abstract void close();
}
