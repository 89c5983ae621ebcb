package io.ringwork;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Settled futures that had no dependents, for one task of the executor: a task each costs more than
 * most results. Should a dependent have come after all, and block, the poller has another task take
 * the rest on: each future is completed by whoever draws its index.
 */
final class CompletionBatch implements Runnable {
  /** After so long another thread takes on what is left. */
  static final long LATE_NANOS = 10_000_000;

  final List<TaskFuture<?>> futures;
  private final Client client;
  private final AtomicInteger next = new AtomicInteger();

  /** When it was last given to an executor; after the first time written by the poller only. */
  private long since;

  CompletionBatch(Client client, TaskFuture<?>[] futures, long now) {
    this.client = client;
    this.futures = List.of(futures);
    this.since = now;
  }

  @Override
  public void run() {
    for (int i = next.getAndIncrement(); i < futures.size(); i = next.getAndIncrement()) {
      client.completeHandedOver(futures.get(i));
    }
  }

  /** Whether there is nothing left that a thread could begin. */
  boolean isTaken() {
    return next.get() >= futures.size();
  }

  /** Whether it has waited, or been stuck, for too long; if so the time begins anew. */
  boolean isLate(long now) {
    boolean late = now - since > LATE_NANOS;
    if (late) {
      since = now;
    }
    return late;
  }
}
