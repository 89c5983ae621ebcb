package com.example.images;

import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskOptions;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Which path runs which task. */
final class Routes {
  /** The time that a request may take: what is not done by then is of no use to the sender. */
  static final TaskOptions OPTIONS = TaskOptions.DEFAULT.timeout(Duration.ofSeconds(5));

  /**
   * A task under way, and how its result is sent.
   *
   * @param future the task
   * @param reply makes the reply of the result
   * @param <R> the result
   */
  record Work<R>(TaskFuture<R> future, Function<R, Reply> reply) {}

  /** Starts the task of a request. */
  interface Route {
    Work<?> start(Ringwork pool, Map<String, List<String>> query, byte[] body);
  }

  private Routes() {}

  static Map<String, Route> all() {
    return Map.of("/hash", Routes::hash, "/thumbnail", Routes::thumbnail);
  }

  private static Work<?> hash(Ringwork pool, Map<String, List<String>> query, byte[] password) {
    return new Work<>(
        pool.submit(StockTasks.PASSWORD_HASH, PasswordHash.argon2id(password), OPTIONS),
        hash -> Reply.ok("text/plain", hash.getBytes(StandardCharsets.US_ASCII)));
  }

  private static Work<?> thumbnail(Ringwork pool, Map<String, List<String>> query, byte[] image) {
    int size = Integer.parseInt(query.getOrDefault("size", List.of("256")).getFirst());
    return new Work<>(
        pool.submit(StockTasks.IMAGE_THUMBNAIL, ImageResize.of(image, size, size), OPTIONS),
        small -> Reply.ok("application/octet-stream", small));
  }
}
