package io.ringwork.internal.segment;

/**
 * The four bytes of a slot from {@link Layout#SLOT_ATTEMPTS} on, which are written at once: most
 * attempts(7) | stamped(1) | priority(8) | codec of the request(8) | codec of the result(8), from
 * the lowest bit on.
 */
public final class RunWord {
  private static final int PRIORITY = 8 * (Layout.SLOT_PRIORITY - Layout.SLOT_ATTEMPTS);
  private static final int REQUEST_CODEC = 8 * (Layout.SLOT_REQUEST_CODEC - Layout.SLOT_ATTEMPTS);
  private static final int RESULT_CODEC = 8 * (Layout.SLOT_RESULT_CODEC - Layout.SLOT_ATTEMPTS);
  private static final int BYTE = 0xff;

  private RunWord() {}

  /** A word of its parts; without the codec of the result, which the lane writes. */
  public static int of(int attempts, boolean stamped, int priority, int requestCodec) {
    int first = stamped ? attempts | Layout.ATTEMPTS_STAMPED : attempts;
    return first | priority << PRIORITY | requestCodec << REQUEST_CODEC;
  }

  /** The word with the codec of the result, as a lane leaves it. */
  public static int withResultCodec(int word, int codec) {
    return word & ~(BYTE << RESULT_CODEC) | codec << RESULT_CODEC;
  }

  public static int attempts(int word) {
    return word & BYTE & ~Layout.ATTEMPTS_STAMPED;
  }

  /** Whether the slot has time stamps. */
  public static boolean isStamped(int word) {
    return (word & Layout.ATTEMPTS_STAMPED) != 0;
  }

  public static int priority(int word) {
    return word >>> PRIORITY & BYTE;
  }

  public static int requestCodec(int word) {
    return word >>> REQUEST_CODEC & BYTE;
  }

  public static int resultCodec(int word) {
    return word >>> RESULT_CODEC & BYTE;
  }
}
