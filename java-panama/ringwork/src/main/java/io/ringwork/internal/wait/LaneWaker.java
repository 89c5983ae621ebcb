package io.ringwork.internal.wait;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;

/**
 * Wakes a sleeping lane after a submit.
 *
 * <p>Section 9 of docs/internals/protocol.md: the submitter has written its hint and passed a full
 * fence before it reads the idle bits here; the sleeper sets its bit, passes a full fence, then
 * reads the rings. One of them sees the other. A lane that searches, or sees more work than it
 * takes, wakes the next, so one wake is enough for a batch.
 */
public final class LaneWaker {
  /** This many lost races in a row are none: a foreign process writes the bits. */
  private static final int MAX_TRIES = 1 << 16;

  private final SharedMemory memory;
  private final Geometry geometry;
  private final int words;

  /** Where the bits of lanes that sleep, and of those that search, begin. */
  private final long idleBits;

  private final long searchingBits;

  /** Asks the supervisor to wake a lane. */
  private final Runnable nudge;

  /**
   * @param nudge asks the supervisor to wake a lane; run where there is no futex
   */
  public LaneWaker(SharedMemory memory, Geometry geometry, Runnable nudge) {
    this(memory, geometry, nudge, Layout.H_IDLE, Layout.H_SEARCHING);
  }

  /** One that wakes I/O lanes. */
  public static LaneWaker ofIoLanes(SharedMemory memory, Geometry geometry, Runnable nudge) {
    return new LaneWaker(memory, geometry, nudge, Layout.H_IDLE_IO, Layout.H_SEARCHING_IO);
  }

  private LaneWaker(
      SharedMemory memory, Geometry geometry, Runnable nudge, long idleBits, long searchingBits) {
    this.memory = memory;
    this.geometry = geometry;
    this.nudge = nudge;
    this.idleBits = idleBits;
    this.searchingBits = searchingBits;
    this.words = (geometry.maxLanes() + 63) / 64;
  }

  /** To be called after a full fence. */
  public void wakeOne() {
    long idle = 0;
    for (int w = 0; w < words; w++) {
      idle |= memory.getLongAcquire(idleBits + 8L * w);
    }
    if (idle == 0) {
      return;
    }
    for (int w = 0; w < words; w++) {
      if (memory.getLongAcquire(searchingBits + 8L * w) != 0) {
        return;
      }
    }
    if (!Futex.available()) {
      nudge.run(); // the bit is left for the supervisor, which can wake
      return;
    }
    for (int w = words - 1; w >= 0; w--) {
      if (wakeOneOf(w)) {
        return;
      }
    }
  }

  private boolean wakeOneOf(int w) {
    long at = idleBits + 8L * w;
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      long bits = memory.getLongAcquire(at);
      if (bits == 0) {
        return false;
      }
      int bit = 63 - Long.numberOfLeadingZeros(bits);
      if (!memory.casLong(at, bits, bits & ~(1L << bit))) {
        continue;
      }
      if (Failpoints.ON) Failpoints.hit("wake.taken");
      int lane = 64 * w + bit;
      if (lane < geometry.maxLanes()) {
        long word = geometry.lane(lane) + Layout.LANE_WAKE;
        memory.addInt(word, 1);
        if (Failpoints.ON) Failpoints.hit("wake.bumped");
        Futex.wake(memory.address(word));
        return true;
      }
    }
    return false;
  }
}
