package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Status;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What a lane writes in place of a result: code, location and message, and the exception that they
 * become, by status.
 */
record FailureRecord(String code, String location, String message) {
  /** Reads a private copy; lengths that don't fit are cut, so that the text is still seen. */
  static FailureRecord parse(byte[] record) {
    if (record.length < Layout.FAILURE_TEXT) {
      return new FailureRecord("", "", "");
    }
    ByteBuffer in = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
    int text = Layout.FAILURE_TEXT;
    int room = record.length - text;
    int code = Math.min(in.getShort(Layout.FAILURE_CODE_LEN) & 0xffff, room);
    int location = Math.min(in.getShort(Layout.FAILURE_LOCATION_LEN) & 0xffff, room - code);
    return new FailureRecord(
        new String(record, text, code, StandardCharsets.UTF_8),
        new String(record, text + code, location, StandardCharsets.UTF_8),
        new String(record, text + code + location, room - code - location, StandardCharsets.UTF_8));
  }

  /** Whether a handler may have been started for a task that ended with that word. */
  static boolean mayHaveRun(int word) {
    return (word & Layout.STATUS_NOT_RUN) == 0;
  }

  /** How a task ended, by its word; null for a word that this version does not know. */
  static @Nullable Status status(int word) {
    return Status.of(word & ~Layout.STATUS_NOT_RUN);
  }

  /**
   * The exception.
   *
   * @param word how the task ended
   * @param before how many attempts were begun before the one that ended so
   */
  RingworkException toException(String task, int word, int before) {
    String said = message.isEmpty() ? "" : ": " + message;
    boolean ran = mayHaveRun(word);
    Status status = status(word);
    if (status == null) {
      return unknown(task, word, said);
    }
    return switch (status) {
      case CODEC -> new CodecException("the worker's codec failed for " + task + said, ran, null);
      case RESULT_TOO_LARGE ->
          new ResultException(
              ResultException.Reason.TOO_LARGE, "the result of " + task + " is too large" + said);
      case ARENA_EXHAUSTED ->
          new ResultException(
              ResultException.Reason.ARENA_EXHAUSTED,
              "no block came free for the result of " + task + said + "; close leases sooner");
      case NO_WORKER ->
          ran
              ? WorkerCrashedException.withoutSuccessor(task, said, Math.max(1, before))
              : new RejectedException(
                  RejectedException.Reason.NO_WORKER, "no worker runs " + task + said);
      case CANCELLED -> new TaskCancelledException(task + " was cancelled" + said, ran);
      case EXPIRED ->
          new TaskTimeoutException(
              ran
                  ? task + " ran into a time limit" + said
                  : "the deadline of " + task + " passed before a worker started it" + said,
              ran);
      case PANICKED -> remote(task, "handler.panicked", ran);
      case UNKNOWN_HANDLER -> remote(task, "handler.unknown", ran);
      case FAILED -> remote(task, "handler.failed", ran);
      case KEY_POISONED -> remote(task, "key.poisoned", ran);
      case OK, CRASHED -> unknown(task, word, said); // a lane writes no failure with these
    };
  }

  private static CorruptSegmentException unknown(String task, int word, String said) {
    return new CorruptSegmentException(
        task + " ended with the unknown status " + (word & ~Layout.STATUS_NOT_RUN) + said,
        mayHaveRun(word));
  }

  private RemoteFailureException remote(String task, String byDefault, boolean ran) {
    return new RemoteFailureException(
        task, code.isEmpty() ? byDefault : code, message, location, ran);
  }
}
