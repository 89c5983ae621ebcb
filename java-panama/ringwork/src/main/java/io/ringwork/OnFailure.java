package io.ringwork;

/**
 * What becomes of the tasks of a {@linkplain TaskOptions#key(String) key} that are queued behind
 * one that fails. To be cancelled, or to be too late before its turn, is no failure.
 */
public enum OnFailure {
  /** They run as if it had not failed. */
  CONTINUE,
  /**
   * They end as {@link RemoteFailureException} with the code {@code key.poisoned}, and are not run.
   * What is submitted after that runs.
   */
  FAIL_KEY
}
