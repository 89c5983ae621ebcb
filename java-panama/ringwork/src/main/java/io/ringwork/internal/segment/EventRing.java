package io.ringwork.internal.segment;

import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The event ring of a segment: many publishers, any number of readers, overwriting. As {@code
 * ring/src/queue/events.rs} has it: a publisher waits for nobody, a cell's word is the authority,
 * and the tail is a shortcut that publishers move on for one another.
 */
public final class EventRing {
  /** What stands at a position. */
  public enum Look {
    /** Its event. */
    READY,
    /** Its event, which is being written. */
    BUSY,
    /** No event will be there, but for a very late publisher's. */
    LEFT_OUT,
    /** A later event. */
    OVERWRITTEN,
    /** No position so far was passed. */
    NOTHING,
    /** The word has changed meanwhile. */
    CHANGED
  }

  /** As many looks as no honest process causes. */
  static final int CORRUPT_AFTER = 1 << 16;

  final SharedMemory memory;
  private final Geometry.Section section;
  private final int cells;

  EventRing(SharedMemory memory, Geometry.Section section) {
    this.memory = memory;
    this.section = section;
    cells = section.count() - 1;
  }

  /** The ring of a segment; null if the pool keeps no events. */
  public static @Nullable EventRing of(SharedMemory memory, Geometry geometry) {
    Geometry.@Nullable Section section = geometry.section(Layout.SECTION_EVENTS);
    return section == null
            || section.recordBytes() < Layout.EVENT_STRIDE
            || Integer.bitCount(section.count() - 1) != 1
        ? null
        : new EventRing(memory, section);
  }

  /** The publisher that a client is. */
  public static int publisherOf(int client) {
    return Layout.EVENT_CLIENTS + client;
  }

  /** Positions that have been passed: the next event has this one. */
  public long tail() {
    return memory.getLongAcquire(section.at() + Layout.EVENTS_TAIL);
  }

  /** How many of the events before the tail a reader may still count on. */
  long kept() {
    return cells - cells / 8;
  }

  private long cell(long position) {
    // Masked, so that a position that a peer made up stays in bounds.
    return section.record(1 + (int) (position & (cells - 1)));
  }

  private void moveTail(long from) {
    memory.casLong(section.at() + Layout.EVENTS_TAIL, from, from + 1);
  }

  // ---- for publishers

  /**
   * Publishes an event.
   *
   * @param topic the place of its topic in the table
   * @return its position; -1 if the ring's words are none of ours, or the reaper has taken this
   *     process for dead
   */
  public long publish(int publisher, int topic, int codec, byte[] bytes) {
    long position = claim(publisher);
    if (position < 0) {
      return -1;
    }
    long at = cell(position);
    moveTail(position);
    // A reader that meets a word of this event sees after its fence that the cell is BUSY.
    VarHandle.releaseFence();
    memory.setLong(at + Layout.EVENT_TIME, System.nanoTime());
    memory.setLong(
        at + Layout.EVENT_ABOUT,
        Integer.toUnsignedLong(topic) | (long) codec << 32 | (long) bytes.length << 48);
    memory.put(at + Layout.EVENT_BYTES, bytes);
    long busy = word(position, publisher, Layout.EVENT_BUSY);
    long ready = word(position, publisher, Layout.EVENT_READY);
    return memory.casLong(at + Layout.EVENT_WORD, busy, ready) ? position : -1;
  }

  private static long word(long position, int publisher, long state) {
    return (position & Layout.EVENT_POSITION_MASK) << Layout.EVENT_POSITION_SHIFT
        | (long) publisher << Layout.EVENT_PUBLISHER_SHIFT
        | state;
  }

  /** Takes the next position for a publisher. */
  private long claim(int publisher) {
    for (int looks = 0; looks < CORRUPT_AFTER; looks++) {
      long tail = tail();
      long at = cell(tail) + Layout.EVENT_WORD;
      long seen = memory.getLongAcquire(at);
      int lap = lap(seen, tail);
      if (lap == 0 || lap < 0 && isBusy(seen)) {
        // Another has it and did not move the tail yet; or it is of the lap before, and left out.
        moveTail(tail);
      } else if (lap < 0 && memory.casLong(at, seen, word(tail, publisher, Layout.EVENT_BUSY))) {
        return tail;
      }
    }
    return -1;
  }

