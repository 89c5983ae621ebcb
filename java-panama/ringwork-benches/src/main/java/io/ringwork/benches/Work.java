package io.ringwork.benches;

import io.ringwork.Ringwork;
import java.util.concurrent.CompletableFuture;

/**
 * One kind of CPU-heavy work, done by Java and by Rust with the same algorithm and parameters.
 *
 * @param <R> the result of a task
 */
interface Work<R> {
  /** How many tasks a round has. */
  int tasks();

  /** Makes what all tasks need; not timed. */
  void prepare() throws Exception;

  /** Does task {@code i} on the calling thread. */
  R inJava(int i);

  /** Gives task {@code i} to a Rust worker; blocks while the pool is full. */
  CompletableFuture<R> onRingwork(Ringwork pool, int i);

  /** Looks at every result as it comes, on the event loop, so it must be quick. */
  boolean plausible(int i, R result);

  /** Looks closely at some results after the clock was stopped. */
  boolean right(int i, R result) throws Exception;
}
