package io.ringwork.benches;

import io.ringwork.Ringwork;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.StockTasks;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/**
 * Thumbnails of synthetic photos of two megapixels: the JDK's JPEG reader, an exact area average
 * and the JDK's JPEG writer; and the stock handler {@code image.thumbnail}.
 */
final class Thumbnails implements Work<byte[]> {
  private static final int TASKS = 500;
  private static final int PHOTOS = 100;
  private static final int SIZE = 256;
  private static final int QUALITY = 80;

  private final Path directory;
  private final byte[][] photos = new byte[PHOTOS][];

  Thumbnails(Path directory) {
    this.directory = directory;
  }

  @Override
  public int tasks() {
    return TASKS;
  }

  @Override
  public void prepare() throws IOException {
    Files.createDirectories(directory);
    IntStream.range(0, PHOTOS).parallel().forEach(this::load);
  }

  /** Reads a photo, or draws it and keeps it for the next run. */
  private void load(int i) {
    Path file = directory.resolve("photo-%03d-v1.jpg".formatted(i));
    try {
      if (!Files.exists(file)) {
        Path part = directory.resolve(i + "-" + ProcessHandle.current().pid() + ".part");
        Files.write(part, Pictures.jpeg(Pictures.draw(i), 0.9f));
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      }
      photos[i] = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public byte[] inJava(int i) {
    try {
      BufferedImage photo = ImageIO.read(new ByteArrayInputStream(photos[i % PHOTOS]));
      double ratio = Math.min((double) SIZE / photo.getWidth(), (double) SIZE / photo.getHeight());
      BufferedImage small =
          Pictures.shrink(
              photo,
              (int) Math.round(photo.getWidth() * ratio),
              (int) Math.round(photo.getHeight() * ratio));
      return Pictures.jpeg(small, QUALITY / 100f);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public CompletableFuture<byte[]> onRingwork(Ringwork pool, int i) {
    ImageResize request =
        ImageResize.of(photos[i % PHOTOS], SIZE, SIZE)
            .withFormat(ImageResize.Format.JPEG)
            .withQuality(QUALITY);
    return pool.submit(StockTasks.IMAGE_THUMBNAIL, request, RingworkSide.OPTIONS);
  }

  @Override
  public boolean plausible(int i, byte[] result) {
    return result.length > 1000 && result[0] == (byte) 0xff && result[1] == (byte) 0xd8;
  }

  @Override
  public boolean right(int i, byte[] result) throws IOException {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(result));
    BufferedImage expected = ImageIO.read(new ByteArrayInputStream(inJava(i)));
    return image.getWidth() == expected.getWidth()
        && image.getHeight() == expected.getHeight()
        && Pictures.difference(image, expected) < 8;
  }
}