  /** Whether a subscriber sleeps, or is about to. Behind the CAS of {@link #publish}. */
  public boolean isAsked() {
    return memory.getIntVolatile(asked()) != 0;
  }

  /** Takes the request of subscribers to be woken; false if another has it. */
  public boolean takeRequest() {
    return memory.casInt(asked(), 1, 0);
  }

  /** Has publishers wake the sleepers. The caller looks again before it sleeps. */
  public void ask() {
    memory.setIntOpaque(asked(), 1);
    VarHandle.fullFence();
  }

  private long asked() {
    return section.at() + Layout.EVENTS_ASKED;
  }

  /** What the futex word is now. */
  public int wakes() {
    return memory.getIntAcquire(section.at() + Layout.EVENTS_WAKE);
  }

  /** Makes the sleepers' word another one, before they are woken. */
  public void bump() {
    memory.addInt(section.at() + Layout.EVENTS_WAKE, 1);
  }

  /** Where the kernel finds the futex word. */
  public long wakeAddress() {
    return memory.address(section.at() + Layout.EVENTS_WAKE);
  }

  // ---- for readers

  /** What stands at a position. */
  public Look look(long position) {
    long at = cell(position) + Layout.EVENT_WORD;
    long seen = memory.getLongAcquire(at);
    int lap = lap(seen, position);
    if (lap > 0) {
      return Look.OVERWRITTEN;
    }
    if (lap == 0) {
      long state = seen & Layout.EVENT_STATE_MASK;
      return state == Layout.EVENT_READY
          ? Look.READY
          : state == Layout.EVENT_BUSY ? Look.BUSY : Look.LEFT_OUT;
    }
    if (!isBefore(position, tail())) {
      return Look.NOTHING;
    }
    // The tail has passed it, and the word may have changed before.
    return memory.getLongAcquire(at) == seen ? Look.LEFT_OUT : Look.CHANGED;
  }

  /** Copies the event at a position; null if it is overwritten, or was so meanwhile. */
  @Nullable RawEvent read(long position) {
    long at = cell(position);
    long word = memory.getLongAcquire(at + Layout.EVENT_WORD);
    if (lap(word, position) != 0 || (word & Layout.EVENT_STATE_MASK) != Layout.EVENT_READY) {
      return null;
    }
    long time = memory.getLong(at + Layout.EVENT_TIME);
    long about = memory.getLong(at + Layout.EVENT_ABOUT);
    int length = Math.min((int) (about >>> 48), Layout.EVENT_BYTES_MAX);
    byte[] bytes = memory.bytes(at + Layout.EVENT_BYTES, length);
    // pairs with the release fence in publish.
    VarHandle.acquireFence();
    if (memory.getLongAcquire(at + Layout.EVENT_WORD) != word) {
      return null;
    }
    int publisher = (int) (word >>> Layout.EVENT_PUBLISHER_SHIFT & Layout.EVENT_PUBLISHER_MASK);
    return new RawEvent(position, time, publisher, (int) about, (int) (about >>> 32) & 0xff, bytes);
  }

  /** Below 0: the word is of a lap before the position, or was never written. Above: beyond. */
  private static int lap(long word, long position) {
    long ahead = (word >>> Layout.EVENT_POSITION_SHIFT) - position & Layout.EVENT_POSITION_MASK;
    if (word == 0) {
      return -1;
    }
    return ahead == 0 ? 0 : ahead <= Layout.EVENT_POSITION_MASK / 2 ? 1 : -1;
  }

  private static boolean isBusy(long word) {
    return (word & Layout.EVENT_STATE_MASK) == Layout.EVENT_BUSY;
  }

  /** How many positions another is ahead; 0 if it is not. */
  static long ahead(long position, long other) {
    long ahead = other - position & Layout.EVENT_POSITION_MASK;
    return ahead <= Layout.EVENT_POSITION_MASK / 2 ? ahead : 0;
  }

  private static boolean isBefore(long position, long other) {
    return ahead(position, other) != 0;
  }
}
