package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.NameId;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A kind of task: the name of the handler in the workers, and how its request and result travel.
 *
 * <p>Immutable; make one for each handler and keep it in a constant.
 *
 * @param <Q> the request
 * @param <R> the result
 */
public final class TaskType<Q, R> {
  static final int NO_LIMIT = 0;

  private final String name;
  final long handlerId;
  final Codec<Q> requestCodec;

  /** What becomes of a result. */
  final ResultKind kind;

  private final @Nullable Codec<R> resultCodec;

  /** Reads chunks; null for other kinds. */
  private final @Nullable ChunkReader<?> chunkReader;

  /** Most tasks in flight, or NO_LIMIT. */
  final int maxInFlight;

  /** For chunks of this type; made when first asked for, by racing threads each. */
  private @Nullable TaskType<Chunk<Q>, ChunkResult<R>> chunks;

  /** For raw tasks and calls of this type, likewise. */
  private @Nullable TaskType<byte[], ResultLease> raw;

  /**
   * A client knows what its tasks take: no more are stamped for that. Racing threads agree soon.
   */
  boolean known;

  final @Nullable Function<? super Q, ? extends R> fallback;

  /** What a task of this type is submitted with where its call does not say. */
  final TaskOptions options;

  private TaskType(Draft<Q, R> draft) {
    this.name = draft.name;
    this.handlerId = draft.handlerId;
    this.requestCodec = draft.requestCodec;
    this.resultCodec = draft.resultCodec;
    this.chunkReader = draft.chunkReader;
    this.kind =
        draft.resultCodec != null
            ? ResultKind.VALUE
            : draft.chunkReader != null ? ResultKind.CHUNK : ResultKind.LEASE;
    this.maxInFlight = draft.maxInFlight;
    this.fallback = draft.fallback;
    this.options = draft.options;
  }

  /** What a type is made of, before it is made. */
  private static final class Draft<Q, R> {
    final String name;
    final long handlerId;
    final Codec<Q> requestCodec;
    final @Nullable Codec<R> resultCodec;
    @Nullable ChunkReader<?> chunkReader;
    int maxInFlight = NO_LIMIT;
    @Nullable Function<? super Q, ? extends R> fallback;
    TaskOptions options = TaskOptions.DEFAULT;

    Draft(String name, long handlerId, Codec<Q> requestCodec, @Nullable Codec<R> resultCodec) {
      this.name = name;
      this.handlerId = handlerId;
      this.requestCodec = requestCodec;
      this.resultCodec = resultCodec;
    }
  }

  /** All of this type, to be changed. */
  private Draft<Q, R> draft() {
    Draft<Q, R> draft = new Draft<>(name, handlerId, requestCodec, resultCodec);
    draft.chunkReader = chunkReader;
    draft.maxInFlight = maxInFlight;
    draft.fallback = fallback;
    draft.options = options;
    return draft;
  }

  /** What decodes a {@link ResultKind#VALUE}. */
  Codec<R> resultCodec() {
    return Objects.requireNonNull(resultCodec, "resultCodec");
  }

  /** What reads a {@link ResultKind#CHUNK}. */
  ChunkReader<?> chunkReader() {
    return Objects.requireNonNull(chunkReader, "chunkReader");
  }

  /** The type of chunks of this type. */
  TaskType<Chunk<Q>, ChunkResult<R>> chunks() {
    TaskType<Chunk<Q>, ChunkResult<R>> made = chunks;
    if (made == null) {
      Draft<Chunk<Q>, ChunkResult<R>> draft =
          new Draft<>(name, handlerId, new Chunk.Writer<>(), null);
      draft.chunkReader = new ChunkReader<>(this);
      draft.maxInFlight = maxInFlight;
      draft.options = options;
      Function<? super Q, ? extends R> one = fallback;
      if (one != null) {
        draft.fallback = chunk -> ChunkResult.of(chunk.requests, one);
      }
      made = new TaskType<>(draft);
      chunks = made;
    }
    return made;
  }

  /** The type of raw tasks and calls of this type. */
  TaskType<byte[], ResultLease> raw() {
    TaskType<byte[], ResultLease> made = raw;
    if (made == null) {
      Draft<byte[], ResultLease> draft = new Draft<>(name, handlerId, Codec.BYTES, null);
      draft.maxInFlight = maxInFlight;
      draft.options = options;
      made = new TaskType<>(draft);
      raw = made;
    }
    return made;
  }

