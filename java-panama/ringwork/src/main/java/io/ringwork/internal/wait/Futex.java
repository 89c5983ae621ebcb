package io.ringwork.internal.wait;

import io.ringwork.internal.process.Attachment;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The kernel's futex through libc's {@code syscall}, on words of the shared segment.
 *
 * <p>Never FUTEX_PRIVATE, for the other side is another process, and never a critical call: waiting
 * must let the garbage collector run. Addresses are passed as integers, so a thread that sleeps
 * does not hold the mapping; the kernel answers EFAULT for one that is gone. All errors mean "look
 * again", so errno is not asked for.
 *
 * <p>Linking costs about a tenth of a second of processor time, so it is done by a thread of its
 * own ({@link #link}) while {@code connect} goes on; until it is done, {@link #available} is false.
 *
 * <p>Calling libc is restricted. Where the JVM denies it, the architecture is not known, or the
 * kernel refuses (a seccomp filter), {@link #available} stays false, which is logged once. A client
 * without the futex polls with bounded parking, and has the supervisor wake lanes that sleep
 * ({@link Attachment#nudge}).
 */
public final class Futex {
  private static final System.Logger LOG = System.getLogger("io.ringwork");
  private static final int WAIT = 0;
  private static final int WAKE = 1;

  private static final long NUMBER = number();
  private static final AtomicBoolean STARTED = new AtomicBoolean();
  private static final CountDownLatch DECIDED = new CountDownLatch(1);

  /** Written once, by the thread that links. */
  private static volatile boolean available;

  private Futex() {}

  /** Initialised by the thread that links; others touch it once {@link #available} is true. */
  private static final class Linked {
    static final @Nullable MethodHandle SYSCALL = bind();

    private Linked() {}
  }

  /** Makes a thread link the call, once in a JVM. Returns at once. */
  public static void link() {
    if (!STARTED.compareAndSet(false, true)) {
      return;
    }
    try {
      Thread thread = new Thread(null, Futex::linkHere, "ringwork-futex", 0, false);
      thread.setDaemon(true);
      thread.setContextClassLoader(null);
      thread.start();
    } catch (Throwable noThread) { // no memory for one: the next connection tries again
      STARTED.set(false);
      throw noThread;
    }
  }

  private static void linkHere() {
    try {
      available = Linked.SYSCALL != null;
    } finally {
      DECIDED.countDown();
    }
  }

  /**
   * Links, and waits until it is known whether there is a futex: for tests, and for code that needs
   * another system call before anything else.
   *
   * @return as {@link #available}
   */
  public static boolean awaitLinked() throws InterruptedException {
    link();
    DECIDED.await();
    return available;
  }

  private static long number() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> 202;
      case "aarch64" -> 98;
      default -> -1;
    };
  }

  @SuppressWarnings("restricted") // the one native call of the client
  private static @Nullable MethodHandle bind() {
    String why;
    if (NUMBER < 0 || !System.getProperty("os.name").equals("Linux")) {
      why = "the futex of " + System.getProperty("os.arch") + " is not known";
    } else {
      try {
        Linker linker = Linker.nativeLinker();
        MethodHandle handle =
            linker.downcallHandle(
                linker.defaultLookup().find("syscall").orElseThrow(),
                FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG),
                Linker.Option.firstVariadicArg(1));
        if (works(handle)) {
          return handle;
        }
        why = "the kernel refuses it (a seccomp filter?)";
      } catch (Throwable denied) { // IllegalCallerException, or a JDK without a linker
        why =
            denied.getMessage()
                + ": start the JVM with --enable-native-access=io.ringwork (or ALL-UNNAMED)";
      }
    }
    LOG.log(
        Level.WARNING,
        "no futex, so waiting threads look for results at intervals of 0.05 to 1 ms, and the"
            + " supervisor wakes lanes that sleep: "
            + why);
    return null;
  }

  private static boolean works(MethodHandle handle) throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment word = arena.allocate(ValueLayout.JAVA_INT);
      return call(handle, word.address(), WAKE, 1, 0) == 0;
    }
  }

  private static long call(MethodHandle handle, long word, int op, int value, long timeout)
      throws Throwable {
    return (long) handle.invokeExact(NUMBER, word, (long) op, (long) value, timeout, 0L, 0L);
  }

  /** Whether the futex can be used. Once true it stays so. */
  public static boolean available() {
    return available;
  }

  /**
   * Sleeps while the word has a value; returns early for any reason.
   *
   * @param timespec memory for two longs, which the call fills
   * @param nanos the longest time
   */
  public static void await(long word, int value, MemorySegment timespec, long nanos) {
    timespec.setAtIndex(ValueLayout.JAVA_LONG, 0, nanos / 1_000_000_000);
    timespec.setAtIndex(ValueLayout.JAVA_LONG, 1, nanos % 1_000_000_000);
    invoke(word, WAIT, value, timespec.address());
  }

  /**
   * Another system call, by its number; only once {@link #available} is true.
   *
   * @return what the kernel answers, -1 for an error
   */
  public static long syscall(long number, long first, long second, long third) {
    MethodHandle handle = Linked.SYSCALL;
    if (handle == null) {
      return -1;
    }
    try {
      return (long) handle.invokeExact(number, first, second, third, 0L, 0L, 0L);
    } catch (Throwable thrown) {
      throw ofLinking(thrown);
    }
  }

  /** The call itself throws nothing; its linking may, when memory or stack is short. */
  private static AssertionError ofLinking(Throwable thrown) {
    if (thrown instanceof Error shortage) {
      throw shortage;
    }
    return new AssertionError(thrown);
  }

  /** Wakes one sleeper. */
  public static void wake(long word) {
    invoke(word, WAKE, 1, 0);
  }

  /** Wakes all sleepers. */
  public static void wakeAll(long word) {
    invoke(word, WAKE, Integer.MAX_VALUE, 0);
  }

  private static void invoke(long word, int op, int value, long timeout) {
    if (!available) {
      return;
    }
    MethodHandle handle = Linked.SYSCALL;
    if (handle == null) {
      return;
    }
    try {
      call(handle, word, op, value, timeout);
    } catch (InternalError truncated) {
      // A fault of an access before this call surfaces here: the segment's file was truncated. The
      // client looks at the file's size by itself; a wake or a sleep less does no harm.
    } catch (Throwable thrown) {
      throw ofLinking(thrown);
    }
  }
}
