package io.ringwork.demo;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The demo's work, {@value #HASHES} passwords to hash and a series of photos to thumbnail, mixed
 * evenly. {@link #run} puts it through one {@link Side} while an {@link EventLoop} ticks and takes
 * the results; the same number of tasks is in flight on either side.
 */
final class Workload {
  /** Passwords to hash. */
  static final int HASHES = 400;

  private static final int IN_FLIGHT = 8;
  private static final long REDRAW_MILLIS = 50;

  /**
   * What one run gave.
   *
   * @param name the side's name
   * @param seconds wall time from the first submission to the last result
   * @param hashes the PHC strings by password; null where the task failed
   * @param thumbnails the JPEGs by photo; null where the task failed
   * @param stalls how late the event loop's ticks were
   * @param gcMillis time that this JVM's garbage collectors took meanwhile
   * @param failures what went wrong, task by task
   */
  record Outcome(
      String name,
      double seconds,
      AtomicReferenceArray<@Nullable String> hashes,
      AtomicReferenceArray<byte @Nullable []> thumbnails,
      EventLoop.Stalls stalls,
      long gcMillis,
      List<String> failures) {
    int tasks() {
      return hashes.length() + thumbnails.length();
    }

    double tasksPerSecond() {
      return tasks() / seconds;
    }
  }

  private final Side side;
  private final List<Photo> photos;
  private final int passwords;
  private final EventLoop loop = new EventLoop();
  private final Semaphore window = new Semaphore(IN_FLIGHT);
  private final AtomicInteger done = new AtomicInteger();
  private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
  private final AtomicReferenceArray<@Nullable String> hashes;
  private final AtomicReferenceArray<byte @Nullable []> thumbnails;
  // Written by the event loop's thread, read after it has ended.
  private long lastResult;

  private Workload(Side side, List<Photo> photos, int passwords) {
    this.side = side;
    this.photos = photos;
    this.passwords = passwords;
    this.hashes = new AtomicReferenceArray<>(passwords);
    this.thumbnails = new AtomicReferenceArray<>(photos.size());
  }

  /** Runs the first {@code passwords} hashes and all {@code photos} on {@code side}. */
  static Outcome run(Side side, List<Photo> photos, int passwords, boolean show)
      throws InterruptedException {
    System.gc(); // Neither run pays for the garbage of what came before it.
    Workload work = new Workload(side, photos, passwords);
    return work.run(show);
  }

  /** The password of that number. */
  static String password(int index) {
    return String.format(Locale.ROOT, "correct horse %04d battery staple", index);
  }

  private Outcome run(boolean show) throws InterruptedException {
    int total = passwords + photos.size();
    long gcBefore = gcMillis();
    long start = System.nanoTime();
    Thread requests = Thread.ofPlatform().name("requests").daemon().start(this::submitAll);
    if (show) {
      ProgressBar bar = ProgressBar.console(side.name(), total);
      while (done.get() < total) {
        bar.update(done.get());
        Thread.sleep(REDRAW_MILLIS);
      }
      bar.update(total);
      bar.finish();
    }
    requests.join();
    window.acquire(IN_FLIGHT);
    EventLoop.Stalls stalls = loop.stop();
    long gc = gcMillis() - gcBefore;
    double seconds = (lastResult - start) / 1e9;
    return new Outcome(side.name(), seconds, hashes, thumbnails, stalls, gc, List.copyOf(failures));
  }

  private static long gcMillis() {
    return ManagementFactory.getGarbageCollectorMXBeans().stream()
        .mapToLong(GarbageCollectorMXBean::getCollectionTime)
        .sum();
  }

  private void submitAll() {
    int total = passwords + photos.size();
    int photo = 0;
    for (int i = 0; i < total; i++) {
      window.acquireUninterruptibly();
      if ((long) (i + 1) * photos.size() / total > photo) {
        int index = photo++;
        take("photo " + index, index, thumbnails, () -> side.thumbnail(photos.get(index)));
      } else {
        int index = i - photo;
        take("password " + index, index, hashes, () -> side.hash(index));
      }
    }
  }

  private interface Submission<T> {
    CompletableFuture<T> submit();
  }

  /** Submits a task and has the event loop put its result where it belongs. */
  private <T> void take(
      String what, int index, AtomicReferenceArray<@Nullable T> results, Submission<T> submission) {
    CompletableFuture<T> future;
    try {
      future = submission.submit();
    } catch (RuntimeException e) {
      future = CompletableFuture.failedFuture(e);
    }
    var unused =
        future.whenCompleteAsync(
            (result, failure) -> {
              if (failure == null) {
                results.set(index, result);
              } else {
                failures.add(what + ": " + failure);
              }
              lastResult = System.nanoTime();
              done.incrementAndGet();
              window.release();
            },
            loop);
  }
}
