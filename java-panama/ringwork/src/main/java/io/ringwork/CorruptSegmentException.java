package io.ringwork;

/**
 * A process that shares the segment wrote something impossible into it. Nothing outside the segment
 * was touched; the pool should be restarted, and the worker that did it be looked at.
 */
public final class CorruptSegmentException extends RingworkException {
  private static final long serialVersionUID = 1L;

  CorruptSegmentException(String message, boolean mayHaveRun) {
    super(message, mayHaveRun, null);
  }

  @Override
  CorruptSegmentException again() {
    return new CorruptSegmentException(getMessage(), mayHaveRun());
  }
}
