//! `image.resize`, `image.thumbnail` and `image.info`: JPEG, PNG, WebP and GIF, in and out; AVIF
//! and TIFF in.
//!
//! The order of work keeps the big buffer's life short: the header gives the
//! size, which is checked before anything is allocated for pixels (`decode`);
//! a JPEG that shrinks by far is decoded at 1/2, 1/4 or 1/8 at once; then the
//! pixels are resized (`resize`), and only the small result is turned
//! upright, converted to sRGB and encoded (`encode`).
//!
//! What is true of every result: 8 bits per channel (16-bit input is rounded),
//! sRGB (unless the profile is to be kept), upright, and
//! without any of the input's other metadata. Resizing works on the gamma-encoded
//! values, as browsers and most libraries do, with premultiplied alpha.

mod animation;
mod avif;
mod decode;
mod encode;
mod exif;
mod gif;
mod info;
mod jpeg;
mod palette;
mod params;
mod pixels;
mod png;
mod profile;
mod raster;
mod resize;
mod tiff;
mod webp;

pub use info::{Description, InfoParams, info};
pub use params::{ResizeParams, ThumbnailParams};

use serde::{Deserialize, Serialize};

use ringwork_worker::TaskError;

/// The default of `max_pixels`: 100 megapixels.
pub const DEFAULT_MAX_PIXELS: u64 = 100_000_000;
/// The default box of a thumbnail: 256 by 256 pixels.
pub const DEFAULT_THUMBNAIL_SIZE: u32 = 256;

/// How the image goes into the box of width by height. With only one of the
/// two given the other follows from the aspect ratio, and all three are alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Whole and undistorted; one side may be shorter than the box.
    #[default]
    Fit,
    /// Exactly the box, stretched.
    Fill,
    /// Exactly the box, undistorted; what stands out is cut off: evenly at both ends, or as
    /// [`Gravity`] says.
    Crop,
    /// Exactly the box, whole and undistorted; the rest of the box is filled with the background.
    Contain,
}

/// Which part of the image a crop keeps, and where in its box a contained image lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// The middle.
    #[default]
    #[serde(alias = "center")]
    Centre,
    /// The upper edge.
    North,
    /// The upper right corner.
    NorthEast,
    /// The right edge.
    East,
    /// The lower right corner.
    SouthEast,
    /// The lower edge.
    South,
    /// The lower left corner.
    SouthWest,
    /// The left edge.
    West,
    /// The upper left corner.
    NorthWest,
}

/// Whether a PNG is written as indices into a palette of up to 256 colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Palette {
    /// Where that is smaller and loses nothing; and where the input is a palette PNG, of which a
    /// resize makes more colours than fit: they are reduced to 256.
    #[default]
    Auto,
    /// Always; colours are reduced to 256 where there are more.
    Always,
    /// Never.
    Never,
}

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Baseline JPEG; 4:2:0 below quality 90, 4:4:4 from there on.
    Jpeg,
    /// PNG with a fast compression.
    Png,
    /// WebP, lossy unless asked otherwise.
    Webp,
    /// GIF, of up to 256 colours a frame.
    Gif,
}

impl Format {
    /// The media type, for a response's `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The longest side that the format can express, in pixels.
    fn max_side(self) -> u64 {
        match self {
            Self::Jpeg | Self::Gif => 65_535,
            Self::Png => (1 << 31) - 1,
            Self::Webp => 16_383,
        }
    }
}

/// What becomes of an animation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Animation {
    /// Its first frame.
    #[default]
    First,
    /// All frames, with their times and the number of repetitions, as a GIF or WebP. All frames
    /// together count against `max_pixels`, both of the input and of the output.
    Keep,
}

/// The resampling filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Sharpest, and the slowest of the four.
    #[default]
    Lanczos3,
    /// Triangle filter: fast and soft.
    Bilinear,
    /// Catmull-Rom cubic: nearly as sharp as Lanczos with less ringing.
    CatmullRom,
    /// The average of the pixels covered: fastest.
    Box,
}

/// What becomes of a file that is cut off or damaged, or lacks its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damaged {
    /// It is refused.
    #[default]
    Refuse,
    /// What can be decoded is the picture; the rest is grey or transparent. A WebP or AVIF has no
    /// rest.
    Accept,
}

/// What was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImageInfo {
    /// The output's width in pixels.
    pub width: u32,
    /// The output's height in pixels.
    pub height: u32,
    /// The output's format.
    pub format: Format,
}

/// An encoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodedImage {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Its size and format.
    pub info: ImageInfo,
}

/// The image in `body`, resized.
///
/// # Errors
///
/// - `image.invalid_params`: no width and height, a zero, quality or background
///   out of range, or an output side that the format cannot express.
/// - `image.undecodable`: the body is empty, of another format, cut off or damaged.
/// - `image.too_many_pixels`: the input or the output is over `max_pixels`.
/// - `image.failed`: no memory, or the encoder failed.
pub fn resize(params: &ResizeParams, body: &[u8]) -> Result<EncodedImage, TaskError> {
    let mut bytes = Vec::new();
    let info = resize_into(params, body, &mut bytes)?;
    Ok(EncodedImage { bytes, info })
}

