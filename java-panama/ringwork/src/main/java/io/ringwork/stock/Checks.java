package io.ringwork.stock;

import java.util.List;

/**
 * Refuses parameters that no handler takes, when a request is made and not when it comes back. What
 * depends on other parameters, or on the pool, the handler refuses.
 */
final class Checks {
  private Checks() {}

  /** Checks a number for which 0 stands for the handler's default. */
  static void range(String what, long value, long low, long high) {
    if (value != 0 && (value < low || value > high)) {
      String bounds = high == Long.MAX_VALUE ? low + " or more" : low + " to " + high;
      throw new IllegalArgumentException(
          what + " is " + bounds + ", or 0 for the handler's default, and not " + value);
    }
  }

  /** Checks a word that the handler must know. */
  static void oneOf(String what, String value, List<String> known) {
    if (!known.contains(value)) {
      throw new IllegalArgumentException(
          what + " is one of " + String.join(", ", known) + ", and not \"" + value + "\"");
    }
  }

  /** Checks a number that is only bounded by what the handler makes of it. */
  static void notNegative(String what, long value) {
    range(what, value, 1, Long.MAX_VALUE);
  }
}
