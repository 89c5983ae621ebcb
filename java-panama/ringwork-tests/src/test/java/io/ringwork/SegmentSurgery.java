package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.StateWord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Damages the words of a segment. In this package for the sake of the layout's constants. */
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

  /**
   * Retires each slot of a client entry by the first of the two steps alone, as a reaper does that
   * dies between them while another one frees the entry.
   */
  public static void retireHalf(Path segment, int client) {
    int count = read(segment, Layout.H_SLOTS_PER_CLIENT, 4).getInt();
    long slots = read(segment, Layout.H_SLOTS, 8).getLong();
    long base = slots + (long) client * count * Layout.SLOT_STRIDE;
    for (long slot = base;
        slot < base + (long) count * Layout.SLOT_STRIDE;
        slot += Layout.SLOT_STRIDE) {
      long last =
          PublishedWord.generation(read(segment, slot + Layout.SLOT_PUBLISHED, 8).getLong());
      long claim = StateWord.withdrawn(StateWord.next(StateWord.next(last)));
      write(segment, slot + Layout.SLOT_CLAIM, bytes(8).putLong(0, claim));
    }
  }

  private static void write(Path segment, long offset, int value) {
    write(segment, offset, bytes(4).putInt(0, value));
  }

  private static ByteBuffer bytes(int count) {
    return ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void write(Path segment, long offset, ByteBuffer bytes) {
    try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
      file.write(bytes, offset);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer read(Path segment, long offset, int count) {
    try (FileChannel file = FileChannel.open(segment)) {
      ByteBuffer bytes = bytes(count);
      file.read(bytes, offset);
      return bytes.flip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
