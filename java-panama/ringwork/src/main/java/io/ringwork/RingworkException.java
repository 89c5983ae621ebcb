package io.ringwork;

import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Why a task, or a call of the client, failed. Every message names the cause and, where there is
 * one, the remedy.
 *
 * <p>Futures complete with these; {@code get} wraps them in {@link
 * java.util.concurrent.ExecutionException}, {@code join} in {@link
 * java.util.concurrent.CompletionException}, both with the frames of the thread that asked. {@link
 * Ringwork#call}, {@link RawCall#invoke} and {@link ChunkResult#get} throw them as they are: the
 * stack trace begins with the frames of the calling thread; where another thread found the failure,
 * that thread's frames follow. A callback of the future itself is given them as they are, one
 * behind {@code thenApply} or another stage inside a CompletionException: {@link #of} finds them in
 * both.
 */
public abstract sealed class RingworkException extends RuntimeException
    permits RemoteFailureException,
        WorkerCrashedException,
        TaskTimeoutException,
        TaskCancelledException,
        RejectedException,
        ResultException,
        CodecException,
        ClosedException,
        CorruptSegmentException,
        IncompatibleException,
        ConnectException,
        LaunchException,
        NotPublishedException {
  private static final long serialVersionUID = 1L;

  /** Whether the handler may have been started. */
  private final boolean mayHaveRun;

  /** The id of the thread that found the failure; 0 for an exception of several tasks. */
  private transient long finder = Thread.currentThread().threadId();

  RingworkException(String message, boolean mayHaveRun, @Nullable Throwable cause) {
    super(message, cause);
    this.mayHaveRun = mayHaveRun;
  }

  /** A new exception that tells the same, with the frames of the calling thread. */
  abstract RingworkException again();

  /** Marks an exception that several tasks may end with: no call throws this very one. */
  RingworkException shared() {
    finder = 0;
    return this;
  }

  /**
   * What a call throws that has failed: the failure, if this thread found it inside the call, else
   * {@linkplain #forCaller another} with this thread's frames.
   *
   * @param failure of Ringwork, or what a {@linkplain TaskType#fallback fallback} threw
   */
  static RuntimeException ofCall(RuntimeException failure) {
    return failure instanceof RingworkException found
            && found.finder != Thread.currentThread().threadId()
        ? forCaller(found)
        : failure;
  }

  /**
   * The same failure with this thread's frames, and behind them those of the thread that found it.
   *
   * @param failure of Ringwork; what a {@linkplain TaskType#fallback fallback} threw stays
   */
  static RuntimeException forCaller(RuntimeException failure) {
    if (!(failure instanceof RingworkException found)) {
      return failure;
    }
    RingworkException copy = found.again();
    StackTraceElement[] own = copy.getStackTrace();
    int first = 0;
    while (first < own.length && isOfExceptions(own[first])) {
      first++;
    }
    StackTraceElement[] theirs = found.getStackTrace();
    int mine = own.length - first;
    StackTraceElement[] all = Arrays.copyOfRange(own, first, own.length + theirs.length);
    System.arraycopy(theirs, 0, all, mine, theirs.length);
    copy.setStackTrace(all);
    return copy;
  }

  /** Whether it is a frame of {@link #again} or its caller, which no reader needs. */
  private static boolean isOfExceptions(StackTraceElement frame) {
    return frame.getClassName().startsWith("io.ringwork.")
        && frame.getClassName().endsWith("Exception");
  }

  /** A chain of causes is not followed further than this: it may be a circle. */
  private static final int LONGEST_CHAIN = 100;

  /**
   * The exception of Ringwork behind a failure: for callbacks behind {@code thenApply} and its
   * like, and for what {@code get} and {@code join} throw.
   *
   * <pre>{@code
   * future.thenApply(this::parse).exceptionally(failure ->
   *     switch (RingworkException.of(failure).orElse(null)) {
   *       case RemoteFailureException e -> fallback(e.code());
   *       case null, default -> throw new CompletionException(failure);
   *     });
   * }</pre>
   *
   * <p>Only the wrappers of futures, {@link CompletionException} and {@link ExecutionException},
   * are taken off, in any number. An exception of the application that has one of Ringwork's as its
   * cause is the application's: the result is empty for it.
   *
   * @param failure what a callback was given, or what was caught; null, which {@code handle} and
   *     {@code whenComplete} are given after a success, has none
   * @return the exception, or empty if the failure is another's
   */
  @SuppressWarnings("exports") // a mark for checkers; JSpecify is not needed to use this module
  public static Optional<RingworkException> of(@Nullable Throwable failure) {
    Throwable inner = failure;
    for (int n = 0;
        n < LONGEST_CHAIN
            && (inner instanceof CompletionException || inner instanceof ExecutionException);
        n++) {
      inner = inner.getCause();
    }
    return inner instanceof RingworkException found ? Optional.of(found) : Optional.empty();
  }

  /**
   * Whether the work may have been done, in part or in full. If false it certainly was not started,
   * and can be submitted again without running twice.
   *
   * @return true if the handler may have been started
   */
  public boolean mayHaveRun() {
    return mayHaveRun;
  }
}