/// [`resize`](fn@resize) that appends the encoded image to `out`. On an error `out` is as before.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn resize_into(
    params: &ResizeParams,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    if params.width.is_none() && params.height.is_none() {
        return Err(invalid_params("give `width`, `height` or both, in pixels"));
    }
    process(params, true, body, out)
}

/// The image in `body`, made to fit a box if it is larger, never enlarged.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn thumbnail(params: &ThumbnailParams, body: &[u8]) -> Result<EncodedImage, TaskError> {
    let mut bytes = Vec::new();
    let info = thumbnail_into(params, body, &mut bytes)?;
    Ok(EncodedImage { bytes, info })
}

/// [`thumbnail`] that appends the encoded image to `out`. On an error `out` is as before.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn thumbnail_into(
    params: &ThumbnailParams,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    let (width, height) = match (params.size, params.width, params.height) {
        (None, None, None) => (Some(DEFAULT_THUMBNAIL_SIZE), Some(DEFAULT_THUMBNAIL_SIZE)),
        (size @ Some(_), None, None) => (size, size),
        (None, width, height) => (width, height),
        (Some(_), ..) => {
            return Err(invalid_params(
                "`size` was given together with `width` or `height`; give the one or the other",
            ));
        }
    };
    let params = params.in_box(width, height);
    process(&params, false, body, out)
}

fn process(
    params: &ResizeParams,
    enlarge: bool,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    let quality = u8::try_from(params.quality)
        .ok()
        .filter(|quality| (1..=100).contains(quality))
        .ok_or_else(|| {
            invalid_params(&format!(
                "quality {} is outside 1..=100; 80 is the default",
                params.quality
            ))
        })?;
    let background = encode::parse_background(&params.background)?;

    let source = decode::Source::open(body, params.max_pixels, params.damaged == Damaged::Accept)?;
    let animated = params.animation == Animation::Keep && source.is_animation();
    let format = params.format.unwrap_or_else(|| match source.kind {
        decode::Kind::Gif if animated => Format::Gif,
        kind => kind.default_output(),
    });
    let plan = resize::Plan::new(source.upright_size(), params, enlarge)?;
    plan.check_output(format, params.max_pixels)?;
    if params.lossless && matches!(format, Format::Jpeg | Format::Gif) {
        return Err(invalid_params(&format!(
            "`lossless` with {}, which is never lossless; ask for `png` or `webp`",
            format.media_type()
        )));
    }
    let job = Job {
        params,
        plan,
        stored: plan.as_stored(source.orientation),
        full: (source.width, source.height),
        orientation: source.orientation,
        background,
    };
    let encoding = encode::Encoding {
        format,
        quality,
        background,
        lossless: params.lossless,
        progressive: params.progressive,
        palette: params.palette,
        had_palette: source.kind == decode::Kind::Png && source.details.palette,
        profile: None,
    };
    if animated {
        return animation::process(source, &job, encoding, out);
    }
    let decoded = source.decode(&job.stored)?;
    let (raster, profile) = job.run(
        (decoded.raster, decoded.scale),
        decoded.profile.as_deref(),
        format,
    )?;
    let encoding = encode::Encoding {
        profile,
        ..encoding
    };
    encode::encode(&raster, &encoding, out)?;
    Ok(ImageInfo {
        width: raster.width,
        height: raster.height,
        format,
    })
}

/// What is done to each decoded image.
struct Job<'a> {
    params: &'a ResizeParams,
    plan: resize::Plan,
    /// The plan for the image as it is stored.
    stored: resize::Plan,
    /// The stored size in pixels.
    full: (u32, u32),
    orientation: ::image::metadata::Orientation,
    background: [u8; 4],
}

impl Job<'_> {
    /// The image as it is to be encoded, and the profile that goes with it. It was decoded at
    /// `scale` of its size.
    fn run<'p>(
        &self,
        (raster, scale): (raster::Raster, f64),
        profile: Option<&'p [u8]>,
        format: Format,
    ) -> Result<(raster::Raster, Option<&'p [u8]>), TaskError> {
        let raster = resize::run(raster, self.full, scale, &self.stored, self.params.filter)?;
        let kept = profile.filter(|profile| {
            self.params.keep_profile && format != Format::Gif && raster.is_described_by(profile)
        });
        let raster = match kept {
            Some(_) => raster,
            None => profile::into_srgb(raster, profile),
        };
        let raster = raster.turned(self.orientation)?.without_needless_alpha();
        Ok((self.plan.padded(raster, self.background)?, kept))
    }
}

#[track_caller]
fn invalid_params(problem: &str) -> TaskError {
    TaskError::new("image.invalid_params", problem)
}

#[track_caller]
fn too_many_pixels(what: &str, width: u64, height: u64, max: u64) -> TaskError {
    TaskError::new(
        "image.too_many_pixels",
        format!(
            "{what} of {width} x {height} is {} pixels, and max_pixels is {max}; send a smaller image, or raise max_pixels if the worker has the memory (up to 8 bytes a pixel)",
            width.saturating_mul(height)
        ),
    )
}

#[cfg(test)]
mod tests;
