package io.ringwork.demo;

import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * What a careful Java server makes thumbnails with: the JDK's JPEG reader, one pass of area
 * averaging over the raw pixels (faster than {@code Graphics2D} at the same quality, so that the
 * comparison does not flatter Rust), the JDK's JPEG writer.
 */
final class Images {
  static {
    ImageIO.setUseCache(false); // Streams in memory need no temporary file.
  }

  private Images() {}

  /** The pixels of an image file, without its orientation applied. */
  static BufferedImage decode(byte[] file) {
    try {
      return Objects.requireNonNull(ImageIO.read(new ByteArrayInputStream(file)), "no image");
    } catch (IOException e) {
      throw new UncheckedIOException("undecodable image", e);
    }
  }

  /** {@code image} as a JPEG of the given quality, 1 to 100. */
  static byte[] encode(BufferedImage image, int quality) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);
    try (var out = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam param = writer.getDefaultWriteParam();
      param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      param.setCompressionQuality(quality / 100f);
      writer.setOutput(out);
      writer.write(null, new IIOImage(image, null, null), param);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  /** A copy of {@code jpeg} whose EXIF segment, in the JFIF one's place, states an orientation. */
  static byte[] withOrientation(byte[] jpeg, int orientation) {
    // Big-endian TIFF with one field, 0x0112, which is a short.
    String exif =
        "ffe100224578696600004d4d002a00000008000101120003000000010%03d000000000000"
            .formatted(orientation);
    ByteBuffer in = ByteBuffer.wrap(jpeg);
    int rest = in.getShort(2) == (short) 0xFFE0 ? 4 + in.getShort(4) : 2;
    ByteBuffer out = ByteBuffer.allocate(2 + exif.length() / 2 + jpeg.length - rest);
    out.put(jpeg, 0, 2).put(HexFormat.of().parseHex(exif));
    return out.put(jpeg, rest, jpeg.length - rest).array();
  }

  /** The image as it is to be seen, given the orientation that it is stored in: 1, 3, 6 or 8. */
  static BufferedImage upright(BufferedImage stored, int orientation) {
    int width = stored.getWidth();
    int height = stored.getHeight();
    AffineTransform turn =
        switch (orientation) {
          case 3 -> new AffineTransform(-1, 0, 0, -1, width, height);
          case 6 -> new AffineTransform(0, 1, -1, 0, height, 0);
          case 8 -> new AffineTransform(0, -1, 1, 0, 0, width);
          default -> new AffineTransform();
        };
    boolean swap = orientation >= 5;
    BufferedImage seen = image(swap ? height : width, swap ? width : height);
    Graphics2D graphics = seen.createGraphics();
    graphics.drawImage(stored, turn, null);
    graphics.dispose();
    return seen;
  }

  /**
   * {@code source} made to fit a square of {@code size} pixels: each pixel is the mean of the
   * pixels in its place. What is decoded of a JPEG in colour has three bytes a pixel, as this takes
   * it.
   */
  static BufferedImage shrink(BufferedImage source, int size) {
    byte[] in = ((DataBufferByte) source.getRaster().getDataBuffer()).getData();
    int columns = source.getWidth();
    int rows = source.getHeight();
    double ratio = size / (double) Math.max(columns, rows);
    int width = (int) Math.round(columns * ratio);
    int height = (int) Math.round(rows * ratio);
    BufferedImage small = image(width, height);
    byte[] out = ((DataBufferByte) small.getRaster().getDataBuffer()).getData();
    for (int i = 0; i < out.length; i++) {
      int x = i / 3 % width;
      int y = i / 3 / width;
      int left = x * columns / width;
      int right = (x + 1) * columns / width;
      int top = y * rows / height;
      int bottom = (y + 1) * rows / height;
      int sum = 0;
      for (int row = top; row < bottom; row++) {
        int end = (row * columns + right) * 3;
        for (int at = (row * columns + left) * 3 + i % 3; at < end; at += 3) {
          sum += in[at] & 255;
        }
      }
      int pixels = (bottom - top) * (right - left);
      out[i] = (byte) ((sum + pixels / 2) / pixels);
    }
    return small;
  }

  /** Mean absolute difference of the channels of two images of one size, of 255. */
  static double meanDifference(BufferedImage a, BufferedImage b) {
    if (a.getWidth() != b.getWidth() || a.getHeight() != b.getHeight()) {
      throw new IllegalArgumentException("the sizes differ");
    }
    int[] p = a.getRaster().getPixels(0, 0, a.getWidth(), a.getHeight(), (int[]) null);
    int[] q = b.getRaster().getPixels(0, 0, b.getWidth(), b.getHeight(), (int[]) null);
    return IntStream.range(0, p.length).map(i -> Math.abs(p[i] - q[i])).average().orElse(0);
  }

  /** Pictures in a grid of square cells of {@code cell} pixels, {@code columns} in a row. */
  static BufferedImage contactSheet(List<BufferedImage> pictures, int columns, int cell) {
    int rows = Math.max(1, (pictures.size() + columns - 1) / columns);
    BufferedImage sheet = image(columns * cell, rows * cell);
    Graphics2D graphics = sheet.createGraphics();
    for (int i = 0; i < pictures.size(); i++) {
      BufferedImage picture = pictures.get(i);
      int x = i % columns * cell + (cell - picture.getWidth()) / 2;
      int y = i / columns * cell + (cell - picture.getHeight()) / 2;
      graphics.drawImage(picture, x, y, null);
    }
    graphics.dispose();
    return sheet;
  }

  private static BufferedImage image(int width, int height) {
    return new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
  }
}
