package io.ringwork.demo;

import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.stock.PasswordVerify;
import io.ringwork.stock.StockTasks;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What {@code make demo} runs: 400 password hashes and 120 photo thumbnails by Rust workers, then
 * by a Java thread pool, while an event loop ticks; a table of both; workers killed in mid-run;
 * every result verified. Exit status 0 if all were right, 1 if anything was not.
 *
 * <p>Photos and the contact sheet go below the directory in the system property {@code demo.dir},
 * by default {@code target}.
 */
public final class Demo {
  /**
   * Somewhat less than a login should cost today (OWASP's least is 19 MiB), so that the demo ends
   * within a minute on two slow cores, too.
   */
  private static final Argon2 COST = new Argon2(12 * 1024, 2, 1);

  private static final int THUMBNAIL = 192;
  private static final int QUALITY = 85;
  private static final int WARM_UP_HASHES = 24;
  private static final int WARM_UP_PHOTOS = 12;
  private static final int HASHES_CHECKED_BY_RUST = 8;
  private static final int COMPLAINTS_SHOWN = 10;

  private final PrintStream out = System.out;
  private final Path directory = Path.of(System.getProperty("demo.dir", "target"));
  private final Verify verify = new Verify();
  private final Thumbnailer thumbnailer = new Thumbnailer(THUMBNAIL, QUALITY / 100f);

  private Demo() {}

  /**
   * Runs the demo.
   *
   * @param args none
   */
  public static void main(String[] args) {
    // Image I/O is used without a display.
    System.setProperty("java.awt.headless", "true");
    int status = 1;
    try {
      status = new Demo().run();
    } catch (RingworkException e) {
      System.err.println("demo: " + e.getMessage());
    } catch (UncheckedIOException e) {
      System.err.println("demo: " + e.getMessage() + ": " + e.getCause());
    } catch (InterruptedException e) {
      System.err.println("demo: interrupted");
    }
    System.exit(status);
  }

  private int run() throws InterruptedException {
    List<Photo> photos = photos();
    long start = System.nanoTime();
    introduce(photos);
    Workload.Outcome rust;
    Workload.Outcome java;
    LaunchConfig config = LaunchConfig.DEFAULT.logFile(logFile());
    try (Ringwork pool = Ringwork.launch(config.workers(Side.THREADS).lanes(1))) {
      Side side = new RingworkSide(pool, COST, THUMBNAIL, QUALITY);
      warmUp(side, photos);
      rust = Workload.run(side, photos, Workload.HASHES, true);
      checkByRust(pool);
    }
    try (JavaSide side = new JavaSide(COST, thumbnailer, randomSalts())) {
      warmUp(side, photos);
    }
    // With the salts that Rust drew, equal hashes prove both right at no further cost.
    try (JavaSide side = new JavaSide(COST, thumbnailer, saltsOf(rust))) {
      java = Workload.run(side, photos, Workload.HASHES, true);
    }
    out.println();
    out.print(Table.of(rust, java));
    out.println();
    verify.compare(rust, java, photos, THUMBNAIL);
    drill(config);
    out.println();
    out.println("Verified: " + verify.summary() + ".");
    contactSheet(rust);
    double seconds = (System.nanoTime() - start) / 1e9;
    out.printf(Locale.ROOT, "The demo took %.1f s.%n", seconds);
    return verdict();
  }

  private List<Photo> photos() {
    Path folder = directory.resolve("demo-photos");
    Photos photos = new Photos(folder);
    int missing = photos.missing().size();
    if (missing > 0) {
      out.println("Drawing the photos into " + folder + ", this once:");
      ProgressBar bar = ProgressBar.console("Photos", missing);
      photos.drawMissing(bar::update);
      bar.finish();
      out.println();
    }
    return photos.load();
  }

  /** Where supervisor and workers log to; the terminal is the progress bar's. */
  private Path logFile() {
    Path log = directory.resolve("demo/ringwork.log");
    try {
      Files.createDirectories(log.getParent());
      Files.deleteIfExists(log); // The last run's; the log is appended to.
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make " + log, e);
    }
    return log;
  }

