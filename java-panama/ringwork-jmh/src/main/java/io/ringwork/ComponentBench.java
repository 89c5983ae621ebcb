package io.ringwork;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;

/** How all of them are measured: one JVM each, one thread, the mean time of an operation. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 4, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 6, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public abstract class ComponentBench {
  /** For the subclasses. */
  protected ComponentBench() {}

  /** A benchmark that does not do what it says must not have a figure. */
  static void check(boolean right, String what) {
    if (!right) {
      throw new AssertionError(what);
    }
  }
}
