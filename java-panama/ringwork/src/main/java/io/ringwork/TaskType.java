package io.ringwork;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
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
  private final String name;
  final long handlerId;
  final Codec<Q> requestCodec;
  final Codec<R> resultCodec;
  final int attempts;
  final @Nullable Function<? super Q, ? extends R> fallback;

  private TaskType(
      String name,
      Codec<Q> requestCodec,
      Codec<R> resultCodec,
      int attempts,
      @Nullable Function<? super Q, ? extends R> fallback) {
    this.name = name;
    this.handlerId = idOf(name);
    this.requestCodec = requestCodec;
    this.resultCodec = resultCodec;
    this.attempts = attempts;
    this.fallback = fallback;
  }

  /**
   * Describes a task that runs at most once.
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
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes > Layout.HANDLER_NAME_MAX) {
      throw new IllegalArgumentException(
          "a handler name has 1 to " + Layout.HANDLER_NAME_MAX + " bytes, not " + bytes);
    }
    return new TaskType<>(
        name,
        Objects.requireNonNull(requestCodec, "requestCodec"),
        Objects.requireNonNull(resultCodec, "resultCodec"),
        1,
        null);
  }

  /**
   * Lets the pool run the task again when a worker died over it: at least once, so the handler
   * should be idempotent.
   *
   * @param attempts how often at most, 1 to 3
   * @return a copy
   * @throws IllegalArgumentException if out of range
   */
  public TaskType<Q, R> withAttempts(int attempts) {
    if (attempts < 1 || attempts > Layout.MAX_ATTEMPTS) {
      throw new IllegalArgumentException(
          "attempts are 1 to " + Layout.MAX_ATTEMPTS + ", not " + attempts);
    }
    return new TaskType<>(name, requestCodec, resultCodec, attempts, fallback);
  }

  /**
   * What {@link Backpressure#callerRuns()} runs on the submitting thread.
   *
   * @param fallback does in Java what the handler does
   * @return a copy
   */
  public TaskType<Q, R> withFallback(Function<? super Q, ? extends R> fallback) {
    return new TaskType<>(
        name, requestCodec, resultCodec, attempts, Objects.requireNonNull(fallback, "fallback"));
  }

  /**
   * The handler's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /**
   * How often the task runs at most.
   *
   * @return 1 to 3
   */
  public int attempts() {
    return attempts;
  }

  @Override
  public String toString() {
    return "TaskType[" + name + "]";
  }

  /** FNV-1a, 64 bit, never 0: as `id_of` in ring/src/layout.rs. */
  static long idOf(String text) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      hash ^= b & 0xff;
      hash *= 0x100000001b3L;
    }
    return hash == 0 ? 1 : hash;
  }
}
