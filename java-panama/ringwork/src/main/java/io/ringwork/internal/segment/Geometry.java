package io.ringwork.internal.segment;

import java.nio.charset.StandardCharsets;

/**
 * Where everything is in a segment: a private copy of the header, checked once.
 *
 * <p>All later offsets are computed from it, so nothing that a peer writes into the header after
 * the attach can lead this process astray.
 */
public record Geometry(
    long segmentSize,
    long epoch,
    int maxClients,
    int slotsPerClient,
    int maxWorkers,
    int maxLanes,
    int priorities,
    int injectorCapacity,
    int completionCapacity,
    int handlerCapacity,
    long clients,
    long workers,
    long lanes,
    long injectors,
    long slots,
    long completions,
    long handlers,
    SizeClass[] classes) {

  /** One size class of the payload arena. */
  public record SizeClass(long size, int count, int reserved, long owners, long blocks) {
    /** How many blocks requests may take: the others are kept for results. */
    public int requestBlocks() {
      return count - reserved;
    }
  }

  /** What is wrong with a header. */
  public static final class BadHeader extends Exception {
    private static final long serialVersionUID = 1L;

    public BadHeader(String message) {
      super(message);
    }
  }

  /** Reads and checks the header of a segment that is ready. */
  public static Geometry read(SharedMemory m) throws BadHeader {
    int classCount = m.getInt(Layout.H_CLASS_COUNT);
    range("arena classes", classCount, 0, Layout.MAX_CLASSES);
    SizeClass[] classes = new SizeClass[classCount];
    for (int c = 0; c < classCount; c++) {
      long at = Layout.H_CLASSES + (long) c * Layout.CLASS_STRIDE;
      classes[c] =
          new SizeClass(
              m.getLong(at + Layout.CLASS_SIZE),
              m.getInt(at + Layout.CLASS_COUNT),
              m.getInt(at + Layout.CLASS_RESERVED),
              m.getLong(at + Layout.CLASS_OWNERS),
              m.getLong(at + Layout.CLASS_BLOCKS));
    }
    Geometry g =
        new Geometry(
            m.getLong(Layout.H_SEGMENT_SIZE),
            m.getLong(Layout.H_EPOCH),
            m.getInt(Layout.H_MAX_CLIENTS),
            m.getInt(Layout.H_SLOTS_PER_CLIENT),
            m.getInt(Layout.H_MAX_WORKERS),
            m.getInt(Layout.H_MAX_LANES),
            m.getInt(Layout.H_PRIORITIES),
            m.getInt(Layout.H_INJECTOR_CAPACITY),
            m.getInt(Layout.H_COMPLETION_CAPACITY),
            m.getInt(Layout.H_HANDLER_CAPACITY),
            m.getLong(Layout.H_CLIENTS),
            m.getLong(Layout.H_WORKERS),
            m.getLong(Layout.H_LANES),
            m.getLong(Layout.H_INJECTORS),
            m.getLong(Layout.H_SLOTS),
            m.getLong(Layout.H_COMPLETIONS),
            m.getLong(Layout.H_HANDLERS),
            classes);
    g.check(m.size());
    return g;
  }

  private void check(long mapped) throws BadHeader {
    if (segmentSize != mapped) {
      throw new BadHeader(
          "it was truncated or extended: " + mapped + " bytes instead of " + segmentSize);
    }
    range("clients", maxClients, 1, Layout.MAX_SLOTS);
    range("slots", slotsPerClient, 1, Layout.MAX_SLOTS);
    range("all slots", (long) maxClients * slotsPerClient, 1, Layout.MAX_SLOTS);
    range("workers", maxWorkers, 1, 1 << 16);
    range("lanes", maxLanes, 1, 64 * Layout.IDLE_WORDS);
    range("priorities", priorities, 1, 16);
    range("handlers", handlerCapacity, 0, 1 << 16);
    ring("injector ring", injectorCapacity, (long) maxClients * slotsPerClient);
    ring("completion ring", completionCapacity, slotsPerClient);
    section("clients", clients, (long) maxClients * Layout.CLIENT_STRIDE);
    section("workers", workers, (long) maxWorkers * Layout.WORKER_STRIDE);
    section("lanes", lanes, (long) maxLanes * Layout.LANE_STRIDE);
    section("injector rings", injectors, priorities * HintRing.bytes(injectorCapacity));
    section("slots", slots, (long) maxClients * slotsPerClient * Layout.SLOT_STRIDE);
    section("completion rings", completions, maxClients * HintRing.bytes(completionCapacity));
    section("handlers", handlers, (long) handlerCapacity * Layout.HANDLER_STRIDE);
    long smaller = Layout.INLINE;
    for (SizeClass c : classes) {
      range("block size", c.size, smaller + 1, Integer.MAX_VALUE);
      range("blocks", c.count, 1, 1 << 24);
      range("reserved blocks", c.reserved, 0, c.count);
      section("owner words", c.owners, 8L * c.count);
      section("blocks", c.blocks, c.size * c.count);
      smaller = c.size;
    }
  }

  private static void range(String what, long value, long low, long high) throws BadHeader {
    if (value < low || value > high) {
      throw new BadHeader(
          "its header is corrupt: " + what + " = " + value + ", not " + low + " to " + high);
    }
  }

  private static void ring(String what, int capacity, long slots) throws BadHeader {
    range(what + " capacity", capacity, slots, 1 << 30);
    if (Integer.bitCount(capacity) != 1) {
      throw new BadHeader("its header is corrupt: " + what + " capacity " + capacity);
    }
  }

  private void section(String what, long at, long bytes) throws BadHeader {
    if (at < Layout.HEADER_SIZE || (at & 7) != 0 || bytes > segmentSize - at) {
      throw new BadHeader(
          "its header is corrupt: " + what + " at " + at + " of " + bytes + " bytes");
    }
  }

  /** How many client entries are for applications; the last ones are kept for the command. */
  public int applicationClients() {
    return maxClients - Math.min(maxClients / Layout.ENTRIES_A_COMMAND, Layout.MAX_COMMAND_ENTRIES);
  }

  public long client(int index) {
    return clients + (long) index * Layout.CLIENT_STRIDE;
  }

  public long lane(int index) {
    return lanes + (long) index * Layout.LANE_STRIDE;
  }

  public long injector(int priority) {
    return injectors + priority * HintRing.bytes(injectorCapacity);
  }

  public long completion(int client) {
    return completions + client * HintRing.bytes(completionCapacity);
  }

  /** The slots of a client. */
  public long slotsOf(int client) {
    return slots + (long) client * slotsPerClient * Layout.SLOT_STRIDE;
  }

  /** A text of the header: bytes up to a limit or a NUL. */
  public static String text(SharedMemory m, long at, int limit) {
    byte[] bytes = m.bytes(at, limit);
    int length = 0;
    while (length < limit && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }
}
