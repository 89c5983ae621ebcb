package io.ringwork;

import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** How a task ended, in one word: for metrics and traces. See {@link TaskObserver}. */
public enum TaskOutcome {
  /** There is a result. Of a chunk: each request has a result or a failure of its own. */
  COMPLETED,
  /** The handler failed, or a codec, or the result had no room. */
  FAILED,
  /** Its worker died over it. */
  CRASHED,
  /** Its deadline passed. */
  TIMED_OUT,
  /** It was cancelled. */
  CANCELLED,
  /** It was not taken. */
  REJECTED,
  /** The client was closed, or its pool ended. */
  CLOSED,
  /** Its future was completed by hand, whatever the task does. */
  ABANDONED;

  /** How a task has ended with a failure, or without one. */
  static TaskOutcome of(@Nullable Throwable failure) {
    return switch (failure) {
      case null -> COMPLETED;
      case RejectedException rejected -> REJECTED;
      case TaskTimeoutException late -> TIMED_OUT;
      case WorkerCrashedException crashed -> CRASHED;
      case TaskCancelledException cancelled -> CANCELLED;
      case CancellationException cancelled -> CANCELLED;
      case InterruptedException interrupted -> CANCELLED;
      case ClosedException closed -> CLOSED;
      default -> FAILED;
    };
  }
}
