package io.ringwork.demo;

import java.util.SplittableRandom;

/**
 * One made-up landscape: sky with sun and clouds, layers of hills, trees or houses, and water,
 * meadow, dunes or snow in front. Draws itself row by row into packed RGB; the same seed and size
 * give the same pixels. Not for use by two threads at once.
 */
final class Scene {
  /** What lies in front of the horizon. */
  enum Ground {
    WATER,
    MEADOW,
    DUNES,
    SNOW
  }

  private static final int RAMP = 512;

  private final Noise noise = Noise.shared();
  private final int rows;
  private final float middle;
  private final Mood mood;
  private final Ground ground;
  private final Skyline[] lines;
  private final float horizon;
  private final float sunX;
  private final float sunY;
  private final float sunRadius;
  private final float snowLine;
  private final float originX;
  private final float originY;
  private final int seed;
  private final int petal;
  private final float[][] sky = new float[RAMP][3];

  // The colour being mixed: 0..1 and beyond, clamped when packed.
  private float red;
  private float green;
  private float blue;

  Scene(long seed, Mood mood, Ground ground, int columns, int rows) {
    SplittableRandom random = new SplittableRandom(seed);
    this.seed = (int) seed;
    this.mood = mood;
    this.ground = ground;
    this.rows = rows;
    float width = columns / (float) rows;
    middle = width / 2;
    horizon = 0.46f + 0.28f * (float) random.nextDouble();
    sunX = width * (0.15f + 0.7f * (float) random.nextDouble());
    float height = mood.sunLow() + (mood.sunHigh() - mood.sunLow()) * (float) random.nextDouble();
    sunY = horizon * (1 - height);
    sunRadius = mood.night() ? 0.022f : 0.028f;
    snowLine = ground == Ground.SNOW ? 0.02f : 0.18f + 0.3f * (float) random.nextDouble();
    originX = (float) random.nextDouble();
    originY = (float) random.nextDouble();
    petal = new int[] {0xE8D24A, 0xD8476A, 0xE9E4F2, 0x8C6AD0, 0xE07B39}[random.nextInt(5)];
    lines = layers(random, columns);
    for (int i = 0; i < RAMP; i++) {
      float t = (float) Math.pow(i / (RAMP - 1.0), 1.4);
      set(mood.zenith());
      blend(mood.horizon(), t);
      sky[i] = new float[] {red, green, blue};
    }
  }

  /** Draws row {@code y} into {@code out}, one packed RGB pixel per column. */
  void row(int y, int[] out) {
    float v = (y + 0.5f) / rows;
    for (int x = 0; x < out.length; x++) {
      float u = (x + 0.5f) / rows;
      if (v < horizon) {
        above(x, u, v);
      } else {
        front(u, v);
      }
      float dx = (u - middle) / middle;
      float vignette = 1 - 0.10f * (dx * dx + 4 * (v - 0.5f) * (v - 0.5f));
      float grain = (Noise.hash(x, y, seed) - 0.5f) * 0.034f;
      out[x] =
          pack(red * vignette + grain) << 16
              | pack(green * vignette + grain) << 8
              | pack(blue * vignette + grain);
    }
  }

  private Skyline[] layers(SplittableRandom random, int columns) {
    boolean city = mood.night() && random.nextInt(5) < 2;
    city |= ground == Ground.WATER && random.nextInt(5) == 0;
    Skyline.Kind near = random.nextBoolean() ? Skyline.Kind.CONIFERS : Skyline.Kind.GROVE;
    if (ground == Ground.DUNES) {
      near = Skyline.Kind.HILLS;
    }
    int far = 2 + random.nextInt(2);
    Skyline[] made = new Skyline[far + 1];
    for (int i = 0; i < far; i++) {
      float nearness = i / (float) far;
      float height = (0.62f - 0.4f * nearness) * (0.35f + 0.65f * (float) random.nextDouble());
      Skyline.Kind kind = i == far - 1 ? Skyline.Kind.HILLS : Skyline.Kind.RIDGE;
      made[i] = Skyline.of(kind, nearness, height, columns, rows, random);
    }
    float tall = 0.6f + 0.9f * (float) random.nextDouble();
    float height = tall * (city ? 0.32f : near == Skyline.Kind.HILLS ? 0.07f : 0.12f);
    made[far] = Skyline.of(city ? Skyline.Kind.CITY : near, 0.9f, height, columns, rows, random);
    return made;
  }

