package io.ringwork.internal.segment;

/** The bits of the word of a client's, worker's or lane's entry: generation(56) | state(8). */
public final class EntryWord {
  private static final int GENERATION_SHIFT = 8;
  private static final int STATE_MASK = 0xff;

  private EntryWord() {}

  /** A word of its parts. */
  public static long of(long generation, int state) {
    return generation << GENERATION_SHIFT | state;
  }

  /** One of {@code Layout.ENTRY_*}. */
  public static int state(long word) {
    return (int) word & STATE_MASK;
  }

  /** The worker of a lane: its word has the index where others have more of the generation. */
  public static int workerOf(long laneWord) {
    return (int) (laneWord >>> GENERATION_SHIFT) & 0xffff;
  }

  public static long generation(long word) {
    return word >>> GENERATION_SHIFT;
  }
}
