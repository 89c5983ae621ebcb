package io.ringwork.tests;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SplittableRandom;

/**
 * Requests and results of {@code make chaos}: each follows from its task's id alone, so that one
 * that is damaged, or another task's, is noticed. The format is that of {@code tests/src/chaos.rs}.
 *
 * @param id the task
 * @param length the length of the request in bytes
 * @param result the length of the result
 * @param micros how long the handler takes at least
 * @param mode how the handler ends
 */
record ChaosPayload(long id, int length, int result, int micros, int mode) {
  /** Bytes of a request before its body; shorter ones go to a handler that answers them. */
  static final int HEADER = 16;

  static final int ANSWER = 0;
  static final int FAIL = 1;
  static final int PANIC = 2;

  /** Which key a task has: that of the thread that submits it, or one that others have, too. */
  enum KeyOf {
    NOBODY,
    THREAD,
    ALL
  }

  private static final int CONNECTIONS = 32;
  private static final int SHARED = 0x80;
  private static final int SHARED_KEYS = 4;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * The id of a task, which says of which key it is.
   *
   * @param number the client's number << 40 | the task's
   */
  static long id(long number, KeyOf key, long connection, int thread) {
    long own = thread * CONNECTIONS + connection % CONNECTIONS + 1;
    long which =
        switch (key) {
          case NOBODY -> 0;
          case THREAD -> own;
          case ALL -> own | SHARED;
        };
    return number | which << 32;
  }

  /** The task's key, or null. */
  static byte[] key(long id) {
    int which = (int) (id >>> 32) & 0xff;
    if (which == 0) {
      return null;
    }
    long key =
        (which & SHARED) == 0
            ? id >>> 40 << 16 | (long) which << 8
            : 1L << 63 | id & SHARED_KEYS - 1;
    byte[] bytes = new byte[8];
    MemorySegment.ofArray(bytes).set(LONG, 0, key);
    return bytes;
  }

  static ChaosPayload draw(long id, SplittableRandom random) {
    int ending = random.nextInt(500);
    return new ChaosPayload(
        id,
        length(random),
        length(random),
        random.nextBoolean() ? random.nextInt(3000) : 0,
        ending == 0 ? PANIC : ending < 5 ? FAIL : ANSWER);
  }

  /** All size classes, the small ones more often. */
  private static int length(SplittableRandom random) {
    int draw = random.nextInt(100);
    int limit =
        draw < 5
            ? HEADER
            : draw < 45
                ? 88
                : draw < 75 ? 1 << 10 : draw < 92 ? 16 << 10 : draw < 98 ? 128 << 10 : 1 << 20;
    return random.nextInt(8) == 0 ? limit : random.nextInt(limit + 1);
  }

  /** Whether the request says what is to be done, or is too short for that. */
  boolean isOrder() {
    return length >= HEADER;
  }

  /** Writes the request. */
  void write(MemorySegment out) {
    if (!isOrder()) {
      for (int at = 0; at < length; at++) {
        out.set(ValueLayout.JAVA_BYTE, at, (byte) (id >>> 8 * (at & 7)));
      }
      return;
    }
    out.set(LONG, 0, id);
    out.set(INT, 8, result);
    out.set(INT, 12, mode << 24 | micros);
    long seed = word(id, 1);
    for (long at = HEADER; at < length; at += 8) {
      putWord(out, at, word(seed, (at - HEADER) / 8));
    }
  }

  private void putWord(MemorySegment out, long at, long word) {
    if (length - at >= 8) {
      out.set(LONG, at, word);
      return;
    }
    for (int i = 0; at + i < length; i++) {
      out.set(ValueLayout.JAVA_BYTE, at + i, (byte) (word >>> 8 * i));
    }
  }

  byte[] toBytes() {
    byte[] bytes = new byte[length];
    write(MemorySegment.ofArray(bytes));
    return bytes;
  }

  /** Whether these bytes are the right result. */
  boolean isResult(MemorySegment in) {
    if (!isOrder()) {
      return in.mismatch(MemorySegment.ofArray(toBytes())) == -1;
    }
    if (mode != ANSWER || in.byteSize() != result) {
      return false;
    }
    long seed = word(id, 2);
    for (long at = 0; at < result; at += 8) {
      long word = word(seed, at / 8);
      if (result - at >= 8) {
        if (in.get(LONG, at) != word) {
          return false;
        }
        continue;
      }
      for (int i = 0; at + i < result; i++) {
        if (in.get(ValueLayout.JAVA_BYTE, at + i) != (byte) (word >>> 8 * i)) {
          return false;
        }
      }
    }
    return true;
  }

  /** Word {@code index} of the stream {@code seed} (splitmix64). */
  static long word(long seed, long index) {
    long z = seed + (index + 1) * 0x9e3779b97f4a7c15L;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }
}
