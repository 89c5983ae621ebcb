package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.image.BufferedImage;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExifTest {
  private static final int A = 0xFF0000;
  private static final int B = 0x00FF00;
  private static final int C = 0x0000FF;
  private static final int D = 0xFFFF00;
  private static final int E = 0xFF00FF;
  private static final int F = 0x00FFFF;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void orientationWrittenIsRead(int orientation) {
    byte[] plain = Photos.encode(image(new int[][] {{A, B, C}, {D, E, F}}), 0.9f);
    byte[] tagged = Exif.withOrientation(plain, orientation);
    assertEquals(Exif.UPRIGHT, Exif.orientation(plain));
    assertEquals(orientation, Exif.orientation(tagged));
    BufferedImage decoded = Thumbnailer.decode(tagged);
    assertEquals(3, decoded.getWidth());
    assertEquals(2, decoded.getHeight());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void uprightTurnsTheStoredPixels(int orientation) {
    // The EXIF standard's wording: where the stored 0th row and 0th column are when seen.
    int[][] seen =
        switch (orientation) {
          case 1 -> new int[][] {{A, B, C}, {D, E, F}};
          case 2 -> new int[][] {{C, B, A}, {F, E, D}};
          case 3 -> new int[][] {{F, E, D}, {C, B, A}};
          case 4 -> new int[][] {{D, E, F}, {A, B, C}};
          case 5 -> new int[][] {{A, D}, {B, E}, {C, F}};
          case 6 -> new int[][] {{D, A}, {E, B}, {F, C}};
          case 7 -> new int[][] {{F, C}, {E, B}, {D, A}};
          default -> new int[][] {{C, F}, {B, E}, {A, D}};
        };
    BufferedImage upright = Exif.upright(image(new int[][] {{A, B, C}, {D, E, F}}), orientation);
    assertArrayEquals(seen, pixels(upright));
  }

  @ParameterizedTest
  @CsvSource({"0", "2", "3", "20", "37"})
  void truncatedFilesCountAsUpright(int length) {
    byte[] jpeg = Exif.withOrientation(Photos.encode(image(new int[][] {{A, B}, {C, D}}), 0.9f), 6);
    assertEquals(Exif.UPRIGHT, Exif.orientation(Arrays.copyOf(jpeg, length)));
  }

  @Test
  void anImpossibleOrientationCountsAsUpright() {
    byte[] jpeg = Photos.encode(image(new int[][] {{A, B}, {C, D}}), 0.9f);
    assertEquals(Exif.UPRIGHT, Exif.orientation(Exif.withOrientation(jpeg, 9)));
  }

  private static BufferedImage image(int[][] rgb) {
    BufferedImage image =
        new BufferedImage(rgb[0].length, rgb.length, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < rgb.length; y++) {
      for (int x = 0; x < rgb[y].length; x++) {
        image.setRGB(x, y, rgb[y][x]);
      }
    }
    return image;
  }

  private static int[][] pixels(BufferedImage image) {
    int[][] rgb = new int[image.getHeight()][image.getWidth()];
    for (int y = 0; y < rgb.length; y++) {
      for (int x = 0; x < rgb[y].length; x++) {
        rgb[y][x] = image.getRGB(x, y) & 0xFFFFFF;
      }
    }
    return rgb;
  }
}
