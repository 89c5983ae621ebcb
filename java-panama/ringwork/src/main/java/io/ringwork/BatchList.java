package io.ringwork;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Batches of futures that were handed over and are looked after until they are through, the oldest
 * first. Any thread adds, without a lock and without memory; one at a time looks.
 */
final class BatchList {
  /** A virtual thread that has not begun by then does not get a processor. */
  static final long LATE_NANOS = 50_000_000;

  /** A batch that was begun and is not through by then is stuck in a dependent. */
  static final long STUCK_NANOS = 10_000_000;

  /** An executor of the user that has not begun by then has dropped it, or is as good as gone. */
  static final long FOREIGN_LATE_NANOS = 5_000_000_000L;

  /** After a longer pause between two looks the process has stood still, and executors with it. */
  private static final long STOOD_STILL_NANOS = 2_000_000_000L;

  /** Batches that are looked at each time, from the oldest on. */
  private static final int LOOKED_AT = 64;

  private static final VarHandle ADDED;

  static {
    try {
      ADDED = MethodHandles.lookup().findVarHandle(BatchList.class, "added", CompletionBatch.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** How long they may take to begin. */
  private final long lateNanos;

  /** How many of them are looked at each time. */
  private final int lookedAt;

  /** What is done with a batch that is late or stuck. */
  private final Consumer<CompletionBatch> late;

  /** What was added since the last look, the newest first, linked. */
  @SuppressWarnings("unused") // through ADDED
  private volatile @Nullable CompletionBatch added;

  /** What is looked after, the oldest first, linked. Written under the lock. */
  private volatile @Nullable CompletionBatch oldest;

  /** Guarded by this. */
  private @Nullable CompletionBatch newest;

  /** When it was looked at last, and since when without a long pause; guarded by this. */
  private long looked = System.nanoTime();

  private long steadySince = looked;

  /**
   * An empty list.
   *
   * @param foreign whether an executor of the user is given the batches, which may take its time
   * @param late what is done with a batch that is late or stuck
   */
  BatchList(boolean foreign, Consumer<CompletionBatch> late) {
    this.lateNanos = foreign ? FOREIGN_LATE_NANOS : LATE_NANOS;
    this.lookedAt = foreign ? Integer.MAX_VALUE : LOOKED_AT; // those behind a late one may be done
    this.late = late;
  }

  boolean isEmpty() {
    return added == null && oldest == null;
  }

  /** Adds a batch that was handed over; from any thread. */
  void add(CompletionBatch batch) {
    CompletionBatch first;
    do {
      first = added;
      batch.after = first;
    } while (!ADDED.compareAndSet(this, first, batch));
  }

  /** Forgets what is through, and gives up what is late. */
  synchronized void look(long now) {
    if (now - looked > STOOD_STILL_NANOS) {
      steadySince = now;
    }
    looked = now;
    takeNew();
    lookAtOldest(now);
  }

  /** Moves what is new behind what is older. */
  private void takeNew() {
    CompletionBatch batch = (CompletionBatch) ADDED.getAndSet(this, null);
    CompletionBatch reversed = null;
    CompletionBatch last = batch;
    while (batch != null) {
      CompletionBatch after = batch.after;
      batch.after = reversed;
      reversed = batch;
      batch = after;
    }
    if (reversed == null) {
      return;
    }
    if (newest == null) {
      oldest = reversed;
    } else {
      newest.after = reversed;
    }
    newest = last;
  }

  private void lookAtOldest(long now) {
    CompletionBatch before = null;
    CompletionBatch batch = oldest;
    for (int n = 0; n < lookedAt && batch != null; n++) {
      boolean taken = batch.isTaken();
      boolean isLate =
          batch.isBegun()
              ? batch.isLate(now, STUCK_NANOS)
              : batch.isLate(now, lateNanos) && hadTime(now);
      if (!taken && isLate) {
        late.accept(batch);
      }
      CompletionBatch after = batch.after;
      if (taken || isLate) {
        remove(batch, before);
      } else {
        before = batch;
      }
      batch = after;
    }
  }

  /** Whether executors had a chance to begin what is late; those of ours are not asked. */
  private boolean hadTime(long now) {
    return lateNanos == LATE_NANOS || now - steadySince > STOOD_STILL_NANOS;
  }

  private void remove(CompletionBatch batch, @Nullable CompletionBatch before) {
    if (before == null) {
      oldest = batch.after;
    } else {
      before.after = batch.after;
    }
    if (newest == batch) {
      newest = before;
    }
  }
}
