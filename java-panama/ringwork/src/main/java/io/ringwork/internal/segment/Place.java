package io.ringwork.internal.segment;

/**
 * The bits of the place of a payload: reference(32) | length(32). Reference 0 is the slot itself,
 * another one a block: class + 1 (8) | index(24). Both are unsigned, and to be checked where a peer
 * wrote them.
 */
public final class Place {
  private static final int INDEX_MASK = (1 << Layout.REFERENCE_CLASS_SHIFT) - 1;

  private Place() {}

  /** A place of its parts. */
  public static long of(long reference, int length) {
    return reference << Layout.PLACE_REFERENCE_SHIFT | length & Layout.PLACE_LENGTH_MASK;
  }

  /** Bytes, up to 2³² - 1. */
  public static long length(long place) {
    return place & Layout.PLACE_LENGTH_MASK;
  }

  public static long reference(long place) {
    return place >>> Layout.PLACE_REFERENCE_SHIFT;
  }

  /** The reference of a block. */
  public static long block(int classIndex, int index) {
    return (classIndex + 1L) << Layout.REFERENCE_CLASS_SHIFT | index;
  }

  /** The class of a reference's block; -1 for the slot itself. */
  public static int classOf(long reference) {
    return (int) (reference >>> Layout.REFERENCE_CLASS_SHIFT) - 1;
  }

  /** The index of a reference's block in its class. */
  public static int indexOf(long reference) {
    return (int) reference & INDEX_MASK;
  }
}
