package io.ringwork.demo;

import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;

/**
 * One line that tells how far a job is. On a terminal the line is redrawn in place; elsewhere a
 * plain line is printed at each quarter. Colours only on a terminal, and not if {@code NO_COLOR} is
 * set. Used by one thread.
 */
final class ProgressBar {
  private static final int LABEL = 26;
  private static final int BAR = 28;

  private final PrintStream out;
  private final String label;
  private final int total;
  private final boolean redraw;
  private final boolean colour;
  private final long start = System.nanoTime();
  private int shown = -1;
  private long shownTenths = -1;

  /**
   * A bar for {@code total} steps on {@code out}; {@code redraw} if it is a terminal, {@code
   * colour} if it may be coloured.
   */
  ProgressBar(PrintStream out, String label, int total, boolean redraw, boolean colour) {
    this.out = out;
    this.label = label;
    this.total = total;
    this.redraw = redraw;
    this.colour = redraw && colour;
  }

  /** A bar on standard output, as fits what that is. */
  static ProgressBar console(String label, int total) {
    return new ProgressBar(System.out, label, total, onTerminal(), colourWanted());
  }

  /** Whether standard output is a terminal that can redraw a line. */
  static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal() && !"dumb".equals(System.getenv("TERM"));
  }

  private static boolean colourWanted() {
    String no = System.getenv("NO_COLOR");
    return no == null || no.isEmpty();
  }

  /** Says that {@code done} steps are done. */
  void update(int done) {
    if (redraw) {
      long tenths = (System.nanoTime() - start) / 100_000_000;
      if (done != shown || tenths != shownTenths) {
        out.print("\r" + line(done, clock()));
        out.flush();
        shownTenths = tenths;
      }
    } else if (quarter(done) > quarter(Math.max(0, shown)) && done < total) {
      out.println(line(done, clock()));
    }
    shown = done;
  }

  /** Ends the line. */
  void finish() {
    String text = line(Math.max(0, shown), clock());
    out.println(redraw ? "\r" + text : text);
  }

  private int quarter(int done) {
    return total == 0 ? 4 : (int) (4L * done / total);
  }

  private String clock() {
    double seconds = (System.nanoTime() - start) / 1e9;
    return String.format(Locale.ROOT, "%5.1f s", seconds);
  }

  private String line(int done, String tail) {
    int filled = total == 0 ? BAR : (int) ((long) BAR * Math.min(done, total) / total);
    String bar = "#".repeat(filled);
    if (colour) {
      bar = "\033[32m" + bar + "\033[0m";
    }
    String rest = ".".repeat(BAR - filled);
    String count = String.format(Locale.ROOT, "%4d/%-4d", done, total);
    String name = label.length() > LABEL ? label.substring(0, LABEL) : label;
    return String.format(
        Locale.ROOT, "%-" + LABEL + "s [%s%s] %s %s", name, bar, rest, count, tail);
  }
}
