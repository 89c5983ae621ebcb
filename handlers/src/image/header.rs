//! What the header of a file says, and how a file is refused.

use image::metadata::Orientation;

use super::frame::Plays;
use super::types::{Format, too_many_pixels};
use ringwork_worker::TaskError;

pub(super) const ACCEPTED: &str = "accepted are JPEG, PNG, WebP, AVIF, GIF and TIFF";

/// The kind of file that the first bytes announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    Webp,
    Gif,
    Tiff,
    Avif,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
            Self::Avif => "AVIF",
        }
    }

    /// The output's format where none is asked for.
    pub(super) fn default_output(self) -> Format {
        match self {
            Self::Jpeg => Format::Jpeg,
            Self::Png | Self::Gif | Self::Tiff => Format::Png,
            Self::Webp | Self::Avif => Format::Webp,
        }
    }
}

/// What the header of a file says.
pub(super) struct Header {
    /// The stored size in pixels, before any turning.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    pub(super) profile: Option<Vec<u8>>,
    pub(super) details: Details,
}

/// What the header says beside size, orientation and profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Details {
    /// Whether a pixel may be transparent.
    pub(super) alpha: bool,
    /// Bits a sample, as stored; of a palette its indices' bits.
    pub(super) bits: u8,
    /// At least 1.
    pub(super) frames: u32,
    /// Whether the pixels are indices into a palette.
    pub(super) palette: bool,
    /// How often an animation is shown.
    pub(super) plays: Plays,
}

/// Most pixels in a direction. Resampling keeps some 50 bytes for each of them, which is nothing for
/// a picture and 3 GB for a line of 50 million. A JPEG has 65,535 at most.
const MAX_SIDE: u32 = 1_000_000;

pub(super) fn check_pixels(width: u32, height: u32, max_pixels: u64) -> Result<(), TaskError> {
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(too_many_pixels(
            "an image",
            width.into(),
            height.into(),
            max_pixels,
        ));
    }
    if width.max(height) > MAX_SIDE {
        return Err(TaskError::new(
            "image.too_many_pixels",
            format!(
                "an image of {width} x {height} has a side of more than {MAX_SIDE} pixels, whatever max_pixels is; cut it into parts"
            ),
        ));
    }
    Ok(())
}

#[track_caller]
pub(super) fn undecodable(kind: Kind, reason: &dyn std::fmt::Display) -> TaskError {
    let reason = reason.to_string();
    if reason.starts_with("it ") {
        return bad(kind, &reason); // it is ours, and the only one
    }
    let name = kind.name();
    TaskError::new(
        "image.undecodable",
        format!(
            "the body begins as {name} and cannot be decoded: {reason}; it is cut off, damaged (`damaged` as `accept` takes what there is), or of a rare variant: send it again, or converted ({ACCEPTED})"
        ),
    )
}

/// [`undecodable`] for a problem that is known exactly.
#[track_caller]
pub(super) fn bad(kind: Kind, problem: &str) -> TaskError {
    let name = kind.name();
    // A JPEG's problem says so where it is of use.
    let accept = match problem.contains("cut off") && kind != Kind::Jpeg {
        true => " (`damaged` as `accept` takes what there is)",
        false => "",
    };
    TaskError::new(
        "image.undecodable",
        format!(
            "the body begins as {name} and cannot be decoded: {problem}{accept}; send it again, or converted ({ACCEPTED})"
        ),
    )
}
