package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Plural;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.Place;
import io.ringwork.internal.segment.Room;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.segment.Status;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Ends tasks that were taken out of the table: reads what the lane wrote, once into locals, and
 * checks it before it is used; frees slot and blocks; settles the future.
 *
 * <p>On any thread: each task is ended by the one that has taken it.
 */
final class TaskEnder {
  private static final Mapped.AccessWith<TaskEnder, Taken, RuntimeException> READ_PLAIN =
      TaskEnder::readPlainResults;

  private final Lifecycle life;
  private final ClientSegment<TaskFuture<?>> segment;
  private final SharedMemory memory;
  private final PayloadArena arena;
  private final SlotTable<TaskFuture<?>> slots;
  private final Room room;
  private final Counters counters;
  private final ResultReader reader;
  private final Handover handover;
  private final ResultLease.Source leases;

  TaskEnder(
      Lifecycle life,
      ClientSegment<TaskFuture<?>> segment,
      Counters counters,
      ResultReader reader,
      Handover handover) {
    this.life = life;
    this.segment = segment;
    this.memory = segment.memory;
    this.arena = segment.arena;
    this.slots = segment.slots;
    this.room = segment.room;
    this.counters = counters;
    this.reader = reader;
    this.handover = handover;
    this.leases = new Leases(segment);
  }

  /** The memory of leased results. */
  private record Leases(ClientSegment<TaskFuture<?>> segment) implements ResultLease.Source {
    @Override
    public MemorySegment result(int slot, long reference) {
      return segment.views.result(slot, reference);
    }

    @Override
    public void release(int slot, long word, long reference) {
      segment.slots.release(slot, word, reference);
      segment.room.freed();
    }
  }

  /** The tasks that a drain is ending; one for all drains, guarded by the role. */
  static final class Taken {
    final int[] slots;
    final TaskFuture<?>[] futures;
    final long[] words;

    /** How they end, where that is plain. */
    final @Nullable Object[] outcomes;

    /** Slots to be given back together. */
    private final int[] home;

    private int plain;

    int count;

    Taken(int most) {
      slots = new int[most];
      futures = new TaskFuture<?>[most];
      words = new long[most];
      outcomes = new Object[most];
      home = new int[most];
    }

    void add(int slot, TaskFuture<?> future, long word) {
      slots[count] = slot;
      futures[count] = future;
      words[count++] = word;
    }
  }

  /**
   * The first half of ending several tasks, for those with a result in their slot: reads the
   * results, and gives the slots back and counts them together. What is special about a task is
   * left to {@link #end}, which begins anew.
   */
  void takePlainResults(Taken taken) {
    taken.plain = 0;
    try {
      Mapped.run(this, taken, READ_PLAIN); // if closed meanwhile end meets the same
    } finally {
      if (taken.plain > 0) {
        slots.pushFree(taken.home, taken.plain);
        counters.count(Layout.CLIENT_COMPLETED, taken.plain);
        room.freed();
      }
    }
  }

  private void readPlainResults(Taken taken) {
    for (int t = 0; t < taken.count; t++) {
      TaskFuture<?> future = taken.futures[t];
      int i = taken.slots[t];
      long word = taken.words[t];
      // Its reference 0, too: then it is a length alone.
      long place = memory.getLong(slots.at(i) + Layout.SLOT_RESULT_PLACE);
      if (StateWord.kind(word) == Layout.KIND_DONE
          && StateWord.status(word) == Layout.STATUS_OK
          && place >= 0
          && place <= Layout.INLINE
          && future.holder == null
          && future.type.kind == ResultKind.VALUE
          && !future.isSettled()) {
        noteRun(future, i);
        tellRun(future, i);
        counters.judge(future, true);
        slots.retire(i, future.generation);
        taken.home[taken.plain++] = i;
        // Its slot is given back in any case: should the decoding end in an Error.
        taken.outcomes[t] = Failure.UNSAID;
        taken.outcomes[t] = reader.decode(future, StateWord.codec(word), i, 0, (int) place);
      }
    }
  }

  /** The slot is not given back: its state is unknown. */
  void corrupt(int i, TaskFuture<?> future, long word) {
    slots.lose(i);
    room.freed();
    future.fail(
        new CorruptSegmentException(
            "slot "
                + slots.global(i)
                + " has the impossible state 0x"
                + Long.toHexString(word)
                + ": restart the pool",
            true));
  }

  /** Ends the task of a slot that was taken out of the table. */
  void end(int i, TaskFuture<?> future, long word) {
    try {
      tellRun(future, i);
      if (StateWord.kind(word) == Layout.KIND_CRASHED) {
        crashed(i, future, word);
      } else {
        done(i, future, word);
      }
    } catch (IllegalStateException | InternalError unmapped) {
      future.fail(life.closedFailure(true, unmapped));
    } catch (Throwable broken) {
      // No stack or no memory left, on a thread that perhaps only helps: the future is out of the
      // table, so it ends here or never.
      endBroken(i, future, word, broken);
      throw broken;
    } finally {
      room.freed();
    }
  }

