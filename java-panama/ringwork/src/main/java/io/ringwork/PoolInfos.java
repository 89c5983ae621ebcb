package io.ringwork;

import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.segment.Layout;

/** Makes what {@link Ringwork#info()} tells. */
final class PoolInfos {
  private PoolInfos() {}

  static PoolInfo of(Attachment pool, int slots, int slotsInUse, long maxPayload) {
    Attachment.Standing now = pool.standing();
    return new PoolInfo(
        pool.name,
        pool.path(),
        pool.geometry.segmentSize(),
        now.dead() ? PoolState.FAILED : poolState(now.state()),
        now.ready(),
        now.reason(),
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
