package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContactSheetTest {
  @Test
  void picturesStandInTheMiddleOfTheirCells() {
    BufferedImage wide = flat(20, 10, 0xFF0000);
    BufferedImage tall = flat(10, 20, 0x00FF00);
    BufferedImage large = flat(80, 80, 0x0000FF);
    BufferedImage sheet = new ContactSheet(2, 20, 4).draw(List.of(wide, tall, large));
    assertEquals(2 * 24 + 4, sheet.getWidth());
    assertEquals(2 * 24 + 4, sheet.getHeight());
    assertEquals(0xFF0000, sheet.getRGB(14, 14) & 0xFFFFFF);
    assertNotEquals(0xFF0000, sheet.getRGB(14, 6) & 0xFFFFFF);
    assertEquals(0x00FF00, sheet.getRGB(38, 5) & 0xFFFFFF);
    assertEquals(0x0000FF, sheet.getRGB(4, 28) & 0xFFFFFF);
    assertNotEquals(0x0000FF, sheet.getRGB(25, 28) & 0xFFFFFF);
  }

  @Test
  void theFileIsAPngOfTheSheet(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("made/on/the/way/sheet.png");
    List<BufferedImage> pictures = new ArrayList<>(Collections.nCopies(7, flat(8, 8, 0x123456)));
    new ContactSheet(3, 8, 2).write(pictures, file);
    BufferedImage read = ImageIO.read(file.toFile());
    assertEquals(32, read.getWidth());
    assertEquals(0x123456, read.getRGB(5, 25) & 0xFFFFFF);
  }

  private static BufferedImage flat(int width, int height, int rgb) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, rgb);
      }
    }
    return image;
  }
}