  private void endBroken(int i, TaskFuture<?> future, long word, Throwable broken) {
    if (future.outcome() instanceof Deferred mine && mine.slot() == i) {
      handover.owe(future); // the completing thread reads the result, frees the slot
      return;
    }
    failUnread(future, broken);
    try {
      if (slots.generation(i) == StateWord.generation(word)) { // only this thread moves it on
        long place = memory.getLong(slots.at(i) + Layout.SLOT_RESULT_PLACE);
        slots.release(i, word, Place.reference(place));
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
    }
  }

  private static void failUnread(TaskFuture<?> future, Throwable broken) {
    Failure failure;
    try {
      failure =
          new Failure(
              new CodecException(
                  "the result of " + future.type.name() + " can't be taken in: " + broken,
                  true,
                  broken));
    } catch (Throwable shortage) {
      failure = Failure.UNSAID;
    }
    future.fail(failure);
  }

  private void crashed(int i, TaskFuture<?> future, long word) {
    if (future.isSettled()) {
      slots.release(i, word, 0);
      return;
    }
    counters.count(Layout.CLIENT_FAILED);
    fail(
        future,
        i,
        word,
        0,
        WorkerCrashedException.last(
            future.type.name(), StateWord.owner(word), StateWord.attempt(word) + 1));
  }

  /** Ends a task with an error; of a chunk, that is the end of what had not ended by then. */
  private void fail(
      TaskFuture<?> future, int i, long word, long reference, RingworkException error) {
    if (future.type.kind == ResultKind.CHUNK) {
      defer(future, new Deferred(i, word, reference, 0, 0, error));
    } else {
      slots.release(i, word, reference);
      future.fail(error);
    }
  }

  private void done(int i, TaskFuture<?> future, long word) {
    // The place once, into a local.
    long place = memory.getLong(slots.at(i) + Layout.SLOT_RESULT_PLACE);
    long reference = Place.reference(place);
    int status = StateWord.status(word);
    if (status == Layout.STATUS_OK) {
      noteRun(future, i); // also of one that came too late: it says the same of the next
    }
    if (future.isSettled()) {
      slots.release(i, word, reference); // abandoned: the slot was all that was left
      return;
    }
    String wrong = check(i, word, reference, Place.length(place));
    if (wrong != null) {
      slots.release(i, word, 0);
      counters.count(Layout.CLIENT_FAILED);
      future.fail(new CorruptSegmentException(wrong, true));
      return;
    }
    int length = (int) Place.length(place);
    if (status == Layout.STATUS_OK) {
      counters.judge(future, true);
      succeeded(i, future, word, reference, length, StateWord.codec(word));
    } else {
      failed(future, i, word, reference, length, status);
    }
  }

  /**
   * How long a task took that has a result, if it was stamped; what a chunk took is no run time.
   */
  private void noteRun(TaskFuture<?> future, int i) {
    if (slots.isStamped(i) && future.type.kind != ResultKind.CHUNK) {
      counters.runTimes.ran(future.type.handlerId, slots.sinceClaim(i));
    }
  }

  /** Has observers know which lane ran a task, and when, while its slot says so. */
  private void tellRun(TaskFuture<?> future, int i) {
    Observed observed = future.observed();
    if (observed != null && !future.isSettled()) {
      observed.note(segment, i, future.generation);
    }
  }

  private void succeeded(
      int i, TaskFuture<?> future, long word, long reference, int length, int codec) {
    Engine.Holder holder = future.holder;
    if (holder != null) {
      counters.count(Layout.CLIENT_COMPLETED);
      holder.hold(i, word, reference, length, codec);
      future.settleOwn(Outcome.HELD);
    } else if (future.type.kind == ResultKind.LEASE) {
      counters.count(Layout.CLIENT_COMPLETED);
      lease(future, new ResultLease(leases, i, word, reference, length, codec));
    } else if (reference == 0 && future.type.kind == ResultKind.VALUE) {
      slots.retire(i, future.generation);
      Object outcome = Failure.UNSAID;
      try {
        outcome = reader.decode(future, codec, i, 0, length);
      } finally {
        slots.pushFree(i); // it is on no list, and what is thrown here is known to no other
      }
      counters.count(Layout.CLIENT_COMPLETED);
      if (future.settle(outcome)) {
        future.dispatch();
      }
    } else {
      counters.count(Layout.CLIENT_COMPLETED);
      defer(future, new Deferred(i, word, reference, length, codec, null));
    }
  }

  /** Leaves a result in its block to the thread that completes the future. */
  private void defer(TaskFuture<?> future, Deferred result) {
    reader.defer();
    if (handover.isInline()) {
      if (future.settle(reader.decode(future, result))) {
        future.dispatch();
      }
    } else if (future.settle(result)) {
      future.dispatch();
    } else {
      reader.drop(result);
    }
  }

  private @Nullable String check(int i, long word, long reference, long length) {
    if (reference == 0) {
      return length <= Layout.INLINE
          ? null
          : "an inline result of "
              + Plural.of(length, "byte")
              + ": the worker or the segment is damaged";
    }
    long owner =
        PayloadArena.resultOwner(
            slots.global(i), StateWord.generation(word), StateWord.attempt(word));
    return arena.holds(reference, length, owner)
        ? null
        : "the result reference 0x"
            + Long.toHexString(reference)
            + " with "
            + Plural.of(length, "byte")
            + " is none of this task's: the worker or the segment is damaged";
  }

  private void lease(TaskFuture<?> future, ResultLease lease) {
    if (future.settle(lease)) {
      future.dispatch();
    } else {
      lease.close();
    }
  }

  private void failed(
      TaskFuture<?> future, int i, long word, long reference, int length, int status) {
    byte[] record = memory.bytes(slots.resultAt(i, reference), length);
    Status how = FailureRecord.status(status);
    if (how == Status.EXPIRED) {
      counters.judge(future, false);
    }
    counters.count(
        how == Status.EXPIRED
            ? Layout.CLIENT_TIMED_OUT
            : how == Status.CANCELLED ? Layout.CLIENT_CANCELLED : Layout.CLIENT_FAILED);
    fail(
        future,
        i,
        word,
        reference,
        FailureRecord.parse(record)
            .toException(future.type.name(), status, StateWord.attempt(word)));
  }
}
