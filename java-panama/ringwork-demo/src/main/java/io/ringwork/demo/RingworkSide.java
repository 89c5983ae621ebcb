package io.ringwork.demo;

import io.ringwork.Backpressure;
import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** The work on Rust workers, by their stock handlers; photos go as bytes over shared memory. */
final class RingworkSide implements Side {
  private static final TaskOptions OPTIONS =
      TaskOptions.DEFAULT
          .timeout(Duration.ofSeconds(60))
          .backpressure(Backpressure.block(Duration.ofSeconds(30)));

  private final Ringwork pool;
  private final Argon2 cost;
  private final int size;
  private final int quality;

  /** Work on {@code pool}; thumbnails fit {@code size} pixels, with JPEG quality 1..100. */
  RingworkSide(Ringwork pool, Argon2 cost, int size, int quality) {
    this.pool = pool;
    this.cost = cost;
    this.size = size;
    this.quality = quality;
  }

  @Override
  public String name() {
    return "Rust workers (Ringwork)";
  }

  @Override
  public CompletableFuture<String> hash(int index) {
    return pool.submit(StockTasks.PASSWORD_HASH, request(index, cost), OPTIONS);
  }

  @Override
  public CompletableFuture<byte[]> thumbnail(Photo photo) {
    ImageResize request =
        ImageResize.of(photo.jpeg(), size, size)
            .withFormat(ImageResize.Format.JPEG)
            .withQuality(quality);
    return pool.submit(StockTasks.IMAGE_THUMBNAIL, request, OPTIONS);
  }

  /** The request to hash password number {@code index} at {@code cost}. */
  static PasswordHash request(int index, Argon2 cost) {
    return PasswordHash.argon2id(
        Workload.password(index).getBytes(StandardCharsets.UTF_8),
        cost.memoryKib(),
        cost.iterations(),
        cost.parallelism());
  }
}
