package io.ringwork.benches;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.SplittableRandom;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Synthetic photos, and the Java way to shrink them. */
final class Pictures {
  private static final int WIDTH = 1664;
  private static final int HEIGHT = 1248;
  private static final int GRID = 52;

  private Pictures() {}

  /** A picture of two megapixels: smooth noise at four scales, with grain. */
  static BufferedImage draw(int seed) {
    BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_3BYTE_BGR);
    byte[] out = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    SplittableRandom random = new SplittableRandom(seed);
    float[][] noise = new float[3][];
    for (int c = 0; c < 3; c++) {
      noise[c] = grid(random);
    }
    SplittableRandom grain = random.split();
    int at = 0;
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        int g = grain.nextInt(-6, 7);
        for (int c = 0; c < 3; c++) {
          float value = 0;
          float weight = 1;
          for (float scale = 1f / 256; scale < 0.1f; scale *= 3, weight /= 2) {
            value += weight * smooth(noise[c], x * scale, y * scale);
          }
          out[at++] = (byte) Math.clamp((int) (value * 150) + g, 0, 255);
        }
      }
    }
    return image;
  }

  private static float[] grid(SplittableRandom random) {
    float[] grid = new float[GRID * GRID];
    for (int i = 0; i < grid.length; i++) {
      grid[i] = (float) random.nextDouble();
    }
    return grid;
  }

  private static float smooth(float[] grid, float x, float y) {
    int left = (int) x;
    int top = (int) y;
    float fx = x - left;
    float fy = y - top;
    float upper = mix(at(grid, left, top), at(grid, left + 1, top), fx);
    float lower = mix(at(grid, left, top + 1), at(grid, left + 1, top + 1), fx);
    return mix(upper, lower, fy);
  }

  private static float at(float[] grid, int x, int y) {
    return grid[y % GRID * GRID + x % GRID];
  }

  private static float mix(float a, float b, float t) {
    return a + (b - a) * t * t * (3 - 2 * t);
  }

  /** A JPEG. */
  static byte[] jpeg(BufferedImage image, float quality) throws IOException {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);
    try (var out = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam param = writer.getDefaultWriteParam();
      param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      param.setCompressionQuality(quality);
      writer.setOutput(out);
      writer.write(null, new IIOImage(image, null, null), param);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  /**
   * A smaller picture, each pixel the mean of the whole pixels that it covers: one pass over the
   * raw bytes with integers, faster than Graphics2D, so that the comparison does not flatter Rust.
   */
  static BufferedImage shrink(BufferedImage source, int width, int height) {
    byte[] in = ((DataBufferByte) source.getRaster().getDataBuffer()).getData();
    int columns = source.getWidth();
    int rows = source.getHeight();
    BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    byte[] out = ((DataBufferByte) small.getRaster().getDataBuffer()).getData();
    int[] from = new int[width + 1];
    for (int x = 0; x <= width; x++) {
      from[x] = (int) ((long) x * columns / width);
    }
    int[] sums = new int[3 * width];
    int y = 0;
    for (int row = 0; row < height; row++) {
      int first = y;
      int end = (int) ((long) (row + 1) * rows / height);
      java.util.Arrays.fill(sums, 0);
      for (; y < end; y++) {
        int at = y * columns * 3;
        for (int x = 0; x < width; x++) {
          int b = 0;
          int g = 0;
          int r = 0;
          for (int stop = at + 3 * (from[x + 1] - from[x]); at < stop; at += 3) {
            b += in[at] & 255;
            g += in[at + 1] & 255;
            r += in[at + 2] & 255;
          }
          sums[3 * x] += b;
          sums[3 * x + 1] += g;
          sums[3 * x + 2] += r;
        }
      }
      for (int x = 0; x < width; x++) {
        int area = (from[x + 1] - from[x]) * (end - first);
        for (int c = 0; c < 3; c++) {
          out[(row * width + x) * 3 + c] = (byte) ((sums[3 * x + c] + area / 2) / area);
        }
      }
    }
    return small;
  }

  /** The mean difference of two pictures of one size, 0 to 255. */
  static double difference(BufferedImage a, BufferedImage b) {
    long sum = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        int p = a.getRGB(x, y);
        int q = b.getRGB(x, y);
        for (int shift = 0; shift <= 16; shift += 8) {
          sum += Math.abs((p >> shift & 255) - (q >> shift & 255));
        }
      }
    }
    return sum / (3.0 * a.getWidth() * a.getHeight());
  }
}
