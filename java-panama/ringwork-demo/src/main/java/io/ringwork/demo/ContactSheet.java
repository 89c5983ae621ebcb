package io.ringwork.demo;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * Lays pictures out in a grid of equal cells with narrow margins, each picture in the middle of its
 * cell, and writes the grid as a PNG.
 */
final class ContactSheet {
  private static final Color BACKGROUND = new Color(0x17191C);

  private final int columns;
  private final int cell;
  private final int margin;

  /** A sheet of {@code columns} square cells of {@code cell} pixels, {@code margin} apart. */
  ContactSheet(int columns, int cell, int margin) {
    this.columns = columns;
    this.cell = cell;
    this.margin = margin;
  }

  /** The sheet of {@code pictures}, row by row. */
  BufferedImage draw(List<BufferedImage> pictures) {
    int rows = Math.max(1, (pictures.size() + columns - 1) / columns);
    int step = cell + margin;
    BufferedImage sheet =
        new BufferedImage(
            columns * step + margin, rows * step + margin, BufferedImage.TYPE_3BYTE_BGR);
    Graphics2D graphics = sheet.createGraphics();
    graphics.setColor(BACKGROUND);
    graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
    graphics.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    for (int i = 0; i < pictures.size(); i++) {
      BufferedImage picture = pictures.get(i);
      double larger = Math.max(picture.getWidth(), picture.getHeight());
      double scale = Math.min(1, cell / larger);
      int width = (int) Math.round(picture.getWidth() * scale);
      int height = (int) Math.round(picture.getHeight() * scale);
      int x = margin + i % columns * step + (cell - width) / 2;
      int y = margin + i / columns * step + (cell - height) / 2;
      graphics.drawImage(picture, x, y, width, height, null);
    }
    graphics.dispose();
    return sheet;
  }

  /** Writes the sheet of {@code pictures} to {@code file}, and its directories with it. */
  void write(List<BufferedImage> pictures, Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      if (!ImageIO.write(draw(pictures), "png", file.toFile())) {
        throw new IOException("this JDK has no PNG writer");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the contact sheet " + file, e);
    }
  }
}
