package io.ringwork.internal;

/** Names of the signals that kill processes, as Linux numbers them on x86-64 and arm64. */
public final class Signals {
  private Signals() {}

  public static String name(int number) {
    String name =
        switch (number) {
          case 1 -> "SIGHUP";
          case 2 -> "SIGINT";
          case 4 -> "SIGILL";
          case 6 -> "SIGABRT";
          case 7 -> "SIGBUS";
          case 8 -> "SIGFPE";
          case 9 -> "SIGKILL";
          case 11 -> "SIGSEGV";
          case 13 -> "SIGPIPE";
          case 15 -> "SIGTERM";
          case 24 -> "SIGXCPU";
          case 31 -> "SIGSYS";
          default -> "signal";
        };
    return name + " (" + number + ")";
  }

  /** A process's exit status as Java reports it: 128 + n for signal n. */
  public static String describeExit(int status) {
    return isKilled(status)
        ? "was killed by " + name(status - 128)
        : "exited with status " + status;
  }

  /** Whether a process did not end by itself. */
  public static boolean isKilled(int status) {
    return status > 128 && status < 128 + 65;
  }
}
