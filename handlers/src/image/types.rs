//! What is asked for and what comes out, and the errors that all parts of it give.

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
    pub(super) fn max_side(self) -> u64 {
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

#[track_caller]
pub(super) fn invalid_params(problem: &str) -> TaskError {
    TaskError::new("image.invalid_params", problem)
}

#[track_caller]
pub(super) fn too_many_pixels(what: &str, width: u64, height: u64, max: u64) -> TaskError {
    let remedy = match what.starts_with("an output") {
        true => "ask for a smaller size",
        false => "send a smaller image",
    };
    TaskError::new(
        "image.too_many_pixels",
        format!(
            "{what} of {width} x {height} is {} pixels, and max_pixels is {max}; {remedy}, or raise max_pixels if the worker has the memory (up to 14 bytes a pixel, 21 for a TIFF with many samples of 16 bits)",
            width.saturating_mul(height)
        ),
    )
}
