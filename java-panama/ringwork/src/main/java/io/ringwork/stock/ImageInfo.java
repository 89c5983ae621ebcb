package io.ringwork.stock;

import java.util.Objects;

/**
 * What the header of an image file says, from {@link StockTasks#IMAGE_INFO}.
 *
 * @param format the format in lower case, such as {@code jpeg}
 * @param width pixels, upright; of an animation that of its canvas
 * @param height pixels, upright
 * @param orientation how the stored pixels are to be turned, 1 to 8 as EXIF numbers it; 1 is
 *     upright
 * @param alpha whether a pixel may be transparent
 * @param bits bits a sample as stored; of a palette those of an index
 * @param palette whether the pixels are indices into a palette
 * @param frames the number of frames; 1 for a still image
 * @param profile the name of the embedded ICC profile, {@code unnamed} if it has no name; empty if
 *     there is no profile
 */
public record ImageInfo(
    String format,
    int width,
    int height,
    int orientation,
    boolean alpha,
    int bits,
    boolean palette,
    long frames,
    String profile) {
  /** Checks that all are there. */
  public ImageInfo {
    Objects.requireNonNull(format, "format");
    Objects.requireNonNull(profile, "profile");
  }
}
