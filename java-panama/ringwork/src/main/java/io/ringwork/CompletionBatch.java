package io.ringwork;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Settled futures for one task of the executor: one with dependents, or several that had none, for
 * a task each costs more than most results. Should the thread that completes them not begin, or be
 * stuck in a dependent that came after all, others take the rest on: each future is completed by
 * the thread that draws it.
 */
final class CompletionBatch implements Runnable {
  private static final VarHandle NEXT;

  static {
    try {
      NEXT = MethodHandles.lookup().findVarHandle(CompletionBatch.class, "next", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** The next one on the list of the {@link Handover}, which alone uses it. */
  @Nullable CompletionBatch after;

  /** The next one that the {@link Giver} is to give, which alone uses it. */
  @Nullable CompletionBatch behind;

  private final Consumer<TaskFuture<?>> complete;
  private final @Nullable TaskFuture<?> only;
  private final TaskFuture<?> @Nullable [] many;

  /** When it was made, by System.nanoTime. */
  final long since;

  /** The index of the next future that no thread has begun to complete. */
  @SuppressWarnings("unused") // through NEXT
  private volatile int next;

  CompletionBatch(Consumer<TaskFuture<?>> complete, TaskFuture<?> only, long now) {
    this.complete = complete;
    this.only = only;
    this.many = null;
    this.since = now;
  }

  CompletionBatch(Consumer<TaskFuture<?>> complete, TaskFuture<?>[] many, long now) {
    this.complete = complete;
    this.only = null;
    this.many = many;
    this.since = now;
  }

  int size() {
    return many == null ? 1 : many.length;
  }

  @Nullable TaskFuture<?> get(int i) {
    return many == null ? only : many[i];
  }

  @Override
  public void run() {
    for (TaskFuture<?> future = draw(); future != null; future = draw()) {
      complete.accept(future);
    }
  }

  /** The next future that no thread has begun to complete; null when there is none. */
  @Nullable TaskFuture<?> draw() {
    int i = isTaken() ? size() : (int) NEXT.getAndAdd(this, 1);
    return i < size() ? get(i) : null;
  }

  /** Whether there is nothing left that a thread could begin. */
  boolean isTaken() {
    return next >= size();
  }

  /** Whether a thread has begun with it. */
  boolean isBegun() {
    return next > 0;
  }

  /** Whether it was handed over longer ago than this. */
  boolean isLate(long now, long nanos) {
    return now - since > nanos;
  }
}
