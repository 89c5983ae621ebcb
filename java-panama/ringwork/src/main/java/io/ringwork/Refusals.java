package io.ringwork;

import io.ringwork.RejectedException.Reason;
import io.ringwork.internal.Durations;
import io.ringwork.internal.Plural;
import io.ringwork.internal.queue.Backlog;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SlotTable;

/** Why a task is not taken: what there is no room for, how much there is, and what helps. */
final class Refusals {
  private final SlotTable<TaskFuture<?>> slots;
  private final PayloadArena arena;
  private final long segmentSize;

  /** Whether this JVM launched the pool, and chose its options. */
  private final boolean own;

  Refusals(ClientSegment<TaskFuture<?>> segment, boolean own) {
    this.slots = segment.slots;
    this.arena = segment.arena;
    this.segmentSize = segment.geometry.segmentSize();
    this.own = own;
  }

  /** Of a task that will not be done in time behind what is queued before it. */
  static RejectedException late(TaskType<?, ?> type, Backlog.Estimate late) {
    return new RejectedException(
        Reason.DEADLINE_UNREACHABLE,
        type.name()
            + " would wait about "
            + Durations.text(late.delay())
            + " for "
            + (late.tasks() == 1 ? "the task that is" : "the " + late.tasks() + " tasks that are")
            + " queued before it on "
            + Plural.of(late.lanes(), "lane")
            + ", then run for "
            + Durations.text(late.run())
            + " or so; with the margin of such an estimate, which grows while tasks come late, that is"
            + " more than the "
            + Durations.text(late.left())
            + " until its deadline: submit fewer tasks (TaskType.maxInFlight), give it Priority.HIGH, more time, or"
            + " the pool more lanes; TaskOptions.admitLate lets it in all the same");
  }

  /** Of a task with a key, where the pool takes none. */
  RejectedException noKeys() {
    return new RejectedException(
        Reason.KEY,
        "this pool takes no tasks with keys: "
            + (own
                ? "launch it with LaunchConfig.arguments(\"--keys\", \"true\"), or with a segmentSize"
                : "serve it with --keys true, or with a --segment-size")
            + " of 512 MiB or more");
  }

  /** Refuses a request that no block holds. */
  void checkSize(TaskType<?, ?> type, long size) {
    if (size < 0) {
      throw new CodecException(
          "the codec of " + type.name() + " gave the size " + size, false, null);
    }
    if (size > Layout.INLINE && size > arena.maxRequest()) {
      boolean chunk = type.kind == ResultKind.CHUNK;
      throw new RejectedException(
          Reason.PAYLOAD_TOO_LARGE,
          (chunk ? "a chunk of " : "a request of ")
              + size
              + " bytes for "
              + type.name()
              + " is larger than the largest block of "
              + arena.maxRequest()
              + " bytes: "
              + (chunk ? "send fewer requests at a time, or " : "")
              + Sizing.largerBlocks(own, size));
    }
  }

  /** Of a task that has found no room. */
  RejectedException noRoom(
      Reason full, TaskType<?, ?> type, long size, TaskOptions options, boolean waited) {
    return new RejectedException(full, what(full, type, size, options, waited));
  }

  /**
   * What there was no room for, how much there is, and what helps.
   *
   * @param waited whether {@link Backpressure#block} was tried
   */
  String what(Reason full, TaskType<?, ?> type, long size, TaskOptions options, boolean waited) {
    String otherwise = otherwise(type, options, waited);
    return switch (full) {
      case NO_SLOT ->
          (slots.count == 1
                  ? "the one slot of this client is in use"
                  : "all " + slots.count + " slots of this client are in use")
              + (slots.reserve == 0
                  ? ""
                  : " (but for the last " + slots.reserve + ", which are kept for Priority.HIGH)")
              + ": submit slower, "
              + otherwise
              + ", or raise "
              + Sizing.option(own, "slots", "--slots");
      case TOO_MANY_IN_FLIGHT ->
          Plural.of(type.maxInFlight, "task")
              + " of "
              + type.name()
              + (type.maxInFlight == 1 ? " is" : " are")
              + " in flight, as many as TaskType.maxInFlight lets this client have: submit slower, "
              + otherwise
              + ", or raise the limit";
      case RING_FULL ->
          "the injector ring of this priority is full: submit slower, or " + otherwise;
      case ARENA_EXHAUSTED ->
          "no payload block is free for a request of "
              + size
              + " bytes, of which the pool has room for "
              + arena.requestsOf(size)
              + " at a time: submit slower, "
              + otherwise
              + ", or "
              + Sizing.moreBlocks(own, segmentSize);
      default -> full.toString();
    };
  }

  /** What helps beside fewer tasks and a larger pool: what was not tried. */
  private static String otherwise(TaskType<?, ?> type, TaskOptions options, boolean waited) {
    Backpressure.Kind kind = options.backpressure.kind;
    if (waited) {
      return "give Backpressure.block more time, for it has waited in vain";
    }
    if (kind == Backpressure.Kind.BLOCK) {
      return "submit from another thread, for Backpressure.block does not wait in a callback";
    }
    return kind == Backpressure.Kind.CALLER_RUNS
            && options.key == 0
            && type.kind != ResultKind.LEASE
        ? "give " + type.name() + " a fallback that Backpressure.callerRuns can run"
        : "use Backpressure.block";
  }
}
