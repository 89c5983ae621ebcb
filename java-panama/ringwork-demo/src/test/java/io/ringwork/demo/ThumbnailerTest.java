package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import org.junit.jupiter.api.Test;

class ThumbnailerTest {
  @Test
  void eachPixelIsTheMeanOfItsArea() {
    BufferedImage board = new BufferedImage(90, 60, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < 60; y++) {
      for (int x = 0; x < 90; x++) {
        board.setRGB(x, y, (x + y) % 2 == 0 ? 0xFFFFFF : 0);
      }
    }
    BufferedImage small = Thumbnailer.shrink(board, 45, 30);
    for (int y = 0; y < 30; y++) {
      for (int x = 0; x < 45; x++) {
        assertEquals(0x808080, small.getRGB(x, y) & 0xFFFFFF);
      }
    }
  }

  @Test
  void fractionalRatiosKeepAFlatColourAndAGradient() {
    BufferedImage ramp = new BufferedImage(256, 101, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 101; y++) {
      for (int x = 0; x < 256; x++) {
        ramp.setRGB(x, y, x << 16 | 0x40C8);
      }
    }
    BufferedImage small = Thumbnailer.shrink(ramp, 77, 33);
    for (int y = 0; y < 33; y++) {
      for (int x = 0; x < 77; x++) {
        int rgb = small.getRGB(x, y);
        double middle = (x + 0.5) * 256 / 77 - 0.5;
        assertTrue(Math.abs((rgb >> 16 & 255) - middle) <= 1, x + ": " + (rgb >> 16 & 255));
        assertEquals(0x40C8, rgb & 0xFFFF);
      }
    }
  }

  @Test
  void theSameSizeIsACopy() {
    BufferedImage image = Thumbnailer.decode(Photos.draw(new Photos.Spec(3, 40, 30, 1)));
    assertEquals(0, Verify.meanDifference(image, Thumbnailer.shrink(image, 40, 30)));
  }

  @Test
  void thumbnailsFitTheSquareAndStandUpright() {
    BufferedImage thumbnail =
        Thumbnailer.decode(
            new Thumbnailer(48, 0.9f).thumbnail(Photos.draw(new Photos.Spec(2, 120, 160, 6))));
    assertEquals(36, thumbnail.getWidth());
    assertEquals(48, thumbnail.getHeight());
  }

  @Test
  void whatIsNoImageIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Thumbnailer.decode(new byte[] {1, 2, 3}));
  }
}
