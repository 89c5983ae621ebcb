package io.ringwork;

/** The bits of a slot's state word: generation(40) | owner(16) | 0(3) | attempt(2) | kind(3). */
final class StateWord {
  private StateWord() {}

  static long free(long generation) {
    return generation << Layout.STATE_GENERATION_SHIFT;
  }

  static long queued(long generation) {
    return generation << Layout.STATE_GENERATION_SHIFT | Layout.KIND_QUEUED;
  }

  static long kind(long word) {
    return word & Layout.STATE_KIND_MASK;
  }

  static long generation(long word) {
    return word >>> Layout.STATE_GENERATION_SHIFT;
  }

  static int attempt(long word) {
    return (int) (word >>> Layout.STATE_ATTEMPT_SHIFT & Layout.STATE_ATTEMPT_MASK);
  }

  static int owner(long word) {
    return (int) (word >>> Layout.STATE_OWNER_SHIFT & Layout.STATE_OWNER_MASK);
  }

  /** The generation after this one. */
  static long next(long generation) {
    return generation + 1 & Layout.GENERATION_MASK;
  }

  /** Whether the slot waits to be read by its client. */
  static boolean ended(long word) {
    long kind = kind(word);
    return kind == Layout.KIND_DONE || kind == Layout.KIND_CRASHED;
  }
}
