package io.ringwork.demo;

import java.awt.image.BufferedImage;
import java.util.SplittableRandom;

/**
 * Paints a made-up landscape: clouds, and ridges that rise out of the haze, with the grain of a
 * camera. The same seed and size give the same pixels.
 */
final class Landscape {
  /** The light of some hours of the day: sky above, sky below and haze, land, clouds. */
  private static final int[][] HOURS = {
    {0x2F6CB8, 0xBFDCF0, 0x6C9A4C, 0xFFFFFF},
    {0x33447E, 0xFFA45C, 0x6A4A52, 0xFFC79A},
    {0x4A86C5, 0xE8E2CF, 0xD2783A, 0xFFFAF0},
    {0x0B1638, 0x4A6498, 0x2A3C4E, 0x6C7CA4},
  };

  private static final int RIDGES = 5;
  private static final int TILE = 512;
  private static final float[] NOISE = tile();

  private Landscape() {}

  /** Paints the landscape of that seed, which is 0 or more. */
  static BufferedImage paint(int seed, int width, int height) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] hour = HOURS[seed % HOURS.length];
    float place = random.nextFloat(100);
    // For each column, how far from the top a ridge begins; the far ridges first.
    float[][] ridges = new float[RIDGES][width];
    for (int i = 0; i < RIDGES; i++) {
      for (int x = 0; x < width; x++) {
        float n = noise(place + 0.25f * x / height, place + 0.3f * i);
        ridges[i][x] = 0.5f + 0.12f * i + 0.7f * (0.45f - n);
      }
    }
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < height; y++) {
      float v = y / (float) height;
      for (int x = 0; x < width; x++) {
        float u = place + x / (float) height;
        int ridge = RIDGES;
        while (ridge > 0 && v < ridges[ridge - 1][x]) {
          ridge--;
        }
        int colour = ridge == 0 ? sky(u, v, hour) : land(u, v, ridge / (float) RIDGES, hour);
        image.setRGB(x, y, mix(0, colour, random.nextFloat(0.92f, 1f)));
      }
    }
    return image;
  }

  private static int sky(float u, float v, int[] hour) {
    float cloud = noise(0.3f * u, v) - 0.5f;
    return mix(mix(hour[0], hour[1], 2 * v), hour[3], 4 * cloud);
  }

  private static int land(float u, float v, float near, int[] hour) {
    float slope = noise(u, v) - noise(u + 0.01f, v - 0.01f);
    float leaves = noise(5 * near * u, 7 * near * v);
    return mix(hour[1], mix(0, hour[2], leaves + 3 * slope), near);
  }

  /** The colour that is {@code part} of the way from one to another. */
  private static int mix(int from, int to, float part) {
    int t = Math.clamp((int) (256 * part), 0, 256);
    int redAndBlue = (from & 0xFF00FF) * (256 - t) + (to & 0xFF00FF) * t >>> 8;
    int green = (from & 0xFF00) * (256 - t) + (to & 0xFF00) * t >>> 8;
    return redAndBlue & 0xFF00FF | green & 0xFF00;
  }

  /** Noise of about 0 to 1 at a place given in tiles, which repeat in both directions. */
  private static float noise(float x, float y) {
    return between(NOISE, TILE, x * TILE, y * TILE);
  }

  /** One tile of noise: random grids, each finer and fainter than the one before, added up. */
  private static float[] tile() {
    SplittableRandom random = new SplittableRandom(5);
    float[] tile = new float[TILE * TILE];
    for (int cells = 4; cells <= TILE; cells *= 2) {
      float[] grid = new float[cells * cells];
      for (int i = 0; i < grid.length; i++) {
        grid[i] = random.nextFloat(2f / cells);
      }
      float step = cells / (float) TILE;
      for (int i = 0; i < tile.length; i++) {
        tile[i] += between(grid, cells, i % TILE * step, i / TILE * step);
      }
    }
    return tile;
  }

  /** What a square grid of {@code size}, a power of two, has at a place between its points. */
  private static float between(float[] grid, int size, float x, float y) {
    int left = (int) x;
    int top = (int) y;
    int row = (top & size - 1) * size;
    int next = (top + 1 & size - 1) * size;
    int column = left & size - 1;
    int right = left + 1 & size - 1;
    float above = grid[row + column] * (left + 1 - x) + grid[row + right] * (x - left);
    float below = grid[next + column] * (left + 1 - x) + grid[next + right] * (x - left);
    return above * (top + 1 - y) + below * (y - top);
  }
}
