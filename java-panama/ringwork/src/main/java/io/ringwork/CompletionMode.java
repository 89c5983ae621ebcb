package io.ringwork;

import java.util.Objects;
import java.util.concurrent.Executor;

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
      new CompletionMode("VIRTUAL_THREADS", Thread::startVirtualThread);

  /**
   * The thread that found the completion: the poller, or a thread that helps it. The lowest
   * latency, for callbacks that are short and never block, such as those that hand a result to an
   * event loop: a callback that blocks stops all completions of this client.
   */
  public static final CompletionMode INLINE = new CompletionMode("INLINE", Runnable::run);

  private final String name;
  final Executor executor;

  private CompletionMode(String name, Executor executor) {
    this.name = name;
    this.executor = executor;
  }

  /**
   * Completions run on an executor of yours: a task for each future that has dependents, and one
   * for several of those without. One that rejects the completion, or throws, gets it run on the
   * poller thread instead, so that no future is lost; a warning says so once in ten seconds. The
   * client never shuts it down; what it has not completed at the close, the client completes.
   *
   * <p>Its {@code execute} must not block. The thread that calls it is the one that takes in the
   * results of this client: no other future is completed meanwhile, deadlines are late, and {@code
   * get} and {@code join} of other threads may wait as long. So give a bounded queue a policy that
   * rejects ({@link java.util.concurrent.ThreadPoolExecutor.AbortPolicy}), not one that waits for
   * room; {@code CallerRunsPolicy} runs the callback itself on that thread. An {@code execute} that
   * has taken more than 100 ms is warned of, once in ten seconds, when it has come back.
   *
   * @param executor where to complete futures
   * @return the mode
   */
  public static CompletionMode executor(Executor executor) {
    return new CompletionMode("EXECUTOR", Objects.requireNonNull(executor, "executor"));
  }

  @Override
  public String toString() {
    return name;
  }
}
