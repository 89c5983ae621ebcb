package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.process.PoolFiles;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Finds the pools of one name, one after the other, and makes a {@link Client} of each.
 *
 * <p>A thread of its own sleeps while the client lives; when that ends it has another thread give
 * up what is left of it, and looks for the next. No code of the user runs on that thread.
 */
final class PoolFinder implements Runnable {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** How long close waits for the end of earlier connections. */
  private static final long RETIRE_MILLIS = 12_000;

  private final PoolFiles files;
  private final Settings settings;
  private final Reconnect policy;
  private final ListenerQueue listener;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  private final Set<Thread> retirees = ConcurrentHashMap.newKeySet();

  /** The last client: it lives, or nothing has come after it. Null until the first. */
  private volatile @Nullable Client current;

  private volatile boolean closed;
  private volatile String reason = "it was not looked for yet";
  private volatile @Nullable RingworkException cause;

  /** The client whose end was dealt with; this thread only. */
  private @Nullable Client retired;

  /** Why a pool that is there could not be used, as it was told last; this thread only. */
  private @Nullable String toldRefusal;

  PoolFinder(ConnectConfig config, Reconnect policy) {
    this.files = Connector.files(config.settings.directory(), config.name);
    this.settings = config.settings;
    this.policy = policy;
    this.listener = new ListenerQueue(config.name, policy.listener);
    this.thread = Background.thread("ringwork-reconnect-" + config.name, this);
  }

  /** The present client, or the last one, which may have ended; null if there was none yet. */
  @Nullable Client current() {
    return current;
  }

  boolean isClosed() {
    return closed;
  }

  String name() {
    return files.name();
  }

  /** Looks once, then leaves it to the thread. */
  void start() {
    if (!look()) {
      listener.tell(ConnectionState.DISCONNECTED, reason, cause);
    }
    thread.start();
  }

  @Override
  public void run() {
    Background.insist(this::lookAfterClients);
  }

  private void lookAfterClients() {
    long pause = policy.minNanos;
    while (!closed) {
      try {
        Client client = current;
        if (client != null && client.isOpen()) {
          pause = policy.minNanos;
          LockSupport.park(this);
          continue;
        }
        if (client != null && client != retired) {
          lost(client);
          retired = client; // once it was: there may have been no memory for it
        }
        if (look()) {
          continue;
        }
      } catch (Throwable broken) { // no memory, say: it is tried again
        tellFailed(broken);
      }
      LockSupport.parkNanos(this, pause);
      pause = Math.min(policy.maxNanos, 2 * pause);
    }
  }

  private void tellFailed(Throwable broken) {
    try {
      reason = "a look for it failed: " + broken;
      LOG.log(Level.WARNING, "pool " + files.name() + ": a look for it failed", broken);
    } catch (Throwable untold) {
      // of the application's logger, or for want of memory: the looks go on
    }
  }

  private void lost(Client client) {
    reason = client.whyEnded();
    cause = null;
    if (closed) {
      return;
    }
    String why = reason;
    listener.tell(ConnectionState.DISCONNECTED, reason, null);
    Thread retiree =
        Background.thread("ringwork-retire-" + files.name(), () -> retire(client, why));
    retirees.add(retiree);
    try {
      retiree.start();
    } catch (OutOfMemoryError noThread) {
      retirees.remove(retiree);
      client.close();
    }
  }

  /** The first line of a JVM's log takes a while; the next pool must not wait for it. */
  private void retire(Client client, String why) {
    try {
      LOG.log(
          Level.WARNING,
          "pool " + files.name() + ": " + why + "; this handle goes on with the next of that name");
    } finally { // whatever the application's logger throws
      try {
        client.retire(() -> closed);
      } finally {
        retirees.remove(Thread.currentThread());
      }
    }
  }

  /** One try to connect. */
  private boolean look() {
    Client next;
    try {
      next = Connector.look(files, settings, () -> LockSupport.unpark(thread));
    } catch (RingworkException failed) {
      failed(failed);
      return false;
    }
    if (next == null) {
      reason = "its segment is still being written";
      return false;
    }
    lock.lock();
    try {
      if (!closed) {
        current = next;
        toldRefusal = null;
        listener.tell(ConnectionState.CONNECTED, "", null);
        changed.signalAll();
        return true;
      }
    } finally {
      lock.unlock();
    }
    next.close();
    return false;
  }

  private void failed(RingworkException why) {
    String text = String.valueOf(why.getMessage());
    cause = why;
    if (why instanceof ConnectException connect && connect.isAbsent()) {
      if (current == null) { // else what the last connection ended with says more
        reason = text;
      }
      return;
    }
    reason = text;
    if (!text.equals(toldRefusal)) {
      toldRefusal = text;
      listener.tell(ConnectionState.DISCONNECTED, text, why);
      LOG.log(Level.WARNING, text + "; looking on");
    }
  }

  /** Sleeps until another client has come than the one that was seen, or close; or for a time. */
  void await(@Nullable Client seen, long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      for (long left = nanos; current == seen && !closed && left > 0; ) {
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * The client that comes after one that has turned a task away; waits for it as the options say.
   *
   * @throws RingworkException if there is none in time
   */
  Client next(@Nullable Client refused, String task, Patience patience) {
    return next(refused == null ? null : refused.core, task, patience);
  }

  Client next(@Nullable Core refused, String task, Patience patience) {
    for (; ; ) {
      Client client = current;
      if (closed) {
        throw closedException();
      }
      if (client != null && client.core != refused && client.isOpen()) {
        return client;
      }
      if (patience.deadline != 0 && System.nanoTime() >= patience.deadline) {
        throw new TaskTimeoutException(
            "the deadline of "
                + task
                + " passed before pool "
                + files.name()
                + " was there: "
                + reason,
            false);
      }
      long left = patience.end - System.nanoTime();
      // A callback must not keep the thread that ends other tasks.
      if (!patience.blocks() || left <= 0 || client != null && client.isCallbackThread()) {
        throw client != null && client.isOpen()
            ? draining()
            : disconnected(patience.blocks() && left <= 0);
      }
      try {
        await(client, left);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw disconnected(false);
      }
    }
  }

  RejectedException disconnected() {
    return disconnected(false);
  }

  private RejectedException disconnected(boolean waited) {
    Client client = current;
    String why = client != null && client != retired ? client.whyEnded() : reason;
    return new RejectedException(
        RejectedException.Reason.DISCONNECTED,
        "pool "
            + files.name()
            + " is not connected: "
            + why
            + "; this client goes on by itself when the pool is there again ("
            + (waited
                ? "Backpressure.block has waited for it in vain"
                : "Backpressure.block waits for it")
            + ")");
  }

  private static RejectedException draining() {
    return new RejectedException(
        RejectedException.Reason.DRAINING, "the pool is draining and takes no new tasks");
  }

  ClosedException closedException() {
    return ClosedException.ofClient(files.name());
  }

  /** No client comes after this; ends the present one. */
  void close() {
    Client client;
    lock.lock();
    try {
      closed = true; // no client comes after this
      client = current;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    LockSupport.unpark(thread);
    if (client != null) {
      client.close();
    }
    if (client == null || !client.isCallbackThread()) {
      join(thread);
      retirees.forEach(PoolFinder::join);
    }
    listener.tell(ConnectionState.CLOSED, "the client was closed", null);
  }

  private static void join(Thread other) {
    if (other == Thread.currentThread()) {
      return;
    }
    boolean interrupted = false;
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(RETIRE_MILLIS);
    while (other.isAlive() && System.nanoTime() < end && !interrupted) {
      try {
        other.join(100);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
