package io.ringwork;

import io.ringwork.internal.Durations;
import java.time.Duration;

/** How long one task may wait, from its submit on. */
final class Patience {
  final TaskOptions options;

  /** When the task's deadline is, by System.nanoTime; 0 for none. */
  final long deadline;

  final long end;

  Patience(TaskOptions options) {
    this.options = options;
    deadline = Submitter.deadline(options);
    boolean blocks = options.backpressure.kind == Backpressure.Kind.BLOCK;
    long until =
        blocks
            ? Durations.saturatedAdd(System.nanoTime(), options.backpressure.blockNanos)
            : Long.MIN_VALUE;
    end = blocks && deadline != 0 ? Math.min(until, deadline) : until;
  }

  boolean blocks() {
    return options.backpressure.kind == Backpressure.Kind.BLOCK;
  }

  /** The options with what is left of their times. */
  TaskOptions left() {
    long now = System.nanoTime();
    TaskOptions left = options;
    if (deadline != 0) {
      left = left.timeoutNanos(deadline - now);
    }
    if (blocks()) {
      long wait = Math.max(1, end - now);
      left = left.backpressure(Backpressure.block(Duration.ofNanos(wait)));
    }
    return left;
  }
}
