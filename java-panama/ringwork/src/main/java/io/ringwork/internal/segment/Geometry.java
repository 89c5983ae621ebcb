package io.ringwork.internal.segment;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where everything is in a segment: a private copy of the header, checked once.
 *
 * <p>All later offsets are computed from it, so nothing that a peer writes into the header after
 * the attach can lead this process astray.
 */
public record Geometry(
    long segmentSize, long epoch, Counts counts, Tables tables, Rings rings, SizeClass[] classes) {

  /** How many entries each table has, at most. */
  public record Counts(
      int clients, int slotsPerClient, int workers, int lanes, int priorities, int handlers) {
    private long slots() {
      return (long) clients * slotsPerClient;
    }
  }

  /** Where the tables begin, and the optional ones. */
  public record Tables(
      long clients, long workers, long lanes, long slots, long handlers, List<Section> sections) {}

  /** Where the rings begin, one after the other, and how many hints each holds. */
  public record Rings(
      long injectors, int injectorCapacity, long completions, int completionCapacity) {}

  /** One size class of the payload arena. */
  public record SizeClass(long size, int count, int reserved, long owners, long blocks) {
    /** How many blocks requests may take: the others are kept for results. */
    public int requestBlocks() {
      return count - reserved;
    }
  }

  /**
   * An optional section: a table that a segment may have. One of a kind that this client does not
   * know is left alone.
   */
  public record Section(int kind, int count, int recordBytes, long at) {
    private long bytes() {
      return (long) count * recordBytes;
    }

    /** Where a record is. */
    public long record(int index) {
      return at + (long) index * recordBytes;
    }
  }

  /** A part of the segment, while the header is checked. */
  private record Extent(String what, long at, long bytes) {}

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
            new Counts(
                m.getInt(Layout.H_MAX_CLIENTS),
                m.getInt(Layout.H_SLOTS_PER_CLIENT),
                m.getInt(Layout.H_MAX_WORKERS),
                m.getInt(Layout.H_MAX_LANES),
                m.getInt(Layout.H_PRIORITIES),
                m.getInt(Layout.H_HANDLER_CAPACITY)),
            new Tables(
                m.getLong(Layout.H_CLIENTS),
                m.getLong(Layout.H_WORKERS),
                m.getLong(Layout.H_LANES),
                m.getLong(Layout.H_SLOTS),
                m.getLong(Layout.H_HANDLERS),
                sections(m)),
            new Rings(
                m.getLong(Layout.H_INJECTORS),
                m.getInt(Layout.H_INJECTOR_CAPACITY),
                m.getLong(Layout.H_COMPLETIONS),
                m.getInt(Layout.H_COMPLETION_CAPACITY)),
            classes);
    g.check(m.size());
    return g;
  }

  private static List<Section> sections(SharedMemory m) throws BadHeader {
    int count = m.getInt(Layout.H_SECTION_COUNT);
    range("sections", count, 0, Layout.MAX_SECTIONS);
    List<Section> sections = new ArrayList<>(count);
    for (int s = 0; s < count; s++) {
      long at = Layout.H_SECTIONS + (long) s * Layout.SECTION_STRIDE;
      sections.add(
          new Section(
              m.getInt(at + Layout.SECTION_KIND),
              m.getInt(at + Layout.SECTION_COUNT),
              m.getInt(at + Layout.SECTION_BYTES),
              m.getLong(at + Layout.SECTION_OFFSET)));
    }
    return List.copyOf(sections);
  }

  private void check(long mapped) throws BadHeader {
    if (segmentSize != mapped) {
      throw new BadHeader(
          "it was truncated or extended: " + mapped + " bytes instead of " + segmentSize);
    }
    checkCounts();
    List<Extent> extents = new ArrayList<>();
    addTables(extents);
    long smaller = Layout.INLINE;
    for (SizeClass c : classes) {
      range("block size", c.size, smaller + 1, Integer.MAX_VALUE);
      range("blocks", c.count, 1, 1 << 24);
      range("reserved blocks", c.reserved, 0, c.count);
      extents.add(new Extent("owner words", c.owners, 8L * c.count));
      extents.add(new Extent("blocks", c.blocks, c.size * c.count));
      smaller = c.size;
    }
    addSections(extents);
    Section io = section(Layout.SECTION_IO_RINGS);
    if (io != null && io.bytes() < counts.priorities * HintRing.bytes(injectorCapacity())) {
      throw new BadHeader("its header is corrupt: the rings of I/O lanes do not fit: " + io);
    }
    Section lines = section(Layout.SECTION_KEY_LINES);
    if (lines != null && lines.bytes() < counts.slots() * Layout.KEY_STRIDE) {
      throw new BadHeader("its header is corrupt: a slot has no key line: " + lines);
    }
    checkPlaces(extents);
  }

  private void addSections(List<Extent> extents) throws BadHeader {
    for (Section section : tables.sections) {
      String what = "section " + Integer.toUnsignedString(section.kind);
      range(what + " records", section.count, 1, Layout.MAX_SECTION_RECORDS);
      range(what + " bytes", section.recordBytes, 1, Layout.MAX_SECTION_BYTES);
      boolean again = tables.sections.stream().filter(s -> s.kind == section.kind).count() > 1;
      if (section.kind == 0
          || again
          || section.recordBytes % Layout.SECTION_ALIGN != 0
          || section.at % Layout.SECTION_ALIGN != 0) {
        throw new BadHeader("its header is corrupt: " + section);
      }
      extents.add(new Extent(what, section.at, section.bytes()));
    }
  }

  private void checkCounts() throws BadHeader {
    range("clients", counts.clients, 1, Layout.MAX_SLOTS);
    range("slots", counts.slotsPerClient, 1, Layout.MAX_SLOTS);
    range("all slots", counts.slots(), 1, Layout.MAX_SLOTS);
    range("workers", counts.workers, 1, 1 << 16);
    range("lanes", counts.lanes, 1, 64 * Layout.IDLE_WORDS);
    range("priorities", counts.priorities, 1, 16);
    range("handlers", counts.handlers, 0, 1 << 16);
    ring("injector ring", rings.injectorCapacity, counts.slots());
    ring("completion ring", rings.completionCapacity, counts.slotsPerClient);
  }

  private void addTables(List<Extent> extents) {
    extents.add(
        new Extent("clients", tables.clients, (long) counts.clients * Layout.CLIENT_STRIDE));
    extents.add(
        new Extent("workers", tables.workers, (long) counts.workers * Layout.WORKER_STRIDE));
    extents.add(new Extent("lanes", tables.lanes, (long) counts.lanes * Layout.LANE_STRIDE));
    extents.add(new Extent("slots", tables.slots, counts.slots() * Layout.SLOT_STRIDE));
    extents.add(
        new Extent("handlers", tables.handlers, (long) counts.handlers * Layout.HANDLER_STRIDE));
    extents.add(
        new Extent(
            "injector rings",
            rings.injectors,
            counts.priorities * HintRing.bytes(injectorCapacity())));
    extents.add(
        new Extent(
            "completion rings",
            rings.completions,
            counts.clients * HintRing.bytes(completionCapacity())));
  }

  /** Each is in the segment, and no two have a byte in common. */
  private void checkPlaces(List<Extent> extents) throws BadHeader {
    long end = 0;
    String before = "the header";
    for (Extent e : extents) {
      if (e.at < Layout.HEADER_SIZE || (e.at & 7) != 0 || e.bytes > segmentSize - e.at) {
        throw new BadHeader(
            "its header is corrupt: " + e.what + " at " + e.at + " of " + e.bytes + " bytes");
      }
    }
    extents.sort(Comparator.comparingLong(Extent::at));
    for (Extent e : extents) {
      if (e.at < end) {
        throw new BadHeader("its header is corrupt: " + e.what + " and " + before + " overlap");
      }
      if (e.bytes > 0) {
        end = e.at + e.bytes;
        before = e.what;
      }
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

  /** How many client entries are for applications; the last ones are kept for the command. */
  public int applicationClients() {
    int all = maxClients();
    return all - Math.min(all / Layout.ENTRIES_A_COMMAND, Layout.MAX_COMMAND_ENTRIES);
  }

  public int maxClients() {
    return counts.clients;
  }

  public int slotsPerClient() {
    return counts.slotsPerClient;
  }

  public int maxWorkers() {
    return counts.workers;
  }

  public int maxLanes() {
    return counts.lanes;
  }

  public int priorities() {
    return counts.priorities;
  }

  public int handlerCapacity() {
    return counts.handlers;
  }

  public int injectorCapacity() {
    return rings.injectorCapacity;
  }

  public int completionCapacity() {
    return rings.completionCapacity;
  }

  public long workers() {
    return tables.workers;
  }

  public long lanes() {
    return tables.lanes;
  }

  public long handlers() {
    return tables.handlers;
  }

  public long client(int index) {
    return tables.clients + (long) index * Layout.CLIENT_STRIDE;
  }

  public long worker(int index) {
    return tables.workers + (long) index * Layout.WORKER_STRIDE;
  }

  public long lane(int index) {
    return tables.lanes + (long) index * Layout.LANE_STRIDE;
  }

  public long injector(int priority) {
    return rings.injectors + priority * HintRing.bytes(rings.injectorCapacity);
  }

  /** Whether async handlers have lanes, and rings, of their own. */
  public boolean hasIoLanes() {
    return section(Layout.SECTION_IO_RINGS) != null;
  }

  /** The ring of a priority for I/O lanes, which the pool has. */
  public long ioRing(int priority) {
    Section io = Objects.requireNonNull(section(Layout.SECTION_IO_RINGS), "I/O rings");
    return io.at + priority * HintRing.bytes(rings.injectorCapacity);
  }

  /** The key lines of slots; null if the pool takes no tasks with keys. */
  public @Nullable Section keyLines() {
    boolean whole = section(Layout.SECTION_KEY_BUCKETS) != null;
    return whole ? section(Layout.SECTION_KEY_LINES) : null;
  }

  public long completion(int client) {
    return rings.completions + client * HintRing.bytes(rings.completionCapacity);
  }

  /** The slots of a client. */
  public long slotsOf(int client) {
    return tables.slots + (long) client * slotsPerClient() * Layout.SLOT_STRIDE;
  }

  /** The optional section of a kind; null if the segment has none. */
  public @Nullable Section section(int kind) {
    for (Section section : tables.sections) {
      if (section.kind == kind) {
        return section;
      }
    }
    return null;
  }
}
