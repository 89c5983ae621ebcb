package io.ringwork.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.stock.ImageInfo;
import io.ringwork.stock.ImageResize;
import io.ringwork.stock.StockTasks;
import io.ringwork.tests.Pictures.Difference;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** image.resize and image.thumbnail: results decoded by Java and compared by pixels. */
class StockImageTest {
  private static final BufferedImage PICTURE = Pictures.gradient(640, 480);
  private static final byte[] PNG = Pictures.encode(PICTURE, "png");

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.roomy("StockImageTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  private static byte[] resize(ImageResize request) throws Exception {
    return pool.call(StockTasks.IMAGE_RESIZE, request);
  }

  private static void assertClose(BufferedImage expected, byte[] file, double mean)
      throws Exception {
    Difference difference = Pictures.compare(expected, Pictures.decode(file));
    assertTrue(difference.mean() <= mean, difference::toString);
  }

  @Test
  void theBoxFilterAveragesExactly() throws Exception {
    byte[] result =
        resize(
            ImageResize.of(PNG, 320, 240)
                .withFit(ImageResize.Fit.FILL)
                .withFilter(ImageResize.Filter.BOX));
    Pictures.assertFormat("png", result);
    Difference difference = Pictures.compare(Pictures.shrunk(PICTURE, 2), Pictures.decode(result));
    assertTrue(difference.max() <= 1, difference::toString);
  }

  @ParameterizedTest
  @EnumSource
  void allFiltersGiveTheSamePicture(ImageResize.Filter filter) throws Exception {
    byte[] result = resize(ImageResize.of(PNG, 160, 120).withFilter(filter));
    assertClose(Pictures.shrunk(PICTURE, 4), result, 1.0);
  }

  @ParameterizedTest
  @CsvSource({"png,png,0.5", "png,jpeg,2", "png,webp,3", "jpeg,png,1.5", "jpeg,jpeg,2"})
  void formatsInAndOut(String in, String out, double mean) throws Exception {
    byte[] file = Pictures.encode(PICTURE, in);
    byte[] result =
        resize(
            ImageResize.of(file, 320, 240)
                .withFormat(ImageResize.Format.valueOf(out.toUpperCase(Locale.ROOT)))
                .withQuality(95));
    Pictures.assertFormat(out, result);
    assertClose(Pictures.shrunk(PICTURE, 2), result, mean);
  }

  @Test
  void theFormatIsTheInputsByDefault() throws Exception {
    Pictures.assertFormat("png", resize(ImageResize.of(PNG, 50, 0)));
    Pictures.assertFormat("jpeg", resize(ImageResize.of(Pictures.encode(PICTURE, "jpeg"), 50, 0)));
    byte[] webp = resize(ImageResize.of(PNG, 320, 240).withFormat(ImageResize.Format.WEBP));
    Pictures.assertFormat("webp", resize(ImageResize.of(webp, 50, 0)));
  }

  @Test
  void webpComesBackIn() throws Exception {
    byte[] webp =
        resize(ImageResize.of(PNG, 640, 480).withFormat(ImageResize.Format.WEBP).withQuality(95));
    assertClose(PICTURE, webp, 3);
    byte[] back = resize(ImageResize.of(webp, 320, 240).withFormat(ImageResize.Format.PNG));
    assertClose(Pictures.shrunk(PICTURE, 2), back, 3);
  }

  @Test
  void gifComesIn() throws Exception {
    byte[] gif = Pictures.encode(Pictures.quadrants(64, 48), "gif");
    byte[] result = resize(ImageResize.of(gif, 32, 24).withFilter(ImageResize.Filter.BOX));
    Pictures.assertFormat("png", result);
    assertClose(Pictures.quadrants(32, 24), result, 0.01);
  }

  @ParameterizedTest
  @CsvSource({
    "100,100,FIT,100,75",
    "100,0,FIT,100,75",
    "0,60,FIT,80,60",
    "100,100,FILL,100,100",
    "100,100,CROP,100,100",
    "1280,960,FIT,1280,960"
  })
  void sizes(int width, int height, ImageResize.Fit fit, int expectedWidth, int expectedHeight)
      throws Exception {
    BufferedImage result = Pictures.decode(resize(ImageResize.of(PNG, width, height).withFit(fit)));
    assertEquals(expectedWidth + "x" + expectedHeight, size(result));
  }

  private static String size(BufferedImage image) {
    return image.getWidth() + "x" + image.getHeight();
  }

  @Test
  void cropCutsBothEndsEvenly() throws Exception {
    byte[] result =
        resize(
            ImageResize.of(PNG, 240, 240)
                .withFit(ImageResize.Fit.CROP)
                .withFilter(ImageResize.Filter.BOX));
    BufferedImage middle = Pictures.shrunk(PICTURE.getSubimage(80, 0, 480, 480), 2);
    assertClose(middle, result, 1.0);
  }

  @Test
  void thumbnailsNeverGrow() throws Exception {
    byte[] small = Pictures.encode(Pictures.gradient(50, 40), "png");
    assertEquals(
        "50x40",
        size(
            Pictures.decode(
                pool.call(StockTasks.IMAGE_THUMBNAIL, ImageResize.of(small, 200, 200)))));
    assertEquals(
        "256x192",
        size(Pictures.decode(pool.call(StockTasks.IMAGE_THUMBNAIL, ImageResize.thumbnail(PNG)))));
  }

