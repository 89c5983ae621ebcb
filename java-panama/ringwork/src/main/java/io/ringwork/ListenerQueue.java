package io.ringwork;

import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells the user's listener what becomes of a connection: each change once, in order, on virtual
 * threads, so that no thread of the client ever runs it. CLOSED is the last.
 */
final class ListenerQueue {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  private final String pool;
  private final @Nullable Consumer<? super ConnectionEvent> listener;
  private final ReentrantLock lock = new ReentrantLock();

  /** Guarded by the lock, as all below. */
  private final Queue<ConnectionEvent> events = new ArrayDeque<>();

  /** Whether a thread delivers events. */
  private boolean delivering;

  /** What was told last, however often it is found again. */
  private @Nullable ConnectionEvent last;

  ListenerQueue(String pool, @Nullable Consumer<? super ConnectionEvent> listener) {
    this.pool = pool;
    this.listener = listener;
  }

  /** Tells a change. From any thread; returns at once. */
  void tell(ConnectionState state, String why, @Nullable RingworkException error) {
    if (listener == null) {
      return;
    }
    lock.lock();
    try {
      if (last != null
          && (last.state() == ConnectionState.CLOSED
              || last.state() == state && last.reason().equals(why))) {
        return;
      }
      last = new ConnectionEvent(pool, state, why, error);
      events.add(last);
      if (!delivering) {
        Thread.ofVirtual().name("ringwork-listener-" + pool).start(this::deliver);
        delivering = true;
      }
    } finally {
      lock.unlock();
    }
  }

  private void tellFailed(Throwable thrown) {
    try {
      LOG.log(Level.WARNING, "the listener of pool " + pool + " failed", thrown);
    } catch (Throwable untold) {
      // of the application's logger: what comes next is told all the same
    }
  }

  private void deliver() {
    for (; ; ) {
      ConnectionEvent event;
      lock.lock();
      try {
        event = events.poll();
        if (event == null) {
          delivering = false;
          return;
        }
      } finally {
        lock.unlock();
      }
      try {
        Objects.requireNonNull(listener).accept(event);
      } catch (Throwable thrown) {
        tellFailed(thrown);
      }
    }
  }
}
