package io.ringwork;

/** The injector ring that a task is queued in; more urgent ones are served first. */
public enum Priority {
  /** Before all others. */
  HIGH,
  /** The default. */
  NORMAL,
  /** After the others, but never starved: lanes look at it first once in a while. */
  LOW
}
