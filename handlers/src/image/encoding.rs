//! How a picture is to be encoded.

use super::types::{Format, Palette};

/// How to encode.
pub(super) struct Encoding<'a> {
    pub(super) format: Format,
    pub(super) quality: u8,
    /// Red, green, blue, opacity.
    pub(super) background: [u8; 4],
    pub(super) lossless: bool,
    pub(super) progressive: bool,
    pub(super) palette: Palette,
    /// Whether the input was a palette PNG.
    pub(super) had_palette: bool,
    /// The ICC profile of the pixels, if they are not in sRGB.
    pub(super) profile: Option<&'a [u8]>,
}
