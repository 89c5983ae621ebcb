//! From a file's bytes to pixels.
//!
//! [`Source::open`] reads the header only, and refuses an image with too many
//! pixels before memory is set aside for one of them; [`Source::decode`] then
//! decodes. The other formats have files of their own; JPEG goes through
//! `zune-jpeg`, or through `rusty_jpeg` where a reduced size will do, which then
//! runs the inverse transform at that size instead of at full size, in a fraction
//! of the memory. All of these are Rust, and stay on the lane's thread.

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use super::animation::{Frame, Plays};
use super::raster::{Channels, Raster};
use super::resize::{Plan, is_sideways};
use super::{Format, exif, gif, png, tiff, too_many_pixels, webp};
use crate::error::TaskError;

const ACCEPTED: &str = "accepted are JPEG, PNG, WebP, GIF and TIFF";

/// The kind of file that the first bytes announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    Webp,
    Gif,
    Tiff,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
        }
    }

    /// The output's format where none is asked for.
    pub(super) fn default_output(self) -> Format {
        match self {
            Self::Jpeg => Format::Jpeg,
            Self::Png | Self::Gif | Self::Tiff => Format::Png,
            Self::Webp => Format::Webp,
        }
    }

    fn recognise(body: &[u8]) -> Result<Self, TaskError> {
        match body {
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Ok(Self::Tiff),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Ok(Self::Webp),
            _ => Err(TaskError::new(
                "image.undecodable",
                format!(
                    "{}; {ACCEPTED}: send the bytes of such a file",
                    describe_foreign(body)
                ),
            )),
        }
    }
}