  /** Everything above the horizon: the nearest layer that covers the place, or the sky. */
  private void above(int x, float u, float v) {
    float up = horizon - v;
    for (int i = lines.length - 1; i >= 0; i--) {
      float top = lines[i].height(x);
      if (up < top) {
        layer(lines[i], u, v, up, top);
        return;
      }
    }
    sky(u, v, up);
  }

  private void sky(float u, float v, float up) {
    float[] base = sky[Math.clamp((int) (v / horizon * (RAMP - 1)), 0, RAMP - 1)];
    red = base[0];
    green = base[1];
    blue = base[2];
    if (mood.night()) {
      star(u, v, up);
    }
    float dx = u - sunX;
    float dy = v - sunY;
    float d2 = dx * dx + dy * dy;
    float glow = mood.glow() * (0.55f / (1 + 18 * d2) + 0.45f / (1 + 220 * d2));
    add(mood.sun(), glow * 0.55f);
    float edge = (sunRadius - (float) Math.sqrt(d2)) / sunRadius;
    if (edge > -0.25f) {
      blend(mood.sun(), Math.clamp((edge + 0.25f) * 3, 0f, 1f));
    }
    cloud(u, up, glow);
  }

  private void star(float u, float v, float up) {
    float scale = 260;
    int cx = (int) (u * scale);
    int cy = (int) (v * scale);
    float chance = Noise.hash(cx, cy, seed);
    if (chance > 0.985f) {
      float dx = u * scale - cx - 0.3f - 0.4f * Noise.hash(cx, cy, 1);
      float dy = v * scale - cy - 0.3f - 0.4f * Noise.hash(cx, cy, 2);
      float size = 0.004f + 0.02f * Noise.hash(cx, cy, 3);
      float light = size / (size + 6 * (dx * dx + dy * dy)) - 0.12f;
      add(0xE8ECFF, Math.max(0, light) * Math.min(1, up * 4));
    }
  }

  private void cloud(float u, float up, float glow) {
    float flat = up + 0.09f;
    float px = originX + (u - middle) / flat * 0.045f;
    float pz = originY + 0.05f / flat;
    float n = noise.at(px, pz);
    float threshold = 0.68f - 0.36f * mood.cover();
    float density = smoothstep(threshold, threshold + 0.2f, n);
    if (density > 0) {
      float lit = Math.clamp(0.62f + 3.2f * (n - noise.at(px + 0.006f, pz + 0.010f)), 0f, 1f);
      density *= Math.min(1, up * 7) * 0.92f;
      float r = red;
      float g = green;
      float b = blue;
      set(mood.cloudShade());
      blend(mood.cloud(), lit);
      add(mood.sun(), glow * 0.35f);
      red = r + (red - r) * density;
      green = g + (green - g) * density;
      blue = b + (blue - b) * density;
    }
  }

