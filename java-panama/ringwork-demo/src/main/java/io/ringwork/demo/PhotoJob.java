package io.ringwork.demo;

import io.ringwork.Ringwork;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.StockTasks;
import java.awt.image.BufferedImage;
import java.util.concurrent.CompletableFuture;

/** A photo to make a thumbnail of, in Java by {@link Images}. */
final class PhotoJob extends Job {
  /** Thumbnails fit a square of this many pixels. */
  static final int SIZE = 192;

  private static final int QUALITY = 85;

  /** Greatest mean difference of a channel, of 255, between the two thumbnails of a photo. */
  private static final double MAX_MEAN_DIFFERENCE = 4;

  /** Sizes of the photos as stored, by turns. */
  private static final int[][] SIZES = {
    {4000, 3000}, {1920, 1080}, {2400, 1600}, {2048, 1536}, {3000, 2000},
    {1080, 1920}, {3264, 2448}, {2048, 1536}, {1600, 2400}, {2400, 1800},
  };

  /** EXIF orientations, by turns: some photos are stored sideways or upside down. */
  private static final int[] ORIENTATIONS = {1, 1, 6, 1, 1, 3, 1, 8, 1, 1, 1};

  private final byte[] photo;
  private final int orientation;
  byte[] rust = {};
  byte[] java = {};

  /** A thumbnail of {@code photo}, which {@link #paint} gave for that number. */
  PhotoJob(int number, byte[] photo) {
    this.photo = photo;
    this.orientation = ORIENTATIONS[number % ORIENTATIONS.length];
  }

  /** Photo {@code number} of a series without end, as the file of a phone. */
  static byte[] paint(int number) {
    int[] size = SIZES[number % SIZES.length];
    int orientation = ORIENTATIONS[number % ORIENTATIONS.length];
    boolean swap = orientation >= 5;
    var seen = Landscape.paint(number, size[swap ? 1 : 0], size[swap ? 0 : 1]);
    // A quarter turn is undone by the opposite one; a half turn undoes itself.
    int inverse = swap ? 14 - orientation : orientation;
    return Images.withOrientation(Images.encode(Images.upright(seen, inverse), 92), orientation);
  }

  @Override
  CompletableFuture<?> rust(Ringwork pool) {
    ImageResize request =
        ImageResize.of(photo, SIZE, SIZE).withFormat(ImageResize.Format.JPEG).withQuality(QUALITY);
    return pool.submit(StockTasks.IMAGE_THUMBNAIL, request).thenAccept(jpeg -> rust = jpeg);
  }

  /** By the orientation that the photo was painted in: so Rust's reading of it is checked, too. */
  @Override
  void java() {
    BufferedImage small = Images.shrink(Images.decode(photo), SIZE);
    java = Images.encode(Images.upright(small, orientation), QUALITY);
  }

  @Override
  void check() {
    double difference = Images.meanDifference(thumbnail(), Images.decode(java));
    if (difference > MAX_MEAN_DIFFERENCE) {
      throw new IllegalStateException("Rust differs from Java by " + difference + " of 255");
    }
  }

  /** What Rust made of the photo. */
  BufferedImage thumbnail() {
    return Images.decode(rust);
  }

  @Override
  public String toString() {
    return "thumbnail of a photo of " + photo.length + " bytes";
  }
}
