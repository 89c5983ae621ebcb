package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.segment.EventCursor;
import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.TopicPattern;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The events of some topics for a thread that waits for them, a virtual one say, from when {@link
 * Ringwork#eventReader(String)} was called. For one thread at a time; it holds nothing, so there is
 * nothing to close.
 *
 * <p>Nobody waits for a reader. One that is more than the pool's {@code --events} behind has lost
 * some: {@link #passed()} tells how many.
 */
public final class EventReader {
  private final EventHub hub;
  private final TopicPattern pattern;
  private final EventCursor cursor;
  private final Waiter waiter = new Waiter();

  /** The event that was fetched just now. */
  private @Nullable Event fetched;

  EventReader(EventHub hub, TopicPattern pattern) {
    this.hub = hub;
    this.pattern = pattern;
    cursor = hub.cursor();
  }

  /** The thread that waits, for the hub. */
  private final class Waiter implements EventHub.Watcher {
    private volatile @Nullable Thread thread;

    @Override
    public boolean isWaiting() {
      return thread != null;
    }

    @Override
    public EventRing.Look look() {
      return cursor.look();
    }

    @Override
    public boolean isReady() {
      return isWaiting() && (hub.isOver() || !Mapped.test(this, Waiter::sleepsOn));
    }

    private boolean sleepsOn() {
      EventRing.Look look = look();
      return look == EventRing.Look.NOTHING || look == EventRing.Look.BUSY;
    }

    @Override
    public void serve() {
      Thread waits = thread;
      if (waits != null && isReady()) {
        thread = null;
        LockSupport.unpark(waits);
      }
    }

    @Override
    public boolean isDone() {
      return false; // the thread takes it off the list
    }
  }

  /**
   * The next event, if there is one now.
   *
   * @return the event, or empty
   */
  public Optional<Event> tryNext() {
    fetched = null;
    if (!hub.isGone()) {
      Mapped.run(this, EventReader::fetch);
    }
    return Optional.ofNullable(fetched);
  }

  private void fetch() {
    fetched = hub.next(cursor, pattern);
  }

  /**
   * The next event; waits for it.
   *
   * @param limit the longest wait; zero or less only looks
   * @return the event; empty when none came in that time
   * @throws ClosedException if the pool is over, or the client was closed, and all events before
   *     were given
   * @throws InterruptedException if interrupted
   */
  public Optional<Event> next(Duration limit) throws InterruptedException {
    long end = Durations.saturatedAdd(System.nanoTime(), Durations.nanos(limit));
    for (; ; ) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      boolean over = hub.isOver(); // before the look: what was published until then is seen
      Optional<Event> event = tryNext();
      if (event.isPresent()) {
        return event;
      }
      if (over) {
        throw hub.closedException();
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        return event;
      }
      await(left);
    }
  }

  private void await(long nanos) {
    waiter.thread = Thread.currentThread();
    hub.add(waiter);
    try {
      if (!hub.isOver() && waiter.isWaiting()) {
        boolean busy = Mapped.test(this, reader -> reader.cursor.look() == EventRing.Look.BUSY);
        LockSupport.parkNanos(this, busy ? EventCursor.PATIENCE_NANOS : nanos);
      }
    } finally {
      waiter.thread = null;
      hub.remove(waiter);
    }
  }

  /**
   * What the reader has passed. May be called from any thread.
   *
   * @return the numbers until now
   */
  public Event.Passed passed() {
    return new Event.Passed(cursor.received(), cursor.lost(), cursor.skipped());
  }
}