  private void layer(Skyline line, float u, float v, float up, float top) {
    float near = line.nearness;
    if (line.kind == Skyline.Kind.CITY) {
      city(u, v, up, top);
      return;
    }
    boolean wood = line.kind == Skyline.Kind.CONIFERS || line.kind == Skyline.Kind.GROVE;
    float scale = wood ? 1.6f : 0.22f + 0.3f * near;
    float tx = originX + u * scale + near;
    float ty = originY + v * scale * 1.4f;
    float n = noise.at(tx, ty);
    float toSun = middle < sunX ? 0.006f : -0.006f;
    float slope = n - noise.at(tx + toSun, ty - 0.004f);
    float fine = noise.at(tx * 6, ty * 5);
    slope += (fine - noise.at(tx * 6 + toSun, ty * 5 - 0.004f)) * (wood ? 0.5f : 0.8f);
    float shade = Math.clamp(1 + slope * (wood ? 5 : 7), 0.35f, 1.7f);
    if (wood) {
      set(mood.leaf());
      scale(shade * (0.35f + 0.55f * n + 0.4f * fine) * (0.65f + 0.5f * up / top));
    } else {
      set(mood.land());
      blend(mood.leaf(), smoothstep(0.35f, 0.75f, n * 0.6f + near * 0.7f - up * 0.8f));
      scale(shade * (mood.night() ? 0.8f : 1));
      float snow = smoothstep(0, 0.05f, up + 0.3f * (n - 0.5f) + slope - snowLine);
      if (snow > 0 && line.kind == Skyline.Kind.RIDGE) {
        float white = mood.night() ? 0.35f : 0.92f;
        float cold = Math.clamp(white * (0.55f + 0.45f * shade), 0f, 1f);
        red += (cold * 0.97f - red) * snow;
        green += (cold * 0.985f - green) * snow;
        blue += (cold * 1.02f - blue) * snow;
      }
    }
    float fog = (1 - near) * 0.6f + 0.22f * (1 - near) * (1 - up / top) + 0.04f;
    blend(mood.haze(), Math.min(0.95f, fog));
  }

  private void city(float u, float v, float up, float top) {
    int block = (int) (top * 4099);
    float tone = 0.7f + 0.5f * Noise.hash(block, 3, seed);
    set(mood.land());
    scale(tone * (mood.night() ? 0.8f : 1.15f) * (0.8f + 0.4f * noise.at(u, v)));
    int column = (int) (u * 190);
    int floor = (int) (v * 150);
    float inX = u * 190 - column;
    float inY = v * 150 - floor;
    boolean pane = inX > 0.25f && inX < 0.8f && inY > 0.2f && inY < 0.75f && top - up > 0.008f;
    if (pane) {
      float lamp = Noise.hash(column, floor, seed + block);
      if (mood.night() && lamp > 0.52f) {
        blend(lamp > 0.8f ? 0xFFE9BE : 0xF2B565, 0.45f + 0.5f * lamp);
      } else {
        blend(mood.zenith(), 0.35f + 0.3f * lamp);
      }
    }
    blend(mood.haze(), 0.10f + 0.25f * (1 - up / top));
  }

  /** Everything in front of the horizon, in perspective: {@code z} grows towards it. */
  private void front(float u, float v) {
    float down = v - horizon;
    float z = 1 / (down + 0.03f);
    float gx = (u - middle) * z;
    switch (ground) {
      case WATER -> water(u, down, z, gx);
      case MEADOW -> meadow(down, z, gx);
      case DUNES -> dunes(down, z, gx);
      case SNOW -> snow(down, z, gx);
    }
    float far = 1 - Math.min(1, down * 7);
    blend(mood.haze(), far * far * 0.6f);
  }

  private void water(float u, float down, float z, float gx) {
    float wave = noise.at(originX + gx * 0.10f, originY + z * 0.42f) - 0.5f;
    float ripple = noise.at(originY + gx * 0.55f, originX + z * 2.2f) - 0.5f;
    float tilt = wave * 0.55f + ripple * 0.45f;
    float mirrored = Math.clamp(horizon - down * (0.95f + 1.3f * tilt), 0.002f, horizon - 0.001f);
    float su = u + tilt * 0.10f * (0.2f + down);
    above((int) (su * rows), su, mirrored);
    float deep = 0.18f + 0.9f * down;
    float r = red;
    float g = green;
    float b = blue;
    set(mood.zenith());
    scale(0.34f + 0.35f * (wave + 0.5f));
    red = r + (red * 0.75f - r) * deep;
    green = g + (green * 1.1f - g) * deep;
    blue = b + (blue - b) * deep;
    float spark = smoothstep(0.16f, 0.3f, tilt) / (1 + 40 * (u - sunX) * (u - sunX));
    add(mood.sun(), spark * 0.8f * mood.glow());
  }

