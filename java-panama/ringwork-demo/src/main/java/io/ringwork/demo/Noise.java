package io.ringwork.demo;

/**
 * Fractal value noise, as one tile that repeats in both directions: every texture of the demo's
 * photos (clouds, rock, water, grass) is a look-up in it at some scale. Built once, read by all
 * threads.
 */
final class Noise {
  private static final int BITS = 10;
  private static final int SIZE = 1 << BITS;
  private static final int MASK = SIZE - 1;
  private static final int FIRST_CELLS = 8;
  private static final int OCTAVES = 7;

  private static final Noise SHARED = new Noise(0x5EED_0F_C10D5L);

  private final float[] tile = new float[SIZE * SIZE];

  private Noise(long seed) {
    float amplitude = 1;
    for (int octave = 0, cells = FIRST_CELLS; octave < OCTAVES; octave++, cells *= 2) {
      addOctave(seed + octave, cells, amplitude);
      amplitude *= 0.52f;
    }
    stretch();
  }

  /** The one tile all photos share; they differ in where they look. */
  static Noise shared() {
    return SHARED;
  }

  /** Fractal noise in 0..1 at a place given in tiles, interpolated between the tile's points. */
  float at(float x, float y) {
    float sx = x * SIZE;
    float sy = y * SIZE;
    int ix = (int) Math.floor(sx);
    int iy = (int) Math.floor(sy);
    float fx = sx - ix;
    float fy = sy - iy;
    int row = (iy & MASK) << BITS;
    int below = ((iy + 1) & MASK) << BITS;
    int left = ix & MASK;
    int right = (ix + 1) & MASK;
    float top = tile[row + left] + (tile[row + right] - tile[row + left]) * fx;
    float bottom = tile[below + left] + (tile[below + right] - tile[below + left]) * fx;
    return top + (bottom - top) * fy;
  }

  /** A number in 0..1 that depends on nothing but its arguments. */
  static float hash(int x, int y, int seed) {
    int h = x * 0x9E3779B1 ^ y * 0x85EBCA77 ^ seed * 0xC2B2AE3D;
    h = (h ^ h >>> 15) * 0x2C1B3C6D;
    h = (h ^ h >>> 12) * 0x297A2D39;
    h ^= h >>> 15;
    return (h >>> 8) * 0x1p-24f;
  }

  private void addOctave(long seed, int cells, float amplitude) {
    int cell = SIZE / cells;
    for (int y = 0; y < SIZE; y++) {
      int cy = y / cell;
      float fy = smooth((y % cell) / (float) cell);
      for (int x = 0; x < SIZE; x++) {
        int cx = x / cell;
        float fx = smooth((x % cell) / (float) cell);
        float top = mix(corner(seed, cx, cy, cells), corner(seed, cx + 1, cy, cells), fx);
        float bottom =
            mix(corner(seed, cx, cy + 1, cells), corner(seed, cx + 1, cy + 1, cells), fx);
        tile[(y << BITS) + x] += amplitude * mix(top, bottom, fy);
      }
    }
  }

  private void stretch() {
    float low = Float.MAX_VALUE;
    float high = -Float.MAX_VALUE;
    for (float value : tile) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    for (int i = 0; i < tile.length; i++) {
      tile[i] = (tile[i] - low) / (high - low);
    }
  }

  private static float corner(long seed, int x, int y, int cells) {
    return hash(x % cells, y % cells, (int) (seed * 31 + cells));
  }

  private static float smooth(float t) {
    return t * t * (3 - 2 * t);
  }

  private static float mix(float a, float b, float t) {
    return a + (b - a) * t;
  }
}
