package io.ringwork;

import io.ringwork.Outcome.Deferred;
import io.ringwork.Outcome.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
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
final class Completer {
  private static final int BATCH = 16;
  private static final int MOST = 256;

  /** A thread that moves a word and then its future may be paused between, but not so long. */
  private static final int SUSPICIONS = 5;

  private final Client client;
  private final SharedMemory memory;
  private final SlotTable slots;
  private final PayloadArena arena;
  private final HintRing ring;
  private final long entry;
  private final int[] scratch = new int[BATCH];

  /** Whose slots have had an impossible word, and at how many checks in a row; poller only. */
  private final @Nullable TaskFuture<?>[] suspects;

  private final byte[] suspicions;

  /** Results that wait in their blocks to be decoded. */
  private final AtomicInteger deferred = new AtomicInteger();

  Completer(
      Client client,
      SharedMemory memory,
      SlotTable slots,
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
    try {
      memory.addLong(entry + counter, 1);
      if (Failpoints.ON) Failpoints.hit("client.counted");
    } catch (IllegalStateException | InternalError unmapped) {
      // closed meanwhile: nobody reads it
    }
  }

  boolean hasDeferred() {
    return deferred.get() > 0;
  }

  boolean hasWork() {
    return !ring.isEmpty() || memory.getIntAcquire(entry + Layout.CLIENT_OVERFLOW) != 0;
  }

  /** Ends what the hints tell, up to a bound; the caller has the poller's role. */
  int drain() {
    return drain(scratch);
  }

  /** As {@link #drain()} for a thread that is inside a drain: an INLINE callback that waits. */
  int drainNested() {
    return drain(new int[1]);
  }

  private int drain(int[] into) {
    int total = 0;
    long overflow = entry + Layout.CLIENT_OVERFLOW;
    int lost = memory.getIntAcquire(overflow);
    if (lost != 0) {
      memory.casInt(overflow, lost, 0); // before the scan: what comes during it sets it again
      if (Failpoints.ON) Failpoints.hit("poll.overflow");
      total += scan();
    }
    while (total < MOST) {
      int n = ring.poll(into);
      for (int h = 0; h < n; h++) {
        if (Failpoints.ON) Failpoints.hit("poll.taken");
        int i = slots.local(into[h]);
        if (i >= 0) {
          tryEnd(i);
        }
      }
      total += n;
      if (n < into.length) {
        break;
      }
    }
    return total;
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
      long kind = StateWord.kind(word);
      boolean possible =
          StateWord.generation(word) == future.generation
              && kind >= Layout.KIND_QUEUED
              && kind <= Layout.KIND_CRASHED;
      if (possible) {
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

  /** Ends the task of a slot if it is DONE or CRASHED and awaited; else the hint was stale. */
  boolean tryEnd(int i) {
    TaskFuture<?> future = slots.pending(i);
    if (future == null) {
      return false;
    }
    long word = slots.state(i);
    if (StateWord.generation(word) != future.generation
        || StateWord.kind(word) > Layout.KIND_CRASHED) {
      return checkCorrupt(i, future, word);
    }
    if (!StateWord.ended(word) || !slots.take(i, future)) {
      return false;
    }
    slots.warm(i);
    if (Failpoints.ON) Failpoints.hit("poll.claimed");
    end(i, future, word);
    return true;
  }

  /** A word of another generation is stale, or on its way to the next task; else it is damaged. */
  private boolean checkCorrupt(int i, TaskFuture<?> future, long word) {
    long freed = StateWord.free(StateWord.next(future.generation));
    if (word == freed || slots.pending(i) != future || slots.state(i) != word) {
      return false;
    }
    if (slots.take(i, future)) {
      corrupt(i, future, word);
    }
    return true;
  }

  /** The slot is not given back: nobody knows what it is. */
  private void corrupt(int i, TaskFuture<?> future, long word) {
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
        slots.release(i, word, 0);
        crashed(future, word);
      } else {
        done(i, future, word);
      }
    } catch (IllegalStateException | InternalError unmapped) {
      future.fail(client.closedException(true, unmapped));
    } catch (Throwable broken) {
      // No stack or no memory left, on a thread that perhaps only helps: the future is out of the
      // table, so it ends here or never.
      future.fail(
          new CodecException(
              "the result of " + future.type.name() + " can't be taken in: " + broken,
              true,
              broken));
      throw broken;
    } finally {
      client.room.freed();
    }
  }

