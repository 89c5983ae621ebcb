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

  /** Whether an executor of the user has them, which may take its time to begin. */
  private final boolean foreign;

  /** What is done with a batch that is late or stuck. */
  private final Consumer<CompletionBatch> late;

  /** What was added since the last look, the newest first, linked. */
  @SuppressWarnings("unused") // through ADDED
  private volatile @Nullable CompletionBatch added;

  /** What is looked after, the oldest first, linked. Written under the lock. */
  private volatile @Nullable CompletionBatch oldest;

  /** Guarded by this. */
  private @Nullable CompletionBatch newest;

  BatchList(boolean foreign, Consumer<CompletionBatch> late) {
    this.foreign = foreign;
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
    for (int n = 0; n < LOOKED_AT && batch != null; n++) {
      boolean taken = batch.isTaken();
      // An executor of the user may take its time to begin.
      boolean isLate =
          batch.isBegun()
              ? batch.isLate(now, STUCK_NANOS)
              : !foreign && batch.isLate(now, LATE_NANOS);
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
