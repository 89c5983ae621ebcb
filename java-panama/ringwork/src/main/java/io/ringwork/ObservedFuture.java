package io.ringwork;

import io.ringwork.TaskObserver.Scope;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * The future of a task that observers look at: tells them of its end, and has its callbacks run in
 * the submitter's context. While no client has observers this class is not loaded, and what {@link
 * TaskFuture} asks it costs nothing.
 *
 * @param <R> the result
 */
final class ObservedFuture<R> extends TaskFuture<R> {
  private final Observed observed;

  ObservedFuture(
      Engine engine,
      TaskType<?, R> type,
      long deadline,
      @Nullable Thread waiter,
      Observed observed) {
    super(engine, type, deadline, waiter);
    this.observed = observed;
  }

  /** Without a client, for a task that was never in a pool. */
  ObservedFuture(TaskType<?, R> type, Observed observed) {
    super(type);
    this.observed = observed;
  }

  /** Of one task of a raw call. */
  ObservedFuture(Engine engine, TaskType<?, R> type, Engine.Holder holder, Observed observed) {
    super(engine, type, holder);
    this.observed = observed;
  }

  @Override
  Observed observed() {
    return observed;
  }

  @Override
  void completeWith(Object how) {
    observed.ended(how, slot < 0);
    Scope[] scopes = observed.restore();
    try {
      super.completeWith(how);
    } finally {
      observed.leave(scopes);
    }
  }

  @Override
  void completeCancelled(CancellationException why) {
    observed.ended(why);
    Scope[] scopes = observed.restore();
    try {
      super.completeCancelled(why);
    } finally {
      observed.leave(scopes);
    }
  }
}
