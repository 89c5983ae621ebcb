package io.ringwork;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.Place;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A task that a fake lane has claimed. */
final class FakeTask {
  final FakePool pool;
  final int slot;

  /** The claim word. */
  final long word;

  final long at;

  /** Whether the client looks for the end itself; the published word is the client's again then. */
  private final boolean watched;

  private FakeTask(FakePool pool, int slot, long word) {
    this.pool = pool;
    this.slot = slot;
    this.word = word;
    this.at = pool.slot(slot);
    this.watched = has(Layout.PUBLISHED_WATCHED);
  }

  /** QUEUED to CLAIMED; null if the hint was stale. */
  static FakeTask claim(FakePool pool, int slot) {
    long at = pool.slot(slot);
    long published = pool.memory.getLongAcquire(at + Layout.SLOT_PUBLISHED);
    long claim = pool.memory.getLongAcquire(at + Layout.SLOT_CLAIM);
    long generation = PublishedWord.generation(published);
    if (!SlotTable.waits(claim, generation)) {
      return null;
    }
    boolean again = StateWord.generation(claim) == generation;
    int attempt = again ? StateWord.attempt(claim) : 0;
    long claimed = StateWord.of(generation, 0, attempt, Layout.KIND_CLAIMED);
    if (!pool.memory.casLong(at + Layout.SLOT_CLAIM, claim, claimed)) {
      return null;
    }
    if (pool.stamps && PublishedWord.has(published, Layout.PUBLISHED_STAMPED)) {
      pool.memory.setLong(at + Layout.SLOT_CLAIMED_NS, System.nanoTime());
    }
    return new FakeTask(pool, slot, claimed);
  }

  private long published() {
    return pool.memory.getLong(at + Layout.SLOT_PUBLISHED);
  }

  long generation() {
    return StateWord.generation(word);
  }

  int client() {
    return slot / pool.geometry.slotsPerClient();
  }

  int requestLength() {
    return (int) Place.length(pool.memory.getLong(at + Layout.SLOT_REQUEST_PLACE));
  }

  long requestReference() {
    return Place.reference(pool.memory.getLong(at + Layout.SLOT_REQUEST_PLACE));
  }

  byte[] request() {
    long reference = requestReference();
    long from = reference == 0 ? at + Layout.SLOT_REQUEST : pool.arena.at(reference);
    return pool.memory.bytes(from, requestLength());
  }

  int requestCodec() {
    return PublishedWord.codec(published());
  }

  int attempts() {
    return PublishedWord.attempts(published());
  }

  int priority() {
    return PublishedWord.priority(published());
  }

  /** 0 for none. */
  long deadline() {
    return has(Layout.PUBLISHED_DEADLINE) ? pool.memory.getLong(at + Layout.SLOT_DEADLINE) : 0;
  }

  /** Whether the published word has a flag. */
  boolean has(long flag) {
    return PublishedWord.has(published(), flag);
  }

  boolean cancelled() {
    return (asked() & Layout.CANCEL_BIT) != 0;
  }

  /** What is asked of the lane that runs it: bits of the asked word, 0 for nothing. */
  long asked() {
    long word = pool.memory.getLongAcquire(at + Layout.SLOT_ASKED);
    boolean mine = (word & Layout.GENERATION_MASK) == generation();
    return mine ? word & ~Layout.GENERATION_MASK : 0;
  }

  long owner() {
    return PayloadArena.resultOwner(slot, generation(), StateWord.attempt(word));
  }

  /** Takes a block for a result, also a reserved one. */
  long takeBlock(int size) {
    for (int c = 0; c < pool.geometry.classes().length; c++) {
      Geometry.SizeClass k = pool.geometry.classes()[c];
      if (k.size() < size) {
        continue;
      }
      for (int b = k.count() - 1; b >= 0; b--) {
        if (pool.memory.casLong(k.owners() + 8L * b, 0, owner())) {
          return Place.block(c, b);
        }
      }
    }
    return 0;
  }

  void echo() {
    complete(request(), requestCodec());
  }

  void complete(byte[] result, int codec) {
    complete(Layout.STATUS_OK, result, codec);
  }

  void complete(int status, byte[] result, int codec) {
    long reference = 0;
    if (result.length > Layout.INLINE) {
      reference =
          Await.value(
              () -> {
                long taken = takeBlock(result.length);
                return taken == 0 ? null : taken;
              });
      pool.memory.put(pool.arena.at(reference), result);
    } else {
      pool.memory.put(at + Layout.SLOT_RESULT, result);
    }
    done(status, reference, result.length, codec);
  }

  void fail(int status, String code, String message, String location) {
    byte[] c = code.getBytes(StandardCharsets.UTF_8);
    byte[] l = location.getBytes(StandardCharsets.UTF_8);
    byte[] m = message.getBytes(StandardCharsets.UTF_8);
    ByteBuffer record =
        ByteBuffer.allocate(Layout.FAILURE_TEXT + c.length + l.length + m.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    record.putShort((short) c.length).putShort((short) l.length).put(c).put(l).put(m);
    complete(status, record.array(), 0);
  }

  /** Writes any result fields, then the ended word, and the hint where the client needs one. */
  void done(int status, long reference, int length, int codec) {
    publish(status, reference, length, codec);
    VarHandle.fullFence(); // pairs with the client's behind what it asks
    if (!watched || asked() != 0) {
      pool.hint(slot);
    }
  }

  /** As {@link #done} without the hint: the lane died, or is slow. */
  void publish(int status, long reference, int length, int codec) {
    SharedMemory m = pool.memory;
    m.setLong(at + Layout.SLOT_RESULT_PLACE, Place.of(reference, length));
    end(StateWord.ending(status, codec), Layout.KIND_DONE);
  }

  private void end(int owner, long kind) {
    if (pool.memory.getLong(at + Layout.SLOT_CLAIM) != word) {
      throw new AssertionError("a claimed slot was changed");
    }
    int attempt = StateWord.attempt(word);
    pool.memory.setLongRelease(
        at + Layout.SLOT_ENDED, StateWord.of(generation(), owner, attempt, kind));
  }

  /** The worker dies over it, and it may be claimed again. */
  void requeue() {
    long again = StateWord.of(generation(), 0, StateWord.attempt(word) + 1, Layout.KIND_REQUEUED);
    if (!pool.memory.casLong(at + Layout.SLOT_CLAIM, word, again)) {
      throw new AssertionError("a claimed slot was changed");
    }
  }

  /** The worker dies over it. */
  void crash(int cause) {
    crashClaim(cause);
    end(cause);
  }

  /** The reaper's first step. */
  void crashClaim(int cause) {
    long crashed = crashed(cause);
    if (!pool.memory.casLong(at + Layout.SLOT_CLAIM, word, crashed)) {
      throw new AssertionError("a claimed slot was changed");
    }
  }

  /** The reaper's second step, and the hint. */
  void end(int cause) {
    pool.memory.setLongRelease(at + Layout.SLOT_ENDED, crashed(cause));
    pool.hint(slot);
  }

  private long crashed(int cause) {
    return StateWord.of(generation(), cause, StateWord.attempt(word), Layout.KIND_CRASHED);
  }
}
