package io.ringwork;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.Bell;
import io.ringwork.internal.wait.PollerRole;
import org.jspecify.annotations.Nullable;

/**
 * Finds tasks whose slot's ended word says that they have ended, by hints and by looking, and has
 * them ended.
 *
 * <p>May run on any thread: {@link SlotTable#take} lets one thread end each task. Only {@link
 * #drain} needs the {@linkplain PollerRole poller's role}, for its arrays.
 */
final class Completer implements PollerRole.Work {
  private static final int BATCH = 32;
  private static final int MOST = 256;

  /** The slots that a check takes in, of so many or more: of more still, a twentieth. */
  static final int CHECKED = 4096;

  private static final int CHECKS = 20;

  /** A thread that moves a word and then its future may be paused between, but not so long. */
  private static final int SUSPICIONS = 5;

  private final SharedMemory memory;
  final SlotTable<TaskFuture<?>> slots;
  private final HintRing ring;
  private final long overflow;
  private final TaskEnder ender;
  private final SettledFutures settled;
  private final int[] scratch = new int[BATCH];

  /** The tasks that a drain is ending; guarded by the role. */
  private final TaskEnder.Taken taken = new TaskEnder.Taken(BATCH);

  /** Written so that reads ahead are not optimised away. */
  @SuppressWarnings("unused")
  private long touched;

  /** Whose slots have had an impossible word, and at how many checks in a row; poller only. */
  private final @Nullable TaskFuture<?>[] suspects;

  private final byte[] suspicions;

  /** Where the next check begins; poller only. */
  private int nextCheck;

  private final Bell bell;

  Completer(ClientSegment<TaskFuture<?>> segment, TaskEnder ender, SettledFutures settled) {
    this.bell = new Bell(segment.memory, segment.geometry);
    this.memory = segment.memory;
    this.slots = segment.slots;
    this.ring = segment.completions;
    this.overflow = segment.entry + Layout.CLIENT_OVERFLOW;
    this.ender = ender;
    this.settled = settled;
    this.suspects = new TaskFuture<?>[slots.count];
    this.suspicions = new byte[slots.count];
  }

  @Override
  public boolean hasWork() {
    return !ring.isEmpty() || memory.getIntAcquire(overflow) != 0;
  }

  @Override
  public boolean isDraining() {
    return settled.isCollecting();
  }

  /** Ends what the hints tell, up to a bound; the caller has the poller's role. */
  @Override
  public int drain() {
    return drain(MOST, false);
  }

  @Override
  public int drainForPoller() {
    return drain(MOST, true);
  }

  /** As {@link #drain()}, up to about so many. */
  int drain(int most) {
    return drain(most, false);
  }

  private int drain(int most, boolean poller) {
    settled.collect();
    try {
      return drain(scratch, most);
    } finally {
      settled.endCollect(poller);
    }
  }

  /** As {@link #drain()} for a thread that is inside a drain: an INLINE callback that waits. */
  int drainNested() {
    return drain(new int[1], MOST);
  }

  private int drain(int[] into, int most) {
    int total = 0;
    int lost = memory.getIntAcquire(overflow);
    if (lost != 0) {
      memory.casInt(overflow, lost, 0); // before the scan: what comes during it sets it again
      if (Failpoints.ON) Failpoints.hit("poll.overflow");
      total += scan();
    }
    while (total < most) {
      int n = ring.poll(into);
      if (Failpoints.ON && n > 0) Failpoints.hit("poll.taken");
      if (n == 1) {
        int i = slots.local(into[0]);
        if (i >= 0) {
          tryEnd(i);
        }
      } else if (n > 1) { // so not in a nested drain, which must leave the arrays alone
        endAll(into, n);
      }
      total += n;
      if (n < into.length) {
        break;
      }
    }
    return total;
  }

  @Override
  public void want() {
    settled.want();
  }

  @Override
  public boolean takeWanted() {
    return settled.takeWanted();
  }

  // ---- finding what has ended

  /**
   * Ends the tasks of several hints. In steps, so that the lines that lanes have written come at
   * the same time and not one after the other: each CAS waits for all loads before it.
   */
  private void endAll(int[] hints, int n) {
    long read = 0;
    for (int h = 0; h < n; h++) {
      int i = slots.local(hints[h]);
      hints[h] = i;
      if (i >= 0) {
        read += slots.fetchEnd(i);
      }
    }
    for (int h = 0; h < n; h++) {
      if (hints[h] >= 0) {
        read += slots.fetchRest(hints[h]);
      }
    }
    touched = read;
    taken.count = 0;
    for (int h = 0; h < n; h++) {
      int i = hints[h];
      if (i < 0) {
        continue;
      }
      long word = slots.ended(i);
      TaskFuture<?> future = claim(i, word);
      if (future != null) {
        taken.add(i, future, word);
      }
    }
    endTaken();
  }

