package io.ringwork;

import io.ringwork.NotPublishedException.Reason;
import io.ringwork.internal.Background;
import io.ringwork.internal.segment.EventCursor;
import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.RawEvent;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.TopicPattern;
import io.ringwork.internal.segment.TopicTable;
import io.ringwork.internal.wait.EventBell;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The subscribers of a client, and the thread that waits for events in their place. It is there
 * from the first subscriber on; while none waits it asks for no wakes, so publishers make no system
 * call for it.
 */
final class EventHub implements Runnable {
  /** What waits for events. */
  interface Watcher {
    /** Whether it is to be told of the next event. */
    boolean isWaiting();

    /** What stands at its position. */
    EventRing.Look look();

    /** Whether it has something to do now; also true if the memory was gone. */
    boolean isReady();

    /** Tells it to look. */
    void serve();

    /** Whether it will never wait again. */
    boolean isDone();
  }

  /**
   * The longest sleep: so late is it told when the one publisher that was to wake it is stopped in
   * the middle.
   */
  private static final long LONGEST_SLEEP = 1_000_000_000;

  private static final int AWAKE = 0;
  private static final int PARKED = 1;
  private static final int ASLEEP = 2;

  private final Lifecycle life;
  private final @Nullable EventRing ring;
  private final TopicTable topics;
  private final SharedMemory timespec = EventBell.timespec();

  /** Counts what the thread is to look at again. */
  private final AtomicLong signals = new AtomicLong();

  private final ReentrantLock lock = new ReentrantLock();

  /** Guarded by the lock, as the next. */
  private final Set<Watcher> watchers = new LinkedHashSet<>();

  private @Nullable Thread started;
  private volatile @Nullable Thread thread;
  private volatile int mode = AWAKE;
  private volatile boolean closed;
  private volatile boolean shutDown;

  EventHub(Lifecycle life, @Nullable EventRing ring, TopicTable topics) {
    this.life = life;
    this.ring = ring;
    this.topics = topics;
  }

  // ---- for subscribers

  /** A place in the ring, for what is published from now on. */
  EventCursor cursor() {
    if (ring == null) {
      throw new NotPublishedException(Reason.NO_EVENTS);
    }
    return Mapped.getOrThrow(ring, EventCursor::new, (ring, gone) -> closedException());
  }

  /** The next event that a pattern names; null if there is none now. */
  @Nullable Event next(EventCursor cursor, TopicPattern pattern) {
    for (RawEvent raw = cursor.next(); raw != null; raw = cursor.next()) {
      String topic = pattern.wanted(topics, raw.topic());
      if (topic != null) {
        return Event.of(topic, raw);
      }
    }
    return null;
  }

  /** Whether nothing is published any more: what is in the ring is the rest. */
  boolean isOver() {
    return closed || life.hasEnded();
  }

  /** Whether the client is being closed, and the thread of this ends. */
  boolean isClosed() {
    return closed;
  }

  /** Whether the memory is not to be touched any more. */
  boolean isGone() {
    return closed || life.isTruncated();
  }

  /** What subscribers end with: nothing if the client was closed, or the pool was shut down. */
  @Nullable ClosedException failure() {
    return life.hasEnded() && !shutDown ? closedException() : null;
  }

  ClosedException closedException() {
    return life.closedException(false, null);
  }

  void add(Watcher watcher) {
    lock.lock();
    try {
      watchers.add(watcher);
      if (started == null && !closed) {
        Thread made = Background.thread("ringwork-events-" + life.name, this);
        thread = made;
        made.start();
        started = made;
      }
    } catch (Throwable noThread) {
      watchers.remove(watcher);
      throw noThread;
    } finally {
      lock.unlock();
    }
    attend(watcher);
    if (closed) {
      watcher.serve();
    }
  }

  void remove(Watcher watcher) {
    lock.lock();
    try {
      watchers.remove(watcher);
    } finally {
      lock.unlock();
    }
  }

  private List<Watcher> watchers() {
    lock.lock();
    try {
      return new ArrayList<>(watchers);
    } finally {
      lock.unlock();
    }
  }

  /** Has the thread look at this one. A sleep that the ring ends is left alone if it has time. */
  void attend(Watcher watcher) {
    signals.incrementAndGet();
    int now = mode;
    if (now == PARKED || now == ASLEEP && watcher.isReady()) {
      rouse();
    }
  }

  private void rouse() {
    LockSupport.unpark(thread);
    if (mode == ASLEEP && ring != null && !life.isTruncated()) {
      Mapped.run(ring, EventBell::wakeUp);
    }
  }

  // ---- the end

  /** The pool was shut down in order, as it is about to be told. */
  void shutDown() {
    shutDown = true;
  }

  /** The pool is gone. */
  void poolEnded() {
    signals.incrementAndGet();
    rouse();
  }

  /** The memory is about to be given up: ends all, and the thread. */
  void close(long nanos) {
    Thread toEnd;
    lock.lock();
    try {
      closed = true;
      toEnd = started;
    } finally {
      lock.unlock();
    }
    signals.incrementAndGet();
    rouse();
    if (toEnd != null && toEnd != Thread.currentThread()) {
      // A subscriber that never returns holds its own thread up, and not the close.
      Background.join(toEnd, nanos);
    }
  }

  // ---- the thread

  @Override
  public void run() {
    while (!closed) {
      Background.insist(this::turn);
    }
    Background.insist(this::serveAll);
  }

  private void turn() {
    long seen = signals.get();
    serveAll();
    try {
      if (!isGone()) {
        if (!Mapped.run(this, seen, EventHub::rest)) {
          Background.pause(); // until it is known that the memory is gone
        }
      } else if (!closed) {
        rest(seen);
      }
    } finally {
      mode = AWAKE;
    }
  }

  private void serveAll() {
    for (Watcher watcher : watchers()) {
      watcher.serve();
      if (watcher.isDone()) {
        remove(watcher);
      }
    }
  }

  /** Rests until there may be something to do. */
  private void rest(long seen) {
    mode = PARKED;
    List<Watcher> all = watchers();
    if (signals.get() != seen) {
      return;
    }
    if (isOver()) {
      // Nothing comes any more; what is left waits for demand.
      if (all.stream().noneMatch(Watcher::isReady)) {
        LockSupport.park(this);
      }
    } else if (ring == null || all.stream().noneMatch(Watcher::isWaiting)) {
      LockSupport.park(this);
    } else {
      sleep(ring, seen, all);
    }
  }

  private void sleep(EventRing ring, long seen, List<Watcher> all) {
    int word = ring.wakes();
    mode = ASLEEP;
    ring.ask();
    if (signals.get() != seen) {
      return;
    }
    long nanos = LONGEST_SLEEP;
    for (Watcher watcher : all) {
      EventRing.Look look = watcher.isWaiting() ? watcher.look() : EventRing.Look.NOTHING;
      if (look == EventRing.Look.BUSY) {
        // Of what is being written no news may come: its publisher may be stopped.
        nanos = EventCursor.PATIENCE_NANOS;
      } else if (look != EventRing.Look.NOTHING) {
        return;
      }
    }
    if (EventBell.canSleep()) {
      EventBell.sleep(ring, word, timespec, nanos);
    } else {
      LockSupport.parkNanos(this, EventCursor.PATIENCE_NANOS);
    }
  }
}
