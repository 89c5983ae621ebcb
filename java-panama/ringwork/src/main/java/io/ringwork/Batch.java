package io.ringwork;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tasks that are submitted together, by one thread: slots are taken, hints written and lanes woken
 * for up to {@link Layout#RING_BATCH} at a time, in which a task costs one locked instruction
 * instead of five.
 *
 * <p>The steps of each task are those of {@link Submitter}, in the same order: filled, QUEUED,
 * hinted, the fence, the wake; only that those of several tasks are done side by side. A process
 * that dies in between leaves QUEUED slots without hints, as one does that dies in a single submit,
 * but more of them; the reaper drops them. What does not fit in, for want of room or of a size
 * known beforehand, goes the way of a single task, after those before it.
 */
final class Batch<Q, R> {
  /** Requests of so many bytes are not kept from the lanes while others are encoded. */
  private static final int MAX_BYTES = 1 << 16;

  private final Core core;
  private final Submitter submitter;
  private final SlotTable<TaskFuture<?>> slots;
  private final TaskType<Q, R> type;
  private final TaskOptions options;

  /** Slots that were popped and not used yet. */
  private final int[] popped;

  private int poppedCount;
  private int nextPopped;

  /** What is QUEUED and has no hint yet: slots, futures, requests. */
  private final int[] hints;

  private final TaskFuture<R>[] placed;
  private final List<Q> requests;
  private int count;
  private long bytes;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private Batch(Core core, TaskType<Q, R> type, TaskOptions options, int size) {
    this.core = core;
    this.submitter = core.submitter;
    this.slots = core.segment.slots;
    this.type = type;
    this.options = options;
    int most = Math.min(size, Layout.RING_BATCH);
    this.popped = new int[most];
    this.hints = new int[most];
    this.placed = new TaskFuture[most];
    this.requests = new ArrayList<>(most);
  }

  static <Q, R> List<TaskFuture<R>> submitAll(
      Core core,
      TaskType<Q, R> type,
      List<? extends Q> requests,
      TaskOptions options,
      Observed @Nullable [] observed) {
    int left = requests.size();
    List<TaskFuture<R>> futures = new ArrayList<>(left);
    Batch<Q, R> batch = new Batch<>(core, type, options, left);
    Iterator<? extends Q> all = requests.iterator();
    try {
      for (; all.hasNext(); left--) {
        Observed seen = observed == null ? null : observed[futures.size()];
        TaskFuture<R> future = core.future(type, Submitter.deadline(options), null, seen);
        futures.add(future);
        batch.add(future, all.next(), left);
      }
    } finally { // an Error of a codec must not keep back what was placed before
      batch.finish();
    }
    return futures;
  }

  private void add(TaskFuture<R> future, Q request, int left) {
    try {
      if (place(future, request, left)) {
        if (count == hints.length || bytes >= MAX_BYTES) {
          flush();
        }
        return;
      }
    } catch (Throwable failed) { // the futures before it must stay in reach
      submitter.refuseBroken(future, failed);
      return;
    }
    finish(); // first in, first out; and what it waits for may be the slots kept here
    submitter.submit(future, type, request, options, false);
  }

  /** Publishes a task in a slot of the batch; false if it does not fit into one. */
  private boolean place(TaskFuture<R> future, Q request, int left) {
    if (options.key != 0) {
      return false; // the end of each leads to the hint of the next
    }
    if (future.deadline != 0 && submitter.backlog.isOneByOne(type.handlerId)) {
      return false;
    }
    long size = RequestWriter.sizeOf(type, request);
    if (size == Codec.UNKNOWN_SIZE) {
      return false;
    }
    submitter.refusals.checkSize(type, size);
    RejectedException late = submitter.unreachable(future, type, options);
    if (late != null) {
      if (Submitter.fallback(type, options) != null) {
        return false;
      }
      throw late;
    }
    int codec = RequestWriter.codecOf(type);
    int i = slot(left);
    if (i < 0) {
      return false;
    }
    int length = submitter.requests.prepare(i, type, request, null, (int) size);
    if (length < 0) {
      return false;
    }
    submitter.publish(future, i, codec, length, future.deadline, options);
    placed[count] = future;
    requests.add(request);
    hints[count++] = slots.global(i);
    bytes += length;
    return true;
  }

  /**
   * A free slot, or -1: then a single submit says what is wrong.
   *
   * @throws RingworkException if none would be taken now
   */
  private int slot(int left) {
    if (nextPopped == poppedCount) {
      if (options.timeoutNanos <= 0) {
        return -1;
      }
      submitter.checkOpen();
      if (type.maxInFlight != TaskType.NO_LIMIT) {
        return Math.max(-1, submitter.pop(type, options)); // each is counted by itself
      }
      int keep = submitter.keptFrom(options);
      nextPopped = 0;
      poppedCount = Math.max(0, slots.free.popMany(popped, Math.min(left, popped.length), keep));
      if (poppedCount == 0) {
        return -1;
      }
      if (Failpoints.ON) Failpoints.hit("batch.slots");
    }
    return popped[nextPopped++];
  }

  /** Writes the hints of what is QUEUED, and wakes a lane. */
  private void flush() {
    int n = count;
    if (n == 0) {
      return;
    }
    count = 0;
    bytes = 0;
    int in = n;
    try {
      // All are of one handler, whose kind only a reload changes: a hint in the wrong ring is
      // dropped
      // there, and the supervisor writes it again.
      in = submitter.ring(placed[0], options).offerAll(hints, n);
    } catch (RingworkException
        | IllegalStateException
        | IndexOutOfBoundsException
        | InternalError failed) {
      for (int k = 0; k < n; k++) {
        placed[k].fail(
            failed instanceof RingworkException corrupt
                ? corrupt
                : core.life.closedException(true, failed));
      }
    }
    // Its fence orders what is looked at below, too. If closed meanwhile close fails the futures.
    Mapped.run(submitter, placed[0], (to, first) -> to.announce(first.isForIo(), false));
    core.counters.count(Layout.CLIENT_SUBMITTED, in);
    if (Failpoints.ON) Failpoints.hit("batch.counted");
    boolean failing = core.life.isFailing();
    for (int k = 0; k < in; k++) {
      if (placed[k].deadline != 0) {
        core.poller.deadline(placed[k].slot, placed[k].deadline);
      }
      if (failing) {
        core.pending.failOne(placed[k]); // close looked at the slots before it could see this one
      }
    }
    if (in < n) {
      again(in, n);
    }
    requests.clear();
  }

  /** The ring had no room for these: takes all of them back, then tries each once more, alone. */
  private void again(int from, int to) {
    boolean[] withdrawn = new boolean[to];
    for (int k = from; k < to; k++) {
      withdrawn[k] = withdraw(placed[k]);
    }
    giveBackUnused();
    for (int k = from; k < to; k++) {
      if (withdrawn[k]) {
        submitter.submit(placed[k], type, requests.get(k), options, false);
      }
    }
  }

  /** Takes a task back for which the ring had no room; false if it ends, or has ended, anyhow. */
  private boolean withdraw(TaskFuture<R> future) {
    Throwable gone = Mapped.fault(this, future, Batch::takeBack);
    if (gone != null) {
      future.fail(core.life.closedFailure(true, gone));
      return false;
    }
    return future.slot < 0;
  }

  private void takeBack(TaskFuture<R> future) {
    if (future.withdrawFrom(slots) == Withdrawal.WITHDRAWN) {
      future.slot = -1;
    } else {
      submitter.published(future); // a lane, or the timer, has it already
    }
  }

  /** Hints for all that is placed, and no slot kept. */
  private void finish() {
    try {
      flush();
    } finally {
      giveBackUnused();
    }
  }

  private void giveBackUnused() {
    if (nextPopped == poppedCount) {
      return;
    }
    while (nextPopped < poppedCount) {
      slots.giveBack(popped[nextPopped++], 0);
    }
    core.segment.room.freed();
  }
}
