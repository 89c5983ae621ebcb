package io.ringwork.demo;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The one EXIF field the demo needs: the orientation (TIFF tag 0x0112), read from a JPEG's APP1
 * segment as cameras write it, put into one, and applied to pixels.
 */
final class Exif {
  /** Stored as seen. */
  static final int UPRIGHT = 1;

  private static final int SOI = 0xFFD8;
  private static final int APP0 = 0xE0;
  private static final int APP1 = 0xE1;
  private static final int SOS = 0xDA;
  private static final int TAG_ORIENTATION = 0x0112;
  private static final byte[] HEADER = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

  private Exif() {}

  /** The orientation 1..8 that {@code jpeg} states; {@link #UPRIGHT} if it states none. */
  static int orientation(byte[] jpeg) {
    ByteBuffer in = ByteBuffer.wrap(jpeg);
    if (in.remaining() < 4 || (in.getShort() & 0xFFFF) != SOI) {
      return UPRIGHT;
    }
    while (in.remaining() >= 4 && in.get() == (byte) 0xFF) {
      int marker = in.get() & 0xFF;
      int length = (in.getShort() & 0xFFFF) - 2;
      if (marker == SOS || length < 0 || length > in.remaining()) {
        return UPRIGHT;
      }
      if (marker == APP1) {
        int found = fromApp1(in.slice(in.position(), length));
        if (found != 0) {
          return found;
        }
      }
      in.position(in.position() + length);
    }
    return UPRIGHT;
  }

  /**
   * A copy of {@code jpeg} that states {@code orientation}. The EXIF segment takes the place of the
   * JFIF one, as in a camera's file.
   */
  static byte[] withOrientation(byte[] jpeg, int orientation) {
    ByteBuffer in = ByteBuffer.wrap(jpeg);
    int rest = 2;
    if ((in.get(2) & 0xFF) == 0xFF && (in.get(3) & 0xFF) == APP0) {
      rest = 4 + (in.getShort(4) & 0xFFFF);
    }
    ByteBuffer tiff = ByteBuffer.allocate(26).order(ByteOrder.LITTLE_ENDIAN);
    tiff.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(8);
    tiff.putShort((short) 1);
    tiff.putShort((short) TAG_ORIENTATION).putShort((short) 3).putInt(1).putInt(orientation);
    tiff.putInt(0);
    int length = 2 + HEADER.length + tiff.capacity();
    ByteArrayOutputStream out = new ByteArrayOutputStream(jpeg.length + 64);
    out.write(jpeg, 0, 2);
    out.write(0xFF);
    out.write(APP1);
    out.write(length >> 8);
    out.write(length);
    out.writeBytes(HEADER);
    out.writeBytes(tiff.array());
    out.write(jpeg, rest, jpeg.length - rest);
    return out.toByteArray();
  }

  /** Whether orientation {@code orientation} swaps width and height. */
  static boolean swapsSides(int orientation) {
    return orientation >= 5;
  }

  /** The image as it is to be seen, given the orientation it is stored in. */
  static BufferedImage upright(BufferedImage stored, int orientation) {
    if (orientation == UPRIGHT) {
      return stored;
    }
    int w = stored.getWidth();
    int h = stored.getHeight();
    boolean swap = swapsSides(orientation);
    BufferedImage seen = new BufferedImage(swap ? h : w, swap ? w : h, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < h; y++) {
      for (int x = 0; x < w; x++) {
        int rgb = stored.getRGB(x, y);
        switch (orientation) {
          case 2 -> seen.setRGB(w - 1 - x, y, rgb);
          case 3 -> seen.setRGB(w - 1 - x, h - 1 - y, rgb);
          case 4 -> seen.setRGB(x, h - 1 - y, rgb);
          case 5 -> seen.setRGB(y, x, rgb);
          case 6 -> seen.setRGB(h - 1 - y, x, rgb);
          case 7 -> seen.setRGB(h - 1 - y, w - 1 - x, rgb);
          case 8 -> seen.setRGB(y, w - 1 - x, rgb);
          default -> seen.setRGB(x, y, rgb);
        }
      }
    }
    return seen;
  }

  private static int fromApp1(ByteBuffer segment) {
    if (segment.remaining() < HEADER.length + 8
        || !segment.slice(0, HEADER.length).equals(ByteBuffer.wrap(HEADER))) {
      return 0;
    }
    ByteBuffer tiff = segment.slice(HEADER.length, segment.remaining() - HEADER.length);
    tiff.order(tiff.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    int directory = tiff.getInt(4);
    if (directory < 8 || directory > tiff.limit() - 2) {
      return 0;
    }
    int entries = tiff.getShort(directory) & 0xFFFF;
    for (int i = 0; i < entries; i++) {
      int at = directory + 2 + 12 * i;
      if (at + 12 > tiff.limit()) {
        return 0;
      }
      if ((tiff.getShort(at) & 0xFFFF) == TAG_ORIENTATION) {
        int value = tiff.getShort(at + 8) & 0xFFFF;
        return value >= 1 && value <= 8 ? value : 0;
      }
    }
    return 0;
  }
}
