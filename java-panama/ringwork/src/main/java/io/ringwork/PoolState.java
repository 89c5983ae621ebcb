package io.ringwork;

/** How far a pool is in its life. */
public enum PoolState {
  /** It waits for its first worker; tasks are queued. */
  STARTING,
  /** It takes tasks and runs them. */
  SERVING,
  /** It was asked to stop: what is queued or runs may end, and nothing new is taken. */
  DRAINING,
  /** It has ended as it was asked to. */
  CLOSED,
  /** It has ended for want of something, over damage, or since its supervisor was killed. */
  FAILED
}
