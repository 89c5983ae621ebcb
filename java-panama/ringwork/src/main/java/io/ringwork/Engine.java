package io.ringwork;

import io.ringwork.Outcome.Deferred;

/** What a {@link TaskFuture} needs of its connection. */
interface Engine {
  /** Whether futures are completed by the thread that settles them. */
  boolean completesInline();

  /** Lets a settled future complete that no thread waits for. */
  void hand(TaskFuture<?> future);

  /** Notes a settled future to be completed later; takes no memory. */
  void owe(TaskFuture<?> future);

  /**
   * Asks for some memory before a future fails; throws if there is none.
   *
   * @param certainly whether memory was short just now
   */
  void probe(boolean certainly);

  /** Decodes a result that was left in its block, then frees slot and block. Never throws. */
  Object decode(TaskFuture<?> future, Deferred result);

  /** Wakes a thread that was unparked, if it sleeps in another way. */
  void wake(Thread waiting);

  /** Waits until a future is done, or a time. */
  void await(TaskFuture<?> future, long end, boolean interruptibly) throws InterruptedException;

  /** Takes the result of a task in if it is there. */
  void takeIn(TaskFuture<?> future);

  /**
   * Takes a task back that was cancelled, or asks its handler to stop.
   *
   * @return whether it may have run
   */
  boolean cancel(TaskFuture<?> future);

  /** Keeps the result of a task in its slot or block, for a {@link RawCall}. */
  interface Holder {
    /** The result is there; called on the thread that waits for it. */
    void hold(int slot, long word, long reference, int length, int codec);
  }
}
