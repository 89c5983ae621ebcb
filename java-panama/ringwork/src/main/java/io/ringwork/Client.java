package io.ringwork;

import io.ringwork.internal.Background;
import io.ringwork.internal.Durations;
import io.ringwork.internal.process.Attachment;
import io.ringwork.internal.process.Child;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.Mapped;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.TopicTable;
import io.ringwork.internal.wait.Poller;
import io.ringwork.internal.wait.PollerRole;
import java.lang.System.Logger.Level;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One connection: starts its parts, looks after its pool, and ends both in order. How far the end
 * has come is in {@link Lifecycle}; what becomes of tasks then, in {@link LastTasks}.
 *
 * <p>The mapping is undone before the lock is given up, so no thread of this process can write into
 * slots that another client may own by then: it gets an IllegalStateException, which becomes a
 * {@link ClosedException}. The entry is marked FREE only if all slots are home; else the lock alone
 * is given up and the reaper clears the rest.
 */
final class Client extends Connection implements Poller.Owner, Submitter.Pool {
  private static final System.Logger LOG = System.getLogger("io.ringwork");
  private static final long PROBE_EVERY = 50_000_000;

  /** How often the slots in use are looked at without a hint. */
  private static final long CHECK_EVERY = 1_000_000_000;

  /** How long close waits for the poller, which may be in a callback that never returns. */
  private static final long JOIN_NANOS = 100_000_000;

  /** And while a slot is in use, whose result it may just be reading. */
  private static final long READ_NANOS = 1_000_000_000;

  /** Names of handlers are the user's: what is kept of them has a bound. */
  private static final int MAX_RAW_TYPES = 256;

  /** What a supervisor says of a name that has a new owner (segment/create.rs). */
  private static final String CONNECT_AGAIN = ": a new connection reaches that";

  final Core core;
  private final Lifecycle life;
  private final ClientSegment<TaskFuture<?>> segment;
  private final SlotTable<TaskFuture<?>> slots;
  private final Poller poller;
  private final LastTasks lastTasks;
  final EventHub events;
  final Publications publications;
  private final Attachment attachment;
  private final @Nullable Child child;

  /** Told when the pool has ended; null if the handle ends with it. */
  private final @Nullable Runnable onEnd;

  private final Map<String, TaskType<byte[], ResultLease>> rawTypes = new ConcurrentHashMap<>();
  private final AtomicBoolean released = new AtomicBoolean();
  private final AtomicBoolean closer = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  private volatile boolean releaseOnPoller;
  private long lastProbe;
  private long lastCheck = System.nanoTime();

  /** Starts a client on an entry that was just taken; it owns attachment and child from now on. */
  Client(
      Attachment attachment, Settings settings, @Nullable Child child, @Nullable Runnable onEnd) {
    this.attachment = attachment;
    this.child = child;
    this.onEnd = onEnd;
    life = new Lifecycle(attachment.name);
    segment =
        new ClientSegment<>(
            attachment.memory, attachment.geometry, attachment.index, CorruptSegmentException::new);
    slots = segment.slots;
    core = new Core(life, settings, segment, this, this);
    poller = core.poller;
    lastTasks = new LastTasks(core);
    EventRing ring = EventRing.of(attachment.memory, attachment.geometry);
    TopicTable topics = new TopicTable(attachment.memory, attachment.geometry);
    events = new EventHub(life, ring, topics);
    publications = new Publications(life, ring, topics, attachment.index);
  }

  void start() {
    try {
      poller.start();
      if (child != null) {
        child.onExit(this::supervisorEnded);
      }
    } catch (Throwable failed) { // no thread to be had
      close();
      throw failed;
    }
  }

  // ---- what Ringwork offers

  @Override
  <Q, R> TaskFuture<R> submit(
      TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed) {
    requireNonNull(type, request, options);
    return core.submit(type, request, options, null, false, observed);
  }

