package io.ringwork.demo;

import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskOptions;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/**
 * What {@code make demo} runs: 400 password hashes and 120 photo thumbnails by Rust workers, then
 * by a Java thread pool, while an event loop ticks; workers killed in mid-run; a table of the
 * figures, every result verified. Exit status 0 if all were right, 1 if anything was not, 2 if it
 * was called wrongly.
 */
public final class Demo {
  private static final int THREADS = 2;
  private static final int HASHES = 400;
  private static final int THUMBNAILS = 120;

  /** Photos painted; each comes several times. */
  private static final int PHOTOS = 24;

  private Demo() {}

  /**
   * Runs the demo.
   *
   * @param args the folder for log and contact sheet; {@code target/demo} if there is none
   */
  public static void main(String[] args) {
    if (args.length > 1 || args.length == 1 && args[0].startsWith("-")) {
      System.err.println("demo: give it one folder for log and contact sheet, or nothing");
      System.exit(2);
    }
    System.setProperty("java.awt.headless", "true");
    int status = 1;
    try {
      status = run(Path.of(args.length == 1 ? args[0] : "target/demo"));
    } catch (IOException e) {
      System.err.println("demo: cannot write the log or the contact sheet: " + e);
    } catch (RingworkException | InterruptedException e) {
      System.err.println("demo: " + e.getMessage());
    }
    System.exit(status);
  }

  private static int run(Path folder) throws InterruptedException, IOException {
    long start = System.nanoTime();
    // Supervisor and workers log to a file; the terminal is for the progress.
    Path log = Files.createDirectories(folder).resolve("ringwork.log");
    Files.deleteIfExists(log);
    LaunchConfig config =
        LaunchConfig.DEFAULT
            .logFile(log)
            .workers(THREADS)
            .taskDefaults(TaskOptions.DEFAULT.timeout(Duration.ofSeconds(60)));
    List<String> complaints = new ArrayList<>();
    List<byte[]> photos = photos();
    List<Job> warmUp = jobs(24, 12, photos);
    List<Job> jobs = jobs(HASHES, THUMBNAILS, photos);
    Workload.Outcome rust;
    try (Ringwork pool = Ringwork.launch(config.lanes(1))) {
      new Workload().run("Rust warms up", warmUp, job -> job.rust(pool), complaints);
      rust = new Workload().run("Rust workers", jobs, job -> job.rust(pool), complaints);
    }
    Workload.Outcome java;
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      Function<Job, CompletableFuture<?>> side = job -> CompletableFuture.runAsync(job::java, pool);
      new Workload().run("Java warms up", warmUp, side, complaints);
      java = new Workload().run("Java thread pool", jobs, side, complaints);
    }
    String drill;
    try (Ringwork pool = Ringwork.launch(config.lanes(2))) {
      drill = new KillDrill().run(pool, complaints);
    }
    List<BufferedImage> thumbnails = new ArrayList<>();
    int right = 0;
    for (Job job : jobs) {
      if (job.isRight(complaints)) {
        right++;
        if (job instanceof PhotoJob photo && thumbnails.size() < PHOTOS) {
          thumbnails.add(photo.thumbnail());
        }
      }
    }
    Path sheet = folder.resolve("contact-sheet.png");
    ImageIO.write(Images.contactSheet(thumbnails, 6, PhotoJob.SIZE + 8), "png", sheet.toFile());
    say(
        "%n%d argon2id hashes and %d thumbnails of photos of 2 to 12 megapixels by %d Rust%n"
            + "workers, then by %d Java threads (Bouncy Castle, Image I/O), while an event loop%n"
            + "ticked every millisecond; %d processors.%n",
        HASHES, THUMBNAILS, THREADS, THREADS, Runtime.getRuntime().availableProcessors());
    table(rust, java);
    say("%n%s.", drill);
    say("Verified: %d of %d results are as Java's.", right, jobs.size());
    say("The thumbnails: %s", sheet);
    say("The demo took %.1f s.", (System.nanoTime() - start) / 1e9);
    complaints.stream().limit(10).forEach(c -> System.err.println("WRONG: " + c));
    return complaints.isEmpty() ? 0 : 1;
  }

  /** Paints the photos, on all processors. */
  private static List<byte[]> photos() {
    List<byte[]> photos = new ArrayList<>();
    progress("Photos painted", 0, PHOTOS);
    IntStream.range(0, PHOTOS)
        .parallel()
        .mapToObj(PhotoJob::paint)
        .forEachOrdered(
            photo -> {
              photos.add(photo);
              progress("Photos painted", photos.size(), PHOTOS);
            });
    return photos;
  }

  /** Passwords to hash and photos to make smaller, mixed evenly. */
  private static List<Job> jobs(int hashes, int thumbnails, List<byte[]> photos) {
    List<Job> jobs = new ArrayList<>();
    int total = hashes + thumbnails;
    for (int i = 0; i < total; i++) {
      int before = i * thumbnails / total;
      int photo = before % PHOTOS;
      if ((i + 1) * thumbnails / total > before) {
        jobs.add(new PhotoJob(photo, photos.get(photo)));
      } else {
        // Somewhat less than a login should cost (19 MiB), so that two slow cores end in a minute.
        jobs.add(new HashJob(i - before, 12 * 1024, 2, 1));
      }
    }
    return jobs;
  }

  private static void table(Workload.Outcome rust, Workload.Outcome java) {
    say("  %-26s %14s %14s %12s", "", "Rust workers", "Java pool", "better by");
    row("wall time, s", rust.seconds(), java.seconds());
    row("event-loop stall p50, ms", rust.stallMillis(0.50), java.stallMillis(0.50));
    row("event-loop stall p99, ms", rust.stallMillis(0.99), java.stallMillis(0.99));
    row("event-loop stall max, ms", rust.stallMillis(1.00), java.stallMillis(1.00));
  }

  private static void row(String what, double rust, double java) {
    String better = rust > 0 ? "%.2fx".formatted(java / rust) : "-";
    if (rust > java && java > 0) {
      better = "worse, %.2fx".formatted(rust / java);
    }
    say("  %-26s %14.2f %14.2f %12s", what, rust, java, better);
  }

  /** Shows how far something is: on one line that a terminal redraws; elsewhere at its end. */
  static void progress(String what, int done, int total) {
    boolean terminal = System.console() != null && System.console().isTerminal();
    if (terminal || done == total) {
      String bar = "#".repeat(30 * done / total);
      System.out.printf("%s%-26s [%-30s] %4d/%d", terminal ? "\r" : "", what, bar, done, total);
      System.out.print(done == total ? System.lineSeparator() : "");
      System.out.flush();
    }
  }

  private static void say(String format, Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }
}
