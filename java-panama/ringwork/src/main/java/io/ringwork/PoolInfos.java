package io.ringwork;

import io.ringwork.internal.process.Attachment;

/** Makes what {@link Ringwork#info()} tells. */
final class PoolInfos {
  private PoolInfos() {}

  static PoolInfo of(Attachment pool, int slots, int slotsInUse, long maxPayload) {
    Attachment.Standing now = pool.standing();
    PoolState state = PoolState.of(now.state());
    return new PoolInfo(
        pool.name,
        pool.path(),
        pool.geometry.segmentSize(),
        // Failed also where the word makes no sense.
        now.dead() || state == null ? PoolState.FAILED : state,
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
}
