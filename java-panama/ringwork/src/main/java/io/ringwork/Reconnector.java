package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.process.PoolFiles;
import io.ringwork.internal.segment.Layout;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * A handle that outlives its pools: one {@link Client} after the other, and what is done with tasks
 * in between.
 *
 * <p>A thread of its own sleeps while the client lives; when that ends it has another thread give
 * up what is left of it, and looks for the next. No code of the user runs on that thread. A task
 * goes to the present client, as it would without all this; only one that is turned away there
 * comes here again.
 */
final class Reconnector extends Connection implements Runnable {
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

  Reconnector(ConnectConfig config, Reconnect policy) {
    this.files = Connector.files(config.settings.directory(), config.name);
    this.settings = config.settings;
    this.policy = policy;
    this.listener = new ListenerQueue(config.name, policy.listener);
    this.thread = Background.thread("ringwork-reconnect-" + config.name, this);
  }

  /** Looks once, then leaves it to the thread. */
  void start() {
    if (!look()) {
      listener.tell(ConnectionState.DISCONNECTED, reason, cause);
    }
    thread.start();
  }

  // ---- the thread

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
          retired = client;
          lost(client);
        }
        if (look()) {
          continue;
        }
      } catch (Throwable broken) { // no memory, say: it is tried again
        reason = "a look for it failed: " + broken;
        LOG.log(Level.WARNING, "pool " + files.name() + ": a look for it failed", broken);
      }
      LockSupport.parkNanos(this, pause);
      pause = Math.min(policy.maxNanos, 2 * pause);
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

  // ---- what Ringwork offers

  @Override
  String name() {
    return files.name();
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  @Override
  ConnectionState state() {
    Client client = current;
    return closed
        ? ConnectionState.CLOSED
        : client != null && client.isOpen()
            ? ConnectionState.CONNECTED
            : ConnectionState.DISCONNECTED;
  }

  @Override
  @Nullable Client current() {
    return current;
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

  @Override
  <Q, R> TaskFuture<R> submit(TaskType<Q, R> type, Q request, TaskOptions options) {
    Client.requireNonNull(type, request, options);
    Client client = current;
    TaskFuture<R> future = client == null ? null : client.submit(type, request, options);
    return future != null && !isTurnedAway(future)
        ? future
        : later(
            client,
            type,
            request,
            new Patience(options),
            (next, left) -> next.submit(type, request, left));
  }

  @Override
  <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type, List<? extends Q> requests, int resultRoom, TaskOptions options) {
    List<Q> copy = Client.checkedChunk(type, requests, resultRoom, options);
    if (copy.isEmpty()) {
      TaskFuture<ChunkResult<R>> nothing = new TaskFuture<>(type.chunks());
      nothing.complete(new ChunkResult<>(new Object[0]));
      return nothing;
    }
    Client client = current;
    TaskFuture<ChunkResult<R>> future =
        client == null ? null : client.submitChunk(type, copy, resultRoom, options);
    if (future != null && !isTurnedAway(future)) {
      return future;
    }
    int room = Math.max(resultRoom, Layout.INLINE);
    return later(
        client,
        type.chunks(),
        new Chunk<>(type, copy, room),
        new Patience(options),
        (next, left) -> next.submitChunk(type, copy, resultRoom, left));
  }

  /** All that is turned away shares one time to wait: the batch's. */
  @Override
  <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type, List<? extends Q> requests, TaskOptions options) {
    Client.requireNonNull(type, requests, options);
    for (Q request : requests) {
      Client.requireNonNull(type, request, options);
    }
    if (requests.isEmpty()) {
      return new ArrayList<>();
    }
    Patience patience = new Patience(options);
    Client client = current;
    if (client == null || !client.isOpen()) {
      try {
        client = next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        client = null;
      }
    }
    List<TaskFuture<R>> futures = new ArrayList<>(requests.size());
    if (client != null) {
      futures.addAll(client.submitAll(type, requests, patience.left()));
    }
    int n = 0;
    for (Q request : requests) {
      if (client == null) {
        futures.add(
            later(null, type, request, patience, (to, left) -> to.submit(type, request, left)));
      } else if (isTurnedAway(futures.get(n))) {
        futures.set(
            n,
            later(client, type, request, patience, (to, left) -> to.submit(type, request, left)));
      }
      n++;
    }
    return futures;
  }

  private <Q, R> TaskFuture<R> later(
      @Nullable Client refused,
      TaskType<Q, R> type,
      Q request,
      Patience patience,
      BiFunction<Client, TaskOptions, TaskFuture<R>> again) {
    for (Client client = refused; ; ) {
      try {
        client = next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        TaskFuture<R> ended = new TaskFuture<>(type);
        if (runsHere(type, patience.options, disconnected)) {
          Submitter.runHere(ended, Objects.requireNonNull(type.fallback), request);
          return ended;
        }
        return ended.failedAtSubmit(disconnected);
      }
      TaskFuture<R> future = again.apply(client, patience.left());
      if (!isTurnedAway(future)) {
        return future;
      }
    }
  }

  private static boolean runsHere(
      TaskType<?, ?> type, TaskOptions options, RingworkException disconnected) {
    return options.backpressure.kind == Backpressure.Kind.CALLER_RUNS
        && type.fallback != null
        && disconnected instanceof RejectedException;
  }

  @Override
  <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options) throws InterruptedException {
    Client.requireNonNull(type, request, options);
    Client client = current;
    if (client != null) {
      try {
        return client.call(type, request, options);
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
    Patience patience = new Patience(options);
    for (; ; ) {
      try {
        client = next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        if (runsHere(type, options, disconnected)) {
          return Objects.requireNonNull(type.fallback).apply(request);
        }
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        throw disconnected;
      }
      try {
        return client.call(type, request, patience.left());
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
  }

  @Override
  RawTask claim(TaskType<byte[], ResultLease> type, long size, TaskOptions options) {
    Client client = current;
    if (client == null || !client.isOpen()) {
      checkClaim(size, options);
    }
    if (client != null) {
      try {
        return client.claim(type, size, options);
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
    Patience patience = new Patience(options);
    for (; ; ) {
      client = next(client, type.name(), patience);
      try {
        return client.claim(type, size, patience.left());
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
  }

  /** What is wrong whether or not there is a pool. */
  private static void checkClaim(long size, TaskOptions options) {
    Pools.checkRoom(size);
    Objects.requireNonNull(options, "options");
  }

  @Override
  TaskType<byte[], ResultLease> rawType(String handler) {
    Client client = current;
    return client != null ? client.rawType(handler) : TaskType.ofRaw(handler);
  }

  @Override
  RawCall rawCall(TaskType<byte[], ResultLease> type, TaskOptions options) {
    Client client = current;
    return new RawCall(client == null ? null : client.core, type, options, new Cores());
  }

  /** The connections, for what outlives them. */
  private final class Cores implements Pools {
    @Override
    public @Nullable Core current() {
      Client client = current;
      return client == null ? null : client.core;
    }

    @Override
    public Core next(@Nullable Core refused, String task, Patience patience) {
      return Reconnector.this.next(refused, task, patience).core;
    }
  }

  @Override
  int poll() {
    Client client = current;
    return client == null ? 0 : client.poll();
  }

  @Override
  PoolInfo info() {
    Client client = current;
    if (!closed && client != null && client.isOpen()) {
      try {
        return client.info();
      } catch (ClosedException endedMeanwhile) {
        // as if it had ended before
      }
    }
    throw closed ? closedException() : disconnected();
  }

  // ---- between two clients

  /**
   * The client that comes after one that has turned a task away; waits for it as the options say.
   *
   * @throws RingworkException if there is none in time
   */
  private Client next(@Nullable Client refused, String task, Patience patience) {
    return next(refused == null ? null : refused.core, task, patience);
  }

  private Client next(@Nullable Core refused, String task, Patience patience) {
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
            "the deadline of " + task + " passed before pool " + name() + " was there: " + reason,
            false);
      }
      long left = patience.end - System.nanoTime();
      // A callback must not keep the thread that ends other tasks.
      if (!patience.blocks() || left <= 0 || client != null && client.isCallbackThread()) {
        throw client != null && client.isOpen() ? draining() : disconnected();
      }
      try {
        await(client, left);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw disconnected();
      }
    }
  }

  private RejectedException disconnected() {
    Client client = current;
    String why = client != null && client != retired ? client.whyEnded() : reason;
    return new RejectedException(
        RejectedException.Reason.DISCONNECTED,
        "pool "
            + name()
            + " is not connected: "
            + why
            + "; this client goes on by itself when the pool is there again (Backpressure.block"
            + " waits for it)");
  }

  private static RejectedException draining() {
    return new RejectedException(
        RejectedException.Reason.DRAINING, "the pool is draining and takes no new tasks");
  }

  private ClosedException closedException() {
    return ClosedException.ofClient(name());
  }

  /** Whether a future failed since its client takes no tasks: it has no slot, and never had. */
  private static boolean isTurnedAway(TaskFuture<?> future) {
    return future.slot < 0
        && future.outcome() instanceof Outcome.Failure failure
        && Pools.isTurnedAway(failure.error());
  }

  // ---- close

  @Override
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
      retirees.forEach(Reconnector::join);
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
