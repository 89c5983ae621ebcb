package io.ringwork.demo;

import java.util.Locale;

/** The figures of both runs side by side, as text of at most 80 columns. */
final class Table {
  private static final String FORMAT = "  %-24s %16s %16s %12s%n";

  private Table() {}

  /** The table; the last column says how many times better Rust did. */
  static String of(Workload.Outcome rust, Workload.Outcome java) {
    EventLoop.Stalls ours = rust.stalls();
    EventLoop.Stalls theirs = java.stalls();
    StringBuilder text = new StringBuilder();
    text.append(line("", "Rust workers", "Java pool", "ratio"));
    text.append(
        line(
            "wall time",
            number("%.2f s", rust.seconds()),
            number("%.2f s", java.seconds()),
            ratio(java.seconds(), rust.seconds())));
    text.append(
        line(
            "tasks/s",
            number("%.1f", rust.tasksPerSecond()),
            number("%.1f", java.tasksPerSecond()),
            ratio(rust.tasksPerSecond(), java.tasksPerSecond())));
    text.append(stall("event-loop stall p50", ours.p50(), theirs.p50()));
    text.append(stall("event-loop stall p99", ours.p99(), theirs.p99()));
    text.append(stall("event-loop stall max", ours.max(), theirs.max()));
    text.append(
        line(
            "garbage collection",
            number("%.0f ms", rust.gcMillis()),
            number("%.0f ms", java.gcMillis()),
            ratio(java.gcMillis(), rust.gcMillis())));
    return text.toString();
  }

  private static String stall(String what, long ours, long theirs) {
    return line(
        what, number("%.2f ms", ours / 1e6), number("%.2f ms", theirs / 1e6), ratio(theirs, ours));
  }

  private static String ratio(double of, double to) {
    return to > 0 ? number("%.2fx", of / to) : "-";
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private static String line(String what, String rust, String java, String ratio) {
    return String.format(Locale.ROOT, FORMAT, what, rust, java, ratio);
  }
}
