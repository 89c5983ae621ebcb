package io.ringwork;

/** The handler returned an error or panicked, or the workers have no handler of that name. */
public final class RemoteFailureException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** The kind of error. */
  private final String code;

  /** What the handler said. */
  private final String remoteMessage;

  /** Where in the worker's source. */
  private final String location;

  RemoteFailureException(
      String task, String code, String remoteMessage, String location, boolean mayHaveRun) {
    super(
        task + " failed in the worker: " + code + ": " + remoteMessage + at(location),
        mayHaveRun,
        null);
    this.code = code;
    this.remoteMessage = remoteMessage;
    this.location = location;
  }

  private RemoteFailureException(String message, RemoteFailureException of) {
    super(message, of.mayHaveRun(), null);
    this.code = of.code;
    this.remoteMessage = of.remoteMessage;
    this.location = of.location;
  }

  private static String at(String location) {
    return location.isEmpty() ? "" : " (at " + location + ")";
  }

  /**
   * The kind of error, for programs.
   *
   * @return the code that the handler gave; {@code handler.panicked} for a panic, {@code
   *     handler.unknown} for a name that no worker knows, {@code handler.failed} for an error
   *     without a code of its own
   */
  public String code() {
    return code;
  }

  /**
   * What the handler said, for people.
   *
   * @return the message without the context that {@link #getMessage()} adds
   */
  public String remoteMessage() {
    return remoteMessage;
  }

  /**
   * Where in the worker's source it happened.
   *
   * @return {@code file:line}, or empty when unknown
   */
  public String location() {
    return location;
  }

  @Override
  RemoteFailureException again() {
    return new RemoteFailureException(getMessage(), this);
  }
}
