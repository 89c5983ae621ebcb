package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LandscapeTest {
  @Test
  void theSameSeedAndSizeGiveTheSamePixels() {
    assertEquals(0, difference(7, 7));
  }

  /** Also with seeds that share their colours. */
  @Test
  void seedsDiffer() {
    assertTrue(difference(0, 1) > 5);
    assertTrue(difference(0, 4) > 2);
  }

  private static double difference(int seed, int other) {
    return Images.meanDifference(Landscape.paint(seed, 160, 120), Landscape.paint(other, 160, 120));
  }
}
