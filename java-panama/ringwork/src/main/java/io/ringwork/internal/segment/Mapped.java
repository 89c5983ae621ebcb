package io.ringwork.internal.segment;

import java.util.function.BooleanSupplier;

/**
 * The guard for a mapping that is undone, or whose file was truncated, while a thread is at it: the
 * JDK throws an {@link IllegalStateException}, or an {@link InternalError}.
 *
 * <p>Takes an object, the lambda, until the compiler has seen through it. So what is done for each
 * task, and what ends tasks when no memory or stack is left, catches the two by itself.
 */
public final class Mapped {
  private Mapped() {}

  /**
   * Does something with the memory.
   *
   * @return false if the memory was gone, before it or in the midst of it
   */
  public static boolean run(Runnable access) {
    try {
      access.run();
      return true;
    } catch (IllegalStateException | InternalError unmapped) {
      return false;
    }
  }

  /** Whether something holds; false also if the memory was gone. */
  public static boolean test(BooleanSupplier access) {
    try {
      return access.getAsBoolean();
    } catch (IllegalStateException | InternalError unmapped) {
      return false;
    }
  }
}
