/**
 * Submits CPU-heavy tasks to Rust worker processes over shared memory.
 *
 * <p>Start at {@link io.ringwork.Ringwork}. A task is described by a {@link io.ringwork.TaskType},
 * carried by two {@link io.ringwork.Codec codecs}, and ends as a {@link io.ringwork.TaskFuture}
 * which completes exactly once: with the result or with a {@link io.ringwork.RingworkException}.
 */
@NullMarked
package io.ringwork;

import org.jspecify.annotations.NullMarked;
