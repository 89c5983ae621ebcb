package io.ringwork;

import io.ringwork.internal.segment.EventCursor;
import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.TopicPattern;
import java.lang.System.Logger.Level;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One subscription. Its signals come one after the other: whichever thread has {@code busy}
 * delivers, the thread of the {@link EventHub} or one of the user's executor.
 */
final class EventFlow implements EventSubscription, EventHub.Watcher, Runnable {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** How many events are given before it is the turn of others on the same thread. */
  private static final int AT_ONCE = 64;

  private final EventHub hub;
  private final TopicPattern pattern;
  private final EventCursor cursor;
  private final @Nullable Executor executor;
  private final AtomicLong demand = new AtomicLong();
  private final AtomicBoolean busy = new AtomicBoolean();

  /** What is told of events; null once it is told nothing any more. */
  private volatile Flow.@Nullable Subscriber<? super Event> subscriber;

  /** What was asked for, if that is no number of events. */
  private volatile @Nullable IllegalArgumentException refused;

  /** The event that is next, if it was looked for; of the thread that delivers. */
  private @Nullable Event next;

  private EventFlow(
      EventHub hub,
      TopicPattern pattern,
      @Nullable Executor executor,
      Flow.Subscriber<? super Event> subscriber) {
    this.hub = hub;
    this.pattern = new TopicPattern(pattern);
    this.executor = executor;
    this.subscriber = subscriber;
    cursor = hub.cursor();
  }

  /** Subscribers of a pattern. */
  static Flow.Publisher<Event> publisher(
      Connection connection, TopicPattern pattern, @Nullable Executor executor) {
    return subscriber -> {
      Objects.requireNonNull(subscriber, "subscriber");
      EventFlow flow;
      try {
        EventHub hub = connection.connected().events;
        flow = new EventFlow(hub, pattern, executor, subscriber);
      } catch (RingworkException refused) {
        refuse(subscriber, refused);
        return;
      }
      flow.begin(subscriber);
    };
  }

  private static void refuse(Flow.Subscriber<?> subscriber, RingworkException refused) {
    try {
      subscriber.onSubscribe(
          new Flow.Subscription() {
            @Override
            public void request(long n) {}

            @Override
            public void cancel() {}
          });
      subscriber.onError(refused);
    } catch (Throwable thrown) { // by code of others
      tell(thrown);
    }
  }

  /** Nothing is delivered before onSubscribe has returned: the hub knows it from then on. */
  private void begin(Flow.Subscriber<? super Event> subscriber) {
    try {
      subscriber.onSubscribe(this);
    } catch (Throwable thrown) {
      fail(thrown);
      return;
    }
    try {
      hub.add(this);
    } catch (Throwable noThread) {
      end(noThread);
    }
  }

  // ---- for the subscriber

  @Override
  public void request(long n) {
    if (n <= 0) {
      refused =
          new IllegalArgumentException(
              n + " events were requested: ask for 1 or more (Reactive Streams, rule 3.9)");
      hub.attend(this);
      return;
    }
    long before =
        demand.getAndAccumulate(n, (has, more) -> has + more < 0 ? Long.MAX_VALUE : has + more);
    if (before == 0 && !busy.get()) {
      hub.attend(this);
    }
  }

  @Override
  public void cancel() {
    subscriber = null;
    hub.attend(this);
  }

  @Override
  public Event.Passed passed() {
    return new Event.Passed(cursor.received(), cursor.lost(), cursor.skipped());
  }

  // ---- for the hub

  @Override
  public boolean isDone() {
    return subscriber == null;
  }

  @Override
  public boolean isWaiting() {
    return demand.get() > 0 && !busy.get() && !isDone();
  }

  @Override
  public EventRing.Look look() {
    return cursor.look();
  }

  @Override
  public boolean isReady() {
    if (isDone() || busy.get()) {
      return false;
    }
    return refused != null || demand.get() > 0 && !Mapped.test(this, EventFlow::sleepsOn);
  }

  private boolean sleepsOn() {
    return !hub.isGone() && next == null && look() == EventRing.Look.NOTHING;
  }

  @Override
  public void serve() {
    boolean work = refused != null || demand.get() > 0 || hub.isOver();
    if (!work || isDone() || !busy.compareAndSet(false, true)) {
      return;
    }
    if (executor == null) {
      try {
        deliver();
      } finally {
        busy.set(false);
      }
      return;
    }
    if (!hub.isOver() && Mapped.test(this, EventFlow::sleepsOn) && refused == null) {
      busy.set(false); // it is told when there is something
      return;
    }
    try {
      executor.execute(this);
    } catch (Throwable rejected) { // by code of others
      fail(rejected);
      busy.set(false);
    }
  }

  /** Delivers what there is, on a thread of the executor. */
  @Override
  public void run() {
    try {
      deliver();
    } finally {
      busy.set(false);
      hub.attend(this);
      if (hub.isClosed()) {
        serve(); // its thread may have come by while this was busy
      }
    }
  }

  private void deliver() {
    for (int given = 0; given < AT_ONCE; given++) {
      Flow.Subscriber<? super Event> to = subscriber;
      if (to == null) {
        return;
      }
      IllegalArgumentException bad = refused;
      if (bad != null) {
        end(bad);
        return;
      }
      boolean over = hub.isOver(); // before the look: what was published until then is seen
      boolean wanted = demand.get() > 0;
      if (wanted || over) {
        fetch();
      }
      Event event = next;
      if (event == null || hub.isGone()) {
        if (over) {
          end(hub.failure());
        }
        return;
      }
      if (!wanted) {
        return;
      }
      next = null;
      demand.getAndUpdate(has -> has == Long.MAX_VALUE ? has : has - 1);
      try {
        to.onNext(event);
      } catch (Throwable thrown) { // by code of others
        fail(thrown);
      }
    }
  }

  private void fetch() {
    if (next == null && !hub.isGone()) {
      Mapped.run(this, flow -> flow.next = flow.hub.next(flow.cursor, flow.pattern));
    }
  }

  private void end(@Nullable Throwable failure) {
    Flow.Subscriber<? super Event> to = subscriber;
    subscriber = null;
    if (to == null) {
      return;
    }
    try {
      if (failure == null) {
        to.onComplete();
      } else {
        to.onError(failure);
      }
    } catch (Throwable thrown) { // by code of others
      tell(thrown);
    }
  }

  /** The subscriber, or its executor, has thrown: it is told nothing any more. */
  private void fail(Throwable thrown) {
    subscriber = null;
    tell(thrown);
  }

  private static void tell(Throwable thrown) {
    try {
      LOG.log(
          Level.WARNING, "a subscriber of events has thrown, and its subscription is over", thrown);
    } catch (Throwable untold) {
      // of the application's logger
    }
  }
}
