package io.ringwork.internal.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a process is told that is stopped (SIGSTOP, SIGTSTP, a debugger): it holds its lock still. As
 * {@code is_stopped} in supervisor/src/pool/heartbeat.rs.
 */
final class StoppedProcess {
  private StoppedProcess() {}

  /** Whether the process of this number is stopped, and holds this lock. */
  static boolean is(int pid, Path lock) {
    return isStopped(pid) && holds(pid, lock);
  }

  private static boolean isStopped(int pid) {
    try {
      String stat = read(pid, "stat");
      // Behind the name, which may have any characters.
      int state = stat.lastIndexOf(") ") + 2;
      return state < stat.length() && "Tt".indexOf(stat.charAt(state)) >= 0;
    } catch (IOException unseen) {
      return false;
    }
  }

  /**
   * In another PID namespace the number is another process's: a lock's file is mapped by its
   * holder. Where that may not be seen, the number is believed.
   */
  private static boolean holds(int pid, Path lock) {
    try {
      return read(pid, "maps").contains(String.valueOf(lock.getFileName()));
    } catch (IOException unseen) {
      return true;
    }
  }

  private static String read(int pid, String file) throws IOException {
    // Not as UTF-8, which the name of a process need not be.
    return Files.readString(Path.of("/proc/" + pid + "/" + file), StandardCharsets.ISO_8859_1);
  }
}
