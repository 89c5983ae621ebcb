package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.plugins.tiff.BaselineTIFFTagSet;
import javax.imageio.plugins.tiff.TIFFDirectory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImagesTest {
  private static final int A = 0xFF0000;
  private static final int B = 0x00FF00;
  private static final int C = 0x0000FF;
  private static final int D = 0xFFFF00;
  private static final int E = 0xFF00FF;
  private static final int F = 0x00FFFF;

  /** A JPEG reader of its own, the JDK's for TIFF, finds the orientation in the EXIF segment. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 6, 8})
  void theOrientationIsInTheFile(int orientation) throws IOException {
    byte[] plain = Images.encode(image(new int[][] {{A, B, C}, {D, E, F}}), 90);
    byte[] jpeg = Images.withOrientation(plain, orientation);
    assertEquals(3, Images.decode(jpeg).getWidth());
    int length = (jpeg[4] & 255) << 8 | jpeg[5] & 255;
    byte[] tiff = Arrays.copyOfRange(jpeg, 12, 4 + length);
    ImageReader reader = ImageIO.getImageReadersByFormatName("tiff").next();
    reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(tiff)));
    TIFFDirectory directory = TIFFDirectory.createFromMetadata(reader.getImageMetadata(0));
    assertEquals(
        orientation, directory.getTIFFField(BaselineTIFFTagSet.TAG_ORIENTATION).getAsInt(0));
    assertEquals((byte) 0xFF, jpeg[4 + length], "the next segment follows");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 6, 8})
  void uprightTurnsTheStoredPixels(int orientation) {
    // The EXIF standard's wording: where the stored 0th row and 0th column are when seen.
    int[][] seen =
        switch (orientation) {
          case 1 -> new int[][] {{A, B, C}, {D, E, F}};
          case 3 -> new int[][] {{F, E, D}, {C, B, A}};
          case 6 -> new int[][] {{D, A}, {E, B}, {F, C}};
          default -> new int[][] {{C, F}, {B, E}, {A, D}};
        };
    BufferedImage upright = Images.upright(image(new int[][] {{A, B, C}, {D, E, F}}), orientation);
    assertArrayEquals(seen, pixels(upright));
  }

  @Test
  void eachPixelIsTheMeanOfItsArea() {
    BufferedImage board = new BufferedImage(90, 60, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < 60; y++) {
      for (int x = 0; x < 90; x++) {
        board.setRGB(x, y, (x + y) % 2 == 0 ? 0xFFFFFF : 0);
      }
    }
    BufferedImage small = Images.shrink(board, 45);
    assertEquals(30, small.getHeight());
    for (int[] row : pixels(small)) {
      for (int rgb : row) {
        assertEquals(0x808080, rgb);
      }
    }
  }

  @Test
  void fractionalRatiosKeepAFlatColourAndAGradient() {
    BufferedImage ramp = new BufferedImage(256, 101, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < 101; y++) {
      for (int x = 0; x < 256; x++) {
        ramp.setRGB(x, y, x << 16 | 0x40C8);
      }
    }
    for (int[] row : pixels(Images.shrink(ramp, 77))) {
      for (int x = 0; x < 77; x++) {
        double middle = (x + 0.5) * 256 / 77 - 0.5;
        assertTrue(Math.abs((row[x] >> 16 & 255) - middle) <= 1, x + ": " + (row[x] >> 16));
        assertEquals(0x40C8, row[x] & 0xFFFF);
      }
    }
  }

  @Test
  void differencesAreMeantOverAllChannels() {
    BufferedImage image = image(new int[][] {{0x102030, 0x102030}});
    assertEquals(0, Images.meanDifference(image, image));
    BufferedImage other = image(new int[][] {{0x102030, 0x132030}});
    assertEquals(0.5, Images.meanDifference(image, other));
    BufferedImage wide = image(new int[][] {{0, 0, 0}});
    assertThrows(IllegalArgumentException.class, () -> Images.meanDifference(image, wide));
  }

  @Test
  void picturesStandInTheMiddleOfTheirCells() {
    BufferedImage sheet =
        Images.contactSheet(
            List.of(image(new int[][] {{A, A}}), image(new int[][] {{B}, {B}})), 2, 4);
    assertArrayEquals(
        new int[][] {
          {0, 0, 0, 0, 0, 0, 0, 0},
          {0, A, A, 0, 0, B, 0, 0},
          {0, 0, 0, 0, 0, B, 0, 0},
          {0, 0, 0, 0, 0, 0, 0, 0}
        },
        pixels(sheet));
    assertEquals(4, Images.contactSheet(List.of(), 2, 4).getHeight());
  }

  @Test
  void whatIsNoImageIsRefused() {
    assertThrows(RuntimeException.class, () -> Images.decode(new byte[] {1, 2, 3}));
  }

  private static BufferedImage image(int[][] rgb) {
    BufferedImage image =
        new BufferedImage(rgb[0].length, rgb.length, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < rgb.length; y++) {
      image.setRGB(0, y, rgb[y].length, 1, rgb[y], 0, rgb[y].length);
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