fn describe_foreign(body: &[u8]) -> String {
    let name = match body {
        [] => return "the body is empty".to_owned(),
        [b'B', b'M', ..] => "BMP",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "HEIC or a video",
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', ..] => "JPEG XL",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'<', ..] => "markup text (SVG, XML or HTML)",
        [0, 0, 1, 0, ..] => "an ICO icon",
        _ => {
            return format!(
                "the body of {} bytes does not begin as any known image",
                body.len()
            );
        }
    };
    format!("the body looks like {name}")
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

/// An opened file, of which only the header has been read.
pub(super) struct Source<'a> {
    pub(super) kind: Kind,
    /// The stored size in pixels, before any turning; neither is 0.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    pub(super) profile: Option<Vec<u8>>,
    pub(super) details: Details,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Jpeg {
        body: &'a [u8],
        coded_as: ColorSpace,
    },
    Png(Box<png::File<'a>>),
    Webp(Box<webp::File<'a>>),
    Gif(Box<gif::File<'a>>),
    Tiff(Box<tiff::File<'a>>),
}

/// The frames of an animation, decoded one by one.
pub(super) type Frames<'a> = Box<dyn Iterator<Item = Result<Frame, TaskError>> + 'a>;

/// The decoded pixels, and what is still to be done to them.
pub(super) struct Decoded {
    pub(super) raster: Raster,
    pub(super) profile: Option<Vec<u8>>,
}

impl<'a> Source<'a> {
    pub(super) fn open(body: &'a [u8], max_pixels: u64) -> Result<Self, TaskError> {
        Self::open_as(body, max_pixels, false)
    }

    /// For the header alone: an image of any size, also one that is cut off behind its header.
    pub(super) fn open_header(body: &'a [u8]) -> Result<Self, TaskError> {
        Self::open_as(body, u64::MAX, true)
    }

    fn open_as(body: &'a [u8], max_pixels: u64, lenient: bool) -> Result<Self, TaskError> {
        let kind = Kind::recognise(body)?;
        let (header, decoder) = match kind {
            Kind::Jpeg => return Self::open_jpeg(body)?.checked(max_pixels),
            Kind::Png => {
                let (header, file) = png::open(body, max_pixels, lenient)?;
                (header, Decoder::Png(Box::new(file)))
            }
            Kind::Webp => {
                let (header, file) = webp::open(body, max_pixels, lenient)?;
                (header, Decoder::Webp(Box::new(file)))
            }
            Kind::Gif => {
                let (header, file) = gif::open(body, max_pixels, lenient)?;
                (header, Decoder::Gif(Box::new(file)))
            }
            Kind::Tiff => {
                let (header, file) = tiff::open(body, max_pixels, lenient)?;
                (header, Decoder::Tiff(Box::new(file)))
            }
        };
        Self {
            kind,
            width: header.width,
            height: header.height,
            orientation: header.orientation,
            profile: header.profile,
            details: header.details,
            decoder,
        }
        .checked(max_pixels)
    }

    fn checked(self, max_pixels: u64) -> Result<Self, TaskError> {
        if self.width == 0 || self.height == 0 {
            return Err(undecodable(self.kind, &"its header says 0 pixels"));
        }
        check_pixels(self.width, self.height, max_pixels)?;
        Ok(self)
    }

    fn open_jpeg(body: &'a [u8]) -> Result<Self, TaskError> {
        let problem = |error: &dyn std::fmt::Display| undecodable(Kind::Jpeg, error);
        if !jpeg_is_complete(body) {
            return Err(problem(
                &"it is cut off: the end-of-image marker is missing",
            ));
        }
        let mut decoder =
            zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(body), jpeg_options());
        decoder.decode_headers().map_err(|error| problem(&error))?;
        let (Some((width, height)), Some(coded_as)) =
            (decoder.dimensions(), decoder.input_colorspace())
        else {
            return Err(problem(&"it has no frame header"));
        };
        let orientation = decoder.exif().and_then(|exif| exif::orientation(exif));
        Ok(Self {
            kind: Kind::Jpeg,
            width: u32::try_from(width).map_err(|error| problem(&error))?,
            height: u32::try_from(height).map_err(|error| problem(&error))?,
            orientation: orientation.unwrap_or(Orientation::NoTransforms),
            profile: decoder.icc_profile(),
            details: Details {
                alpha: false,
                bits: 8,
                frames: 1,
                palette: false,
                plays: Plays::ONCE,
            },
            decoder: Decoder::Jpeg { body, coded_as },
        })
    }

    /// Width and height as a viewer sees them.
    pub(super) fn upright_size(&self) -> (u32, u32) {
        if is_sideways(self.orientation) {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// Whether it is a GIF or WebP of several frames.
    pub(super) fn is_animation(&self) -> bool {
        self.details.frames > 1 && matches!(self.kind, Kind::Gif | Kind::Webp)
    }

    /// The frames of a GIF or WebP, each as it is seen. `None` if the format has no animations.
    pub(super) fn frames(self, max_pixels: u64) -> Result<Option<Frames<'a>>, TaskError> {
        Ok(match self.decoder {
            Decoder::Gif(file) => Some(Box::new(file.frames(max_pixels)?)),
            Decoder::Webp(file) => Some(Box::new(file.frames()?)),
            Decoder::Jpeg { .. } | Decoder::Png(_) | Decoder::Tiff(_) => None,
        })
    }

    /// Decodes at full size, or at a fraction that serves `plan` as well.
    pub(super) fn decode(self, plan: &Plan) -> Result<Decoded, TaskError> {
        let Self {
            kind: _,
            width,
            height,
            orientation: _,
            profile,
            details: _,
            decoder,
        } = self;
        let raster = match decoder {
            Decoder::Jpeg { body, coded_as } => {
                decode_jpeg_reduced(body, coded_as, (width, height), plan.decode_eighths())
                    .map_or_else(|| decode_jpeg(body, coded_as, (width, height)), Ok)?
            }
            Decoder::Png(file) => file.decode()?,
            Decoder::Webp(file) => file.decode()?,
            Decoder::Gif(file) => file.decode()?,
            Decoder::Tiff(file) => file.decode()?,
        };
        Ok(Decoded { raster, profile })
    }
}

fn jpeg_options() -> DecoderOptions {
    DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
}

fn decode_jpeg(body: &[u8], coded_as: ColorSpace, size: (u32, u32)) -> Result<Raster, TaskError> {
    let (channels, color) = match coded_as {
        ColorSpace::Luma => (Channels::L, ColorSpace::Luma),
        // YCbCr and RGB, and CMYK and YCCK without their profile.
        _ => (Channels::Rgb, ColorSpace::RGB),
    };
    let options = jpeg_options().jpeg_set_out_colorspace(color);
    let data = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(body), options)
        .decode()
        .map_err(|error| undecodable(Kind::Jpeg, &error))?;
    Raster::new(size.0, size.1, channels, data)
        .ok_or_else(|| undecodable(Kind::Jpeg, &"its size is not that of its header"))
}

/// Decodes at a half, a quarter or an eighth. `None` sends the caller to the
/// full decoder: at full size, for the rarer colour codings, and for whatever
/// this decoder does not understand.
fn decode_jpeg_reduced(
    body: &[u8],
    coded_as: ColorSpace,
    size: (u32, u32),
    eighths: u16,
) -> Option<Raster> {
    if eighths >= 8 || !matches!(coded_as, ColorSpace::YCbCr | ColorSpace::Luma) {
        return None;
    }
    let mut decoder = rusty_jpeg::Decoder::new(body);
    decoder.set_single_threaded(true); // the lanes are the threads
    decoder.read_info().ok()?;
    let info = decoder.info()?;
    if (u32::from(info.width), u32::from(info.height)) != size {
        return None;
    }
    let channels = match info.pixel_format {
        rusty_jpeg::PixelFormat::L8 => Channels::L,
        rusty_jpeg::PixelFormat::RGB24 => Channels::Rgb,
        rusty_jpeg::PixelFormat::L16 | rusty_jpeg::PixelFormat::CMYK32 => return None,
    };
    let reduced = |side: u16| u16::try_from((u32::from(side) * u32::from(eighths)).div_ceil(8));
    let (width, height) = decoder
        .scale(reduced(info.width).ok()?, reduced(info.height).ok()?)
        .ok()?;
    let data = decoder.decode().ok()?;
    Raster::new(width.into(), height.into(), channels, data)
}

pub(super) fn check_pixels(width: u32, height: u32, max_pixels: u64) -> Result<(), TaskError> {
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(too_many_pixels(
            "an image",
            width.into(),
            height.into(),
            max_pixels,
        ));
    }
    Ok(())
}

/// Whether an end-of-image marker follows the first start of scan. (A lenient
/// decoder fills what is missing with grey, which nobody wants to keep.) The
/// segments before are stepped over, as a preview in them has its own end.
fn jpeg_is_complete(body: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker]) = body.get(at..at + 2) {
        match marker {
            0xda => return body[at..].windows(2).rev().any(|pair| pair == [0xff, 0xd9]),
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => match body.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        }
    }
    // Not at a marker: leave the judgement to the decoder, unless the body is over.
    at < body.len()
}

#[track_caller]
pub(super) fn undecodable(kind: Kind, reason: &dyn std::fmt::Display) -> TaskError {
    let name = kind.name();
    TaskError::new(
        "image.undecodable",
        format!(
            "the body begins as {name} and cannot be decoded: {reason}; it is cut off, damaged, or of a rare variant: send it again, or converted ({ACCEPTED})"
        ),
    )
}
