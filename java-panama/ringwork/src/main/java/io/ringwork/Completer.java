package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.Outcome.Failure;
import io.ringwork.internal.Cores;
import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.PollerRole;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Ends tasks whose slot is DONE or CRASHED: reads the result, frees slot and blocks, settles the
 * future.
 *
 * <p>May run on any thread: {@link SlotTable#take} lets one thread end each task. What the lane
 * wrote is read once into locals and checked before it is used. Only {@link #drain} needs the
 * {@linkplain PollerRole poller's role}, for its scratch array.
 */
final class Completer implements PollerRole.Work {
  private static final int BATCH = 32;
  private static final int MOST = 256;

  /** From a submit to the wait for it is less, if nothing is done in between. */
  private static final long MOMENT_NANOS = 5_000;

  /** A thread that moves a word and then its future may be paused between, but not so long. */
  private static final int SUSPICIONS = 5;

  private final Client client;
  private final SharedMemory memory;
  private final SlotTable<TaskFuture<?>> slots;
  private final PayloadArena arena;
  private final HintRing ring;
  private final long entry;
  private final int[] scratch = new int[BATCH];

  /** The tasks that a drain is ending; guarded by the role. */
  private final TaskFuture<?>[] takenFutures = new TaskFuture<?>[BATCH];

  private final long[] takenWords = new long[BATCH];

  /** How they end, where that is plain; guarded by the role. */
  private final @Nullable Object[] outcomes = new Object[BATCH];

  /** Slots to bring home; guarded by the role. */
  private final int[] home = new int[BATCH];

  /** Written so that reads ahead are not optimised away. */
  @SuppressWarnings("unused")
  private long touched;

  /** What the drain in progress has settled and no thread waits for; guarded by the role. */
  private final TaskFuture<?>[] settled = new TaskFuture<?>[MOST];

  private int settledCount;

  /** Whether a drain is in progress; written with the role, glanced at without it. */
  private boolean collecting;

  /** Whether a dependent was found since the poller last asked; a lost update does no harm. */
  private volatile boolean wanted;

  /** Whose slots have had an impossible word, and at how many checks in a row; poller only. */
  private final @Nullable TaskFuture<?>[] suspects;

  private final byte[] suspicions;

  /** Results that wait in their blocks to be decoded. */
  private final AtomicInteger deferred = new AtomicInteger();

  Completer(
      Client client,
      SharedMemory memory,
      SlotTable<TaskFuture<?>> slots,
      HintRing ring,
      PayloadArena arena,
      long entry) {
    this.client = client;
    this.memory = memory;
    this.slots = slots;
    this.arena = arena;
    this.ring = ring;
    this.entry = entry;
    this.suspects = new TaskFuture<?>[slots.count];
    this.suspicions = new byte[slots.count];
  }

  /** Adds one to a counter of the client entry. */
  void count(int counter) {
    count(counter, 1);
  }

  /** Adds to a counter of the client entry. */
  void count(int counter, int by) {
    if (client.isTruncated()) {
      return;
    }
    try {
      memory.addLong(entry + counter, by);
      if (Failpoints.ON) Failpoints.hit("client.counted");
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile: it has no reader
    }
  }

  boolean hasDeferred() {
    return deferred.get() > 0;
  }

  @Override
  public boolean hasWork() {
    return !ring.isEmpty() || memory.getIntAcquire(entry + Layout.CLIENT_OVERFLOW) != 0;
  }

  /** Whether a thread is ending what has come; a glance, without the poller's role. */
  boolean isDraining() {
    return collecting;
  }

  /** Ends what the hints tell, up to a bound; the caller has the poller's role. */
  @Override
  public int drain() {
    return drain(MOST);
  }

  /** As {@link #drain()}, up to about so many. */
  int drain(int most) {
    collecting = true;
    try {
      return drain(scratch, most);
    } finally {
      collecting = false; // what a callback settles while it runs here goes its own way
      handOver();
    }
  }

  /** As {@link #drain()} for a thread that is inside a drain: an INLINE callback that waits. */
  int drainNested() {
    return drain(new int[1], MOST);
  }

  private int drain(int[] into, int most) {
    int total = 0;
    long overflow = entry + Layout.CLIENT_OVERFLOW;
    int lost = memory.getIntAcquire(overflow);
    if (lost != 0) {
      memory.casInt(overflow, lost, 0); // before the scan: what comes during it sets it again
      if (Failpoints.ON) Failpoints.hit("poll.overflow");
      total += scan();
    }
    while (total < most) {
      int n = ring.poll(into);
      if (Failpoints.ON && n > 0) Failpoints.hit("poll.taken");
      if (n == 1) {
        int i = slots.local(into[0]);
        if (i >= 0) {
          tryEnd(i);
        }
      } else {
        endAll(into, n);
      }
      total += n;
      if (n < into.length) {
        break;
      }
    }
    return total;
  }

  // ---- completing what was settled

  /**
   * Has a settled future completed that no thread waits for: on the executor, or, where no user's
   * code can run, together with others when the drain is over.
   */
  void hand(TaskFuture<?> future) {
    if (!collecting || !client.role.isMine()) {
      client.handover.execute(future);
      return;
    }
    if (settledCount == settled.length) {
      handOver();
    }
    settled[settledCount++] = future;
  }

  /**
   * Completes what the drain has collected. A future with dependents gets a task of the executor of
   * its own, for its callbacks may block. One without, which this very thread has submitted, is
   * completed here: only its submitter's friends could add a dependent at this moment, and the
   * thread is one that waits for a task, never the poller. The others share one task.
   */
  private void handOver() {
    int me = TaskFuture.threadId();
    int rest = 0;
    for (int n = 0; n < settledCount; n++) {
      TaskFuture<?> future = settled[n];
      settled[n] = null;
      if (future.getNumberOfDependents() > 0) {
        wanted = true;
        client.handover.execute(future);
      } else if (future.submitter == me) {
        future.completeNow();
      } else {
        settled[rest++] = future;
      }
    }
    settledCount = 0;
    if (rest == 1) {
      if (!isAwaitedSoon(settled[0])) {
        client.handover.execute(settled[0]);
      }
    } else if (rest > 1) {
      client.handover.execute(settled, rest);
    }
    Arrays.fill(settled, 0, rest, null);
  }

  /**
   * Whether a thread comes for a future without dependents within a moment: it completes it itself
   * then. One that submits and waits is on its way between the two while the poller finds a short
   * task's end; an executor's thread for it would be made in vain.
   */
  private boolean isAwaitedSoon(TaskFuture<?> future) {
    if (!client.poller.isMe()) {
      return false; // a helper has its own task to look after
    }
    long end = System.nanoTime() + MOMENT_NANOS;
    while (!future.isAwaited()) {
      if (future.getNumberOfDependents() > 0 || System.nanoTime() >= end) {
        return false;
      }
      if (Cores.FEW) {
        Thread.yield(); // that thread may need this core
      } else {
        Thread.onSpinWait();
      }
    }
    return true;
  }

  @Override
  public void want() {
    wanted = true;
  }

  @Override
  public boolean takeWanted() {
    boolean was = wanted;
    if (was) {
      wanted = false;
    }
    return was;
  }

  // ---- finding what has ended

  /**
   * Ends the tasks of several hints. In steps, so that the lines that lanes have written come at
   * the same time and not one after the other: each CAS waits for all stores before it.
   */
  private void endAll(int[] hints, int n) {
    long read = 0;
    for (int h = 0; h < n; h++) {
      int i = slots.local(hints[h]);
      hints[h] = i;
      if (i >= 0) {
        read += slots.fetchResultLines(i);
      }
    }
    touched = read;
    int taken = 0;
    for (int h = 0; h < n; h++) {
      int i = hints[h];
      if (i < 0) {
        continue;
      }
      long word = slots.state(i);
      TaskFuture<?> future = claim(i, word);
      if (future != null) {
        takenFutures[taken] = future;
        takenWords[taken] = word;
        hints[taken++] = i;
      }
    }
    for (int t = 0; t < taken; t++) {
      slots.fetchRequestLines(hints[t]);
    }
    Throwable broken = null;
    try {
      takePlainResults(hints, taken);
    } catch (Throwable thrown) { // the tasks are out of the table, and must end
      broken = thrown;
    }
    // All of them before any callback runs: one that waits for another of these finds it settled.
    for (int t = 0; t < taken; t++) {
      Object outcome = outcomes[t];
      if (outcome != null && !takenFutures[t].settle(outcome)) {
        outcomes[t] = Outcome.TAKEN;
      }
    }
    for (int t = 0; t < taken; t++) {
      TaskFuture<?> future = takenFutures[t];
      Object outcome = outcomes[t];
      takenFutures[t] = null;
      outcomes[t] = null;
      try {
        if (outcome == null) {
          end(hints[t], future, takenWords[t]);
        } else if (outcome != Outcome.TAKEN) {
          future.dispatch();
        }
      } catch (Throwable thrown) { // as above
        broken = thrown;
      }
    }
    if (broken instanceof Error error) {
      throw error;
    }
    if (broken instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /**
   * The first half of ending several tasks, for those with a result in their slot: reads the
   * results, and gives the slots back and counts them together. What is special about a task is
   * left to {@link #end}, which begins anew.
   */
  private void takePlainResults(int[] taken, int n) {
    int plain = 0;
    try {
      for (int t = 0; t < n; t++) {
        TaskFuture<?> future = takenFutures[t];
        int i = taken[t];
        long at = slots.at(i);
        int length = memory.getInt(at + Layout.SLOT_RESULT_LEN);
        if (StateWord.kind(takenWords[t]) == Layout.KIND_DONE
            && memory.getLong(at + Layout.SLOT_RESULT_REF) == 0
            && memory.getInt(at + Layout.SLOT_STATUS) == Layout.STATUS_OK
            && length >= 0
            && length <= Layout.INLINE
            && future.rawCall == null
            && future.type.kind == ResultKind.VALUE
            && !future.isSettled()) {
          int codec = slots.resultCodec(i);
          noteRun(future, i);
          judge(future, true);
          slots.markFree(i, takenWords[t]);
          home[plain++] = i;
          outcomes[t] = Failure.UNSAID; // its slot is free now: should the decoding end in an Error
          outcomes[t] = decode(future, codec, i, 0, length);
        }
      }
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile: end meets the same
    } finally {
      if (plain > 0) {
        slots.pushFree(home, plain);
        count(Layout.CLIENT_COMPLETED, plain);
        client.room.freed();
      }
    }
  }

  /** Looks at every slot: hints were lost. */
  int scan() {
    int ended = 0;
    for (int i = 0; i < slots.count; i++) {
      ended += tryEnd(i) ? 1 : 0;
    }
    return ended;
  }

  /**
   * Looks at the slots of all pending tasks: what ended without a hint is taken in; what can't be
   * any more ends as corrupt, so that no broken peer can make a future wait for ever. Poller only.
   */
  void check() {
    for (int i = 0; i < slots.count; i++) {
      TaskFuture<?> future = slots.pending(i);
      if (future == null || tryEnd(i)) {
        suspects[i] = null;
        continue;
      }
      long word = slots.state(i);
      if (future.rawCall != null) {
        suspects[i] = null;
        future.wakeWaiter(); // it looks itself
      } else if (isPossible(future, word)) {
        suspects[i] = null;
      } else if (suspects[i] != future) {
        suspects[i] = future;
        suspicions[i] = 1;
      } else if (++suspicions[i] >= SUSPICIONS && slots.take(i, future)) {
        suspects[i] = null;
        corrupt(i, future, word);
      }
    }
  }

  private static boolean isPossible(TaskFuture<?> future, long word) {
    long kind = StateWord.kind(word);
    return StateWord.generation(word) == future.generation
        && kind >= Layout.KIND_QUEUED
        && kind <= Layout.KIND_CRASHED;
  }

  /**
   * Ends the task of a raw call if it has ended, or never will. For the thread that waits for it:
   * no other thread withdraws it, so there is no moment at which an impossible word is in order.
   */
  void endOwn(TaskFuture<?> own) {
    int i = own.slot;
    if (tryEnd(i) || own.isSettled()) {
      return;
    }
    long word = slots.state(i);
    if (!isPossible(own, word) && slots.take(i, own)) {
      corrupt(i, own, word);
    }
  }

  /** Ends the task of a slot if it is DONE or CRASHED and awaited; else the hint was stale. */
  boolean tryEnd(int i) {
    if (slots.pending(i) == null) {
      return false;
    }
    long word = slots.state(i);
    TaskFuture<?> future = claim(i, word);
    if (future == null) {
      return false;
    }
    slots.fetchRequestLines(i);
    end(i, future, word);
    return true;
  }

  /** Takes the right to end the task of a slot, if its word, just read, says that it has ended. */
  private @Nullable TaskFuture<?> claim(int i, long word) {
    TaskFuture<?> future = slots.pending(i);
    if (future == null) {
      return null;
    }
    if (future.isForeign()) {
      if (StateWord.ended(word)) {
        future.wakeWaiter();
      }
      return null;
    }
    if (StateWord.generation(word) != future.generation
        || StateWord.kind(word) > Layout.KIND_CRASHED) {
      checkCorrupt(i, future, word);
      return null;
    }
    if (!StateWord.ended(word) || !slots.take(i, future)) {
      return null;
    }
    if (Failpoints.ON) Failpoints.hit("poll.claimed");
    return future;
  }

  /** A word of another generation is stale, or on its way to the next task; else it is damaged. */
  private void checkCorrupt(int i, TaskFuture<?> future, long word) {
    long freed = StateWord.free(StateWord.next(future.generation));
    if (word != freed
        && slots.pending(i) == future
        && slots.state(i) == word
        && slots.take(i, future)) {
      corrupt(i, future, word);
    }
  }

  /** The slot is not given back: its state is unknown. */
  private void corrupt(int i, TaskFuture<?> future, long word) {
    slots.uncount(i); // or its type would be short of one for ever
    client.room.freed();
    future.fail(
        new CorruptSegmentException(
            "slot "
                + slots.global(i)
                + " has the impossible state 0x"
                + Long.toHexString(word)
                + ": restart the pool",
            true));
  }

  private void end(int i, TaskFuture<?> future, long word) {
    try {
      if (StateWord.kind(word) == Layout.KIND_CRASHED) {
        crashed(i, future, word);
      } else {
        done(i, future, word);
      }
    } catch (IllegalStateException | InternalError unmapped) {
      client.failClosed(future, true, unmapped);
    } catch (Throwable broken) {
      // No stack or no memory left, on a thread that perhaps only helps: the future is out of the
      // table, so it ends here or never.
      endBroken(i, future, word, broken);
      throw broken;
    } finally {
      client.room.freed();
    }
  }

  private void endBroken(int i, TaskFuture<?> future, long word, Throwable broken) {
    if (future.outcome() instanceof Deferred mine && mine.slot() == i) {
      client.handover.owe(future); // the completing thread reads the result, frees the slot
      return;
    }
    failUnread(future, broken);
    try {
      if (slots.state(i) == word) { // only this thread moves it on: it did not come so far
        slots.release(i, word, memory.getLong(slots.at(i) + Layout.SLOT_RESULT_REF));
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
    count(Layout.CLIENT_FAILED);
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
    // Each field once, into a local.
    long at = slots.at(i);
    long reference = memory.getLong(at + Layout.SLOT_RESULT_REF);
    int length = memory.getInt(at + Layout.SLOT_RESULT_LEN);
    int codec = slots.resultCodec(i);
    int status = memory.getInt(at + Layout.SLOT_STATUS);
    if (status == Layout.STATUS_OK) {
      noteRun(future, i); // also of one that came too late: it says the same of the next
    }
    if (future.isSettled()) {
      slots.release(i, word, reference); // abandoned: the slot was all that was left
      return;
    }
    String wrong = check(i, word, reference, length);
    if (wrong != null) {
      slots.release(i, word, 0);
      count(Layout.CLIENT_FAILED);
      future.fail(new CorruptSegmentException(wrong, true));
      return;
    }
    if (status == Layout.STATUS_OK) {
      judge(future, true);
      succeeded(i, future, word, reference, length, codec);
    } else {
      failed(future, i, word, reference, length, status);
    }
  }

  /**
   * How long a task took that has a result, if it was stamped; what a chunk took is no run time.
   */
  private void noteRun(TaskFuture<?> future, int i) {
    if (slots.isStamped(i) && future.type.kind != ResultKind.CHUNK) {
      client.submitter.backlog.runTimes.ran(future.type.handlerId, slots.sinceClaim(i));
    }
  }

  /**
   * Whether a task came in time that was let in since it seemed to; the next are judged by that.
   */
  void judge(TaskFuture<?> future, boolean inTime) {
    if (future.weighed) {
      client.submitter.backlog.runTimes.ended(future.type.handlerId, inTime);
    }
  }

  private void succeeded(
      int i, TaskFuture<?> future, long word, long reference, int length, int codec) {
    RawCall call = future.rawCall;
    if (call != null) {
      count(Layout.CLIENT_COMPLETED);
      call.hold(i, word, reference, length, codec);
      future.settle(Outcome.HELD);
    } else if (future.type.kind == ResultKind.LEASE) {
      count(Layout.CLIENT_COMPLETED);
      lease(future, new ResultLease(client, i, word, reference, length, codec));
    } else if (reference == 0 && future.type.kind == ResultKind.VALUE) {
      slots.markFree(i, word);
      Object outcome = decode(future, codec, i, 0, length);
      slots.pushFree(i);
      count(Layout.CLIENT_COMPLETED);
      if (future.settle(outcome)) {
        future.dispatch();
      }
    } else {
      count(Layout.CLIENT_COMPLETED);
      defer(future, new Deferred(i, word, reference, length, codec, null));
    }
  }

  /** Leaves a result in its block to the thread that completes the future. */
  private void defer(TaskFuture<?> future, Deferred result) {
    deferred.incrementAndGet();
    if (client.settings.inline()) {
      if (future.settle(decode(future, result))) {
        future.dispatch();
      }
    } else if (future.settle(result)) {
      future.dispatch();
    } else {
      deferred.decrementAndGet();
      slots.release(result.slot(), result.word(), result.reference());
    }
  }

  private @Nullable String check(int i, long word, long reference, int length) {
    if (reference == 0) {
      return length >= 0 && length <= Layout.INLINE
          ? null
          : "an inline result of " + length + " bytes: the worker or the segment is damaged";
    }
    long owner =
        PayloadArena.resultOwner(
            slots.global(i), StateWord.generation(word), StateWord.attempt(word));
    return arena.holds(reference, length, owner)
        ? null
        : "the result reference 0x"
            + Long.toHexString(reference)
            + " with "
            + length
            + " bytes is none of this task's: the worker or the segment is damaged";
  }

  private void lease(TaskFuture<?> future, ResultLease lease) {
    if (future.settle(lease)) {
      future.dispatch();
    } else {
      lease.close();
    }
  }

  /** Decodes a checked result in a block, then frees its slot and block. Never throws. */
  Object decode(TaskFuture<?> future, Deferred result) {
    Object outcome = Failure.UNSAID;
    boolean released = false;
    try {
      outcome =
          future.type.kind == ResultKind.CHUNK
              ? decodeChunk(future, result)
              : decode(future, result.codec(), result.slot(), result.reference(), result.length());
      released = true;
      slots.release(result.slot(), result.word(), result.reference());
      client.room.freed();
    } catch (IllegalStateException | InternalError unmapped) {
      outcome = client.closedFailure(true, unmapped);
      released = true;
    } catch (Throwable shortage) {
      // of memory or stack: it ends as that
    } finally {
      deferred.decrementAndGet();
    }
    if (!released) {
      releaseAfterAll(result);
    }
    return outcome;
  }

  private void releaseAfterAll(Deferred result) {
    try {
      slots.release(result.slot(), result.word(), result.reference());
      client.room.freed();
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile
    }
  }

  private Object decodeChunk(TaskFuture<?> future, Deferred result) {
    long block = slots.reserved(result.slot());
    try {
      return future
          .type
          .chunkReader()
          .read(memory, arena.at(block), arena.sizeOf(block), result.end());
    } catch (IllegalStateException | InternalError unmapped) {
      throw unmapped;
    } catch (Throwable broken) { // no memory, or a word that makes no sense: it ends all the same
      return undecodable(future.type.name(), broken);
    }
  }

  private Object decode(TaskFuture<?> future, int found, int i, long reference, int length) {
    Codec<?> codec = future.type.resultCodec();
    try {
      if (!codec.accepts(found)) {
        throw otherCodec(found, codec);
      }
      return Outcome.of(
          codec instanceof DirectCodec<?> direct
              ? direct.read(memory, slots.resultAt(i, reference), length)
              : codec.decode(view(i, reference, length)));
    } catch (Throwable failed) { // whatever a codec of others throws
      return memory.isMapped() && !(failed instanceof InternalError)
          ? undecodable(future.type.name(), failed)
          : client.closedFailure(true, failed);
    }
  }

  static IOException otherCodec(int found, Codec<?> codec) {
    return new IOException(
        "the worker's result is "
            + Codecs.describe(found)
            + ", and the task type reads "
            + Codecs.describe(codec.id())
            + ": give it a result codec of the handler's kind");
  }

  static Failure undecodable(String task, Throwable failed) {
    try {
      return new Failure(
          new CodecException(
              "the result of " + task + " can't be decoded: " + CodecException.text(failed),
              true,
              failed));
    } catch (OutOfMemoryError | StackOverflowError shortage) {
      return Failure.UNSAID; // its slot is on no list while this is said, so it must not throw
    }
  }

  /** The bytes of a checked result. */
  private ByteBuffer view(int i, long reference, int length) {
    return reference == 0
        ? slots.inlineResult(i, length)
        : memory.readOnlyBuffer(arena.at(reference), length);
  }

  private void failed(
      TaskFuture<?> future, int i, long word, long reference, int length, int status) {
    byte[] record = memory.bytes(slots.resultAt(i, reference), length);
    boolean ran = (status & Layout.STATUS_NOT_RUN) == 0;
    int value = status & ~Layout.STATUS_NOT_RUN;
    if (value == Layout.STATUS_EXPIRED) {
      judge(future, false);
    }
    count(
        switch (value) {
          case Layout.STATUS_EXPIRED -> Layout.CLIENT_TIMED_OUT;
          case Layout.STATUS_CANCELLED -> Layout.CLIENT_CANCELLED;
          default -> Layout.CLIENT_FAILED;
        });
    fail(
        future,
        i,
        word,
        reference,
        FailureRecord.parse(record)
            .toException(future.type.name(), value, ran, StateWord.attempt(word)));
  }
}
