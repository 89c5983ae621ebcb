package io.ringwork;

import io.ringwork.internal.Durations;
import io.ringwork.internal.StackRoom;
import io.ringwork.internal.segment.TopicPattern;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a pool of Rust workers.
 *
 * <p>All methods may be called from any thread, virtual ones included, at the same time. Submitting
 * never blocks unless {@link Backpressure#block} is asked for, and never throws for what happens at
 * run time: whatever goes wrong, also a closed client or a full pool, is told by the future. It
 * throws {@link NullPointerException} and {@link IllegalArgumentException} for errors of the
 * program only.
 *
 * <pre>{@code
 * try (Ringwork pool = Ringwork.launch()) {
 *   CompletableFuture<byte[]> thumbnail = pool.submit(IMAGE_THUMBNAIL, request);
 * }
 * }</pre>
 */
public final class Ringwork implements AutoCloseable {
  final Connection connection;

  /** What tasks are submitted with where neither call nor type says. */
  private final TaskOptions defaults;

  private final Observers observers;

  private Ringwork(Connection connection, ClientConfig<?> config) {
    this.connection = connection;
    this.defaults = config.taskDefaults();
    this.observers = config.settings.observers();
  }

  /** What observers are told of a task; null if none looks, or if it is refused as no task. */
  private @Nullable Observed observed(
      TaskType<?, ?> type, @Nullable Object request, TaskOptions options, int requests) {
    return observers.isOff() || type == null || request == null || options == null
        ? null
        : observers.begin(name(), type, options, requests, connection instanceof Reconnector);
  }

  /** Those of a batch, one for each. */
  private Observed @Nullable [] observedAll(
      TaskType<?, ?> type, List<?> requests, TaskOptions options) {
    if (observers.isOff() || requests == null) {
      return null;
    }
    Observed[] all = new Observed[requests.size()];
    for (int n = 0; n < all.length; n++) {
      all[n] = observed(type, requests, options, Observed.ALONE);
    }
    return all;
  }

  private static void tell(Observed @Nullable [] observed, Throwable failed) {
    for (int n = 0; observed != null && n < observed.length; n++) {
      tell(observed[n], failed);
    }
  }

  /** A task was not submitted at all, or its caller has left it. */
  private static void tell(@Nullable Observed observed, Throwable failed) {
    if (observed != null) {
      observed.ended(failed);
    }
  }

  /** What is set for the call, else by its type, else for the connection. */
  private TaskOptions effective(TaskType<?, ?> type, TaskOptions options) {
    return type == null || options == null
        ? options // it is told below
        : options.over(type.options).over(defaults);
  }

  /**
   * Starts a pool of one's own with all defaults; see {@link #launch(LaunchConfig)}.
   *
   * @return the connection
   * @throws LaunchException if the pool can't be started
   */
  public static Ringwork launch() {
    return launch(LaunchConfig.DEFAULT);
  }

  /**
   * Starts a pool of one's own: one child process, the supervisor, which starts the workers. All of
   * them end within a second when this JVM dies, however it dies. Blocks until the pool is ready. A
   * pool whose supervisor dies is not started again: launch another, or serve it separately and
   * connect with {@link Reconnect}.
   *
   * @param config the options
   * @return the connection; closing it ends the pool
   * @throws LaunchException if the binary is missing, or fails at start
   * @throws RingworkException if the connection then fails, as {@link #connect(ConnectConfig)} says
   */
  public static Ringwork launch(LaunchConfig config) {
    return new Ringwork(Launcher.launch(config), config);
  }

  /**
   * Connects to a pool with all defaults; see {@link #connect(ConnectConfig)}.
   *
   * @param name the pool's name
   * @return the connection
   * @throws IllegalArgumentException if it is no possible name
   * @throws ConnectException if there is no such pool, or it can't be used
   * @throws IncompatibleException if it is of another version
   */
  public static Ringwork connect(String name) {
    return connect(ConnectConfig.of(name));
  }

  /**
   * Connects to a pool that runs on its own. Blocks while the pool is being created, at most for
   * the connect timeout. One JVM may connect several times; each connection has its own slots.
   *
   * @param config the options
   * @return the connection; closing it leaves the pool alone
   * @throws ConnectException if there is no such pool, it is not ready in time, belongs to another
   *     user, is damaged, or has no client entry left
   * @throws IncompatibleException if it is of another version
   */
  public static Ringwork connect(ConnectConfig config) {
    Reconnect policy = config.reconnect;
    if (policy == null) {
      return new Ringwork(Connector.connect(config), config);
    }
    Reconnector reconnector = new Reconnector(config, policy);
    reconnector.start();
    return new Ringwork(reconnector, config);
  }

  /**
   * Submits a task with the options of its type and connection.
   *
   * @param type what to run
   * @param request its request; encoded before this returns
   * @param <Q> the request
   * @param <R> the result
   * @return the future of the result
   */
  public <Q, R> TaskFuture<R> submit(TaskType<Q, R> type, Q request) {
    return submit(type, request, TaskOptions.DEFAULT);
  }

  /**
   * Submits a task. Returns at once (see {@link Backpressure#block} for the exception); the request
   * is encoded on the calling thread, straight into shared memory where the codec allows.
   *
   * @param type what to run
   * @param request its request; may be changed after this returns
   * @param options timeout, priority, attempts, backpressure, trace, key
   * @param <Q> the request
   * @param <R> the result
   * @return the future of the result; it fails with a {@link RingworkException}
   */
  public <Q, R> TaskFuture<R> submit(TaskType<Q, R> type, Q request, TaskOptions options) {
    StackRoom.require();
    TaskOptions effective = effective(type, options);
    Observed observed = observed(type, request, effective, Observed.ALONE);
    try {
      return connection.submit(type, request, effective, observed);
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      tell(observed, overflow);
      throw overflow;
    } catch (Throwable failed) {
      tell(observed, failed);
      throw failed;
    }
  }

  /**
   * Submits a batch with the options of its type and connection.
   *
   * @param type what to run
   * @param requests the requests
   * @param <Q> the request
   * @param <R> the result
   * @return a future for each request, in their order
   */
  public <Q, R> List<TaskFuture<R>> submitAll(TaskType<Q, R> type, List<? extends Q> requests) {
    return submitAll(type, requests, TaskOptions.DEFAULT);
  }

  /**
   * Submits a batch: as {@link #submit(TaskType, Object, TaskOptions)} for each, but slots are
   * taken, hints written and a lane woken for up to 64 of them, or 64 KiB, at once. So the first
   * may begin when that is encoded. Each future fails or succeeds by itself.
   *
   * @param type what to run
   * @param requests the requests
   * @param options for each of them
   * @param <Q> the request
   * @param <R> the result
   * @return a future for each request, in their order
   */
  public <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type, List<? extends Q> requests, TaskOptions options) {
    StackRoom.require();
    TaskOptions effective = effective(type, options);
    Observed[] observed = observedAll(type, requests, effective);
    try {
      return connection.submitAll(type, requests, effective, observed);
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      tell(observed, overflow);
      throw overflow;
    } catch (Throwable failed) {
      tell(observed, failed);
      throw failed;
    }
  }

  /**
   * Submits a chunk with the options of its type and connection, and room for results of 64 bytes.
   *
   * @param type what to run
   * @param requests the requests, at most 65,536
   * @param <Q> the request
   * @param <R> the result of one
   * @return the future of all results
   */
  public <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type, List<? extends Q> requests) {
    return submitChunk(type, requests, Chunk.LEAST_ROOM, TaskOptions.DEFAULT);
  }

  /**
   * Submits many small requests to one handler as one task, for the highest rate: a request then
   * costs a few nanoseconds beside its own work. One lane runs them one after the other, so chunks
   * of what takes long keep other lanes idle: {@link #submitAll} spreads its tasks.
   *
   * <p>Each request succeeds or fails by itself. Should a worker die, only the request that it ran
   * is lost or, as its {@linkplain TaskOptions#attempts attempts} say, tried again; the results
   * before it are kept, and another lane goes on behind it. A chunk that has lost three workers
   * ends there, and what was not started is told so ({@link RejectedException.Reason#CHUNK_ENDED}).
   * Deadline and cancellation are the whole chunk's: the future fails, whatever was done by then,
   * and requests that were not started are not. Time limits of the handler hold for each request.
   *
   * <p>Requests and results are in one block of the arena, of at most the largest class: 12 bytes
   * for each request beside what it and its result take, and some 700 for the chunk.
   *
   * @param type what to run
   * @param requests the requests, at most 65,536
   * @param resultRoom the bytes kept for each result, at least 64. Results may be larger where
   *     others are smaller; one that finds no room fails as {@link
   *     ResultException.Reason#TOO_LARGE}
   * @param options timeout, priority, attempts, backpressure, trace of the chunk
   * @param <Q> the request
   * @param <R> the result of one
   * @return the future of all results
   * @throws IllegalArgumentException if there are more requests, or the room is negative
   */
  public <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type, List<? extends Q> requests, int resultRoom, TaskOptions options) {
    StackRoom.require();
    TaskOptions effective = effective(type, options);
    Observed observed = observed(type, requests, effective, requests == null ? 0 : requests.size());
    try {
      return connection.submitChunk(type, requests, resultRoom, effective, observed);
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      tell(observed, overflow);
      throw overflow;
    } catch (Throwable failed) {
      tell(observed, failed);
      throw failed;
    }
  }

  /**
   * Runs a task and waits for it, with the options of its type and connection.
   *
   * @param type what to run
   * @param request its request
   * @param <Q> the request
   * @param <R> the result
   * @return the result
   * @throws RingworkException if it fails
   * @throws InterruptedException if interrupted; the task is cancelled then
   */
  public <Q, R> R call(TaskType<Q, R> type, Q request) throws InterruptedException {
    return call(type, request, TaskOptions.DEFAULT);
  }

  /**
   * Runs a task and waits for it: the shortest way there and back. Unless the strategy is {@link
   * WaitStrategy#PARK} the thread spins for the result itself before it sleeps, and meanwhile does
   * the poller's work. Must not be called from an {@link CompletionMode#INLINE} callback that other
   * tasks wait for.
   *
   * @param type what to run
   * @param request its request
   * @param options timeout, priority, attempts, backpressure, trace, key
   * @param <Q> the request
   * @param <R> the result
   * @return the result
   * @throws RingworkException if it fails, as a future would have failed; the stack trace begins
   *     with this thread's frames, whichever thread found the failure
   * @throws InterruptedException if interrupted; the task is cancelled then
   */
  public <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options)
      throws InterruptedException {
    StackRoom.require();
    TaskOptions effective = effective(type, options);
    Observed observed = observed(type, request, effective, Observed.ALONE);
    try {
      return connection.call(type, request, effective, observed);
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      tell(observed, overflow);
      throw overflow;
    } catch (Throwable failed) {
      tell(observed, failed);
      throw failed;
    }
  }

  /**
   * Takes a slot and room for a request, to be written in place; with the options of its type and
   * connection.
   *
   * @param handler the handler's name
   * @param requestSize the room in bytes
   * @return the claimed task
   * @throws RejectedException if there is no room
   * @throws ClosedException if the client is closed
   */
  public RawTask claim(String handler, long requestSize) {
    return claim(handler, requestSize, TaskOptions.DEFAULT);
  }

  /**
   * Takes a slot and room for a request, to be written in place, without any copy. Unlike submit it
   * throws, since there is no future yet. The deadline starts now. CALLER_RUNS is treated as FAIL.
   *
   * @param handler the handler's name
   * @param requestSize the room in bytes
   * @param options timeout, priority, attempts, backpressure, trace, key
   * @return the claimed task; submit or close it
   * @throws RejectedException if there is no room
   * @throws ClosedException if the client is closed
   * @throws IllegalArgumentException if the name or size is impossible
   */
  public RawTask claim(String handler, long requestSize, TaskOptions options) {
    return claimRaw(connection.rawType(handler), requestSize, options);
  }

  /**
   * As {@link #claim(String, long, TaskOptions)}, for the handler of a type and within its {@link
   * TaskType#maxInFlight(int)}. Nothing else of the type is used.
   *
   * @param type whose handler it is for
   * @param requestSize the room in bytes
   * @param options timeout, priority, attempts, backpressure, trace, key
   * @return the claimed task; submit or close it
   * @throws RejectedException if there is no room, or as many are in flight as may be
   * @throws ClosedException if the client is closed
   * @throws IllegalArgumentException if the size is impossible
   */
  public RawTask claim(TaskType<?, ?> type, long requestSize, TaskOptions options) {
    return claimRaw(type.raw(), requestSize, options);
  }

  private RawTask claimRaw(
      TaskType<byte[], ResultLease> type, long requestSize, TaskOptions options) {
    StackRoom.require();
    try {
      return connection.claim(type, requestSize, effective(type, options));
    } catch (RingworkException refused) {
      tell(observed(type, type, effective(type, options), Observed.ALONE), refused);
      throw refused;
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      throw overflow;
    }
  }

  /**
   * Prepares calls of one handler that allocate nothing, with the options of its type and
   * connection.
   *
   * @param handler the handler's name
   * @return the call, for one thread at a time
   * @throws IllegalArgumentException if the name is impossible
   */
  public RawCall rawCall(String handler) {
    return rawCall(handler, TaskOptions.DEFAULT);
  }

  /**
   * Prepares calls of one handler that allocate nothing: request and result are written and read in
   * place, and the object is used again for each call. It takes no slot until its first {@link
   * RawCall#claim claim}.
   *
   * @param handler the handler's name
   * @param options timeout, priority, attempts, backpressure, trace of each call
   * @return the call, for one thread at a time
   * @throws IllegalArgumentException if the name is impossible
   */
  public RawCall rawCall(String handler, TaskOptions options) {
    return rawCallOf(connection.rawType(handler), options);
  }

  /**
   * As {@link #rawCall(String, TaskOptions)}, for the handler of a type and within its {@link
   * TaskType#maxInFlight(int)}: {@link RawCall#claim} is rejected beyond it, or waits. Nothing else
   * of the type is used.
   *
   * @param type whose handler it is for
   * @param options timeout, priority, attempts, backpressure, trace of each call
   * @return the call, for one thread at a time
   */
  public RawCall rawCall(TaskType<?, ?> type, TaskOptions options) {
    return rawCallOf(type.raw(), options);
  }

  private RawCall rawCallOf(TaskType<byte[], ResultLease> type, TaskOptions options) {
    return connection.rawCall(type, effective(type, options));
  }

  /**
   * Takes in what has come back, on the calling thread and without waiting: for event loops and
   * other threads that never sleep, or look by at short intervals anyway.
   *
   * <p>While a thread calls this often the poller thread leaves the completions to it, and is not
   * woken for them: it looks by itself at most a millisecond after the last of these calls. Futures
   * are completed where the {@link CompletionMode} says, so with {@link CompletionMode#INLINE}
   * their callbacks run inside this method. One call takes in a bounded number of completions, so
   * that it comes back whatever the rate is.
   *
   * @return how many completions were taken in; 0 if there was none, if another thread is just
   *     polling, inside a callback, and when closed
   */
  public int poll() {
    StackRoom.require();
    try {
      return connection.poll();
    } catch (StackOverflowError overflow) {
      StackRoom.looks = StackRoom.MANY;
      throw overflow;
    }
  }

  /**
   * The pool's name.
   *
   * @return the name
   */
  public String name() {
    return connection.name();
  }

  /**
   * What is known of the pool now. {@link PoolInfo#ready()} looks whether the supervisor lives, so
   * it is right at once when that was killed.
   *
   * @return a snapshot
   * @throws ClosedException if the client is closed
   * @throws RejectedException DISCONNECTED, with {@link Reconnect} while no pool is there
   */
  public PoolInfo info() {
    return connection.info();
  }

  /**
   * The numbers of the pool now: what has become of tasks, by client and by handler, and how long
   * they waited and ran. Read from shared memory without a system call, in well below a millisecond
   * for a pool of a few handlers: a metrics registry may ask each second. The counts only grow
   * while this handle is connected to the same pool; with {@link Reconnect} those of a new pool
   * begin at 0.
   *
   * @return a snapshot
   * @throws ClosedException if the client is closed
   * @throws RejectedException DISCONNECTED, with {@link Reconnect} while no pool is there
   */
  public PoolStats stats() {
    return connection.stats();
  }

  /**
   * Publishes an event to all that listen in the pool. It waits for nobody, and makes no system
   * call unless a subscriber sleeps.
   *
   * <pre>{@code
   * pool.publish("order.paid", Codec.UTF8, "4711");
   * }</pre>
   *
   * @param topic its topic: parts of letters, digits, - and _ with dots between them
   * @param codec writes the value
   * @param value what is published, 224 bytes at most
   * @param <T> the value
   * @throws NotPublishedException if it is too large, the table of topics is full, or the pool
   *     keeps no events
   * @throws CodecException if the value can't be encoded
   * @throws ClosedException if the client is closed, or its pool has ended
   * @throws RejectedException DISCONNECTED, with {@link Reconnect} while no pool is there
   * @throws IllegalArgumentException if no topic can be called so
   */
  public <T> void publish(String topic, Codec<T> codec, T value) {
    connection.connected().publications.publish(topic, codec, value);
  }

  /**
   * The events of the topics that a pattern names, delivered by a thread of the client.
   *
   * @param pattern as for {@link #events(String, Executor)}
   * @return where any number may subscribe; no subscriber should block, for all share the thread
   * @throws IllegalArgumentException if no topic can be as the pattern says
   */
  public Flow.Publisher<Event> events(String pattern) {
    return EventFlow.publisher(connection, new TopicPattern(pattern), null);
  }

  /**
   * The events of the topics that a pattern names. Each subscriber has its own place: it is given
   * what is published from its {@code subscribe} on, as it asks for it. Nobody waits for a
   * subscriber: one that is more than the pool's {@code --events} behind has lost some, and its
   * {@link EventSubscription#passed()} tells how many.
   *
   * <p>{@code onComplete} comes when the client was closed, or the pool was shut down and the last
   * event was given; {@code onError} when the pool ended in another way, or keeps no events. With
   * {@link Reconnect} a subscription ends with its pool: subscribe again. A subscriber that throws
   * is cancelled, which is logged.
   *
   * @param pattern {@code *} stands for one part of a topic, and as the last part for all that
   *     follow: {@code worker.*}, or {@code *} for all events
   * @param executor delivers; to each subscriber on one thread at a time
   * @return where any number may subscribe
   * @throws IllegalArgumentException if no topic can be as the pattern says
   */
  public Flow.Publisher<Event> events(String pattern, Executor executor) {
    Objects.requireNonNull(executor, "executor");
    return EventFlow.publisher(connection, new TopicPattern(pattern), executor);
  }

  /**
   * The events of the topics that a pattern names, from now on, for a thread that waits for them. A
   * virtual thread gives its carrier back meanwhile.
   *
   * @param pattern as for {@link #events(String, Executor)}
   * @return the reader, for one thread at a time
   * @throws NotPublishedException if the pool keeps no events
   * @throws ClosedException if the client is closed, or its pool has ended
   * @throws RejectedException DISCONNECTED, with {@link Reconnect} while no pool is there
   * @throws IllegalArgumentException if no topic can be as the pattern says
   */
  public EventReader eventReader(String pattern) {
    return new EventReader(connection.connected().events, new TopicPattern(pattern));
  }

  /**
   * Whether this handle can take a task, now or later. True while it is {@link
   * ConnectionState#CONNECTED}; with {@link Reconnect} also while it is DISCONNECTED.
   *
   * @return true if open
   */
  public boolean isOpen() {
    return connection.isOpen();
  }

  /**
   * What the connection is now, as far as is known.
   *
   * @return DISCONNECTED while no pool is there, and for good if it was lost without {@link
   *     Reconnect}
   */
  public ConnectionState state() {
    return connection.state();
  }

  /**
   * Waits until a pool is connected and ready, as {@link PoolInfo#ready()} has it. Any thread,
   * virtual ones included; not for {@link CompletionMode#INLINE} callbacks.
   *
   * @param timeout the longest wait; zero or less only looks
   * @return false if it was not ready in that time. Never true for a pool whose supervisor is dead
   * @throws ClosedException if the handle is closed, or, without {@link Reconnect}, its pool ends
   * @throws InterruptedException if interrupted
   */
  public boolean awaitReady(Duration timeout) throws InterruptedException {
    long end = Durations.saturatedAdd(System.nanoTime(), Durations.nanos(timeout));
    for (; ; ) {
      Client now = connection.current();
      if (now != null && now.isReady()) {
        return true;
      }
      if (!isOpen()) {
        // Whatever the last pool has ended with before: the handle ends with its close.
        throw now != null && state() != ConnectionState.CLOSED
            ? now.core.life.closedException(false, null)
            : ClosedException.ofClient(name());
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      if (connection instanceof Reconnector reconnector
          && reconnector.state() == ConnectionState.DISCONNECTED) {
        reconnector.await(now, left);
      } else {
        Thread.sleep(Duration.ofNanos(Math.min(left, 2_000_000)));
      }
    }
  }

  /**
   * Ends the connection, and the pool if it was launched. New tasks are refused at once; those in
   * flight may end within the close timeout, the rest fail with {@link ClosedException}. Leases and
   * claimed tasks that are still open become unusable. Blocks until all that is done, except when
   * called from an {@link CompletionMode#INLINE} callback: then the poller finishes it when the
   * callback returns. Interrupting the thread ends the wait for tasks in flight. May be called
   * again, from anywhere: later calls wait for the first.
   */
  @Override
  public void close() {
    connection.close();
  }

  /** The pool's name, and the {@link #state()} unless it is CONNECTED. */
  @Override
  public String toString() {
    ConnectionState state = state();
    return "Ringwork[" + name() + (state == ConnectionState.CONNECTED ? "]" : ", " + state + "]");
  }
}
