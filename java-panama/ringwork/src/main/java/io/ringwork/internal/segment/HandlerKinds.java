package io.ringwork.internal.segment;

/**
 * Which handlers are for I/O lanes, as the pool's handler table says.
 *
 * <p>Asked at each submit to a pool that has such lanes, so the place of a handler in the table is
 * remembered; it never changes. The kind is read there each time: a reload may change it. Races
 * between threads only look a place up once more.
 */
public final class HandlerKinds {
  /** How many handlers are remembered; those that meet in one place push each other out. */
  private static final int PLACES = 64;

  private final SharedMemory memory;
  private final Geometry geometry;
  private final boolean any;

  /** Places in the handler table, by a part of the id. */
  private final int[] known = new int[PLACES];

  public HandlerKinds(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.geometry = geometry;
    this.any = geometry.hasIoLanes();
  }

  /** Whether tasks of a handler are for I/O lanes; not where no worker has registered it yet. */
  public boolean isIo(long handlerId) {
    return any && isIoByTable(handlerId);
  }

  private boolean isIoByTable(long handlerId) {
    int place = place(handlerId);
    return place >= 0 && isIoAt(place);
  }

  /** Where a handler is in the handler table; -1 where no worker has registered it yet. */
  int place(long handlerId) {
    int at = (int) (handlerId >>> 32) & PLACES - 1;
    if (isListedAs(handlerId, known[at])) {
      return known[at];
    }
    for (int place = 0; place < geometry.handlerCapacity(); place++) {
      if (isListedAs(handlerId, place)) {
        known[at] = place;
        return place;
      }
    }
    return -1;
  }

  private boolean isListedAs(long handlerId, int place) {
    long entry = entry(place);
    return memory.getLong(entry + Layout.HANDLER_ID) == handlerId
        && memory.getIntAcquire(entry + Layout.HANDLER_READY) != Layout.HANDLER_UNWRITTEN;
  }

  private boolean isIoAt(int place) {
    int bytes = memory.getInt(entry(place) + (Layout.HANDLER_KIND & ~3));
    return (bytes >>> 8 * (Layout.HANDLER_KIND & 3) & 0xff) == Layout.LANE_KIND_IO;
  }

  private long entry(int place) {
    return geometry.handlers() + (long) place * Layout.HANDLER_STRIDE;
  }
}
