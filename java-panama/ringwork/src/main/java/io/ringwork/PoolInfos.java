package io.ringwork;

import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.segment.Layout;

/** Makes what {@link Ringwork#info()} tells. */
final class PoolInfos {
  private PoolInfos() {}

  static PoolInfo of(Attachment pool, int slots, int slotsInUse, long maxPayload) {
    int state = pool.poolState();
    // The header says what the supervisor has last said: one that was killed has said nothing.
    boolean dead = state < Layout.POOL_CLOSED && pool.supervisorIsGone();
    return new PoolInfo(
        pool.name,
        pool.path(),
        pool.geometry.segmentSize(),
        dead ? PoolState.FAILED : poolState(state),
        !dead && pool.isReady(),
        dead ? Attachment.SUPERVISOR_GONE : pool.reason(),
        pool.supervisorPid(),
        pool.index,
        slots,
        slots - slotsInUse,
        pool.lanes(),
        pool.workers(),
        maxPayload,
        pool.handlers());
  }

  private static PoolState poolState(int pool) {
    return switch (pool) {
      case Layout.POOL_STARTING -> PoolState.STARTING;
      case Layout.POOL_SERVING -> PoolState.SERVING;
      case Layout.POOL_DRAINING -> PoolState.DRAINING;
      case Layout.POOL_CLOSED -> PoolState.CLOSED;
      default -> PoolState.FAILED; // also where the word makes no sense
    };
  }
}
