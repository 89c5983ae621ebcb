package io.ringwork.stock;

/**
 * An image to be scaled, for {@link StockTasks#IMAGE_RESIZE} and {@link
 * StockTasks#IMAGE_THUMBNAIL}. A 0 or an empty text stands for the handler's default.
 *
 * @param image a JPEG, PNG, WebP or GIF file; not copied
 * @param width pixels
 * @param height pixels
 * @param fit {@code fit} (inside, keeps the ratio), {@code fill} (exactly, may distort) or {@code
 *     crop} (exactly, cuts off)
 * @param format {@code jpeg}, {@code png} or {@code webp}
 * @param quality 1 to 100, for JPEG
 * @param maxPixels images of more pixels are refused before they are decoded
 * @param filter the resampling filter
 */
public record ImageResize(
    byte[] image,
    int width,
    int height,
    String fit,
    String format,
    int quality,
    long maxPixels,
    String filter) {
  /**
   * An image scaled to fit inside a box, all else by default.
   *
   * @param image the image file
   * @param width pixels
   * @param height pixels
   * @return the request
   */
  public static ImageResize of(byte[] image, int width, int height) {
    return new ImageResize(image, width, height, "", "", 0, 0, "");
  }

  /**
   * How the image is brought to the size.
   *
   * @param fit {@code fit}, {@code fill} or {@code crop}
   * @return a copy
   */
  public ImageResize withFit(String fit) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  /**
   * The format of the result.
   *
   * @param format {@code jpeg}, {@code png} or {@code webp}
   * @return a copy
   */
  public ImageResize withFormat(String format) {
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
   * @param filter the filter's name
   * @return a copy
   */
  public ImageResize withFilter(String filter) {
    return new ImageResize(image, width, height, fit, format, quality, maxPixels, filter);
  }

  Json parameters() {
    return new Json()
        .putNonZero("width", width)
        .putNonZero("height", height)
        .putNonEmpty("fit", fit)
        .putNonEmpty("format", format)
        .putNonZero("quality", quality)
        .putNonZero("max_pixels", maxPixels)
        .putNonEmpty("filter", filter);
  }
}
