package com.example.images;

import io.netty.handler.codec.http.QueryStringDecoder;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.PasswordVerify;
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

  private static final int MAX_SIZE = 2000;

  /**
   * A task, and how its result is sent.
   *
   * @param type what runs
   * @param request its request
   * @param options its timeout
   * @param reply makes the reply of the result
   * @param <Q> the request
   * @param <R> the result
   */
  record Job<Q, R>(TaskType<Q, R> type, Q request, TaskOptions options, Function<R, Reply> reply) {}

  /** Makes the task of a request. */
  interface Route {
    /**
     * The task.
     *
     * @throws IllegalArgumentException if the request makes no sense: 400
     */
    Job<?, ?> job(Map<String, List<String>> query, byte[] body);
  }

  private Routes() {}

  static Map<String, Route> all() {
    return Map.of(
        "/hash", Routes::hash, "/verify", Routes::verify, "/thumbnail", Routes::thumbnail);
  }

  /** The body is the password. */
  private static Job<?, ?> hash(Map<String, List<String>> query, byte[] password) {
    return new Job<>(
        StockTasks.PASSWORD_HASH,
        PasswordHash.argon2id(password),
        OPTIONS,
        hash -> Reply.text(200, hash));
  }

  /** The body is a form of {@code hash} and {@code password}. */
  private static Job<?, ?> verify(Map<String, List<String>> query, byte[] form) {
    var fields =
        new QueryStringDecoder(new String(form, StandardCharsets.UTF_8), false).parameters();
    byte[] password = one(fields, "password").getBytes(StandardCharsets.UTF_8);
    return new Job<>(
        StockTasks.PASSWORD_VERIFY,
        new PasswordVerify(password, one(fields, "hash")),
        OPTIONS,
        same -> Reply.text(200, same ? "right" : "wrong"));
  }

  /** The body is the photo. */
  private static Job<?, ?> thumbnail(Map<String, List<String>> query, byte[] image) {
    int size = Integer.parseInt(query.getOrDefault("size", List.of("256")).getFirst());
    if (size < 1 || size > MAX_SIZE) {
      throw new IllegalArgumentException("size is 1 to " + MAX_SIZE);
    }
    return new Job<>(
        StockTasks.IMAGE_THUMBNAIL,
        ImageResize.of(image, size, size).withFormat(ImageResize.Format.JPEG),
        OPTIONS,
        small -> Reply.ok("image/jpeg", small));
  }

  private static String one(Map<String, List<String>> fields, String name) {
    List<String> values = fields.getOrDefault(name, List.of());
    if (values.size() != 1) {
      throw new IllegalArgumentException("the form has no " + name);
    }
    return values.getFirst();
  }
}
