package io.ringwork.benches;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * Rust in this very process: a downcall to a library function that copies its argument
 * (benches/peers/rust/ffm), with a native buffer for either way that is made once. It is what a
 * task costs without another process: no isolation, no other thread, nothing crosses to another
 * core.
 *
 * <p>An ordinary downcall, not a {@code critical} one: the JDK reserves that for functions that are
 * done within a moment, and a task need not be.
 */
final class InProcess implements Echo {
  private static final int LONGEST = 64;

  // Static final: the JIT compiler inlines the downcall.
  @SuppressWarnings("restricted")
  private static final MethodHandle COPY =
      Linker.nativeLinker()
          .downcallHandle(
              SymbolLookup.libraryLookup(
                      Path.of(System.getenv("RINGWORK_BENCH_FFM")), Arena.global())
                  .find("ringwork_peer_copy")
                  .orElseThrow(),
              FunctionDescriptor.ofVoid(
                  ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment in = arena.allocate(LONGEST, 64);
  private final MemorySegment out = arena.allocate(LONGEST, 64);

  @Override
  public byte[] call(byte[] request) {
    int length = request.length;
    MemorySegment.copy(request, 0, in, ValueLayout.JAVA_BYTE, 0, length);
    try {
      COPY.invokeExact(in, out, (long) length);
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
    byte[] answer = new byte[length];
    MemorySegment.copy(out, ValueLayout.JAVA_BYTE, 0, answer, 0, length);
    return answer;
  }

  @Override
  public void close() {
    arena.close();
  }
}
