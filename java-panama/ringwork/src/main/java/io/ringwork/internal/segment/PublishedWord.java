package io.ringwork.internal.segment;

/**
 * The bits of a slot's published word, with which its client says all that a lane needs to know of
 * each task: generation(40) | for I/O lanes(1) | priority(7) | 0(1) | flags(5) | most attempts(2) |
 * codec of the request(8).
 */
public final class PublishedWord {
  private static final int ATTEMPTS_MASK = 3;

  private PublishedWord() {}

  /** A word without its generation and flags. */
  public static long of(int attempts, int priority, int codec) {
    return (long) priority << Layout.PUBLISHED_PRIORITY_SHIFT
        | (long) attempts << Layout.PUBLISHED_ATTEMPTS_SHIFT
        | codec;
  }

  /** The word with its generation. */
  public static long with(long generation, long word) {
    return generation << Layout.STATE_GENERATION_SHIFT | word;
  }

  public static long generation(long word) {
    return word >>> Layout.STATE_GENERATION_SHIFT;
  }

  /** Whether a flag ({@code Layout.PUBLISHED_*}) is set. */
  public static boolean has(long word, long flag) {
    return (word & flag) != 0;
  }

  public static int attempts(long word) {
    return (int) (word >>> Layout.PUBLISHED_ATTEMPTS_SHIFT) & ATTEMPTS_MASK;
  }

  public static int priority(long word) {
    return (int) (word >>> Layout.PUBLISHED_PRIORITY_SHIFT) & Layout.PUBLISHED_PRIORITY_MASK;
  }

  public static int codec(long word) {
    return (int) (word & Layout.PUBLISHED_CODEC_MASK);
  }
}
