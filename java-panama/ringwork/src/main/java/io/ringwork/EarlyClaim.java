package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;

/**
 * Whether a lane claims a task without a hint, since it watches the slot: the submitter's half of
 * speculation. The other half is in {@link Waiting}. Races between callers do no harm.
 */
final class EarlyClaim {
  /** Looks for a claim before the hint is written: about 150 ns. */
  private static final int LOOKS = 64;

  /** Pauses before the first of these looks, at most: well below a microsecond. */
  private static final int MAX_QUIET = 32;

  private static final int GIVE_UP = 4;
  private static final int RETRY_MASK = 63;

  private final SlotTable<TaskFuture<?>> slots;

  /** Calls in a row that no lane claimed at once. */
  private int unclaimed;

  /** Pauses before a call looks at its slot for the first time. */
  private int quiet;

  EarlyClaim(SlotTable<TaskFuture<?>> slots) {
    this.slots = slots;
  }

  /**
   * Looks for a moment whether a lane that watches this slot claims it without a hint (the other
   * half of speculation). Then nothing more need be done: a task that is CLAIMED needs neither hint
   * nor wake, and both sides are spared two contended lines. Nor is the fence needed: having read
   * the lane's claim proves that what was stored before QUEUED is visible to all. Where it fails
   * time and again it is left alone for a while, for it delays the hint.
   */
  boolean isSeen(int i) {
    if (unclaimed >= GIVE_UP && (++unclaimed & RETRY_MASK) != 0) {
      return false;
    }
    for (int n = quiet; n > 0; n--) {
      Thread.onSpinWait();
    }
    for (int n = 0; n < LOOKS; n++) {
      if (StateWord.kind(slots.state(i)) != Layout.KIND_QUEUED) {
        unclaimed = 0;
        return true;
      }
    }
    unclaimed = Math.max(0, unclaimed) + 1;
    return false;
  }

  /**
   * Told after how many looks a task was done that was claimed at once. A look between the lane's
   * claim and its end takes the line away from the lane, which must fetch it again: so the pause
   * before the first look grows and shrinks until about half of all tasks are done at that look.
   */
  void doneAfter(int looks) {
    if (looks == 1) {
      quiet = Math.max(0, quiet - 1);
    } else {
      // After more looks it is a long task, which says nothing about the pause.
      quiet = looks <= LOOKS ? Math.min(MAX_QUIET, quiet + 1) : 0;
    }
  }
}
