package io.ringwork.internal.segment;

/** Makes the exception for shared memory whose words make no sense. */
@FunctionalInterface
public interface Damage {
  /**
   * The exception.
   *
   * @param what what is wrong, and the remedy
   * @param mayHaveRun whether a task that is hit may have run
   */
  RuntimeException of(String what, boolean mayHaveRun);
}
