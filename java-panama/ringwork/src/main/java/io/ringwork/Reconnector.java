package io.ringwork;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A handle that outlives its pools: what is done with tasks between one {@link Client} and the
 * next, which {@link PoolFinder} finds.
 *
 * <p>A task goes to the present client, as it would without all this; only one that is turned away
 * there comes here again.
 */
final class Reconnector extends Connection {
  private final PoolFinder finder;

  Reconnector(ConnectConfig config, Reconnect policy) {
    this.finder = new PoolFinder(config, policy);
  }

  /** Looks once, then leaves it to a thread. */
  void start() {
    finder.start();
  }

  /** Sleeps until another client has come than the one that was seen, or close; or for a time. */
  void await(@Nullable Client seen, long nanos) throws InterruptedException {
    finder.await(seen, nanos);
  }

  @Override
  void close() {
    finder.close();
  }

  // ---- what Ringwork offers

  @Override
  String name() {
    return finder.name();
  }

  @Override
  public boolean isOpen() {
    return !finder.isClosed();
  }

  @Override
  ConnectionState state() {
    Client client = finder.current();
    return finder.isClosed()
        ? ConnectionState.CLOSED
        : client != null && client.isOpen()
            ? ConnectionState.CONNECTED
            : ConnectionState.DISCONNECTED;
  }

  @Override
  @Nullable Client current() {
    return finder.current();
  }

  @Override
  <Q, R> TaskFuture<R> submit(
      TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed) {
    Client.requireNonNull(type, request, options);
    Client client = finder.current();
    TaskFuture<R> future = client == null ? null : client.submit(type, request, options, observed);
    return future != null && !isTurnedAway(future)
        ? future
        : later(
            client,
            type,
            request,
            new Patience(options),
            new Again<>(observed, (next, left) -> next.submit(type, request, left, observed)));
  }

  @Override
  <Q, R> TaskFuture<ChunkResult<R>> submitChunk(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      int resultRoom,
      TaskOptions options,
      @Nullable Observed observed) {
    List<Q> copy = Client.checkedChunk(type, requests, resultRoom, options);
    if (copy.isEmpty()) {
      TaskFuture<ChunkResult<R>> nothing = new TaskFuture<>(type.chunks());
      nothing.complete(new ChunkResult<>(new Object[0]));
      return nothing;
    }
    Client client = finder.current();
    TaskFuture<ChunkResult<R>> future =
        client == null ? null : client.submitChunk(type, copy, resultRoom, options, observed);
    if (future != null && !isTurnedAway(future)) {
      return future;
    }
    int room = Math.max(resultRoom, Chunk.LEAST_ROOM);
    return later(
        client,
        type.chunks(),
        new Chunk<>(type, copy, room, options.attempts),
        new Patience(options),
        new Again<>(
            observed, (next, left) -> next.submitChunk(type, copy, resultRoom, left, observed)));
  }

  /** All that is turned away shares one time to wait: the batch's. */
  @Override
  <Q, R> List<TaskFuture<R>> submitAll(
      TaskType<Q, R> type,
      List<? extends Q> requests,
      TaskOptions options,
      Observed @Nullable [] observed) {
    Client.requireNonNull(type, requests, options);
    Client.requireNoNull(requests.toArray());
    if (requests.isEmpty()) {
      return new ArrayList<>();
    }
    Patience patience = new Patience(options);
    Client client = finder.current();
    if (client == null || !client.isOpen()) {
      try {
        client = finder.next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        client = null;
      }
    }
    List<TaskFuture<R>> futures = new ArrayList<>(requests.size());
    if (client != null) {
      futures.addAll(client.submitAll(type, requests, patience.left(), observed));
    }
    int n = 0;
    for (Q request : requests) {
      Observed seen = observed == null ? null : observed[n];
      Again<R> again = new Again<>(seen, (to, left) -> to.submit(type, request, left, seen));
      if (client == null) {
        futures.add(later(null, type, request, patience, again));
      } else if (isTurnedAway(futures.get(n))) {
        futures.set(n, later(client, type, request, patience, again));
      }
      n++;
    }
    return futures;
  }

