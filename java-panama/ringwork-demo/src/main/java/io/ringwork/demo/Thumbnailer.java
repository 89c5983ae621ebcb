package io.ringwork.demo;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Thumbnails as a careful Java server makes them: the JDK's JPEG reader, one pass of exact area
 * averaging over its raw raster (faster than {@code Graphics2D} at the same quality, so that the
 * comparison does not flatter Rust), EXIF orientation, the JDK's JPEG writer.
 */
final class Thumbnailer {
  private final int size;
  private final float quality;

  /** Thumbnails that fit a square of {@code size} pixels, as JPEGs of {@code quality} 0..1. */
  Thumbnailer(int size, float quality) {
    this.size = size;
    this.quality = quality;
  }

  /** The thumbnail of a JPEG, as a JPEG. */
  byte[] thumbnail(byte[] jpeg) {
    BufferedImage stored = decode(jpeg);
    double ratio = Math.min(size / (double) stored.getWidth(), size / (double) stored.getHeight());
    int width = Math.max(1, (int) Math.round(stored.getWidth() * ratio));
    int height = Math.max(1, (int) Math.round(stored.getHeight() * ratio));
    BufferedImage small = shrink(stored, width, height);
    return Photos.encode(Exif.upright(small, Exif.orientation(jpeg)), quality);
  }

  /** The pixels of an image file, without its orientation applied. */
  static BufferedImage decode(byte[] file) {
    try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      var readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new IllegalArgumentException("not an image: " + file.length + " bytes");
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(in, true, true);
        return reader.read(0);
      } finally {
        reader.dispose();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("undecodable image", e);
    }
  }

  /** {@code source} at a smaller size: each pixel is the mean of the area it covers. */
  static BufferedImage shrink(BufferedImage source, int width, int height) {
    if (width > source.getWidth() || height > source.getHeight()) {
      throw new IllegalArgumentException("shrink only makes images smaller");
    }
    BufferedImage bytes = asBytes(source);
    byte[] in = ((DataBufferByte) bytes.getRaster().getDataBuffer()).getData();
    int columns = bytes.getWidth();
    int rows = bytes.getHeight();
    float[] line = new float[width * 3];
    float[] sums = new float[width * 3];
    BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    byte[] out = ((DataBufferByte) small.getRaster().getDataBuffer()).getData();
    double rowsEach = rows / (double) height;
    float scale = (float) ((double) width * height / ((double) columns * rows));
    int next = 0;
    for (int y = 0; y < rows; y++) {
      sumLine(in, y * columns * 3, columns, line, width);
      double bottom = (next + 1) * rowsEach;
      float inside = (float) Math.min(1, bottom - y);
      accumulate(sums, line, inside);
      if (y + 1 >= bottom - 1e-9 && next < height) {
        emit(sums, scale, out, next * width * 3);
        next++;
        accumulate(sums, line, 1 - inside);
      }
    }
    return small;
  }

  /** Sums of each channel over the stretch of the source line that each target pixel covers. */
  private static void sumLine(byte[] in, int offset, int columns, float[] line, int width) {
    double each = columns / (double) width;
    for (int x = 0; x < width; x++) {
      double from = x * each;
      double to = Math.min(columns, from + each);
      int first = (int) from;
      int last = (int) to;
      float head = (float) (from - first);
      float tail = (float) (to - last);
      int at = offset + first * 3;
      int b = 0;
      int g = 0;
      int r = 0;
      for (int i = first, p = at; i < last; i++, p += 3) {
        b += in[p] & 255;
        g += in[p + 1] & 255;
        r += in[p + 2] & 255;
      }
      int end = last < columns ? offset + last * 3 : at;
      float weight = last < columns ? tail : 0;
      line[3 * x] = b - head * (in[at] & 255) + weight * (in[end] & 255);
      line[3 * x + 1] = g - head * (in[at + 1] & 255) + weight * (in[end + 1] & 255);
      line[3 * x + 2] = r - head * (in[at + 2] & 255) + weight * (in[end + 2] & 255);
    }
  }

  private static void accumulate(float[] sums, float[] line, float weight) {
    if (weight > 0) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += weight * line[i];
      }
    }
  }

  private static void emit(float[] sums, float scale, byte[] out, int offset) {
    for (int i = 0; i < sums.length; i++) {
      out[offset + i] = (byte) Math.clamp((int) (sums[i] * scale + 0.5f), 0, 255);
      sums[i] = 0;
    }
  }

  private static BufferedImage asBytes(BufferedImage image) {
    if (image.getType() == BufferedImage.TYPE_3BYTE_BGR) {
      return image;
    }
    BufferedImage copy =
        new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_3BYTE_BGR);
    Graphics2D graphics = copy.createGraphics();
    graphics.drawImage(image, 0, 0, null);
    graphics.dispose();
    return copy;
  }
}
