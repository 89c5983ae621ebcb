package io.ringwork;

import java.util.List;
import java.util.Optional;

/**
 * The numbers of a pool at one moment, read from its memory by {@link Ringwork#stats()}. Other
 * processes count while they are read, so two of them may be a little apart.
 *
 * @param nanoTime when they were read, as {@link System#nanoTime()}; the difference of two looks is
 *     the time between them
 * @param uptimeNanos how long the pool has been there, in nanoseconds
 * @param client what this client has counted since it is connected to this pool
 * @param allClients what all clients have counted since the pool was made, those that have left
 *     included
 * @param queued hints that wait for a lane, of all priorities
 * @param busyLanes lanes that run a task
 * @param lanes lanes that are registered
 * @param arena the payload blocks of each size, the smallest first
 * @param handlers those that the workers know, and others of which there was any task, sorted by
 *     name
 */
public record PoolStats(
    long nanoTime,
    long uptimeNanos,
    TaskCounts client,
    TaskCounts allClients,
    long queued,
    int busyLanes,
    int lanes,
    List<Blocks> arena,
    List<HandlerStats> handlers) {
  /**
   * The payload blocks of one size.
   *
   * @param bytes the size of a block
   * @param count how many there are
   * @param taken how many hold a request or a result, or wait to be written or read
   */
  public record Blocks(long bytes, int count, int taken) {}

  /** Copies the lists. */
  public PoolStats {
    arena = List.copyOf(arena);
    handlers = List.copyOf(handlers);
  }

  /**
   * The numbers of a handler.
   *
   * @param name its name
   * @return the numbers, or empty if no worker knows it and there was no task of it
   */
  public Optional<HandlerStats> handler(String name) {
    return handlers.stream().filter(handler -> handler.handler().equals(name)).findFirst();
  }
}
