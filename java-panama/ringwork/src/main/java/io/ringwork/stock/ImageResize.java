package io.ringwork.stock;

import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * An image to be scaled, for {@link StockTasks#IMAGE_RESIZE} and {@link
 * StockTasks#IMAGE_THUMBNAIL}. A 0 or an empty text stands for the handler's default. The handler's
 * parameter {@code size} is a width and a height that are equal.
 *
 * @param image a JPEG, PNG, WebP, AVIF, GIF or TIFF file; not copied
 * @param width pixels; 0 for what follows from the height
 * @param height pixels; 0 for what follows from the width
 * @param fit how the image goes into the box
 * @param gravity which part a crop keeps, and where in its box a contained image lies
 * @param format the format of the result
 * @param quality 1 to 100, for JPEG and lossy WebP
 * @param lossless WebP without loss; not with JPEG and GIF, which are never lossless
 * @param palette whether a PNG is written with a palette
 * @param animation what becomes of an animated GIF or WebP
 * @param filter the resampling filter
 * @param maxPixels images of more pixels are refused before they are decoded
 * @param background what shows through transparency in a JPEG and fills the box around a contained
 *     image: {@code #rrggbb}, or {@code #rrggbbaa} with an opacity
 * @param keepProfile the colours stay in the image's ICC profile, which the result carries, instead
 *     of being converted to sRGB
 * @param progressive a JPEG is written in scans that show it ever sharper: a few per cent smaller,
 *     for more processor time
 * @param damaged what becomes of an image that is cut off or damaged
 */
public record ImageResize(
    byte[] image,
    int width,
    int height,
    Fit fit,
    Gravity gravity,
    Format format,
    int quality,
    boolean lossless,
    Palette palette,
    Animation animation,
    Filter filter,
    long maxPixels,
    String background,
    boolean keepProfile,
    boolean progressive,
    Damaged damaged) {
  private static final Pattern COLOUR = Pattern.compile("(#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?)?");

  /** How an image goes into a box. */
  public enum Fit {
    /** Whole and undistorted; one side may be shorter than the box. The default. */
    FIT,
    /** Exactly the box, stretched. */
    FILL,
    /** Exactly the box, undistorted; what stands out is cut off, as {@link Gravity} says. */
    CROP,
    /** Exactly the box, whole and undistorted; the rest is filled with the background. */
    CONTAIN
  }

  /** A part of an image, or a place in a box. */
  public enum Gravity {
    /** The middle. The default. */
    CENTRE,
    /** The upper edge. */
    NORTH,
    /** The upper right corner. */
    NORTHEAST,
    /** The right edge. */
    EAST,
    /** The lower right corner. */
    SOUTHEAST,
    /** The lower edge. */
    SOUTH,
    /** The lower left corner. */
    SOUTHWEST,
    /** The left edge. */
    WEST,
    /** The upper left corner. */
    NORTHWEST
  }

  /** Whether a PNG is written as indices into a palette of up to 256 colours. */
  public enum Palette {
    /**
     * Where that is smaller and loses nothing, and where the image is a palette PNG, whose colours
     * are reduced to 256 if scaling makes more. The default.
     */
    AUTO,
    /** Always; colours are reduced to 256 where there are more. */
    ALWAYS,
    /** Never. */
    NEVER
  }

  /** What becomes of an animation. */
  public enum Animation {
    /** Its first frame. The default. */
    FIRST,
    /** All frames, with their times and the number of repetitions, as a GIF or WebP. */
    KEEP
  }

  /** What becomes of an image that is cut off or damaged, or lacks its end. */
  public enum Damaged {
    /** It is refused. The default. */
    REFUSE,
    /** What can be decoded is the picture. */
    ACCEPT
  }

  /** The format of a result. */
  public enum Format {
    /**
     * That of the image; WebP for an AVIF, PNG for a TIFF and for a GIF without kept animation. The
     * default.
     */
    SAME,
    /** JPEG, baseline unless asked otherwise. */
    JPEG,
    /** PNG. */
    PNG,
    /** WebP, lossy unless asked otherwise. */
    WEBP,
    /** GIF, of up to 256 colours a frame. */
    GIF
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
   * Checks what can be checked here.
   *
   * @throws IllegalArgumentException if width and height are both 0, a number is out of range, the
   *     background is no colour, or a format is to be lossless that never is
   */
  public ImageResize {
    Objects.requireNonNull(image, "image");
    Objects.requireNonNull(fit, "fit");
    Objects.requireNonNull(gravity, "gravity");
    Objects.requireNonNull(format, "format");
    Objects.requireNonNull(palette, "palette");
    Objects.requireNonNull(animation, "animation");
    Objects.requireNonNull(filter, "filter");
    Objects.requireNonNull(background, "background");
    Objects.requireNonNull(damaged, "damaged");
    Checks.notNegative("the width", width);
    Checks.notNegative("the height", height);
    Checks.range("the quality", quality, 1, 100);
    Checks.notNegative("the limit on pixels", maxPixels);
    if (width == 0 && height == 0) {
      throw new IllegalArgumentException(
          "width and height are both 0: give at least one of them, in pixels; the other then"
              + " follows from the image");
    }
    if (!COLOUR.matcher(background).matches()) {
      throw new IllegalArgumentException(
          "the background " + background + " is neither #rrggbb nor #rrggbbaa");
    }
    if (lossless && (format == Format.JPEG || format == Format.GIF)) {
      throw new IllegalArgumentException(format + " is never lossless; ask for PNG or WEBP");
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
    Draft draft = new Draft(image);
    draft.width = width;
    draft.height = height;
    return draft.finish();
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
   * @param fit whole, stretched, cut or padded
   * @return a copy
   */
  public ImageResize withFit(Fit fit) {
    Draft draft = new Draft(this);
    draft.fit = fit;
    return draft.finish();
  }

  /**
   * Which part a crop keeps, and where a contained image lies.
   *
   * @param gravity the place
   * @return a copy
   */
  public ImageResize withGravity(Gravity gravity) {
    Draft draft = new Draft(this);
    draft.gravity = gravity;
    return draft.finish();
  }

  /**
   * The format of the result.
   *
   * @param format the format
   * @return a copy
   */
  public ImageResize withFormat(Format format) {
    Draft draft = new Draft(this);
    draft.format = format;
    return draft.finish();
  }

  /**
   * The quality of a JPEG or lossy WebP.
   *
   * @param quality 1 to 100
   * @return a copy
   */
  public ImageResize withQuality(int quality) {
    Draft draft = new Draft(this);
    draft.quality = quality;
    return draft.finish();
  }

  /**
   * Whether a WebP loses nothing.
   *
   * @param lossless true for a WebP without loss
   * @return a copy
   */
  public ImageResize withLossless(boolean lossless) {
    Draft draft = new Draft(this);
    draft.lossless = lossless;
    return draft.finish();
  }

  /**
   * Whether a PNG is written with a palette.
   *
   * @param palette when
   * @return a copy
   */
  public ImageResize withPalette(Palette palette) {
    Draft draft = new Draft(this);
    draft.palette = palette;
    return draft.finish();
  }

  /**
   * What becomes of an animated GIF or WebP.
   *
   * @param animation its first frame, or all
   * @return a copy
   */
  public ImageResize withAnimation(Animation animation) {
    Draft draft = new Draft(this);
    draft.animation = animation;
    return draft.finish();
  }

  /**
   * The resampling filter.
   *
   * @param filter the filter
   * @return a copy
   */
  public ImageResize withFilter(Filter filter) {
    Draft draft = new Draft(this);
    draft.filter = filter;
    return draft.finish();
  }

  /**
   * The limit on decoded pixels.
   *
   * @param maxPixels images of more pixels are refused
   * @return a copy
   */
  public ImageResize withMaxPixels(long maxPixels) {
    Draft draft = new Draft(this);
    draft.maxPixels = maxPixels;
    return draft.finish();
  }

  /**
   * What shows through transparency in a JPEG and around a contained image.
   *
   * @param background {@code #rrggbb} or {@code #rrggbbaa}
   * @return a copy
   */
  public ImageResize withBackground(String background) {
    Draft draft = new Draft(this);
    draft.background = background;
    return draft.finish();
  }

  /**
   * Whether the colours stay in the ICC profile of the image.
   *
   * @param keepProfile true to keep it, false to convert to sRGB
   * @return a copy
   */
  public ImageResize withKeepProfile(boolean keepProfile) {
    Draft draft = new Draft(this);
    draft.keepProfile = keepProfile;
    return draft.finish();
  }

  /**
   * Whether a JPEG is progressive.
   *
   * @param progressive true for scans that show it ever sharper
   * @return a copy
   */
  public ImageResize withProgressive(boolean progressive) {
    Draft draft = new Draft(this);
    draft.progressive = progressive;
    return draft.finish();
  }

  /**
   * What becomes of an image that is cut off or damaged.
   *
   * @param damaged refused, or taken as far as it goes
   * @return a copy
   */
  public ImageResize withDamaged(Damaged damaged) {
    Draft draft = new Draft(this);
    draft.damaged = damaged;
    return draft.finish();
  }

  Json parameters() {
    return new Json()
        .putNonZero("width", width)
        .putNonZero("height", height)
        .putNonEmpty("fit", wire(fit))
        .putNonEmpty("gravity", wire(gravity))
        .putNonEmpty("format", wire(format))
        .putNonZero("quality", quality)
        .putTrue("lossless", lossless)
        .putNonEmpty("palette", wire(palette))
        .putNonEmpty("animation", wire(animation))
        .putNonEmpty("filter", wire(filter))
        .putNonZero("max_pixels", maxPixels)
        .putNonEmpty("background", background)
        .putTrue("keep_profile", keepProfile)
        .putTrue("progressive", progressive)
        .putNonEmpty("damaged", wire(damaged));
  }

  /** Empty for the first constant, which is the handler's default. */
  private static String wire(Enum<?> value) {
    return value.ordinal() == 0 ? "" : value.name().toLowerCase(Locale.ROOT);
  }

  /** The components, one of which is about to change. */
  private static final class Draft {
    private final byte[] image;
    private int width;
    private int height;
    private Fit fit = Fit.FIT;
    private Gravity gravity = Gravity.CENTRE;
    private Format format = Format.SAME;
    private int quality;
    private boolean lossless;
    private Palette palette = Palette.AUTO;
    private Animation animation = Animation.FIRST;
    private Filter filter = Filter.LANCZOS3;
    private long maxPixels;
    private String background = "";
    private boolean keepProfile;
    private boolean progressive;
    private Damaged damaged = Damaged.REFUSE;

    Draft(byte[] image) {
      this.image = image;
    }

    Draft(ImageResize from) {
      image = from.image;
      width = from.width;
      height = from.height;
      fit = from.fit;
      gravity = from.gravity;
      format = from.format;
      quality = from.quality;
      lossless = from.lossless;
      palette = from.palette;
      animation = from.animation;
      filter = from.filter;
      maxPixels = from.maxPixels;
      background = from.background;
      keepProfile = from.keepProfile;
      progressive = from.progressive;
      damaged = from.damaged;
    }

    ImageResize finish() {
      return new ImageResize(
          image,
          width,
          height,
          fit,
          gravity,
          format,
          quality,
          lossless,
          palette,
          animation,
          filter,
          maxPixels,
          background,
          keepProfile,
          progressive,
          damaged);
    }
  }
}
