package io.ringwork.internal.segment;

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

  /** Where the tables begin. */
  public record Tables(long clients, long workers, long lanes, long slots, long handlers) {}

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
                m.getLong(Layout.H_HANDLERS)),
            new Rings(
                m.getLong(Layout.H_INJECTORS),
                m.getInt(Layout.H_INJECTOR_CAPACITY),
                m.getLong(Layout.H_COMPLETIONS),
                m.getInt(Layout.H_COMPLETION_CAPACITY)),
            classes);
    g.check(m.size());
    return g;
  }

  private void check(long mapped) throws BadHeader {
    if (segmentSize != mapped) {
      throw new BadHeader(
          "it was truncated or extended: " + mapped + " bytes instead of " + segmentSize);
    }
    checkCounts();
    checkPlaces();
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

  private void checkPlaces() throws BadHeader {
    section("clients", tables.clients, (long) counts.clients * Layout.CLIENT_STRIDE);
    section("workers", tables.workers, (long) counts.workers * Layout.WORKER_STRIDE);
    section("lanes", tables.lanes, (long) counts.lanes * Layout.LANE_STRIDE);
    section("slots", tables.slots, counts.slots() * Layout.SLOT_STRIDE);
    section("handlers", tables.handlers, (long) counts.handlers * Layout.HANDLER_STRIDE);
    section(
        "injector rings", rings.injectors, counts.priorities * HintRing.bytes(injectorCapacity()));
    section(
        "completion rings",
        rings.completions,
        counts.clients * HintRing.bytes(completionCapacity()));
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

  public long lane(int index) {
    return tables.lanes + (long) index * Layout.LANE_STRIDE;
  }

  public long injector(int priority) {
    return rings.injectors + priority * HintRing.bytes(rings.injectorCapacity);
  }

  public long completion(int client) {
    return rings.completions + client * HintRing.bytes(rings.completionCapacity);
  }

  /** The slots of a client. */
  public long slotsOf(int client) {
    return tables.slots + (long) client * slotsPerClient() * Layout.SLOT_STRIDE;
  }
}
