package io.ringwork;

/**
 * How threads wait for results.
 *
 * <p>It applies to the poller thread and to the threads blocked in {@code call}, {@code get} and
 * {@code join}. Workers choose their own.
 */
public enum WaitStrategy {
  /**
   * Spins as long as tasks are in flight: the lowest latency, at the cost of a core. With nothing
   * in flight it sleeps like the others.
   */
  SPIN,

  /**
   * Spins for some microseconds, then yields, then sleeps on a futex. The budget is small where the
   * process has two cores or fewer. The default.
   */
  ADAPTIVE,

  /** Sleeps at once: the least CPU time. */
  PARK
}