  /** What EXIF's orientations 1 to 8 make of the corners: red, green; blue, white. */
  @ParameterizedTest
  @CsvSource({
    "1,R,G,B,W", "2,G,R,W,B", "3,W,B,G,R", "4,B,W,R,G",
    "5,R,B,G,W", "6,B,R,W,G", "7,W,G,B,R", "8,G,W,R,B"
  })
  void exifOrientation(
      int orientation, char topLeft, char topRight, char bottomLeft, char bottomRight)
      throws Exception {
    byte[] jpeg =
        Pictures.withOrientation(Pictures.encode(Pictures.quadrants(160, 96), "jpeg"), orientation);
    BufferedImage result =
        Pictures.decode(resize(ImageResize.of(jpeg, 80, 80).withFormat(ImageResize.Format.PNG)));
    assertEquals(orientation < 5 ? "80x48" : "48x80", size(result));
    int right = result.getWidth() - 5;
    int low = result.getHeight() - 5;
    assertEquals(
        "" + topLeft + topRight + bottomLeft + bottomRight,
        ""
            + hue(result, 4, 4)
            + hue(result, right, 4)
            + hue(result, 4, low)
            + hue(result, right, low));
  }

  private static char hue(BufferedImage image, int x, int y) {
    int pixel = image.getRGB(x, y);
    boolean red = (pixel >> 16 & 0xff) > 128;
    boolean green = (pixel >> 8 & 0xff) > 128;
    boolean blue = (pixel & 0xff) > 128;
    return red && green && blue ? 'W' : red ? 'R' : green ? 'G' : blue ? 'B' : '?';
  }

  @ParameterizedTest
  @ValueSource(ints = {30_000, 2_000_000_000})
  void anImageBombIsRefusedBeforeItIsDecoded(int side) throws Exception {
    byte[] bomb = Pictures.pngBomb(side, 30_000);
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.IMAGE_THUMBNAIL, ImageResize.of(bomb, 100, 100)));
    assertEquals("image.too_many_pixels", error.code());
    Pools.assertSays(error, "max_pixels", Integer.toString(side));
    Pools.assertUsable(pool);
  }

  @Test
  void theLimitOnPixelsCanBeChosen() {
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(
                StockTasks.IMAGE_RESIZE, ImageResize.of(PNG, 10, 10).withMaxPixels(100_000)));
    assertEquals("image.too_many_pixels", error.code());
    Pools.assertSays(error, "640", "480", "100000");
  }

  static byte[][] undecodable() {
    byte[] jpeg = Pictures.encode(PICTURE, "jpeg");
    return new byte[][] {
      {}, "<svg/>".getBytes(UTF_8), Arrays.copyOf(PNG, 200), Arrays.copyOf(jpeg, 100)
    };
  }

  @ParameterizedTest
  @MethodSource
  void undecodable(byte[] file) throws Exception {
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.IMAGE_RESIZE, ImageResize.of(file, 10, 10)));
    assertEquals("image.undecodable", error.code());
    assertTrue(error.mayHaveRun());
    Pools.assertUsable(pool);
  }

  @Test
  void aSizeOfNothingIsRefusedWhenItIsMade() {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> ImageResize.of(PNG, 0, 0));
    Pools.assertSays(error, "width", "height");
  }

  @Test
  void anImageIsDescribedByItsHeader() throws Exception {
    assertEquals(
        new ImageInfo("png", 640, 480, 1, false, 8, false, 1, ""),
        pool.call(StockTasks.IMAGE_INFO, PNG));
    byte[] cut = Arrays.copyOf(PNG, 100);
    assertEquals(640, pool.call(StockTasks.IMAGE_INFO, cut).width());
  }

  @Test
  void eachParameterReachesTheHandler() throws Exception {
    ImageResize contained =
        ImageResize.of(PNG, 100, 100)
            .withFit(ImageResize.Fit.CONTAIN)
            .withGravity(ImageResize.Gravity.SOUTHEAST)
            .withBackground("#ff0000")
            .withPalette(ImageResize.Palette.NEVER)
            .withAnimation(ImageResize.Animation.KEEP)
            .withKeepProfile(true);
    BufferedImage padded = Pictures.decode(resize(contained));
    assertEquals(100, padded.getHeight());
    assertEquals(0xffff0000, padded.getRGB(50, 0));
    assertTrue(padded.getRGB(50, 99) != 0xffff0000);

    byte[] lossless =
        resize(
            ImageResize.of(PNG, 640, 480).withFormat(ImageResize.Format.WEBP).withLossless(true));
    byte[] back = resize(ImageResize.of(lossless, 640, 480).withFormat(ImageResize.Format.PNG));
    Difference difference = Pictures.compare(PICTURE, Pictures.decode(back));
    assertEquals(0, difference.max(), difference::toString);

    byte[] indexed = resize(ImageResize.of(PNG, 64, 48).withPalette(ImageResize.Palette.ALWAYS));
    assertEquals(3, indexed[25]);
  }

  @Test
  void wrongParametersAreRefusedWhenTheyAreMade() {
    ImageResize request = ImageResize.of(PNG, 10, 10);
    assertThrows(IllegalArgumentException.class, () -> ImageResize.of(PNG, -1, 10));
    assertThrows(IllegalArgumentException.class, () -> request.withQuality(101));
    assertThrows(IllegalArgumentException.class, () -> request.withBackground("white"));
    assertThrows(IllegalArgumentException.class, () -> request.withMaxPixels(-1));
    ImageResize jpeg = request.withFormat(ImageResize.Format.JPEG);
    assertThrows(IllegalArgumentException.class, () -> jpeg.withLossless(true));
  }
}
