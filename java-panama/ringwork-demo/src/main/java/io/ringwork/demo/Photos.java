package io.ringwork.demo;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * The series of made-up photos: 120 JPEGs of 2 to 12 megapixels, in landscape and portrait format,
 * some stored sideways or upside down with an EXIF orientation, as phones do. They are drawn once
 * from fixed seeds and kept in a directory; a file is complete or absent, so an interrupted run
 * goes on where it stopped.
 */
final class Photos {
  /** How many photos the series has. */
  static final int COUNT = 120;

  /** Part of every file name: raise it when a change alters the pixels. */
  private static final int EDITION = 1;

  private static final float QUALITY = 0.92f;

  /** Sizes in landscape format; each photo takes the next one. */
  private static final int[][] SIZES = {
    {4000, 3000}, {1920, 1080}, {2400, 1600}, {2048, 1536}, {3000, 2000},
    {1920, 1080}, {3264, 2448}, {2048, 1536}, {2400, 1600}, {2400, 1800},
  };

  private static final int[] ORIENTATIONS = {1, 1, 6, 1, 1, 3, 1, 8, 1, 1, 1};

  /** What is known of a photo before it is drawn; {@code width} and {@code height} as seen. */
  record Spec(int index, int width, int height, int orientation) {
    String name() {
      return "photo-%03d-%dx%d-o%d-e%d.jpg".formatted(index, width, height, orientation, EDITION);
    }
  }

  private final Path directory;

  Photos(Path directory) {
    this.directory = directory;
  }

  /** Draws the series into the directory given as the only argument, unless it is there. */
  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: Photos DIRECTORY");
      System.exit(2);
    }
    Photos photos = new Photos(Path.of(args[0]));
    int missing = photos.missing().size();
    if (missing > 0) {
      ProgressBar bar = ProgressBar.console("Drawing photos", missing);
      photos.drawMissing(bar::update);
      bar.finish();
    }
  }

  /** Photo number {@code index} of the series. */
  static Spec spec(int index) {
    int[] size = SIZES[index % SIZES.length];
    int orientation = ORIENTATIONS[index % ORIENTATIONS.length];
    boolean portrait = Exif.swapsSides(orientation) || index % 13 == 9;
    return portrait
        ? new Spec(index, size[1], size[0], orientation)
        : new Spec(index, size[0], size[1], orientation);
  }

  /** The photos whose files are not there yet. */
  List<Spec> missing() {
    List<Spec> missing = new ArrayList<>();
    for (int i = 0; i < COUNT; i++) {
      Spec spec = spec(i);
      if (!Files.exists(directory.resolve(spec.name()))) {
        missing.add(spec);
      }
    }
    return missing;
  }

  /** Draws what is missing on all processors; {@code progress} gets the number of files done. */
  void drawMissing(IntConsumer progress) {
    List<Future<?>> drawings = new ArrayList<>();
    try (ExecutorService pool =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      Files.createDirectories(directory);
      for (Spec spec : missing()) {
        drawings.add(pool.submit(() -> store(spec)));
      }
      int done = 0;
      for (Future<?> drawing : drawings) {
        drawing.get();
        progress.accept(++done);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the photos to " + directory, e);
    } catch (Exception e) {
      throw new IllegalStateException("drawing the photos failed", e);
    }
  }

  /** Reads the whole series into memory. */
  List<Photo> load() {
    List<Photo> photos = new ArrayList<>(COUNT);
    for (int i = 0; i < COUNT; i++) {
      Spec spec = spec(i);
      try {
        byte[] jpeg = Files.readAllBytes(directory.resolve(spec.name()));
        photos.add(
            new Photo(i, spec.name(), spec.width(), spec.height(), spec.orientation(), jpeg));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot read the photos from " + directory, e);
      }
    }
    return photos;
  }

  /** Draws one photo and encodes it as a camera would. */
  static byte[] draw(Spec spec) {
    int i = spec.index();
    Scene.Ground[] grounds = Scene.Ground.values();
    Scene.Ground ground = grounds[(i + i / grounds.length) % grounds.length];
    // 7 moods and 4 grounds: every pair comes up before any comes twice.
    Scene scene = new Scene(7919L * i + 11, Mood.of(i), ground, spec.width(), spec.height());
    byte[] jpeg = encode(drawStored(scene, spec), QUALITY);
    return Exif.withOrientation(jpeg, spec.orientation());
  }

  /** {@code image} as a JPEG of the given quality, 0..1. */
  static byte[] encode(BufferedImage image, float quality) {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);
    try (var out = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam param = writer.getDefaultWriteParam();
      param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      param.setCompressionQuality(quality);
      writer.setOutput(out);
      writer.write(null, new IIOImage(image, null, null), param);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }

  private void store(Spec spec) {
    Path file = directory.resolve(spec.name());
    Path part = directory.resolve(spec.name() + ".part");
    try {
      Files.write(part, draw(spec));
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** The scene's pixels laid out as the spec's orientation wants them stored. */
  private static BufferedImage drawStored(Scene scene, Spec spec) {
    int columns = spec.width();
    int rows = spec.height();
    boolean swap = Exif.swapsSides(spec.orientation());
    int width = swap ? rows : columns;
    int height = swap ? columns : rows;
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
    byte[] data = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    int[] line = new int[columns];
    for (int y = 0; y < rows; y++) {
      scene.row(y, line);
      // Where the row's first pixel goes, and how far apart its pixels are stored.
      int first =
          switch (spec.orientation()) {
            case 1 -> y * width;
            case 3 -> (height - y) * width - 1;
            case 6 -> (height - 1) * width + y;
            case 8 -> width - 1 - y;
            default -> throw new IllegalArgumentException("orientation " + spec.orientation());
          };
      int step =
          switch (spec.orientation()) {
            case 3 -> -1;
            case 6 -> -width;
            case 8 -> width;
            default -> 1;
          };
      for (int x = 0, at = first * 3; x < columns; x++, at += step * 3) {
        int rgb = line[x];
        data[at] = (byte) rgb;
        data[at + 1] = (byte) (rgb >> 8);
        data[at + 2] = (byte) (rgb >> 16);
      }
    }
    return image;
  }
}
