//! `image.info`: what a file's header says, without decoding a pixel.

use serde::{Deserialize, Serialize};

use super::decode::Source;
use super::header::Details;
use ringwork_worker::TaskError;

/// The parameters of `image.info`: none so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct InfoParams {}

/// What the header of an image file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The file's format: `jpeg`, `png`, `webp`, `avif`, `gif` or `tiff`.
    pub format: String,
    /// The width in pixels, upright; of an animation that of its canvas.
    pub width: u32,
    /// The height in pixels, upright.
    pub height: u32,
    /// The orientation as EXIF numbers it, 1 to 8: how the stored pixels are to be turned. 1 is
    /// upright, and is said where the file says nothing.
    pub orientation: u8,
    /// Whether a pixel may be transparent.
    pub alpha: bool,
    /// Bits a sample as stored; of a palette those of an index.
    pub bits: u8,
    /// Whether the pixels are indices into a palette.
    pub palette: bool,
    /// The number of frames; 1 for a still image.
    pub frames: u32,
    /// The name of the embedded ICC profile, `unnamed` if it has none; `None` if there is no
    /// profile.
    pub profile: Option<String>,
}

/// Describes the image in `body` by its header. No pixel is decoded, and no size is too large. A
/// file that is cut off behind its header is described, too, where the format allows it.
///
/// # Errors
///
/// `image.undecodable`: the body is empty, of another format, or its header is damaged.
pub fn info(_: &InfoParams, body: &[u8]) -> Result<Description, TaskError> {
    let source = Source::open_header(body)?;
    let (width, height) = source.upright_size();
    let Details {
        alpha,
        bits,
        frames,
        palette,
        ..
    } = source.details;
    Ok(Description {
        format: source.kind.name().to_lowercase(),
        width,
        height,
        orientation: source.orientation.to_exif(),
        alpha,
        bits,
        palette,
        frames,
        profile: source
            .profile
            .as_deref()
            .map(|profile| name_of(profile).unwrap_or_else(|| "unnamed".to_owned())),
    })
}

/// The description in an ICC profile, in ASCII (version 2) or UTF-16 (version 4).
fn name_of(profile: &[u8]) -> Option<String> {
    const HEADER: usize = 128;
    const MAX_NAME: usize = 200;
    let number = |at: usize| {
        let bytes = *profile.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let tags = number(HEADER)?.min(100);
    let tag = (0..tags)
        .map(|tag| HEADER + 4 + 12 * tag)
        .find(|&at| profile.get(at..at + 4) == Some(b"desc"))?;
    let start = number(tag + 4)?;
    let name = match profile.get(start..start.checked_add(4)?)? {
        b"desc" => {
            let length = number(start + 8)?.min(MAX_NAME);
            let text = profile.get(start + 12..start + 12 + length)?;
            String::from_utf8_lossy(text).into_owned()
        }
        b"mluc" => {
            let (length, offset) = (number(start + 20)?.min(MAX_NAME), number(start + 24)?);
            let from = start.checked_add(offset)?;
            let text = profile.get(from..from.checked_add(length)?)?;
            let units = text.as_chunks::<2>().0.iter();
            char::decode_utf16(units.map(|unit| u16::from_be_bytes(*unit)))
                .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => return None,
    };
    let name = name.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!name.is_empty()).then(|| name.to_owned())
}