  private void crashed(TaskFuture<?> future, long word) {
    if (!future.isSettled()) {
      count(Layout.CLIENT_FAILED);
      future.fail(
          new WorkerCrashedException(
              future.type.name(), StateWord.owner(word), StateWord.attempt(word) + 1));
    }
  }

  private void done(int i, TaskFuture<?> future, long word) {
    // Each field once, into a local.
    long at = slots.at(i);
    long reference = memory.getLong(at + Layout.SLOT_RESULT_REF);
    int length = memory.getInt(at + Layout.SLOT_RESULT_LEN);
    int codec = memory.getInt(at + Layout.SLOT_ATTEMPTS) >>> 24;
    int status = memory.getInt(at + Layout.SLOT_STATUS);
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
      succeeded(i, future, word, reference, length, codec);
    } else {
      failed(future, new Deferred(i, word, reference, length, codec), status);
    }
  }

  private void succeeded(
      int i, TaskFuture<?> future, long word, long reference, int length, int codec) {
    if (future.type.resultCodec == RawTask.LEASE) {
      count(Layout.CLIENT_COMPLETED);
      lease(future, new Deferred(i, word, reference, length, codec));
    } else if (reference == 0) {
      Object outcome = decode(future, codec, slots.inlineResult(i, length));
      slots.release(i, word, 0);
      count(Layout.CLIENT_COMPLETED);
      if (future.settle(outcome)) {
        future.dispatch();
      }
    } else {
      count(Layout.CLIENT_COMPLETED);
      Deferred result = new Deferred(i, word, reference, length, codec);
      if (client.settings.inline()) {
        deferred.incrementAndGet();
        if (future.settle(decode(future, result))) {
          future.dispatch();
        }
      } else {
        deferred.incrementAndGet();
        if (future.settle(result)) {
          future.dispatch();
        } else {
          deferred.decrementAndGet();
          slots.release(i, word, reference);
        }
      }
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

  private void lease(TaskFuture<?> future, Deferred result) {
    ResultLease lease = new ResultLease(client, result);
    if (future.settle(lease)) {
      future.dispatch();
    } else {
      lease.close();
    }
  }

  /** Decodes a checked result in a block, then frees its slot and block. Never throws. */
  Object decode(TaskFuture<?> future, Deferred result) {
    Object outcome;
    try {
      outcome = decode(future, result.codec(), view(result));
      slots.release(result.slot(), result.word(), result.reference());
      client.room.freed();
    } catch (IllegalStateException | InternalError unmapped) {
      outcome = new Failure(client.closedException(true, unmapped));
    }
    deferred.decrementAndGet();
    return outcome;
  }

  private Object decode(TaskFuture<?> future, int found, ByteBuffer bytes) {
    Codec<?> codec = future.type.resultCodec;
    try {
      if (!codec.accepts(found)) {
        throw new IOException("the worker's result is of codec " + found + ", not " + codec.id());
      }
      return Outcome.of(codec.decode(bytes));
    } catch (Throwable failed) { // whatever a codec of others throws
      return new Failure(
          memory.isMapped() && !(failed instanceof InternalError)
              ? new CodecException(
                  "the result of " + future.type.name() + " can't be decoded: " + failed,
                  true,
                  failed)
              : client.closedException(true, failed));
    }
  }

  /** The bytes of a checked result. */
  ByteBuffer view(Deferred result) {
    return result.reference() == 0
        ? slots.inlineResult(result.slot(), result.length())
        : memory.readOnlyBuffer(arena.at(result.reference()), result.length());
  }

  private void failed(TaskFuture<?> future, Deferred result, int status) {
    byte[] record = new byte[result.length()];
    view(result).get(record);
    slots.release(result.slot(), result.word(), result.reference());
    boolean ran = (status & Layout.STATUS_NOT_RUN) == 0;
    int value = status & ~Layout.STATUS_NOT_RUN;
    count(
        switch (value) {
          case Layout.STATUS_EXPIRED -> Layout.CLIENT_TIMED_OUT;
          case Layout.STATUS_CANCELLED -> Layout.CLIENT_CANCELLED;
          default -> Layout.CLIENT_FAILED;
        });
    future.fail(FailureRecord.parse(record).toException(future.type.name(), value, ran));
  }
}
