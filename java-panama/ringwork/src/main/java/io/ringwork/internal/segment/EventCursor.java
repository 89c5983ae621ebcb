package io.ringwork.internal.segment;

import io.ringwork.internal.segment.EventRing.Look;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A reader's place in the event ring. It writes nothing there: any number may read. One thread at a
 * time goes on; the numbers may be asked for by any.
 */
public final class EventCursor {
  /** How long a reader waits for an event that is being written: its publisher was stopped then. */
  public static final long PATIENCE_NANOS = 1_000_000;

  private final EventRing ring;
  private final AtomicLong next;
  private final AtomicLong received = new AtomicLong();
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong skipped = new AtomicLong();

  /** Whether the event at the position was found being written, and since when. */
  private boolean busy;

  private long busySince;

  /** One that reads what is published from now on. */
  public EventCursor(EventRing ring) {
    this.ring = ring;
    next = new AtomicLong(ring.tail());
  }

  /** What stands at its position. */
  public Look look() {
    return ring.look(next.getAcquire());
  }

  /** Events that it was given, of whatever topic. */
  public long received() {
    return received.getAcquire();
  }

  /** Events that were overwritten before it came. */
  public long lost() {
    return lost.getAcquire();
  }

  /** Positions without an event: a publisher died or was stopped there. */
  public long skipped() {
    return skipped.getAcquire();
  }

  /** The next event, or null when there is none now. */
  public @Nullable RawEvent next() {
    for (int looks = 0; looks < EventRing.CORRUPT_AFTER; looks++) {
      long position = next.getPlain();
      switch (ring.look(position)) {
        case READY -> {
          RawEvent event = ring.read(position);
          if (event != null) {
            pass(received, 1);
            return event;
          }
        }
        case BUSY -> {
          if (isPatient()) {
            return null;
          }
          pass(skipped, 1);
        }
        case LEFT_OUT -> pass(skipped, 1);
        // At least one: the cell has a later event, whatever the tail says.
        case OVERWRITTEN ->
            pass(lost, Math.max(1, EventRing.ahead(position, ring.tail() - ring.kept())));
        case NOTHING -> {
          return null;
        }
        case CHANGED -> Thread.onSpinWait();
      }
    }
    return null;
  }

  private void pass(AtomicLong count, long positions) {
    count.setRelease(count.getPlain() + positions);
    next.setRelease(next.getPlain() + positions);
    busy = false;
  }

  /** Whether it waits on for the event that is being written. */
  private boolean isPatient() {
    long now = System.nanoTime();
    if (!busy) {
      busy = true;
      busySince = now;
    }
    return now - busySince < PATIENCE_NANOS;
  }
}