  /** How a task is submitted to another pool, and what observers are told of it. */
  private record Again<R>(
      @Nullable Observed observed, BiFunction<Client, TaskOptions, TaskFuture<R>> submit) {
    /** The future of a task that no pool has taken. */
    TaskFuture<R> ended(TaskType<?, R> type) {
      if (observed == null) {
        return new TaskFuture<>(type);
      }
      observed.lastTry();
      return new ObservedFuture<>(type, observed);
    }
  }

  private <Q, R> TaskFuture<R> later(
      @Nullable Client refused, TaskType<Q, R> type, Q request, Patience patience, Again<R> again) {
    for (Client client = refused; ; ) {
      try {
        client = finder.next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        TaskFuture<R> ended = again.ended(type);
        if (runsHere(type, patience.options, disconnected)) {
          Submitter.runHere(ended, Objects.requireNonNull(type.fallback), request);
          return ended;
        }
        return ended.failedAtSubmit(disconnected);
      }
      TaskFuture<R> future = again.submit.apply(client, patience.left());
      if (!isTurnedAway(future)) {
        return future;
      }
    }
  }

  private static boolean runsHere(
      TaskType<?, ?> type, TaskOptions options, RingworkException disconnected) {
    return Submitter.fallback(type, options) != null && disconnected instanceof RejectedException;
  }

  @Override
  <Q, R> R call(TaskType<Q, R> type, Q request, TaskOptions options, @Nullable Observed observed)
      throws InterruptedException {
    Client.requireNonNull(type, request, options);
    Client client = finder.current();
    if (client != null) {
      try {
        return client.call(type, request, options, observed);
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
    Patience patience = new Patience(options);
    for (; ; ) {
      try {
        client = finder.next(client, type.name(), patience);
      } catch (RingworkException disconnected) {
        if (runsHere(type, options, disconnected)) {
          R here = Objects.requireNonNull(type.fallback).apply(request);
          if (observed != null) {
            observed.ended(Outcome.of(here), true);
          }
          return here;
        }
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        throw disconnected;
      }
      try {
        return client.call(type, request, patience.left(), observed);
      } catch (ClosedException | RejectedException refused) {
        if (!Pools.isTurnedAway(refused)) {
          throw refused;
        }
      }
    }
  }

  @Override
  RawTask claim(TaskType<byte[], ResultLease> type, long size, TaskOptions options) {
    Client client = finder.current();
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
      client = finder.next(client, type.name(), patience);
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
    Client client = finder.current();
    return client != null ? client.rawType(handler) : TaskType.ofRaw(handler);
  }

  @Override
  RawCall rawCall(TaskType<byte[], ResultLease> type, TaskOptions options) {
    Client client = finder.current();
    return new RawCall(client == null ? null : client.core, type, options, new Cores());
  }

  /** The connections, for what outlives them. */
  private final class Cores implements Pools {
    @Override
    public @Nullable Core current() {
      Client client = finder.current();
      return client == null ? null : client.core;
    }

    @Override
    public Core next(@Nullable Core refused, String task, Patience patience) {
      return finder.next(refused, task, patience).core;
    }
  }

  @Override
  int poll() {
    Client client = finder.current();
    return client == null ? 0 : client.poll();
  }

  @Override
  PoolInfo info() {
    return ofPool(Client::info);
  }

  @Override
  PoolStats stats() {
    return ofPool(Client::stats);
  }

  @Override
  Client connected() {
    return ofPool(client -> client);
  }

  private <T> T ofPool(Function<Client, T> look) {
    Client client = finder.current();
    if (!finder.isClosed() && client != null && client.isOpen()) {
      try {
        return look.apply(client);
      } catch (ClosedException endedMeanwhile) {
        // as if it had ended before
      }
    }
    throw finder.isClosed() ? finder.closedException() : finder.disconnected();
  }

  /** Whether a future failed since its client takes no tasks: it has no slot, and never had. */
  private static boolean isTurnedAway(TaskFuture<?> future) {
    return future.slot < 0
        && future.outcome() instanceof Outcome.Failure failure
        && Pools.isTurnedAway(failure.error());
  }
}
