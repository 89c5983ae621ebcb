package io.ringwork;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.RunWord;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.StateWord;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A task that a fake lane has claimed. */
final class FakeTask {
  final FakePool pool;
  final int slot;
  final long word;
  final long at;

  private FakeTask(FakePool pool, int slot, long word) {
    this.pool = pool;
    this.slot = slot;
    this.word = word;
    this.at = pool.slot(slot);
  }

  /** QUEUED to CLAIMED; null if the hint was stale. */
  static FakeTask claim(FakePool pool, int slot) {
    long at = pool.slot(slot);
    long word = pool.memory.getLongAcquire(at);
    if (StateWord.kind(word) != Layout.KIND_QUEUED) {
      return null;
    }
    long claimed = word & ~Layout.STATE_KIND_MASK | Layout.KIND_CLAIMED;
    return pool.memory.casLong(at, word, claimed) ? new FakeTask(pool, slot, claimed) : null;
  }

  long generation() {
    return StateWord.generation(word);
  }

  int client() {
    return slot / pool.geometry.slotsPerClient();
  }

  int requestLength() {
    return pool.memory.getInt(at + Layout.SLOT_REQUEST_LEN);
  }

  long requestReference() {
    return pool.memory.getLong(at + Layout.SLOT_REQUEST_REF);
  }

  byte[] request() {
    long reference = requestReference();
    long from = reference == 0 ? at + Layout.SLOT_REQUEST : pool.arena.at(reference);
    return pool.memory.bytes(from, requestLength());
  }

  int requestCodec() {
    return RunWord.requestCodec(pool.memory.getInt(at + Layout.SLOT_ATTEMPTS));
  }

  int attempts() {
    return RunWord.attempts(pool.memory.getInt(at + Layout.SLOT_ATTEMPTS));
  }

  int priority() {
    return RunWord.priority(pool.memory.getInt(at + Layout.SLOT_ATTEMPTS));
  }

  long deadline() {
    return pool.memory.getLong(at + Layout.SLOT_DEADLINE);
  }

  boolean cancelled() {
    return pool.memory.getLongAcquire(at + Layout.SLOT_CANCEL)
        == (Layout.CANCEL_BIT | generation());
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
          return (c + 1L) << 32 | b;
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

  /** Writes any result fields, then DONE and the hint. */
  void done(int status, long reference, int length, int codec) {
    publish(status, reference, length, codec);
    pool.hint(slot);
  }

  /** As {@link #done} without the hint: the lane died, or is slow. */
  void publish(int status, long reference, int length, int codec) {
    SharedMemory m = pool.memory;
    m.setLong(at + Layout.SLOT_RESULT_REF, reference);
    m.setInt(at + Layout.SLOT_RESULT_LEN, length);
    m.setInt(at + Layout.SLOT_STATUS, status);
    int run = m.getInt(at + Layout.SLOT_ATTEMPTS);
    m.setInt(at + Layout.SLOT_ATTEMPTS, RunWord.withResultCodec(run, codec));
    if (!m.casLong(at, word, word & ~Layout.STATE_KIND_MASK | Layout.KIND_DONE)) {
      throw new AssertionError("a claimed slot was changed");
    }
  }

  /** The worker dies over it. */
  void crash(int cause) {
    long crashed =
        word & ~(Layout.STATE_KIND_MASK | Layout.STATE_OWNER_MASK << Layout.STATE_OWNER_SHIFT)
            | (long) cause << Layout.STATE_OWNER_SHIFT
            | Layout.KIND_CRASHED;
    if (!pool.memory.casLong(at, word, crashed)) {
      throw new AssertionError("a claimed slot was changed");
    }
    pool.hint(slot);
  }
}
