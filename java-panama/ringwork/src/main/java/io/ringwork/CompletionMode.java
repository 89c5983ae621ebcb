package io.ringwork;

import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ThreadPoolExecutor;

/**
 * On which thread futures are completed, and so on which their dependents run.
 *
 * <p>A thread that waits in {@code get}, {@code join} or {@code call} is handed the outcome
 * directly in every mode and, except in {@link #INLINE}, completes the future itself. While it
 * waits it also completes other futures that it has submitted itself and that have no dependents.
 */
public final class CompletionMode {
  /**
   * A virtual thread for each future that has dependents; those without share one, several at a
   * time. The default.
   */
  public static final CompletionMode VIRTUAL_THREADS =
      new CompletionMode("VIRTUAL_THREADS", Thread::startVirtualThread, false);

  /**
   * The thread that found the completion: the poller, or a thread that helps it. The lowest
   * latency, for callbacks that are short and never block, such as those that hand a result to an
   * event loop: a callback that blocks stops all completions of this client.
   */
  public static final CompletionMode INLINE = new CompletionMode("INLINE", Runnable::run, false);

  private final String name;
  final Executor executor;

  /** Whether {@code execute} may block, as far as we know, or run what it is given. */
  final boolean mayBlock;

  private CompletionMode(String name, Executor executor, boolean mayBlock) {
    this.name = name;
    this.executor = executor;
    this.mayBlock = mayBlock;
  }

  /**
   * Completions run on an executor of yours: a task for each future that has dependents, and one
   * for several of those without. The client never shuts it down; what it has not completed at the
   * close, the client completes.
   *
   * <p>No future stays undone because of the executor: threads of the client complete it where the
   * executor does not. A warning says so, once in ten seconds:
   *
   * <ul>
   *   <li>it rejects the completion, or throws: at once;
   *   <li>its {@code execute} blocks: after 1 s, and so everything that waits behind it;
   *   <li>it has taken the completion and not begun with it: after 5 s. Perhaps it drops tasks, as
   *       {@link java.util.concurrent.ThreadPoolExecutor.DiscardPolicy} does, or its threads are
   *       all busy.
   * </ul>
   *
   * So a callback that may run on certain threads only is to be given to them itself ({@code
   * thenApplyAsync(.., executor)}).
   *
   * <p>A thread of its own hands futures to the executor, so an {@code execute} that blocks, or
   * that runs the callback itself, holds up no call, no deadline and no other client. One that took
   * more than 100 ms is warned of, too. A {@link ForkJoinPool}, and a {@link ThreadPoolExecutor}
   * whose queue and policy are the JDK's and do not block, is given futures without that thread.
   *
   * @param executor where to complete futures
   * @return the mode
   */
  public static CompletionMode executor(Executor executor) {
    Objects.requireNonNull(executor, "executor");
    return new CompletionMode("EXECUTOR", executor, mayBlock(executor));
  }

  /** Of the JDK's own executors, and not of what is derived from them, it is known. */
  private static boolean mayBlock(Executor executor) {
    if (executor.getClass() == ForkJoinPool.class) {
      return !isOfJdk(((ForkJoinPool) executor).getFactory());
    }
    if (executor.getClass() != ThreadPoolExecutor.class) {
      return true;
    }
    ThreadPoolExecutor pool = (ThreadPoolExecutor) executor;
    Object policy = pool.getRejectedExecutionHandler();
    return policy instanceof ThreadPoolExecutor.CallerRunsPolicy
        || !isOfJdk(policy)
        || !isOfJdk(pool.getQueue())
        || !isOfJdk(pool.getThreadFactory());
  }

  private static boolean isOfJdk(Object part) {
    return part.getClass().getModule() == Object.class.getModule();
  }

  /** What a message calls the executor: its class, for its toString is not ours. */
  String executorName() {
    return executor.getClass().getName();
  }

  @Override
  public String toString() {
    return name;
  }
}
