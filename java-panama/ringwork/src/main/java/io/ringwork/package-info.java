/**
 * Submits CPU-heavy tasks to Rust worker processes over shared memory.
 *
 * <p>Start at {@link io.ringwork.Ringwork}. A task is described by a {@link io.ringwork.TaskType},
 * carried by two {@link io.ringwork.Codec codecs}, and ends as a {@link io.ringwork.TaskFuture}
 * which completes exactly once: with the result or with a {@link io.ringwork.RingworkException}.
 *
 * <p>All types, by subject:
 *
 * <ul>
 *   <li>Connecting: {@link io.ringwork.LaunchConfig}, {@link io.ringwork.ConnectConfig}, what both
 *       share ({@link io.ringwork.ClientConfig}: {@link io.ringwork.WaitStrategy}, {@link
 *       io.ringwork.CompletionMode}), {@link io.ringwork.Reconnect} with its {@link
 *       io.ringwork.ConnectionEvent} and {@link io.ringwork.ConnectionState}.
 *   <li>Tasks: {@link io.ringwork.TaskType}, {@link io.ringwork.Codec}, {@link
 *       io.ringwork.TaskOptions} ({@link io.ringwork.Priority}, {@link io.ringwork.Backpressure},
 *       {@link io.ringwork.OnFailure}), {@link io.ringwork.TaskFuture}, {@link
 *       io.ringwork.CancelOutcome}, {@link io.ringwork.ChunkResult}. Several futures as one: {@link
 *       io.ringwork.Tasks}; a result that another thread gives: {@link io.ringwork.Promise}.
 *   <li>In shared memory: {@link io.ringwork.RawTask}, {@link io.ringwork.RawCall}, {@link
 *       io.ringwork.ResultLease}.
 *   <li>Events: {@link io.ringwork.Event}, {@link io.ringwork.EventReader}, {@link
 *       io.ringwork.EventSubscription}, {@link io.ringwork.NotPublishedException}.
 *   <li>What a pool is: {@link io.ringwork.PoolInfo}, {@link io.ringwork.PoolState}. What it has
 *       done: {@link io.ringwork.PoolStats}, with {@link io.ringwork.TaskCounts}, {@link
 *       io.ringwork.HandlerStats} and {@link io.ringwork.TimeHistogram}.
 *   <li>Being told of each task: {@link io.ringwork.TaskObserver}, {@link io.ringwork.TaskOutcome}.
 *   <li>Failures, all of them a {@link io.ringwork.RingworkException}. Of a connection: {@link
 *       io.ringwork.LaunchException}, {@link io.ringwork.ConnectException}, {@link
 *       io.ringwork.IncompatibleException}. Of a task that was not taken: {@link
 *       io.ringwork.RejectedException}. Of one that was: {@link
 *       io.ringwork.RemoteFailureException}, {@link io.ringwork.WorkerCrashedException}, {@link
 *       io.ringwork.TaskTimeoutException}, {@link io.ringwork.TaskCancelledException}, {@link
 *       io.ringwork.ResultException}. Of either: {@link io.ringwork.CodecException}, {@link
 *       io.ringwork.ClosedException}, {@link io.ringwork.CorruptSegmentException}.
 * </ul>
 */
@NullMarked
package io.ringwork;

import org.jspecify.annotations.NullMarked;