  private void meadow(float down, float z, float gx) {
    float broad = noise.at(originX + gx * 0.07f, originY + z * 0.07f);
    float blades = noise.at(originY + gx * 1.1f, originX + z * 0.45f);
    set(mood.leaf());
    blend(0xA9B04E, mood.night() ? 0.04f : 0.5f * broad);
    scale((0.45f + 0.55f * broad) * (0.5f + blades) * (mood.night() ? 0.9f : 1.15f));
    float scale = 26;
    int cx = (int) Math.floor(gx * scale * 0.5f);
    int cz = (int) Math.floor(z * scale * 0.5f);
    float chance = Noise.hash(cx, cz, seed);
    if (chance > 0.93f && down > 0.03f && broad > 0.45f) {
      float dx = gx * scale * 0.5f - cx - 0.5f;
      float dz = z * scale * 0.5f - cz - 0.5f;
      if (dx * dx + dz * dz < 0.14f) {
        blend(petal, mood.night() ? 0.12f : 0.85f);
      }
    }
  }

  private void dunes(float down, float z, float gx) {
    float broad = noise.at(originX + gx * 0.045f, originY + z * 0.06f);
    float next = noise.at(originX + gx * 0.045f + 0.008f, originY + z * 0.06f + 0.004f);
    float bend = noise.at(originX + gx * 0.02f, originY + z * 0.02f);
    float ripples = (float) Math.sin(z * 14 + gx * 3 + bend * 90) * Math.min(1, down * 4);
    set(mood.night() ? 0x3A3848 : 0xD9A868);
    blend(mood.horizon(), 0.18f);
    float fine = noise.at(originY + gx * 0.5f, originX + z * 0.5f);
    scale(
        Math.clamp(
            0.82f + (broad - next) * 2.6f + ripples * 0.06f + (fine - 0.5f) * 0.22f, 0.4f, 1.3f));
  }

  private void snow(float down, float z, float gx) {
    float n = noise.at(originX + gx * 0.06f, originY + z * 0.09f);
    float slope = n - noise.at(originX + gx * 0.06f + 0.010f, originY + z * 0.09f + 0.006f);
    set(mood.night() ? 0x34405F : 0xEDF2FA);
    blend(mood.zenith(), Math.clamp(0.16f - slope * 3.5f, 0f, 0.6f));
    scale(0.92f + 0.08f * n + 0.06f * down);
    add(mood.sun(), 0.06f * mood.glow());
  }

  private void set(int rgb) {
    red = (rgb >> 16 & 255) / 255f;
    green = (rgb >> 8 & 255) / 255f;
    blue = (rgb & 255) / 255f;
  }

  private void blend(int rgb, float t) {
    red += ((rgb >> 16 & 255) / 255f - red) * t;
    green += ((rgb >> 8 & 255) / 255f - green) * t;
    blue += ((rgb & 255) / 255f - blue) * t;
  }

  private void add(int rgb, float t) {
    red += (rgb >> 16 & 255) / 255f * t;
    green += (rgb >> 8 & 255) / 255f * t;
    blue += (rgb & 255) / 255f * t;
  }

  private void scale(float t) {
    red *= t;
    green *= t;
    blue *= t;
  }

  private static float smoothstep(float from, float to, float x) {
    float t = Math.clamp((x - from) / (to - from), 0f, 1f);
    return t * t * (3 - 2 * t);
  }

  private static int pack(float channel) {
    return Math.clamp((int) (channel * 255 + 0.5f), 0, 255);
  }
}
