package io.ringwork.internal;

/** Numbers of things, for people. */
public final class Plural {
  private Plural() {}

  /**
   * A number with the noun that it counts.
   *
   * @param one what one is called; another gets an s
   * @return "1 task", "2 tasks"
   */
  public static String of(long n, String one) {
    return n + " " + one + (n == 1 ? "" : "s");
  }
}
