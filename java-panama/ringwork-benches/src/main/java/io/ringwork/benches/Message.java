package io.ringwork.benches;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * 64 bytes that tell their number: at the start, and its complement at the end. What an answer
 * says, and that each came once, costs two loads to check, where millions are under way a second.
 */
final class Message {
  static final int LENGTH = 64;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Message() {}

  static void number(byte[] message, long number) {
    LONG.set(message, 0, number);
    LONG.set(message, LENGTH - 8, ~number);
  }

  /** Fails unless the bytes are the message of that number. */
  static void check(byte[] answer, long number) {
    if (answer.length != LENGTH
        || (long) LONG.get(answer, 0) != number
        || (long) LONG.get(answer, LENGTH - 8) != ~number) {
      throw new AssertionError("request " + number + " was not returned");
    }
  }
}
