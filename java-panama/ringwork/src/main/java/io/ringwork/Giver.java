package io.ringwork;

import io.ringwork.internal.Background;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Gives batches to an executor of the user on a thread of its own, the first one first. That
 * executor may block the thread for as long as it likes: no other thread ever waits for it. The
 * thread is started with the first batch, and ends when it has had nothing to do for a while.
 */
final class Giver {
  private static final long IDLE_NANOS = 10_000_000_000L;

  private final String name;
  private final Consumer<CompletionBatch> give;

  /** Guarded by this, like the next four: what waits, linked by {@link CompletionBatch#behind}. */
  private @Nullable CompletionBatch first;

  private @Nullable CompletionBatch last;

  /** Whether there is a thread, and whether it waits for a batch. */
  private boolean running;

  private boolean idle;

  /** The thread ends as soon as it has nothing to do. */
  private boolean closing;

  /** What the executor is being given, and since when. */
  private volatile @Nullable CompletionBatch inHand;

  private volatile long since;

  /**
   * A giver without a thread.
   *
   * @param name of its thread
   * @param give what is done with each batch on the thread; throws nothing
   */
  Giver(String name, Consumer<CompletionBatch> give) {
    this.name = name;
    this.give = give;
  }

  String threadName() {
    return name;
  }

  /** Adds a batch, from any thread; takes no memory once there is a thread. Throws nothing. */
  synchronized void add(CompletionBatch batch) {
    if (last == null) {
      first = batch;
    } else {
      last.behind = batch;
    }
    last = batch;
    if (idle) {
      notifyAll();
    }
    start();
  }

  /** Starts the thread if there is something to do and none does it. */
  synchronized void start() {
    if (running || first == null) {
      return;
    }
    running = true;
    boolean started = false;
    try {
      Background.thread(name, this::run).start();
      started = true;
    } catch (Throwable shortage) {
      // at the next look
    } finally {
      running = started;
    }
  }

  /** The thread is not kept for what may come yet. */
  synchronized void closing() {
    closing = true;
    notifyAll();
  }

  /** Whether a batch is being given. */
  boolean isBusy() {
    return inHand != null;
  }

  /** The batch that the executor has been given for longer than this and has not come back with. */
  @Nullable CompletionBatch heldUp(long now, long nanos) {
    CompletionBatch batch = inHand;
    return batch != null && now - since > nanos ? batch : null;
  }

  /** The next one that waits, without waiting for one; for any thread. */
  synchronized @Nullable CompletionBatch poll() {
    CompletionBatch batch = first;
    if (batch != null) {
      first = batch.behind;
      batch.behind = null;
      if (first == null) {
        last = null;
      }
    }
    return batch;
  }

  private void run() {
    Background.insist(this::giveAll);
  }

  private void giveAll() {
    for (CompletionBatch batch = take(); batch != null; batch = take()) {
      since = System.nanoTime();
      inHand = batch;
      try {
        give.accept(batch);
      } finally {
        inHand = null; // what was not given is late, and threads of ours complete it
      }
    }
  }

  /** Waits for the next one; null if none has come for long: the thread ends. */
  private synchronized @Nullable CompletionBatch take() {
    long end = System.nanoTime() + IDLE_NANOS;
    CompletionBatch batch = poll();
    while (batch == null) {
      long left = end - System.nanoTime();
      if (closing || left <= 0) {
        running = false;
        break;
      }
      idle = true;
      try {
        wait(left / 1_000_000 + 1);
      } catch (InterruptedException ofTheExecutor) {
        // the flag is cleared, and means nothing here
      } finally {
        idle = false;
      }
      batch = poll();
    }
    return batch;
  }
}
