package io.ringwork.demo;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * The work on a fixed pool of Java threads: argon2id by Bouncy Castle, thumbnails by {@link
 * Thumbnailer}.
 */
final class JavaSide implements Side, AutoCloseable {
  private final ExecutorService pool;
  private final Argon2 cost;
  private final Thumbnailer thumbnailer;
  private final List<byte[]> salts;

  /** A pool of {@link Side#THREADS} that salts password {@code i} with {@code salts.get(i)}. */
  JavaSide(Argon2 cost, Thumbnailer thumbnailer, List<byte[]> salts) {
    this.cost = cost;
    this.thumbnailer = thumbnailer;
    this.salts = salts;
    this.pool =
        Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().name("java-pool-", 0).daemon().factory());
  }

  @Override
  public String name() {
    return "Java thread pool";
  }

  @Override
  public CompletableFuture<String> hash(int index) {
    return submit(() -> cost.hash(Workload.password(index), salts.get(index)));
  }

  @Override
  public CompletableFuture<byte[]> thumbnail(Photo photo) {
    return submit(() -> thumbnailer.thumbnail(photo.jpeg()));
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }

  private <T> CompletableFuture<T> submit(Supplier<T> work) {
    return CompletableFuture.supplyAsync(work, pool);
  }
}
