package io.ringwork;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Lays a small segment out, as the supervisor does. */
final class FakeSegment {
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIR =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** Block sizes of the classes, each with 8 blocks of which 2 are reserved for results. */
  static final long[] BLOCK_SIZES = {1024, 16 << 10, 256 << 10};

  static final int BLOCKS = 8;
  static final int RESERVED = 2;
  static final int HANDLERS = 8;
  static final int PRIORITIES = 3;

  /** Where the header says where a section is, in the order in which they are written. */
  private static final int[] SECTIONS = {
    Layout.H_CLIENTS,
    Layout.H_WORKERS,
    Layout.H_LANES,
    Layout.H_INJECTORS,
    Layout.H_SLOTS,
    Layout.H_COMPLETIONS,
    Layout.H_HANDLERS,
    Layout.H_ERRORS
  };

  /** How much there is. */
  record Size(int clients, int slots, int lanes, int classes, boolean keys) {}

  private long end = Layout.HEADER_SIZE;

  private FakeSegment() {}

  private long section(long bytes, int align) {
    long start = (end + align - 1) / align * align;
    end = start + bytes;
    return start;
  }

  private static int power(int atLeast) {
    return Integer.highestOneBit(Math.max(atLeast, 2) * 2 - 1);
  }

  static SharedMemory write(FileChannel file, Size of, long epoch) throws IOException {
    FakeSegment s = new FakeSegment();
    int clients = of.clients;
    int slots = of.slots;
    int lanes = of.lanes;
    int classes = of.classes;
    int injector = power(2 * clients * slots);
    int completion = power(2 * slots);
    long[] at = {
      s.section((long) clients * Layout.CLIENT_STRIDE, 128),
      s.section(Layout.WORKER_STRIDE, 128),
      s.section((long) lanes * Layout.LANE_STRIDE, 128),
      s.section(PRIORITIES * HintRing.bytes(injector), 128),
      s.section((long) clients * slots * Layout.SLOT_STRIDE, 128),
      s.section(clients * HintRing.bytes(completion), 128),
      s.section((long) HANDLERS * Layout.HANDLER_STRIDE, 128),
      s.section(Layout.ERROR_STRIDE, 128)
    };
    int pairs = (clients * slots + 1) / 2;
    long keyLines = of.keys ? s.section(2L * Layout.KEY_STRIDE * pairs, 128) : 0;
    long buckets = of.keys ? s.section(Layout.BUCKET_STRIDE, 128) : 0;
    long[] owners = new long[classes];
    long[] blocks = new long[classes];
    for (int c = 0; c < classes; c++) {
      owners[c] = s.section(8L * BLOCKS, 128);
    }
    for (int c = 0; c < classes; c++) {
      blocks[c] = s.section(BLOCK_SIZES[c] * BLOCKS, 4096);
    }
    long size = (s.end + 4095) / 4096 * 4096;
    file.write(ByteBuffer.allocate((int) size), 0);
    SharedMemory m = SharedMemory.map(file, size);
    m.setLong(Layout.H_MAGIC, Layout.MAGIC);
    m.setInt(Layout.H_VERSION, Layout.VERSION);
    m.setLong(Layout.H_SEGMENT_SIZE, size);
    m.setLong(Layout.H_EPOCH, epoch);
    m.setInt(Layout.H_POOL_STATE, Layout.POOL_SERVING);
    m.setInt(Layout.H_MAX_CLIENTS, clients);
    m.setInt(Layout.H_SLOTS_PER_CLIENT, slots);
    m.setInt(Layout.H_MAX_WORKERS, 1);
    m.setInt(Layout.H_MAX_LANES, lanes);
    m.setInt(Layout.H_PRIORITIES, PRIORITIES);
    m.setInt(Layout.H_INJECTOR_CAPACITY, injector);
    m.setInt(Layout.H_COMPLETION_CAPACITY, completion);
    m.setInt(Layout.H_HANDLER_CAPACITY, HANDLERS);
    m.setInt(Layout.H_ERROR_CAPACITY, 1);
    m.setInt(Layout.H_CLASS_COUNT, classes);
    for (int f = 0; f < SECTIONS.length; f++) {
      m.setLong(SECTIONS[f], at[f]);
    }
    if (of.keys) {
      m.setLong(Layout.H_FEATURES, Layout.FEATURE_KEYS);
      m.setInt(Layout.H_SECTION_COUNT, 2);
      optional(m, 0, Layout.SECTION_KEY_LINES, pairs, 2 * Layout.KEY_STRIDE, keyLines);
      optional(m, 1, Layout.SECTION_KEY_BUCKETS, 1, Layout.BUCKET_STRIDE, buckets);
    }
    for (int c = 0; c < classes; c++) {
      long entry = Layout.H_CLASSES + (long) c * Layout.CLASS_STRIDE;
      m.setLong(entry + Layout.CLASS_SIZE, BLOCK_SIZES[c]);
      m.setInt(entry + Layout.CLASS_COUNT, BLOCKS);
      m.setInt(entry + Layout.CLASS_RESERVED, RESERVED);
      m.setLong(entry + Layout.CLASS_OWNERS, owners[c]);
      m.setLong(entry + Layout.CLASS_BLOCKS, blocks[c]);
    }
    m.setIntOpaque(Layout.H_READY, Layout.READY);
    return m;
  }

  private static void optional(
      SharedMemory m, int index, int kind, int count, int recordBytes, long at) {
    long entry = Layout.H_SECTIONS + (long) index * Layout.SECTION_STRIDE;
    m.setInt(entry + Layout.SECTION_KIND, kind);
    m.setInt(entry + Layout.SECTION_COUNT, count);
    m.setInt(entry + Layout.SECTION_BYTES, recordBytes);
    m.setLong(entry + Layout.SECTION_OFFSET, at);
  }
}
