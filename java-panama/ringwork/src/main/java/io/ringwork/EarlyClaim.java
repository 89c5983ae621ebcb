package io.ringwork;

import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;

/**
 * Whether a lane claims a task without a hint, since it watches the slot: the submitter's half of
 * speculation. The other half is in {@link Waiting}. Races between callers do no harm.
 */
final class EarlyClaim {
  /** Looks for the end of a task before one at its claim: about 150 ns. */
  private static final int LOOKS = 128;

  /** How often that is done before the hint is written. */
  private static final int ROUNDS = 2;

  /** A task that needs more looks is a long one, which says nothing about the pause. */
  private static final int SHORT = 512;

  /** Pauses before the first of these looks, at most: about a microsecond. */
  private static final int MAX_QUIET = 32;

  private static final int GIVE_UP = 4;
  private static final int RETRY_MASK = 63;

  private final SlotTable<TaskFuture<?>> slots;

  /** Calls in a row that no lane claimed at once. */
  private int unclaimed;

  /** Pauses before a call looks at its slot for the first time. */
  private int quiet;

  /** Looks that the last call took that was seen to be claimed. */
  private int looked;

  EarlyClaim(SlotTable<TaskFuture<?>> slots) {
    this.slots = slots;
  }

  /**
   * Whether to look at all. Where it fails time and again it is left alone for a while, for it
   * delays the hint.
   */
  boolean isWorthALook() {
    return unclaimed < GIVE_UP || (++unclaimed & RETRY_MASK) == 0;
  }

  /**
   * Looks for a moment whether a lane that watches this slot claims its task, or has ended it,
   * without a hint (the other half of speculation). Then nothing more need be done: such a task
   * needs neither hint nor wake, and both sides are spared two contended lines. Nor is the fence
   * needed: having read the lane's word proves that what was stored before the task was published
   * is visible to all.
   *
   * <p>It looks at the ended word, which the caller needs anyway, and only now and then at the
   * claim word: the lane needs that line for its next claim.
   */
  boolean isSeen(int i, long g) {
    for (int n = quiet; n > 0; n--) {
      Thread.onSpinWait();
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (int n = 1; n <= LOOKS; n++) {
        if (StateWord.generation(slots.ended(i)) == g) {
          unclaimed = 0;
          looked = round * LOOKS + n;
          return true;
        }
      }
      if (slots.isClaimed(i, g)) {
        unclaimed = 0;
        looked = round * LOOKS + LOOKS;
        return true;
      }
    }
    unclaimed = Math.max(0, unclaimed) + 1;
    quiet = 0;
    return false;
  }

  /**
   * Told after how many further looks a task had ended that was seen to be claimed. A look before
   * the lane writes the result takes its line away from the lane, which must fetch it again: so the
   * pause before the first look grows and shrinks until about half of all tasks have ended at that
   * look.
   */
  void endedAfter(int further) {
    int looks = looked + further - 1;
    if (looks == 1) {
      quiet = Math.max(0, quiet - 1);
    } else {
      quiet = looks <= SHORT ? Math.min(MAX_QUIET, quiet + 1) : 0;
    }
  }
}
