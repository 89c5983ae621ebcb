package io.ringwork.internal.segment;

import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The guard for a mapping that is undone, or whose file was truncated, while a thread is at it: the
 * JDK throws an {@link IllegalStateException}, or an {@link InternalError}, which compiled code may
 * let surface some instructions later. So it is asked around a whole step, and not around each
 * access: a task meets it once on its way in, once while it is waited for, and once at its end.
 *
 * <p>The access is a reference to a method, which is given what it needs: such a reference is one
 * object for good, and a task allocates nothing. To link one takes some memory and stack. So a step
 * that ends tasks when these are short has its reference in a constant, linked with its class.
 *
 * <p>A step whose arguments would have to be boxed catches the two by itself: {@code
 * ArchitectureTest} has the list.
 */
public final class Mapped {
  private Mapped() {}

  /** What is done with the memory. */
  @FunctionalInterface
  public interface Access<A, X extends Exception> {
    void on(A on) throws X;
  }

  /** The same, with a second thing that it needs. */
  @FunctionalInterface
  public interface AccessWith<A, B, X extends Exception> {
    void on(A on, B with) throws X;
  }

  /** Does something with the memory; null, or what tells that it was gone. */
  public static <A, X extends Exception> @Nullable Throwable fault(A on, Access<A, X> access)
      throws X {
    try {
      access.on(on);
      return null;
    } catch (IllegalStateException | InternalError unmapped) {
      return unmapped;
    }
  }

  /** As {@link #fault(Object, Access)}. */
  public static <A, B, X extends Exception> @Nullable Throwable fault(
      A on, B with, AccessWith<A, B, X> access) throws X {
    try {
      access.on(on, with);
      return null;
    } catch (IllegalStateException | InternalError unmapped) {
      return unmapped;
    }
  }

  /**
   * Does something with the memory.
   *
   * @return false if the memory was gone, before it or in the midst of it
   */
  public static <A, X extends Exception> boolean run(A on, Access<A, X> access) throws X {
    return fault(on, access) == null;
  }

  /** As {@link #run(Object, Access)}. */
  public static <A, B, X extends Exception> boolean run(A on, B with, AccessWith<A, B, X> access)
      throws X {
    return fault(on, with, access) == null;
  }

  /** Asks for something; gets {@code otherwise} if the memory was gone. */
  public static <A, B, R> R get(
      A on, B with, BiFunction<? super A, ? super B, ? extends R> access, R otherwise) {
    try {
      return access.apply(on, with);
    } catch (IllegalStateException | InternalError unmapped) {
      return otherwise;
    }
  }

  /** Asks for something; throws what {@code gone} makes of the fault if the memory was gone. */
  public static <A, R> R getOrThrow(
      A on,
      Function<? super A, ? extends R> access,
      BiFunction<? super A, ? super Throwable, ? extends RuntimeException> gone) {
    try {
      return access.apply(on);
    } catch (IllegalStateException | InternalError unmapped) {
      throw gone.apply(on, unmapped);
    }
  }

  /** Whether something holds; false also if the memory was gone. */
  public static <A> boolean test(A on, Predicate<? super A> access) {
    try {
      return access.test(on);
    } catch (IllegalStateException | InternalError unmapped) {
      return false;
    }
  }

  /** Counts something; 0 if the memory was gone. */
  public static <A> int count(A on, ToIntFunction<? super A> access) {
    try {
      return access.applyAsInt(on);
    } catch (IllegalStateException | InternalError unmapped) {
      return 0;
    }
  }

  /** Adds to a counter, which has no reader any more if the memory was gone. */
  public static void add(SharedMemory memory, long at, long by) {
    try {
      memory.addLong(at, by);
    } catch (IllegalStateException | InternalError unmapped) {
      // nothing to be told
    }
  }

  /** Whether it was the memory, and not the code of others that works on it, that failed. */
  public static boolean isGone(SharedMemory memory, Throwable failed) {
    return failed instanceof InternalError || !memory.isMapped();
  }

  /**
   * Lets the guard have what is its business.
   *
   * @param failed what code of others has thrown that worked on the memory, a codec's say
   */
  public static void rethrowIfGone(SharedMemory memory, Throwable failed) {
    if (failed instanceof InternalError truncated) {
      throw truncated;
    }
    if (!memory.isMapped()) {
      throw new IllegalStateException(failed);
    }
  }
}
