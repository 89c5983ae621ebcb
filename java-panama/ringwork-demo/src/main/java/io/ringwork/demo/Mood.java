package io.ringwork.demo;

/**
 * The light of a scene: the colours of sky, clouds, haze and land, and where the sun may stand.
 * Colours are 0xRRGGBB.
 *
 * @param zenith sky overhead
 * @param horizon sky at the horizon
 * @param sun sun or moon, and its glow
 * @param cloud lit side of the clouds
 * @param cloudShade dark side of the clouds
 * @param haze what distance fades into
 * @param land rock and earth
 * @param leaf trees and grass
 * @param sunLow lowest height of the sun, 0 at the horizon to 1 overhead
 * @param sunHigh greatest height of the sun
 * @param cover share of the sky that clouds cover, 0..1
 * @param glow strength of the light around the sun
 * @param night whether stars and lit windows show
 */
record Mood(
    int zenith,
    int horizon,
    int sun,
    int cloud,
    int cloudShade,
    int haze,
    int land,
    int leaf,
    float sunLow,
    float sunHigh,
    float cover,
    float glow,
    boolean night) {

  static final Mood NOON =
      new Mood(
          0x2F6CB8, 0xBFDCF0, 0xFFFBEF, 0xFFFFFF, 0xB4C2D0, 0xB9D0E2, 0x8A7B68, 0x4F7A34, 0.6f,
          0.9f, 0.42f, 0.25f, false);
  static final Mood SUNSET =
      new Mood(
          0x33447E, 0xFFA45C, 0xFFE2A0, 0xFFB27A, 0x7A5470, 0xE79A73, 0x5A4048, 0x2E3324, 0.06f,
          0.2f, 0.5f, 0.9f, false);
  static final Mood DAWN =
      new Mood(
          0x6C93C4, 0xFBD9C6, 0xFFF1DC, 0xFFEAE0, 0xB79FB2, 0xE6CFCB, 0x7C6C70, 0x4E6A48, 0.1f,
          0.35f, 0.36f, 0.6f, false);
  static final Mood OVERCAST =
      new Mood(
          0x7C8894, 0xCBD2D6, 0xF4F4F0, 0xDDE2E4, 0x7D868E, 0xC0C8CC, 0x67635C, 0x43603A, 0.4f,
          0.7f, 0.85f, 0.12f, false);
  static final Mood AUTUMN =
      new Mood(
          0x4A86C5, 0xE8E2CF, 0xFFF6DC, 0xFFFAF0, 0xB9B3AC, 0xD6CDB8, 0x86694B, 0xB5642A, 0.3f,
          0.6f, 0.38f, 0.4f, false);
  static final Mood NIGHT =
      new Mood(
          0x0B1638, 0x4A6498, 0xF6F2E0, 0x6C7CA4, 0x1E2A4C, 0x42578A, 0x3A4056, 0x22303C, 0.45f,
          0.8f, 0.3f, 0.22f, true);
  static final Mood DUSK =
      new Mood(
          0x232C66, 0xF28C72, 0xFFD9B0, 0xDE8494, 0x4C3F74, 0xA0708E, 0x443F5C, 0x2A3440, 0.02f,
          0.08f, 0.42f, 0.6f, true);

  private static final Mood[] ALL = {NOON, SUNSET, DAWN, OVERCAST, AUTUMN, NIGHT, DUSK};

  /** The mood number {@code index}, counted around. */
  static Mood of(int index) {
    return ALL[Math.floorMod(index, ALL.length)];
  }
}