  @Override
  <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      TaskOptions options,
      Observed @Nullable [] observed) {
    requireNonNull(type, requests, options);
    Object[] copy = requests.toArray(); // a list of others may end in an exception halfway
    requireNoNull(copy);
    @SuppressWarnings("unchecked") // they are of `requests`
    List<Q> all = (List<Q>) Arrays.asList(copy);
    return Batch.submitAll(core, type, all, options, observed);
  }

  @Override
  <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      int resultRoom,
      TaskOptions options,
      @Nullable Observed observed) {
    List<Q> copy = checkedChunk(type, requests, resultRoom, options);
    TaskType<Chunk<Q>, ChunkResult<R>> chunks = type.chunks();
    if (copy.isEmpty()) {
      TaskFuture<ChunkResult<R>> nothing = new TaskFuture<>(core, chunks, 0, null);
      nothing.complete(new ChunkResult<>(new Object[0]));
      return nothing;
    }
    int room = Math.max(resultRoom, Chunk.LEAST_ROOM);
    return core.submit(
        chunks, new Chunk<>(type, copy, room, options.attempts), options, null, false, observed);
  }

  @Override
  <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed)
      throws InterruptedException {
    requireNonNull(type, request, options);
    return core.call(type, request, options, observed);
  }

  /** The requests of a chunk, copied; throws what is the program's error. */
  static <Q> List<Q> checkedChunk(
      TaskType<Q, ?> type, List<? extends Q> requests, int resultRoom, TaskOptions options) {
    requireNonNull(type, requests, options);
    Object[] all = requests.toArray();
    requireNoNull(all);
    @SuppressWarnings("unchecked") // they are of `requests`
    List<Q> copy = (List<Q>) List.of(all);
    if (copy.size() > Layout.CHUNK_MAX) {
      throw new IllegalArgumentException(
          copy.size() + " requests: a chunk has at most " + Layout.CHUNK_MAX);
    }
    if (resultRoom < 0) {
      throw new IllegalArgumentException("room for results of " + resultRoom + " bytes");
    }
    return copy;
  }

  /** Says which of several requests is none. */
  static void requireNoNull(Object[] requests) {
    for (int n = 0; n < requests.length; n++) {
      if (requests[n] == null) {
        throw new NullPointerException(
            "request " + n + " of " + requests.length + " is null (the first is request 0)");
      }
    }
  }

  static void requireNonNull(
      @Nullable Object type, @Nullable Object request, @Nullable Object options) {
    if (type == null || request == null || options == null) {
      throw new NullPointerException(
          type == null ? "type" : request == null ? "request" : "options");
    }
  }

  @Override
  int poll() {
    return Mapped.count(core.role, PollerRole::pollInPassing);
  }

  @Override
  RawTask claim(TaskType<byte[], ResultLease> type, long size, TaskOptions options) {
    return RawTask.claim(core, type, size, options);
  }

  @Override
  RawCall rawCall(TaskType<byte[], ResultLease> type, TaskOptions options) {
    return new RawCall(core, type, options, null);
  }

  /** The type of raw tasks, made once for each handler as long as they are not too many. */
  @Override
  TaskType<byte[], ResultLease> rawType(String handler) {
    Objects.requireNonNull(handler, "handler");
    TaskType<byte[], ResultLease> type = rawTypes.get(handler);
    if (type == null) {
      type = TaskType.ofRaw(handler);
      if (rawTypes.size() < MAX_RAW_TYPES) {
        rawTypes.put(handler, type);
      }
    }
    return type;
  }

  @Override
  String name() {
    return attachment.name;
  }

  @Override
  public boolean isOwn() {
    return child != null;
  }

  @Override
  public boolean isOpen() {
    return life.isOpen();
  }

  @Override
  Client current() {
    return this;
  }

  @Override
  ConnectionState state() {
    return life.connectionState();
  }

  @Override
  PoolInfo info() {
    return Mapped.getOrThrow(this, Client::infoNow, Client::closedBy);
  }

  @Override
  PoolStats stats() {
    return Mapped.getOrThrow(
        this, client -> PoolStatsReader.read(client.attachment), Client::closedBy);
  }

  @Override
  Client connected() {
    if (!life.isOpen()) {
      throw life.closedException(false, null);
    }
    return this;
  }

  private ClosedException closedBy(Throwable gone) {
    return life.closedException(false, gone);
  }

  private PoolInfo infoNow() {
    return PoolInfos.of(attachment, slots.count, slots.free.inUse(), segment.arena.maxPayload());
  }

  // ---- what its parts need

  @Override
  public boolean completesInline() {
    return core.settings.inline();
  }

  @Override
  public void nudgeSupervisor() {
    attachment.nudge();
  }

  // ---- the pool's end

  /** Its end is seen by a thread of its own if it is our child. */
  @Override
  public boolean mustProbe() {
    return child == null;
  }

  @Override
  public boolean checkPool(long now) {
    boolean probe = now - lastProbe >= PROBE_EVERY;
    if (probe) {
      lastProbe = now;
      if (attachment.isTruncated()) { // first: what follows touches the memory
        die(true, "");
        return false;
      }
    }
    if (now - lastCheck >= CHECK_EVERY) {
      lastCheck = now;
      if (slots.free.inUse() > 0) {
        core.completer.check();
      }
    }
    if (hasEnded()) {
      poolEnded();
    } else if (probe && attachment.supervisorIsGone()) {
      supervisorIsGone();
    }
    return !life.hasEnded();
  }

  /** Its lock is free. A child of ours has a thread that sees it first, unless memory is short. */
  private void supervisorIsGone() {
    if (child != null) {
      supervisorEnded(child.describeEnd());
    } else if (hasEnded()) {
      poolEnded(); // it has said so since we looked
    } else {
      die(
          Attachment.SUPERVISOR_GONE
              + (onEnd == null ? ": connect again when it was restarted" : ""));
    }
  }

  /** Our child has exited: why, the header says if it was by its own decision. */
  private void supervisorEnded(String how) {
    if (!Mapped.test(this, Client::tellsItsEnd)) { // also if there is nothing to read any more
      die("the supervisor " + how + ": look at its log");
    }
  }

  private boolean tellsItsEnd() {
    if (!hasEnded()) {
      return false;
    }
    poolEnded();
    return true;
  }

  private boolean hasEnded() {
    int pool = segment.memory.getIntAcquire(Layout.H_POOL_STATE);
    return pool == Layout.POOL_CLOSED || pool == Layout.POOL_FAILED;
  }

  @Override
  public void poolEnded() {
    boolean failed = segment.memory.getIntAcquire(Layout.H_POOL_STATE) == Layout.POOL_FAILED;
    String reason = reason();
    if (!failed) {
      events.shutDown();
    }
    die((failed ? "the pool failed" : "the pool was shut down") + reason);
  }

  private String reason() {
    String reason = attachment.reason();
    if (onEnd != null) { // this handle is the one that goes on there
      reason = reason.replace(CONNECT_AGAIN, "");
    }
    return reason.isEmpty() ? "" : ": " + reason;
  }

  private void die(String why) {
    die(false, why);
  }

  /** The pool is gone: fails all that is pending, and everything after it. */
  private void die(boolean truncated, String why) {
    if (!(truncated ? life.endTruncated() : life.end(why))) {
      return;
    }
    if (onEnd != null) {
      onEnd.run();
    }
    VarHandle.fullFence(); // pairs with the submitter's before it looks whether we fail
    try {
      core.pending.fail();
      segment.room.freed();
    } finally {
      events.poolEnded();
      poller.stop(); // which ends what this thread had no memory or stack for
    }
  }

  /** Why the pool has ended, as far as is known. */
  String whyEnded() {
    return life.whyEnded();
  }

  /** Watchful if the handle goes on with the next pool. */
  @Override
  public boolean isWatchful() {
    return onEnd != null;
  }

  /** Whether the pool takes tasks, and has workers; right at once when the supervisor has died. */
  boolean isReady() {
    return isOpen() && Mapped.test(attachment, Attachment::isReady);
  }

  /** Whether this may be a callback on a thread that ends tasks. */
  boolean isCallbackThread() {
    return poller.isMe() || core.role.isMine() || core.pending.isFailingHere();
  }

  /**
   * Gives up a connection whose pool has ended. What is leased or claimed gets the close timeout to
   * be given back, for nothing else needs the memory any more.
   *
   * @param atOnce whether to stop waiting
   */
  void retire(BooleanSupplier atOnce) {
    long end = Durations.saturatedAdd(System.nanoTime(), core.settings.closeNanos());
    while ((core.hasDeferred() || holds() > 0)
        && !atOnce.getAsBoolean()
        && System.nanoTime() < end) {
      LockSupport.parkNanos(this, 1_000_000);
    }
    close();
  }

  /** How many slots are leased, claimed, or just being filled or read: in use, but not pending. */
  private int holds() {
    int held = slots.free.inUse();
    for (int i = 0; held > 0 && i < slots.count; i++) {
      held -= slots.pending(i) != null ? 1 : 0;
    }
    return held;
  }

  // ---- close

  @Override
  void close() {
    boolean first = life.drain();
    if (poller.isMe() || core.role.isMine()) {
      if (first) {
        closeInCallback();
      }
      return;
    }
    if (closer.compareAndSet(false, true)) {
      startCloser();
    }
    awaitClosed();
  }

  /**
   * On a thread of our own: it has stack enough, no interrupt of the application's stops it, and no
   * callback runs on the caller, which waits for it.
   */
  private void startCloser() {
    Thread thread = null;
    try {
      thread = Background.thread("ringwork-close-" + name(), this::closeNow);
      thread.start();
    } catch (Throwable shortage) { // no thread to be had
      closeNow();
    }
  }

  private void closeNow() {
    try {
      lastTasks.end(false);
      core.handover.closing();
      poller.stop();
      joinPoller();
    } catch (InternalError truncated) { // where compiled code lets it surface late
      LOG.log(Level.DEBUG, "the segment of " + name() + " was truncated", truncated);
    } finally {
      release();
    }
  }

  /** The poller finishes it when the callback returns, or another closer, if there is one. */
  private void closeInCallback() {
    boolean onPoller = poller.isMe();
    try {
      lastTasks.end(true);
    } finally {
      releaseOnPoller = onPoller;
      poller.stop();
      if (!onPoller) {
        joinPoller();
        release();
      }
    }
  }

  /** A slot that is in use may hold a result that the poller is just reading: that ends soon. */
  private void joinPoller() {
    if (!poller.join(JOIN_NANOS) && slots.free.inUse() > 0) {
      poller.join(READ_NANOS);
    }
  }

  /** An interrupt ends the wait for tasks in flight, and not the close. */
  private void awaitClosed() {
    boolean interrupted = false;
    for (; ; ) {
      try {
        closed.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        lastTasks.hurry();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public long lookAfterHandover(long now) {
    return core.handover.look(now);
  }

  @Override
  public void pollerFailed(Throwable broken) {
    die(broken instanceof InternalError, "its poller failed: " + broken);
  }

  @Override
  public void pollerEnded() {
    if (life.hasEnded()) {
      core.pending.failInsisting();
    }
    core.handover.leave();
    if (releaseOnPoller) {
      release();
    }
  }

  private void release() {
    if (!released.compareAndSet(false, true)) {
      return;
    }
    try {
      events.close(JOIN_NANOS);
      boolean written = publications.close(READ_NANOS);
      scanLast();
      attachment.release(slots.free.close() && written && !life.isTruncated());
    } finally {
      try {
        life.close();
        lastTasks.awaitGiven(poller.isMe());
      } finally {
        endChild();
      }
    }
  }

  private void endChild() {
    try {
      if (child != null) {
        child.end();
      }
    } finally {
      closed.countDown(); // whatever is thrown: closers wait for it
    }
  }

  /** Takes in abandoned tasks that have ended meanwhile. */
  private void scanLast() {
    if (life.isTruncated()) {
      return;
    }
    try {
      core.completer.scan();
    } catch (InternalError truncated) {
      LOG.log(Level.DEBUG, "the segment of " + name() + " was truncated", truncated);
    }
  }
}
