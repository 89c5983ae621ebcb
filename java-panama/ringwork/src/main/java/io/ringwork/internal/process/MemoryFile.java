package io.ringwork.internal.process;

import io.ringwork.internal.wait.Futex;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A program in a memfd: in no file system, so it can be started where nothing may be written.
 *
 * <p>It is sealed before it is used: no process can change it any more. Needs native access.
 */
public final class MemoryFile implements AutoCloseable {
  private static final String NAME = "ringwork";
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_EXEC = 16; // since Linux 6.3
  private static final int F_ADD_SEALS = 1033;
  private static final int SEAL_SHRINK_GROW_WRITE_AND_SEALS = 15;
  private static final Path NOEXEC = Path.of("/proc/sys/vm/memfd_noexec");

  private final long descriptor;
  private final Path path;

  private MemoryFile(long descriptor, Path path) {
    this.descriptor = descriptor;
    this.path = path;
  }

  /** The numbers of the system calls; the futex knows the same architectures. */
  private enum Call {
    MEMFD_CREATE(319, 279),
    FCNTL(72, 25),
    CLOSE(3, 57);

    private final long x86;
    private final long arm;

    Call(long x86, long arm) {
      this.x86 = x86;
      this.arm = arm;
    }

    long with(long first, long second, long third) {
      boolean arm64 = System.getProperty("os.arch").equals("aarch64");
      return Futex.syscall(arm64 ? arm : x86, first, second, third);
    }
  }

  /**
   * Copies a program into memory and seals it.
   *
   * @throws IOException with the reason: no native access, or the system allows no such programs
   */
  public static MemoryFile of(InputStream program) throws IOException {
    if (!linked()) {
      throw new IOException(
          "native access is denied to the client, start the JVM with"
              + " --enable-native-access=io.ringwork (or ALL-UNNAMED)");
    }
    long descriptor = create();
    if (descriptor < 0) {
      throw new IOException("the kernel gives no executable memfd" + noexec());
    }
    MemoryFile file = null;
    try {
      // By the number of this process, for the child opens it, too. As this /proc counts them.
      Path path = Path.of("/proc/self").toRealPath().resolve("fd/" + descriptor);
      try (OutputStream out = Files.newOutputStream(path, StandardOpenOption.WRITE)) {
        program.transferTo(out);
      }
      if (Call.FCNTL.with(descriptor, F_ADD_SEALS, SEAL_SHRINK_GROW_WRITE_AND_SEALS) != 0) {
        throw new IOException("the kernel does not seal a memfd");
      }
      if (!Files.isExecutable(path)) {
        throw new IOException("a memfd may not be executed" + noexec());
      }
      file = new MemoryFile(descriptor, path);
      return file;
    } finally {
      if (file == null) {
        Call.CLOSE.with(descriptor, 0, 0);
      }
    }
  }

  private static boolean linked() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return Futex.awaitLinked();
        } catch (InterruptedException later) { // it takes a tenth of a second
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static long create() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME.length() + 1L); // zeroed: the end is there
      name.asByteBuffer().put(NAME.getBytes(StandardCharsets.US_ASCII));
      long flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
      long descriptor = Call.MEMFD_CREATE.with(name.address(), flags | MFD_EXEC, 0);
      // A kernel that does not know the flag refuses it, and makes all of them executable.
      return descriptor >= 0 ? descriptor : Call.MEMFD_CREATE.with(name.address(), flags, 0);
    }
  }

  private static String noexec() {
    @Nullable String value;
    try {
      value = Files.readString(NOEXEC).strip();
    } catch (IOException none) {
      value = null;
    }
    return "2".equals(value)
        ? " (the setting vm.memfd_noexec is 2, which forbids them; 1 allows them)"
        : "";
  }

  /** What to start; valid until {@link #close}, which a program that runs already outlives. */
  public Path path() {
    return path;
  }

  @Override
  public void close() {
    Call.CLOSE.with(descriptor, 0, 0);
  }
}
