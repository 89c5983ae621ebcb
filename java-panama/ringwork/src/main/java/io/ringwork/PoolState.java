// Generated from ring/src/format/states.rs by `make layout`; do not edit.
package io.ringwork;

import io.ringwork.internal.segment.Layout;
import org.jspecify.annotations.Nullable;

/** How far a pool is in its life, in this order. */
public enum PoolState {
  /** It waits for its first worker; tasks are taken and queued. */
  STARTING,
  /** It takes tasks and runs them. */
  SERVING,
  /** It was asked to stop: what is queued or runs may end, and nothing new is taken. */
  DRAINING,
  /** It has ended as it was asked to: lanes exit, clients fail what is pending. */
  CLOSED,
  /** It has ended for want of something, over damage, or since its supervisor was killed. */
  FAILED;

  /** The value of a stored word, or null for one that this version does not write. */
  static @Nullable PoolState of(int word) {
    return switch (word) {
      case Layout.POOL_STARTING -> STARTING;
      case Layout.POOL_SERVING -> SERVING;
      case Layout.POOL_DRAINING -> DRAINING;
      case Layout.POOL_CLOSED -> CLOSED;
      case Layout.POOL_FAILED -> FAILED;
      default -> null;
    };
  }
}
