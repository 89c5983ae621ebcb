package io.ringwork.internal.segment;

import org.jspecify.annotations.Nullable;

/** Counts by handler what becomes of tasks that no lane ends ({@code Layout.LOSSES_*}). */
public final class HandlerLosses {
  private final SharedMemory memory;
  private final HandlerKinds handlers;
  private final Geometry.@Nullable Section section;

  public HandlerLosses(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    this.handlers = new HandlerKinds(memory, geometry);
    this.section = geometry.section(Layout.SECTION_HANDLER_LOSSES);
  }

  /**
   * Adds one. All processes of a pool add to the same record.
   *
   * @param counter one of {@code Layout.LOSSES_*}
   */
  public void count(long handlerId, int counter) {
    if (section != null) {
      Mapped.add(memory, section.record(record(section, handlerId)) + counter, 1);
    }
  }

  /** The handler's place in the handler table; the last record for a handler that has none. */
  private int record(Geometry.Section section, long handlerId) {
    int last = section.count() - 1;
    int place = handlers.place(handlerId);
    return place < 0 ? last : Math.min(place, last);
  }
}
