package io.ringwork.demo;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The upper edge of one layer of a landscape: for each pixel column, how far above the horizon the
 * layer reaches, in picture heights.
 */
final class Skyline {
  /** What stands along the edge. */
  enum Kind {
    RIDGE,
    HILLS,
    CONIFERS,
    GROVE,
    CITY
  }

  final Kind kind;

  /** How near the layer is: 0 far away, 1 in front. */
  final float nearness;

  private final float[] heights;

  private Skyline(Kind kind, float nearness, int columns) {
    this.kind = kind;
    this.nearness = nearness;
    this.heights = new float[columns];
  }

  /** An edge about {@code height} picture heights above the horizon for {@code columns} columns. */
  static Skyline of(
      Kind kind, float nearness, float height, int columns, int rows, SplittableRandom random) {
    Skyline line = new Skyline(kind, nearness, columns);
    float scale = 1f / rows;
    switch (kind) {
      case RIDGE -> line.rolling(height, 0.09f, scale, random, true);
      case HILLS -> line.rolling(height, 0.13f, scale, random, false);
      case CONIFERS -> {
        line.rolling(height * 0.5f, 0.14f, scale, random, false);
        line.trees(height, rows, random, true);
      }
      case GROVE -> {
        line.rolling(height * 0.4f, 0.14f, scale, random, false);
        line.trees(height, rows, random, false);
      }
      case CITY -> line.city(height, rows, random);
    }
    return line;
  }

  /** Height above the horizon at column {@code x}; columns outside the picture get the edge's. */
  float height(int x) {
    return heights[Math.clamp(x, 0, heights.length - 1)];
  }

  private void rolling(
      float height, float frequency, float scale, SplittableRandom random, boolean sharp) {
    Noise noise = Noise.shared();
    float where = (float) random.nextDouble();
    float row = (float) random.nextDouble();
    for (int x = 0; x < heights.length; x++) {
      float n = noise.at(where + x * scale * frequency, row);
      float shape = sharp ? 1 - Math.abs(2 * n - 1) * 1.25f : 0.35f + 0.65f * n;
      float detail = noise.at(row + x * scale * frequency * 9, where) - 0.5f;
      heights[x] = height * Math.max(0.05f, shape + detail * (sharp ? 0.16f : 0.04f));
    }
  }

  private void trees(float height, int rows, SplittableRandom random, boolean conifers) {
    float[] ground = heights.clone();
    float step = height * rows * (conifers ? 0.16f : 0.42f);
    for (float centre = -step; centre < heights.length + step; centre += 0.4f * step) {
      float middle = centre + step * (float) random.nextDouble();
      float top = height * (0.45f + 0.5f * (float) random.nextDouble());
      float half = top * rows * (conifers ? 0.2f : 0.45f);
      int seed = random.nextInt();
      int from = Math.max(0, (int) (middle - half));
      int to = Math.min(heights.length - 1, (int) (middle + half));
      for (int x = from; x <= to; x++) {
        float d = Math.abs(x - middle) / half;
        float rough = Noise.hash((int) (x * 600f / rows), seed, 7) - 0.5f;
        float shape =
            conifers
                ? 1 - d + 0.16f * ((d * 7) % 1 - 0.5f) + 0.05f * rough
                : (float) Math.sqrt(Math.max(0, 1 - d * d)) + 0.08f * rough;
        heights[x] = Math.max(heights[x], ground[x] + top * Math.max(0, shape));
      }
    }
  }

  private void city(float height, int rows, SplittableRandom random) {
    int x = 0;
    while (x < heights.length) {
      int width = (int) (rows * (0.025 + 0.05 * random.nextDouble()));
      double tall = random.nextDouble();
      float top = (float) (height * (0.25 + 0.75 * tall * tall));
      int end = Math.min(heights.length, x + Math.max(1, width));
      Arrays.fill(heights, x, end, top);
      x = end + (int) (rows * 0.004 * random.nextInt(4));
    }
  }
}
