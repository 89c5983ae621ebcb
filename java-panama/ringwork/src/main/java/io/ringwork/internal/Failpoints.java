package io.ringwork.internal;

/**
 * Places where a test makes the process kill or stop itself; compiled out here.
 *
 * <p>{@link #ON} is a compile-time constant, so {@code if (Failpoints.ON) Failpoints.hit("…")}
 * leaves no byte code. The module ringwork-failpoints compiles the same sources with another class
 * of this name, which does what its name says and holds the list of all points.
 */
public final class Failpoints {
  public static final boolean ON = false;

  private Failpoints() {}

  /** The process comes to a point. */
  public static void hit(String point) {}
}
