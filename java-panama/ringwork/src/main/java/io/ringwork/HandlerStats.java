package io.ringwork;

/**
 * What has become of the tasks of a handler since the pool was made, of all clients and on all
 * lanes and workers that were. The numbers only grow.
 *
 * @param handler its name; {@code (unknown)} for tasks that name no handler of the pool, {@code
 *     (others)} for those that the pool has no room to count by handler
 * @param completed tasks that ended with a result; each request of a chunk counts
 * @param failed tasks that ended with a failure, the next three included
 * @param panicked tasks whose handler panicked
 * @param expired tasks whose deadline came while they waited in the queue
 * @param cancelled tasks that were cancelled before or while they ran; those that a client leaves
 *     in the queue when it ends are among them
 * @param crashed tasks that ended since their worker had died
 * @param retried attempts that died with their worker and were followed by another
 * @param rejected tasks that were not taken, of all clients; those that the pool refused later,
 *     since it had no worker, are among them as {@link TaskCounts.Rejected#unavailable}
 * @param queue the time from submit to the lane's claim, of sampled tasks
 * @param run the time from claim to end, of sampled tasks; a chunk is one
 */
public record HandlerStats(
    String handler,
    long completed,
    long failed,
    long panicked,
    long expired,
    long cancelled,
    long crashed,
    long retried,
    TaskCounts.Rejected rejected,
    TimeHistogram queue,
    TimeHistogram run) {}