  private void introduce(List<Photo> photos) {
    double megapixels =
        photos.stream().mapToDouble(photo -> photo.width() * 1e-6 * photo.height()).sum();
    out.printf(
        Locale.ROOT,
        "%d argon2id hashes (%d MiB, %d passes) and %d photos of 2 to 12 megapixels (%.0f%n"
            + "in all) thumbnailed by %d Rust workers, then by %d Java threads (Bouncy Castle,%n"
            + "Image I/O), while an event loop ticks every millisecond. Each side has first%n"
            + "warmed up on %d hashes and %d photos. JDK %s, %d processors.%n%n",
        Workload.HASHES,
        COST.memoryKib() / 1024,
        COST.iterations(),
        photos.size(),
        megapixels,
        Side.THREADS,
        Side.THREADS,
        WARM_UP_HASHES,
        WARM_UP_PHOTOS,
        Runtime.version().feature(),
        Runtime.getRuntime().availableProcessors());
  }

  private void warmUp(Side side, List<Photo> photos) throws InterruptedException {
    List<Photo> small =
        photos.stream()
            .sorted(Comparator.comparingInt(photo -> photo.width() * photo.height()))
            .limit(WARM_UP_PHOTOS)
            .toList();
    Workload.Outcome outcome = Workload.run(side, small, WARM_UP_HASHES, false);
    outcome.failures().forEach(verify::complain);
  }

  /** The other way round: hashes made by Java, checked by the Rust handler. */
  private void checkByRust(Ringwork pool) throws InterruptedException {
    byte[] salt = randomSalt();
    for (int i = 0; i < HASHES_CHECKED_BY_RUST; i++) {
      String hash = COST.hash(Workload.password(i), salt);
      if (!pool.call(StockTasks.PASSWORD_VERIFY, check(Workload.password(i), hash))) {
        verify.complain("password " + i + ": Rust does not accept the Java hash " + hash);
      }
      if (pool.call(StockTasks.PASSWORD_VERIFY, check(Workload.password(i + 1), hash))) {
        verify.complain("password " + i + ": Rust accepts a wrong password for " + hash);
      }
    }
  }

  private void drill(LaunchConfig config) throws InterruptedException {
    KillDrill.Tally tally;
    try (Ringwork pool = Ringwork.launch(config.workers(2).lanes(2))) {
      tally = KillDrill.run(pool);
    }
    out.println(tally);
    verify.drill(tally);
  }

  private void contactSheet(Workload.Outcome rust) {
    List<BufferedImage> thumbnails = new ArrayList<>();
    for (int i = 0; i < rust.thumbnails().length(); i++) {
      byte[] thumbnail = rust.thumbnails().get(i);
      if (thumbnail != null) {
        thumbnails.add(Thumbnailer.decode(thumbnail));
      }
    }
    Path file = directory.resolve("demo/contact-sheet.png");
    new ContactSheet(12, THUMBNAIL, 8).write(thumbnails, file);
    out.println("The thumbnails: " + file);
  }

  private int verdict() {
    List<String> complaints = verify.complaints();
    complaints.stream().limit(COMPLAINTS_SHOWN).forEach(c -> System.err.println("WRONG: " + c));
    if (!complaints.isEmpty()) {
      System.err.println("demo: " + complaints.size() + " results are wrong or missing");
    }
    return complaints.isEmpty() ? 0 : 1;
  }

  private static PasswordVerify check(String password, String hash) {
    return new PasswordVerify(password.getBytes(StandardCharsets.UTF_8), hash);
  }

  private static List<byte[]> saltsOf(Workload.Outcome outcome) {
    List<byte[]> salts = new ArrayList<>();
    for (int i = 0; i < outcome.hashes().length(); i++) {
      salts.add(saltOf(outcome.hashes().get(i)));
    }
    return salts;
  }

  /** The salt of a hash; any salt for what is no hash, which the comparison will find. */
  private static byte[] saltOf(@Nullable String hash) {
    try {
      return hash == null ? randomSalt() : COST.salt(hash);
    } catch (IllegalArgumentException e) {
      return randomSalt();
    }
  }

  private static List<byte[]> randomSalts() {
    List<byte[]> salts = new ArrayList<>();
    for (int i = 0; i < Workload.HASHES; i++) {
      salts.add(randomSalt());
    }
    return salts;
  }

  private static byte[] randomSalt() {
    byte[] salt = new byte[Argon2.SALT];
    new SecureRandom().nextBytes(salt);
    return salt;
  }
}
