package io.ringwork.internal;

/**
 * Looks for room on the calling thread's stack, before anything is taken that an overflow would
 * lose.
 *
 * <p>A {@link StackOverflowError} can be thrown at any call. One in the middle of a submit or of a
 * task's end would leave a slot on no list, and its handler has no stack to put that right. So each
 * method that takes or frees slots asks here first. A look costs about a microsecond; it is made
 * only for a while after an overflow inside this library, which shows that threads of this process
 * come near their end. That first overflow may lose the slots of its own call.
 */
public final class StackRoom {
  /**
   * Frames of the look. Compiled ones take some 24 bytes, interpreted ones 100; the deepest path of
   * the library has 60 frames, those of linking a lambda among them.
   */
  private static final int FRAMES = 500;

  /** How many looks follow an overflow. */
  public static final int MANY = 1 << 20;

  /**
   * Looks that are left to make. Plain, and written without a call, since the thread that has met
   * an overflow can make none; a lost update makes one look more or less. So each method that
   * catches one writes this itself: what they share could only be called, or passed as a lambda
   * that each task would allocate.
   */
  public static int looks;

  private StackRoom() {}

  /**
   * To be called before slots are taken or freed.
   *
   * @throws StackOverflowError if there is too little stack for that; nothing was done then
   */
  public static void require() {
    if (looks > 0) {
      looks--;
      descend(FRAMES);
    }
  }

  private static int descend(int frames) {
    return frames == 0 ? 0 : 1 + descend(frames - 1);
  }
}
