package io.ringwork.internal.segment;

/** The bits of a slot's state word: generation(40) | owner(16) | 0(3) | attempt(2) | kind(3). */
public final class StateWord {
  private StateWord() {}

  public static long free(long generation) {
    return generation << Layout.STATE_GENERATION_SHIFT;
  }

  public static long queued(long generation) {
    return generation << Layout.STATE_GENERATION_SHIFT | Layout.KIND_QUEUED;
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

  /** Whether the slot waits to be read by its client. */
  public static boolean ended(long word) {
    long kind = kind(word);
    return kind == Layout.KIND_DONE || kind == Layout.KIND_CRASHED;
  }
}