  /**
   * Describes a kind of task. It runs at most once, unless its {@linkplain #options(TaskOptions)
   * options}, or those of the call, say {@linkplain TaskOptions#attempts(int) otherwise}.
   *
   * @param name the handler's name, 1 to 112 bytes of UTF-8
   * @param requestCodec how requests are written
   * @param resultCodec how results are read
   * @param <Q> the request
   * @param <R> the result
   * @return the type
   * @throws IllegalArgumentException if the name is empty or too long
   */
  public static <Q, R> TaskType<Q, R> of(String name, Codec<Q> requestCodec, Codec<R> resultCodec) {
    checkName(name);
    return new TaskType<>(
        new Draft<>(
            name,
            idOf(name),
            Objects.requireNonNull(requestCodec, "requestCodec"),
            Objects.requireNonNull(resultCodec, "resultCodec")));
  }

  /** The type of a handler's raw tasks and calls. */
  static TaskType<byte[], ResultLease> ofRaw(String handler) {
    checkName(handler);
    return new TaskType<>(new Draft<>(handler, idOf(handler), Codec.BYTES, null));
  }

  private static void checkName(String name) {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes > Layout.HANDLER_NAME_MAX) {
      throw new IllegalArgumentException(
          "a handler name has 1 to " + Layout.HANDLER_NAME_MAX + " bytes, not " + bytes);
    }
  }

  /**
   * What {@link Backpressure#callerRuns()} runs on the submitting thread.
   *
   * @param fallback does in Java what the handler does
   * @return a copy
   */
  public TaskType<Q, R> fallback(Function<? super Q, ? extends R> fallback) {
    Draft<Q, R> changed = draft();
    changed.fallback = Objects.requireNonNull(fallback, "fallback");
    return new TaskType<>(changed);
  }

  /**
   * Bounds how many tasks of this type one client has in the pool, queued or running, so that a
   * flood of them leaves slots to the tasks of other types. A submit beyond it does what its {@link
   * Backpressure} says, as when there is no slot: fails with {@link
   * RejectedException.Reason#TOO_MANY_IN_FLIGHT}, waits, or runs the fallback.
   *
   * <p>A task counts from its submit until its slot is free again: one that was cancelled while it
   * ran until its handler has returned, one of a {@link ResultLease} until that is closed. A chunk
   * counts as one, a {@link RawTask} or {@link RawCall} {@linkplain Ringwork#claim(TaskType, long,
   * TaskOptions) of this type} from its claim. Types of the same handler that have a limit are
   * counted together, each held to its own number; types without one are not counted. How many
   * tasks of a handler <em>run</em> at a time, whichever client they are of, is the pool's option
   * {@code limit}.
   *
   * @param max how many, at least 1; no limit by default
   * @return a copy
   * @throws IllegalArgumentException if less than 1
   */
  public TaskType<Q, R> maxInFlight(int max) {
    if (max < 1) {
      throw new IllegalArgumentException("at least one task must be in flight, not " + max);
    }
    Draft<Q, R> changed = draft();
    changed.maxInFlight = max;
    return new TaskType<>(changed);
  }

  /**
   * How many tasks of this type one client has in the pool at most.
   *
   * @return the number, or empty if there is no limit
   */
  public OptionalInt maxInFlight() {
    return maxInFlight == NO_LIMIT ? OptionalInt.empty() : OptionalInt.of(maxInFlight);
  }

  /**
   * What tasks of this type are submitted with where their call does not say: a timeout, say, or
   * how many attempts they have. The call's own options go first, each by itself; what is set
   * neither here nor there is the {@linkplain ConnectConfig#taskDefaults(TaskOptions)
   * connection's}.
   *
   * @param options the options; none by default
   * @return a copy
   */
  public TaskType<Q, R> options(TaskOptions options) {
    Draft<Q, R> changed = draft();
    changed.options = Objects.requireNonNull(options, "options");
    return new TaskType<>(changed);
  }

  /**
   * What tasks of this type are submitted with where their call does not say.
   *
   * @return the options
   */
  public TaskOptions options() {
    return options;
  }

  /**
   * The handler's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /** The name, and what differs from the defaults. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("TaskType[").append(name);
    text.append(maxInFlight == NO_LIMIT ? "" : ", maxInFlight=" + maxInFlight);
    text.append(fallback == null ? "" : ", with a fallback");
    text.append(options.equals(TaskOptions.DEFAULT) ? "" : ", " + options);
    return text.append(']').toString();
  }

  /** The id of a handler of this name. */
  static long idOf(String name) {
    return NameId.of(name.getBytes(StandardCharsets.UTF_8));
  }
}
