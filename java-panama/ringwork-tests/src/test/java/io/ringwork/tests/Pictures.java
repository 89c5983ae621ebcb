package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/** Images made and read by Java's own codecs (and TwelveMonkeys' for WebP). */
final class Pictures {
  private Pictures() {}

  /** Smooth colours in which every place looks different. */
  static BufferedImage gradient(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int red = 255 * x / Math.max(1, width - 1);
        int green = 255 * y / Math.max(1, height - 1);
        int blue = (int) (127 + 120 * Math.sin((x + 2.0 * y) * 8 / (width + height)));
        image.setRGB(x, y, red << 16 | green << 8 | blue);
      }
    }
    return image;
  }

  /** Red, green; blue, white: which shows how an image was turned or mirrored. */
  static BufferedImage quadrants(int width, int height) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        boolean right = x >= width / 2;
        boolean low = y >= height / 2;
        image.setRGB(x, y, low ? (right ? 0xffffff : 0x0000ff) : (right ? 0x00ff00 : 0xff0000));
      }
    }
    return image;
  }

  static byte[] encode(BufferedImage image, String format) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
    try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
      ImageWriteParam parameters = writer.getDefaultWriteParam();
      if (format.equals("jpeg")) {
        parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        parameters.setCompressionQuality(0.95f);
      }
      writer.setOutput(stream);
      writer.write(
          writer.getDefaultImageMetadata(
              ImageTypeSpecifier.createFromRenderedImage(image), parameters),
          new IIOImage(image, null, null),
          parameters);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writer.dispose();
    }
    return out.toByteArray();
  }

  static BufferedImage decode(byte[] file) throws IOException {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(file));
    assertNotNull(image, "no reader knows the format");
    return image;
  }

  static void assertFormat(String format, byte[] file) {
    String start = new String(file, 0, 12, StandardCharsets.ISO_8859_1);
    String found =
        start.startsWith("\u0089PNG")
            ? "png"
            : start.startsWith("\u00ff\u00d8\u00ff")
                ? "jpeg"
                : start.startsWith("RIFF") && start.endsWith("WEBP") ? "webp" : "?";
    assertEquals(format, found);
  }

  /** A box filter by hand: each pixel is the average of those that it covers. */
  static BufferedImage shrunk(BufferedImage image, int factor) {
    int width = image.getWidth() / factor;
    int height = image.getHeight() / factor;
    BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int[] sum = new int[3];
        for (int i = 0; i < factor * factor; i++) {
          int pixel = image.getRGB(x * factor + i % factor, y * factor + i / factor);
          for (int c = 0; c < 3; c++) {
            sum[c] += pixel >> 8 * c & 0xff;
          }
        }
        int half = factor * factor / 2;
        int area = factor * factor;
        small.setRGB(
            x,
            y,
            (sum[2] + half) / area << 16 | (sum[1] + half) / area << 8 | (sum[0] + half) / area);
      }
    }
    return small;
  }

  /** The mean and the largest difference of the channels. */
  record Difference(double mean, int max) {}

  static Difference compare(BufferedImage a, BufferedImage b) {
    assertEquals(a.getWidth(), b.getWidth(), "width");
    assertEquals(a.getHeight(), b.getHeight(), "height");
    long sum = 0;
    int max = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        for (int c = 0; c < 24; c += 8) {
          int difference = Math.abs((a.getRGB(x, y) >> c & 0xff) - (b.getRGB(x, y) >> c & 0xff));
          sum += difference;
          max = Math.max(max, difference);
        }
      }
    }
    return new Difference(sum / (3.0 * a.getWidth() * a.getHeight()), max);
  }

  /** A JPEG with an EXIF segment that holds nothing but the orientation. */
  static byte[] withOrientation(byte[] jpeg, int orientation) {
    byte[] exif = {
      (byte) 0xff,
      (byte) 0xe1,
      0,
      34,
      'E',
      'x',
      'i',
      'f',
      0,
      0, // APP1, 34 bytes
      'M',
      'M',
      0,
      42,
      0,
      0,
      0,
      8, // big-endian TIFF, its directory at 8
      0,
      1,
      1,
      0x12,
      0,
      3,
      0,
      0,
      0,
      1,
      0,
      (byte) orientation,
      0,
      0, // one SHORT: orientation
      0,
      0,
      0,
      0 // no further directory
    };
    byte[] result = new byte[jpeg.length + exif.length];
    System.arraycopy(jpeg, 0, result, 0, 2);
    System.arraycopy(exif, 0, result, 2, exif.length);
    System.arraycopy(jpeg, 2, result, 2 + exif.length, jpeg.length - 2);
    return result;
  }

  /** A valid PNG of a few hundred bytes that claims to be huge: an image bomb. */
  static byte[] pngBomb(int width, int height) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(file)) {
      out.writeLong(0x89504e470d0a1a0aL);
      ByteArrayOutputStream header = new ByteArrayOutputStream();
      try (DataOutputStream fields = new DataOutputStream(header)) {
        fields.writeInt(width);
        fields.writeInt(height);
        fields.write(new byte[] {8, 2, 0, 0, 0});
      }
      chunk(out, "IHDR", header.toByteArray());
      ByteArrayOutputStream pixels = new ByteArrayOutputStream();
      try (DeflaterOutputStream deflater = new DeflaterOutputStream(pixels)) {
        deflater.write(new byte[1 << 20]);
      }
      chunk(out, "IDAT", pixels.toByteArray());
      chunk(out, "IEND", new byte[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file.toByteArray();
  }

  private static void chunk(DataOutputStream out, String type, byte[] data) throws IOException {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    out.writeInt(data.length);
    out.write(name);
    out.write(data);
    out.writeInt((int) crc.getValue());
  }
}
