package io.ringwork;

import io.ringwork.internal.segment.Layout;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Damages the header of a segment. In this package for the sake of the layout's constants. */
public final class SegmentSurgery {
  private SegmentSurgery() {}

  /** Makes it of the next layout version. */
  public static void raiseVersion(Path segment) {
    write(segment, Layout.H_VERSION, Layout.VERSION + 1);
  }

  /** Takes back that it is ready. */
  public static void makeUnready(Path segment) {
    write(segment, Layout.H_READY, 0);
  }

  /** Adds a feature that no client knows. */
  public static void addFeature(Path segment) {
    write(segment, Layout.H_FEATURES + 4, 1 << 31);
  }

  /** Claims more slots than the file has room for. */
  public static void inflateSlots(Path segment) {
    write(segment, Layout.H_SLOTS_PER_CLIENT, 1 << 16);
  }

  private static void write(Path segment, long offset, int value) {
    try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0, value);
      file.write(bytes, offset);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
