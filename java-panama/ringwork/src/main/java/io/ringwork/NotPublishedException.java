package io.ringwork;

import io.ringwork.internal.segment.Layout;

/** An event was not published, or the pool keeps none: {@link #reason()} says why. */
public final class NotPublishedException extends RingworkException {
  private static final long serialVersionUID = 1L;

  /** Why nothing was published. */
  public enum Reason {
    /** The pool keeps no events. */
    NO_EVENTS("the pool keeps no events: serve it with --events 1024, or leave the option out"),
    /** The event has more than 224 bytes. */
    TOO_LARGE(
        "the event is too large: it can have "
            + Layout.EVENT_BYTES_MAX
            + " bytes; send more as the result of a task"),
    /** The pool's table of topics is full. */
    NO_TOPIC(
        "the pool's table of topics is full: publish on one of those that are there, and put what"
            + " differs into the event"),
    /** The pool has taken this process for dead, or its event ring is damaged. */
    REFUSED(
        "the pool has taken this process for dead, or its event ring is damaged: see the log of its"
            + " supervisor");

    private final String text;

    Reason(String text) {
      this.text = text;
    }
  }

  /** Why nothing was published. */
  private final Reason reason;

  NotPublishedException(Reason reason) {
    super(reason.text, false, null);
    this.reason = reason;
  }

  /**
   * Why nothing was published.
   *
   * @return the reason
   */
  public Reason reason() {
    return reason;
  }

  @Override
  NotPublishedException again() {
    return new NotPublishedException(reason);
  }
}
