package io.ringwork;

import io.ringwork.internal.segment.Layout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

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

  /**
   * The exception.
   *
   * @param ran whether a handler may have been started for the task
   * @param before how many attempts were begun before the one that ended so
   */
  RingworkException toException(String task, int status, boolean ran, int before) {
    String said = message.isEmpty() ? "" : ": " + message;
    return switch (status) {
      case Layout.STATUS_CODEC ->
          new CodecException("the worker's codec failed for " + task + said, ran, null);
      case Layout.STATUS_RESULT_TOO_LARGE ->
          new ResultException(
              ResultException.Reason.TOO_LARGE, "the result of " + task + " is too large" + said);
      case Layout.STATUS_ARENA_EXHAUSTED ->
          new ResultException(
              ResultException.Reason.ARENA_EXHAUSTED,
              "no block came free for the result of " + task + said + "; close leases sooner");
      case Layout.STATUS_NO_WORKER ->
          ran
              ? WorkerCrashedException.withoutSuccessor(task, said, Math.max(1, before))
              : new RejectedException(
                  RejectedException.Reason.NO_WORKER, "no worker runs " + task + said);
      case Layout.STATUS_CANCELLED ->
          new TaskCancelledException(task + " was cancelled" + said, ran);
      case Layout.STATUS_EXPIRED ->
          new TaskTimeoutException(
              ran
                  ? task + " ran into a time limit" + said
                  : "the deadline of " + task + " passed before a worker started it" + said,
              ran);
      case Layout.STATUS_PANICKED -> remote(task, "handler.panicked", ran);
      case Layout.STATUS_UNKNOWN_HANDLER -> remote(task, "handler.unknown", ran);
      case Layout.STATUS_FAILED -> remote(task, "handler.failed", ran);
      default ->
          new CorruptSegmentException(
              task + " ended with the unknown status " + status + said, ran);
    };
  }

  private RemoteFailureException remote(String task, String byDefault, boolean ran) {
    return new RemoteFailureException(
        task, code.isEmpty() ? byDefault : code, message, location, ran);
  }
}
