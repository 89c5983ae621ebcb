package io.ringwork.demo;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Checks every result of the Rust workers against the Java libraries' own: a hash is right if
 * Bouncy Castle, given its salt, arrives at the same PHC string; a thumbnail is right if it
 * decodes, has the upright photo's proportions, and its pixels are close to those of the Java
 * thumbnail.
 */
final class Verify {
  /** Greatest mean difference of a channel, of 255, between two thumbnails of one photo. */
  static final double MAX_MEAN_DIFFERENCE = 4;

  private final List<String> complaints = new ArrayList<>();
  private int hashes;
  private int drillHashes;
  private int thumbnails;
  private double worst;

  /** Compares both runs, result by result. */
  void compare(Workload.Outcome rust, Workload.Outcome java, List<Photo> photos, int size) {
    complaints.addAll(rust.failures());
    complaints.addAll(java.failures());
    for (int i = 0; i < rust.hashes().length(); i++) {
      String hash = rust.hashes().get(i);
      if (hash != null && hash.equals(java.hashes().get(i))) {
        hashes++;
      } else {
        complaints.add("password " + i + ": Rust " + hash + ", Java " + java.hashes().get(i));
      }
    }
    for (Photo photo : photos) {
      byte[] ours = rust.thumbnails().get(photo.index());
      byte[] theirs = java.thumbnails().get(photo.index());
      try {
        checkThumbnail(photo, ours, theirs, size);
        thumbnails++;
      } catch (RuntimeException e) {
        complaints.add(photo.name() + ": " + e.getMessage());
      }
    }
  }

  /** Checks every hash of the drill, on all processors, and takes over its complaints. */
  void drill(KillDrill.Tally tally) {
    complaints.addAll(tally.complaints());
    Argon2 cost = KillDrill.COST;
    List<String> wrong =
        IntStream.range(0, tally.results().size())
            .parallel()
            .filter(i -> tally.results().get(i).isPresent())
            .filter(i -> !isRight(cost, Workload.password(i), tally.results().get(i).get()))
            .mapToObj(i -> "drill task " + i + ": a wrong hash: " + tally.results().get(i).get())
            .toList();
    complaints.addAll(wrong);
    drillHashes = tally.ended() - wrong.size();
  }

  private static boolean isRight(Argon2 cost, String password, String hash) {
    try {
      return cost.hash(password, cost.salt(hash)).equals(hash);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** Notes that something is wrong. */
  void complain(String complaint) {
    complaints.add(complaint);
  }

  /** What is wrong, in the order found; empty if all is well. */
  List<String> complaints() {
    return complaints;
  }

  /** The checks that passed, in words. */
  String summary() {
    return String.format(
        Locale.ROOT,
        "%d + %d hashes equal Bouncy Castle's; %d thumbnails match Java's%n(mean difference at most %.1f of 255)",
        hashes,
        drillHashes,
        thumbnails,
        worst);
  }

  private void checkThumbnail(
      Photo photo, byte @Nullable [] ours, byte @Nullable [] theirs, int size) {
    if (ours == null || theirs == null) {
      throw new IllegalStateException("no thumbnail from " + (ours == null ? "Rust" : "Java"));
    }
    BufferedImage mine = Thumbnailer.decode(ours);
    double ratio = size / (double) Math.max(photo.width(), photo.height());
    int width = (int) Math.round(photo.width() * ratio);
    int height = (int) Math.round(photo.height() * ratio);
    if (mine.getWidth() != width || mine.getHeight() != height) {
      throw new IllegalStateException(
          "the thumbnail is %dx%d, expected %dx%d"
              .formatted(mine.getWidth(), mine.getHeight(), width, height));
    }
    double difference = meanDifference(mine, Thumbnailer.decode(theirs));
    worst = Math.max(worst, difference);
    if (difference > MAX_MEAN_DIFFERENCE) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "differs from the Java thumbnail by %.1f/255 in the mean, allowed is %.1f",
              difference,
              MAX_MEAN_DIFFERENCE));
    }
  }

  /** Mean absolute difference of the channels of two images of one size, of 255. */
  static double meanDifference(BufferedImage a, BufferedImage b) {
    if (a.getWidth() != b.getWidth() || a.getHeight() != b.getHeight()) {
      throw new IllegalArgumentException("images of different size");
    }
    long sum = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        int p = a.getRGB(x, y);
        int q = b.getRGB(x, y);
        for (int shift = 0; shift <= 16; shift += 8) {
          sum += Math.abs((p >> shift & 255) - (q >> shift & 255));
        }
      }
    }
    return sum / (3.0 * a.getWidth() * a.getHeight());
  }
}
