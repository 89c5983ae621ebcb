package com.example.images;

import io.ringwork.ClosedException;
import io.ringwork.RejectedException;
import io.ringwork.RemoteFailureException;
import io.ringwork.ResultException;
import io.ringwork.RingworkException;
import io.ringwork.TaskTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;

/**
 * What a request is answered with, and which status stands for which failure.
 *
 * @param status the HTTP status
 * @param type the content type
 * @param body the content
 * @param retryAfter seconds after which a client may try again, or 0
 */
record Reply(int status, String type, byte[] body, int retryAfter) {
  /** What the sender can mend. Any other code, {@code handler.panicked} say, is our own fault. */
  private static final Set<String> FAULTS_OF_THE_REQUEST =
      Set.of(
          "image.undecodable",
          "image.too_many_pixels",
          "image.invalid_params",
          "password.invalid_params",
          "password.malformed_hash",
          "password.cost_too_high",
          "password.too_long");

  static Reply ok(String type, byte[] body) {
    return new Reply(200, type, body, 0);
  }

  static Reply text(int status, String text) {
    return new Reply(status, "text/plain; charset=utf-8", utf8(text), 0);
  }

  /** For the log alone: there is no connection left to send it on. */
  static Reply senderHasGone() {
    return text(499, "the sender has gone");
  }

  private static Reply later(String text) {
    return new Reply(503, "text/plain; charset=utf-8", utf8(text), 1);
  }

  /** The table of the guide (docs/guide/in-a-server.md, "Status codes"). */
  static Reply of(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return switch (cause) {
      case RejectedException e -> rejected(e.reason());
      case TaskTimeoutException e -> text(504, "not done in time");
      case RemoteFailureException e -> remote(e);
      case ClosedException e -> later("shutting down");
      case CancellationException e -> senderHasGone();
      // It has run, so it is not tried again: the result had no room.
      case ResultException e -> text(500, "the result is too large");
      // A worker crashed, perhaps of this very request: not to be repeated by a proxy.
      case RingworkException e -> text(500, "failed");
      default -> text(500, "internal error");
    };
  }

  private static Reply rejected(RejectedException.Reason reason) {
    return switch (reason) {
      case PAYLOAD_TOO_LARGE -> text(413, "too large");
      default -> later("busy");
    };
  }

  private static Reply remote(RemoteFailureException failure) {
    return FAULTS_OF_THE_REQUEST.contains(failure.code())
        ? text(422, failure.remoteMessage())
        : text(500, "failed");
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
