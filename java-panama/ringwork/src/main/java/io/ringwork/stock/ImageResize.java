package io.ringwork.stock;

import java.util.Locale;
import java.util.Objects;

/**
 * An image to be scaled, for {@link StockTasks#IMAGE_RESIZE} and {@link
 * StockTasks#IMAGE_THUMBNAIL}. A 0 stands for the handler's default.
 *
 * @param image a JPEG, PNG, WebP or GIF file; not copied
 * @param width pixels; 0 for what follows from the height
 * @param height pixels; 0 for what follows from the width
 * @param fit how the image goes into the box
 * @param format the format of the result
 * @param quality 1 to 100, for JPEG
 * @param maxPixels images of more pixels are refused before they are decoded
 * @param filter the resampling filter
 */
public record ImageResize(
    byte[] image,
    int width,
    int height,
    Fit fit,
    Format format,
    int quality,
    long maxPixels,
    Filter filter) {
  /** How an image goes into a box. */
  public enum Fit {
    /** Whole and undistorted; one side may be shorter than the box. The default. */
    FIT,
    /** Exactly the box, stretched. */
    FILL,
    /** Exactly the box, undistorted; what stands out is cut off evenly at both ends. */
    CROP
  }

  /** The format of a result. */
  public enum Format {
    /** That of the image; PNG for a GIF. The default. */
    SAME,
    /** Baseline JPEG. */
    JPEG,
    /** PNG. */
    PNG,
    /** Lossy WebP. */
    WEBP
  }

  /** A resampling filter. */
  public enum Filter {
    /** The sharpest, and the slowest of the four. The default. */
    LANCZOS3,
    /** Triangle filter: fast and soft. */
    BILINEAR,
    /** Catmull-Rom cubic: nearly as sharp as Lanczos with less ringing. */
    CATMULLROM,
    /** The average of the pixels covered: the fastest. */
    BOX
  }

  /**
   * Checks that all are there.
   *
   * @throws IllegalArgumentException if width and height are both 0, or a number is out of range
   */
  public ImageResize {
    Objects.requireNonNull(image, "image");
    Objects.requireNonNull(fit, "fit");
    Objects.requireNonNull(format, "format");
    Objects.requireNonNull(filter, "filter");
    Checks.notNegative("the width", width);
    Checks.notNegative("the height", height);
    Checks.range("the quality", quality, 1, 100);
    Checks.notNegative("the limit on pixels", maxPixels);
    if (width == 0 && height == 0) {
      throw new IllegalArgumentException(
          "width and height are both 0: give at least one of them, in pixels; the other then"
              + " follows from the image");
    }
  }

  /**
   * An image scaled to fit inside a box, all else by default.
   *
   * @param image the image file
   * @param width pixels
   * @param height pixels
   * @return the request
   */
  public static ImageResize of(byte[] image, int width, int height) {
    return new ImageResize(image, width, height, Fit.FIT, Format.SAME, 0, 0, Filter.LANCZOS3);
  }

  /**
   * An image scaled to fit inside a box of 256 by 256 pixels, all else by default.
   *
   * @param image the image file
   * @return the request
   */
  public static ImageResize thumbnail(byte[] image) {
    return of(image, 256, 256);
  }

  /**
   * How the image is brought to the size.
   *
   * @param fit whole, stretched or cut
   * @return a copy
   */
  public ImageResize withFit(Fit fit) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  /**
   * The format of the result.
   *
   * @param format the format
   * @return a copy
   */
  public ImageResize withFormat(Format format) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  /**
   * The quality of a JPEG result.
   *
   * @param quality 1 to 100
   * @return a copy
   */
  public ImageResize withQuality(int quality) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  /**
   * The limit on decoded pixels.
   *
   * @param maxPixels images of more pixels are refused
   * @return a copy
   */
  public ImageResize withMaxPixels(long maxPixels) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  /**
   * The resampling filter.
   *
   * @param filter the filter
   * @return a copy
   */
  public ImageResize withFilter(Filter filter) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  Json parameters() {
    return new Json()
        .putNonZero("width", width)
        .putNonZero("height", height)
        .putNonEmpty("fit", fit == Fit.FIT ? "" : wire(fit))
        .putNonEmpty("format", format == Format.SAME ? "" : wire(format))
        .putNonZero("quality", quality)
        .putNonZero("max_pixels", maxPixels)
        .putNonEmpty("filter", filter == Filter.LANCZOS3 ? "" : wire(filter));
  }

  private static String wire(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