  /** All of them are out of the table, and must end, whatever is thrown on the way. */
  private void endTaken() {
    Throwable broken = null;
    try {
      ender.takePlainResults(taken);
    } catch (Throwable thrown) {
      broken = thrown;
    }
    // All of them before any callback runs: one that waits for another of these finds it settled.
    for (int t = 0; t < taken.count; t++) {
      Object outcome = taken.outcomes[t];
      if (outcome != null && !taken.futures[t].settle(outcome)) {
        taken.outcomes[t] = Outcome.TAKEN;
      }
    }
    for (int t = 0; t < taken.count; t++) {
      TaskFuture<?> future = taken.futures[t];
      Object outcome = taken.outcomes[t];
      taken.futures[t] = null;
      taken.outcomes[t] = null;
      try {
        if (outcome == null) {
          ender.end(taken.slots[t], future, taken.words[t]);
        } else if (outcome != Outcome.TAKEN) {
          future.dispatch();
        }
      } catch (Throwable thrown) {
        broken = thrown;
      }
    }
    if (broken instanceof Error error) {
      throw error;
    }
    if (broken instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /** Looks at every slot: hints were lost. */
  int scan() {
    int ended = 0;
    for (int i = 0; i < slots.count; i++) {
      ended += tryEnd(i) ? 1 : 0;
    }
    return ended;
  }

  /**
   * Looks at the slots of all pending tasks: what ended without a hint is taken in; what can't be
   * any more ends as corrupt, so that no broken peer can make a future wait for ever. A part of the
   * slots each time. Poller only.
   *
   * @return whether that was the last part
   */
  boolean check() {
    int end = Math.min(slots.count, nextCheck + Math.max(CHECKED, slots.count / CHECKS + 1));
    for (int i = nextCheck; i < end; i++) {
      TaskFuture<?> future = slots.pending(i);
      if (future == null || tryEnd(i)) {
        suspects[i] = null;
        continue;
      }
      if (future.holder != null) {
        suspects[i] = null;
        future.wakeWaiter(); // it looks itself
        continue;
      }
      long word = slots.impossible(i, future.generation);
      if (word == 0) {
        suspects[i] = null;
      } else if (suspects[i] != future) {
        suspects[i] = future;
        suspicions[i] = 1;
      } else if (++suspicions[i] >= SUSPICIONS && slots.take(i, future)) {
        suspects[i] = null;
        ender.corrupt(i, future, word);
      }
    }
    nextCheck = end < slots.count ? end : 0;
    return nextCheck == 0;
  }

  /**
   * Ends the task of a raw call if it has ended, or never will. For the thread that waits for it:
   * no other thread withdraws it, so there is no moment at which an impossible word is in order.
   */
  void endOwn(TaskFuture<?> own) {
    int i = own.slot;
    if (tryEnd(i) || own.isSettled()) {
      return;
    }
    long word = slots.impossible(i, own.generation);
    if (word != 0 && slots.take(i, own)) {
      ender.corrupt(i, own, word);
    }
  }

  /**
   * Asks the handler of a task to stop, and takes in an end from before: for that a lane that had
   * not seen the request writes no hint.
   *
   * @return whether it had ended
   */
  boolean requestCancel(TaskFuture<?> future) {
    requestCancel(future.slot, future.generation);
    return tryEnd(future.slot);
  }

  /** Asks the handler of a task to stop, and rings where it goes on without its lane. */
  void requestCancel(int i, long generation) {
    slots.requestCancel(i, generation);
    bell.ring(slots.claim(i));
  }

  /** Ends the task of a slot if it has ended and is awaited; else the hint was stale. */
  boolean tryEnd(int i) {
    if (slots.pending(i) == null) {
      return false;
    }
    long word = slots.ended(i);
    TaskFuture<?> future = claim(i, word);
    if (future == null) {
      return false;
    }
    ender.end(i, future, word);
    return true;
  }

  /** Takes the right to end the task of a slot, if the ended word, just read, says that it has. */
  private @Nullable TaskFuture<?> claim(int i, long word) {
    TaskFuture<?> future = slots.pending(i);
    if (future == null) {
      return null;
    }
    if (future.isForeign()) {
      if (StateWord.generation(word) == future.generation) {
        future.wakeWaiter();
      }
      return null;
    }
    if (!SlotTable.canBeEnd(word, future.generation)) {
      checkCorrupt(i, future, word);
      return null;
    }
    // An older word is stale: the hint came too early, or was that of the slot's last task.
    if (StateWord.generation(word) != future.generation || !take(i, future)) {
      return null;
    }
    if (Failpoints.ON) Failpoints.hit("poll.claimed");
    return future;
  }

  private boolean take(int i, TaskFuture<?> future) {
    if (future.holder == null) {
      return slots.take(i, future);
    }
    slots.takeOwn(i);
    return true;
  }

  /** A word that can't be while the task is pending: it is damaged, if it still is. */
  private void checkCorrupt(int i, TaskFuture<?> future, long word) {
    if (slots.ended(i) == word && slots.take(i, future)) {
      ender.corrupt(i, future, word);
    }
  }
}
