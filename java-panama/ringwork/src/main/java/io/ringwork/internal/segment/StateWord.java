package io.ringwork.internal.segment;

/**
 * The bits of a slot's claim word and of its ended word: generation(40) | owner(16) | 0(3) |
 * attempt(2) | kind(3). The owner is the lane of a claim, the cause of a crash, or status and codec
 * of a task that is done.
 */
public final class StateWord {
  private static final int STATUS_MASK = (1 << Layout.ENDED_CODEC_SHIFT) - 1;

  private StateWord() {}

  /** A word of its parts. */
  public static long of(long generation, int owner, int attempt, long kind) {
    return generation << Layout.STATE_GENERATION_SHIFT
        | (long) owner << Layout.STATE_OWNER_SHIFT
        | (long) attempt << Layout.STATE_ATTEMPT_SHIFT
        | kind;
  }

  /** The claim word of a task that was taken back. */
  public static long withdrawn(long generation) {
    return of(generation, 0, 0, Layout.KIND_WITHDRAWN);
  }

  public static long kind(long word) {
    return word & Layout.STATE_KIND_MASK;
  }

  public static long generation(long word) {
    return word >>> Layout.STATE_GENERATION_SHIFT;
  }

  public static int attempt(long word) {
    return (int) (word >>> Layout.STATE_ATTEMPT_SHIFT & Layout.STATE_ATTEMPT_MASK);
  }

  public static int owner(long word) {
    return (int) (word >>> Layout.STATE_OWNER_SHIFT & Layout.STATE_OWNER_MASK);
  }

  /** The generation after this one. */
  public static long next(long generation) {
    return generation + 1 & Layout.GENERATION_MASK;
  }

  /** Whether a generation came before another one: by less than half a round of all of them. */
  public static boolean isOlder(long generation, long than) {
    long ahead = than - generation & Layout.GENERATION_MASK;
    return ahead != 0 && ahead <= Layout.GENERATION_MASK / 2;
  }

  /** Whether an ended word says how a task ended; no process of ours writes another one but 0. */
  public static boolean ended(long word) {
    long kind = kind(word);
    return kind == Layout.KIND_DONE || kind == Layout.KIND_CRASHED;
  }

  /** How the task of an ended word, DONE, has ended: {@code Layout.STATUS_*}. */
  public static int status(long word) {
    int bits = owner(word) & STATUS_MASK;
    int status = bits & ~Layout.ENDED_NOT_RUN;
    return bits == status ? status : status | Layout.STATUS_NOT_RUN;
  }

  /** The codec of the result of an ended word, DONE. */
  public static int codec(long word) {
    return owner(word) >>> Layout.ENDED_CODEC_SHIFT;
  }

  /** The owner's bits of a task that is done, of {@code Layout.STATUS_*} and a codec. */
  public static int ending(int status, int codec) {
    int bits = status & STATUS_MASK;
    if ((status & Layout.STATUS_NOT_RUN) != 0) {
      bits |= Layout.ENDED_NOT_RUN;
    }
    return codec << Layout.ENDED_CODEC_SHIFT | bits;
  }
}
