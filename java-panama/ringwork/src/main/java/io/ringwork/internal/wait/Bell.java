package io.ringwork.internal.wait;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.StateWord;

/**
 * Tells a worker that a task which goes on without its lane is to be given up.
 *
 * <p>Section 6 of docs/internals/protocol.md: the request is in the slot; the bell has the worker's
 * thread look. One that is lost delays the end of the task to the next look.
 */
public final class Bell {
  private final SharedMemory memory;
  private final Geometry geometry;

  /** The bells of a segment. */
  public Bell(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.geometry = geometry;
  }

  /**
   * Rings for a task that was asked to give up, if it goes on without its lane.
   *
   * @param claim the claim word of its slot
   */
  public void ring(long claim) {
    if (StateWord.kind(claim) != Layout.KIND_CLAIMED) {
      return;
    }
    int lane = StateWord.owner(claim);
    if (lane >= geometry.maxLanes()) {
      return;
    }
    // Plain: stored before the first claim of that lane, which was read with acquire.
    int bell = memory.getInt(geometry.lane(lane) + Layout.LANE_BELL);
    if (bell > 0 && bell <= geometry.maxLanes()) {
      long word = geometry.lane(bell - 1) + Layout.LANE_WAKE;
      memory.addInt(word, 1);
      if (Futex.available()) { // else it looks a little later
        Futex.wake(memory.address(word));
      }
    }
  }
}
