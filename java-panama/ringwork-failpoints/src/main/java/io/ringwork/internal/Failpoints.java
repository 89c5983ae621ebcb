package io.ringwork.internal;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Failpoints that are there: this class stands in the place of the client's own one, and the client
 * is compiled anew with it. At most one point is armed at a time.
 */
public final class Failpoints {
  /** Whether there are any. */
  public static final boolean ON = true;

  /** Every point; a test holds the list against the sources. */
  public static final List<String> POINTS =
      List.of(
          "attach.mapped",
          "attach.checked",
          "entry.locked",
          "client.filled",
          "client.active",
          "client.leaving",
          "client.left",
          "client.unmapped",
          "client.counted",
          "submit.slot",
          "submit.written",
          "submit.filled",
          "submit.fenced",
          "submit.woken",
          "submit.counted",
          "submit.queued",
          "batch.slots",
          "batch.counted",
          "raw.taken",
          "raw.returning",
          "arena.taken",
          "arena.freeing",
          "ring.enqueuing",
          "ring.cell_written",
          "ring.tail_moved",
          "ring.run_enqueuing",
          "ring.run_cell_written",
          "ring.run_tail_moved",
          "wake.taken",
          "wake.bumped",
          "poll.read",
          "poll.blocks_freed",
          "poll.overflow",
          "poll.taken",
          "poll.claimed",
          "poll.waiting",
          "poll.parking",
          "poll.awake",
          "poll.bumped",
          "cancel.withdrawn",
          "cancel.asked",
          "cancel.key_asked",
          "key.filled",
          "key.linked",
          "key.poisoned",
          "key.next_taken",
          "watch.asked",
          "close.drained",
          "close.failed");

  private static volatile @Nullable Armed armed;

  private Failpoints() {}

  /**
   * Arms a point.
   *
   * @param point one of {@link #POINTS}
   * @param action {@code kill} or {@code stop}
   * @param count the time that the process comes to it when it does so
   * @param mark the file that tells that it did
   */
  public static void arm(String point, String action, int count, Path mark) {
    if (!POINTS.contains(point)) {
      throw new IllegalArgumentException("no point " + point);
    }
    Kernel.number(0); // linked now, not at the point
    int signal =
        switch (action) {
          case "kill" -> 9;
          case "stop" -> 19;
          default -> throw new IllegalArgumentException("no action " + action);
        };
    armed = new Armed(point, signal, new AtomicInteger(count), mark);
  }

  /** The process comes to a point. */
  public static void hit(String point) {
    Armed now = armed;
    if (now != null && now.point.equals(point) && now.left.decrementAndGet() == 0) {
      armed = null;
      now.strike();
    }
  }

  private record Armed(String point, int signal, AtomicInteger left, Path mark) {
    void strike() {
      try {
        String line = ProcessHandle.current().pid() + " " + point + "\n";
        Files.write(mark, line.getBytes(StandardCharsets.US_ASCII), StandardOpenOption.CREATE_NEW);
      } catch (java.io.IOException failed) {
        throw new AssertionError(failed);
      }
      Kernel.signalThisThread(signal);
    }
  }

  /** Signals go to the very thread that came to the point, so that it goes no further. */
  private static final class Kernel {
    private static final boolean X86 = System.getProperty("os.arch").matches("amd64|x86_64");
    private static final int GETTID = X86 ? 186 : 178;
    private static final int TGKILL = X86 ? 234 : 131;
    private static final MethodHandle SYSCALL = bind();

    private Kernel() {}

    @SuppressWarnings("restricted") // the JVM of the tests has native access
    private static MethodHandle bind() {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(
          linker.defaultLookup().find("syscall").orElseThrow(),
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG),
          Linker.Option.firstVariadicArg(1));
    }

    static long number(int signal) {
      return call(TGKILL, ProcessHandle.current().pid(), call(GETTID, 0, 0, 0), signal);
    }

    static void signalThisThread(int signal) {
      number(signal);
    }

    private static long call(long number, long a, long b, long c) {
      try {
        return (long) SYSCALL.invokeExact(number, a, b, c);
      } catch (Throwable impossible) {
        throw new AssertionError(impossible);
      }
    }
  }
}
