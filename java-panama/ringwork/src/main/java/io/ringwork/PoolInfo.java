package io.ringwork;

import java.nio.file.Path;
import java.util.List;

/**
 * What a client knows of its pool, read at the time of {@link Ringwork#info()}.
 *
 * @param name the pool's name
 * @param segment the segment's file
 * @param segmentBytes its size
 * @param state how far it is in its life
 * @param ready whether it takes tasks and replaces workers that die: it serves, is in no crash
 *     storm, its supervisor runs, and not all of its workers are stopped; what {@code ringwork stat
 *     NAME --ready} says
 * @param reason why it is not ready, closed or failed; empty otherwise
 * @param supervisorPid the supervisor's process id, as seen in its own PID namespace
 * @param clientIndex the entry of this client in the client table
 * @param slots how many tasks this client can have in flight
 * @param freeSlots how many of them are free
 * @param lanes how many lanes are registered: tasks that run at once
 * @param workers how many worker processes are registered
 * @param maxPayloadBytes the largest request or result
 * @param handlers the names of the handlers that the workers have announced, sorted
 */
public record PoolInfo(
    String name,
    Path segment,
    long segmentBytes,
    PoolState state,
    boolean ready,
    String reason,
    int supervisorPid,
    int clientIndex,
    int slots,
    int freeSlots,
    int lanes,
    int workers,
    long maxPayloadBytes,
    List<String> handlers) {
  /** Copies the list of handlers. */
  public PoolInfo {
    handlers = List.copyOf(handlers);
  }
}
