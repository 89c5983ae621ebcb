//! TIFF in, by the `tiff` crate: the first page.
//!
//! The crate decodes no palettes. Their pixels are grey to it: the copy that it is given says so,
//! and the colours are looked up here.

use std::borrow::Cow;
use std::io::Cursor;

use image::metadata::Orientation;
use tiff::decoder::{BufferLayoutPreference, Decoder, Limits};
use tiff::tags::{SampleFormat, Tag};
use tiff::{ColorType, TiffResult};

use super::animation::Plays;
use super::decode::{Details, Header, Kind, check_pixels, undecodable};
use super::profile::left_by;
use super::raster::{Channels, Raster};
use super::{exif, pixels};
use ringwork_worker::TaskError;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const PHOTOMETRIC: u16 = 262;
const SUBFILE: u16 = 254;
const XMP: u16 = 700;
const PLANES: u16 = 284;
const TILE_WIDTH: u16 = 322;
const DNG_VERSION: u16 = 50706;
/// The type of a value of 16 bits.
const SHORT: usize = 3;
const GREY: u16 = 1;
const PALETTE: u16 = 3;
/// Of the tag for extra samples: an opacity that the colours are multiplied with already.
const ASSOCIATED: u16 = 1;
/// Of the same: a plain opacity.
const UNASSOCIATED: u16 = 2;
/// Of the tag for the order of bits: the lowest bit of a byte is the first one.
const REVERSED: usize = 2;
/// Samples a pixel. More would make a bomb of a small file.
const MAX_SAMPLES: usize = 8;
/// Values of a tag: places of strips, bytes of a profile. Each takes 32 bytes of memory.
const MAX_VALUES: usize = 1 << 22;
/// Bytes of one value, such as a profile.
const METADATA: usize = 16 << 20;

/// A TIFF of which the first directory has been read.
pub(super) struct File<'a> {
    decoder: Decoder<Cursor<Cow<'a, [u8]>>>,
    layout: Layout,
    /// The palette's red, green and blue.
    palette: Option<Vec<[u8; 3]>>,
    width: u32,
    height: u32,
    /// A cut or damaged file gives the rows that it has.
    lenient: bool,
}

/// How a pixel is stored.
#[derive(Clone, Copy)]
struct Layout {
    colours: Colours,
    bits: u8,
    /// Samples a pixel, with those that are not looked at.
    samples: usize,
    /// Of the first sample behind the colours.
    opacity: Opacity,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    /// Grey, or an index.
    One,
    Rgb,
    YCbCr,
    Cmyk,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opacity {
    None,
    Plain,
    Multiplied,
}

pub(super) fn open(
    body: &[u8],
    max_pixels: u64,
    lenient: bool,
) -> Result<(Header, File<'_>), TaskError> {
    let first = Directory::of(body);
    if body.get(8..10) == Some(b"CR") || first.as_ref().is_some_and(Directory::is_raw) {
        return Err(problem(
            &"it is a camera's raw file; only what the camera or a raw converter makes of it is a picture",
        ));
    }
    if let Some(Directory {
        width: Some(width),
        height: Some(height),
        ..
    }) = first
    {
        check_pixels(width, height, max_pixels)?;
    }
    if first
        .as_ref()
        .is_some_and(|first| first.tiled && first.planes)
    {
        return Err(problem(&"it has tiles of one colour each (in planes)"));
    }
    if first.as_ref().is_some_and(|first| first.oversized) {
        return Err(problem(
            &"a tag announces more values than the file can hold",
        ));
    }
    let length = body.len();
    let mut body = Cow::Borrowed(body);
    let place = first.and_then(|first| first.palette_place);
    if let Some(place) = place {
        body.to_mut()[place.at..place.at + 2].copy_from_slice(&place.order.short(GREY));
    }
    let mut decoder = Decoder::new(Cursor::new(body)).map_err(|error| problem(&error))?;
    if tag_or(&mut decoder, Tag::FillOrder, 1)? == REVERSED {
        let places = data_places(&mut decoder)?;
        if places.iter().map(|place| place.len()).sum::<usize>() > length {
            return Err(problem(&"its strips overlap"));
        }
        let mut body = std::mem::take(decoder.inner().get_mut());
        for place in places {
            if let Some(data) = body.to_mut().get_mut(place) {
                data.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            }
        }
        decoder = Decoder::new(Cursor::new(body)).map_err(|error| problem(&error))?;
    }
    let (width, height) = decoder.dimensions().map_err(|error| problem(&error))?;
    check_pixels(width, height, max_pixels)?;
    let mut limits = Limits::default();
    // The pixels are checked here. A strip or tile may be larger than the picture, but not much.
    limits.decoding_buffer_size = usize::MAX;
    limits.intermediate_buffer_size = usize::try_from(max_pixels)
        .unwrap_or(usize::MAX)
        .saturating_mul(8)
        .saturating_add(METADATA);
    limits.ifd_value_size = METADATA;
    let mut decoder = decoder.with_limits(limits);

    let layout = Layout::of(&mut decoder)?;
    let palette = match place {
        Some(_) => Some(palette(&mut decoder, layout.bits)?),
        None => None,
    };
    let orientation = decoder
        .find_tag_unsigned::<u16>(Tag::Orientation)
        .unwrap_or(None);
    let orientation = match orientation {
        Some(value) => Orientation::from_exif(u8::try_from(value).unwrap_or(0)),
        None => {
            let xmp = decoder.get_tag_u8_vec(Tag::Unknown(XMP)).ok();
            xmp.and_then(|xmp| exif::orientation_in_xmp(&xmp))
        }
    };
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let header = Header {
        width,
        height,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        // A profile for CMYK says nothing about the RGB that is made of CMYK with opacity here.
        profile: profile.filter(|_| layout.colours != Colours::Cmyk || layout.is_plain_cmyk()),
        details: Details {
            alpha: layout.opacity != Opacity::None,
            bits: layout.bits,
            frames: 1,
            palette: palette.is_some(),
            plays: Plays::ONCE,
        },
    };
    let file = File {
        decoder,
        layout,
        palette,
        width,
        height,
        lenient,
    };
    Ok((header, file))
}

impl Layout {
    /// CMYK without opacity stays as it is, for its profile.
    fn is_plain_cmyk(&self) -> bool {
        self.colours == Colours::Cmyk && self.opacity == Opacity::None
    }

    fn of(decoder: &mut Decoder<Cursor<Cow<'_, [u8]>>>) -> Result<Self, TaskError> {
        let samples = tag_or(decoder, Tag::SamplesPerPixel, 1)?;
        if samples > MAX_SAMPLES {
            return Err(problem(&format_args!(
                "{samples} samples a pixel, where {MAX_SAMPLES} are the most"
            )));
        }
        let colour = decoder.colortype().map_err(|error| problem(&error))?;
        let extra = decoder
            .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
            .unwrap_or(None);
        let opacity = match extra.as_deref().and_then(<[u16]>::first) {
            Some(&ASSOCIATED) => Opacity::Multiplied,
            Some(&UNASSOCIATED) => Opacity::Plain,
            _ => Opacity::None,
        };
        let (colours, count) = match colour {
            ColorType::Gray(_) | ColorType::GrayA(_) | ColorType::Multiband { .. } => {
                (Colours::One, 1)
            }
            ColorType::RGB(_) | ColorType::RGBA(_) => (Colours::Rgb, 3),
            ColorType::YCbCr(_) => (Colours::YCbCr, 3),
            ColorType::CMYK(_) | ColorType::CMYKA(_) => (Colours::Cmyk, 4),
            _ => {
                return Err(problem(&format_args!("pixels of type {colour:?}")));
            }
        };
        let bits = colour.bit_depth();
        let supported = match colours {
            Colours::One => matches!(bits, 1 | 2 | 4 | 8 | 16),
            _ => matches!(bits, 8 | 16),
        };
        if !supported || samples < count || (bits < 8 && samples > 1) {
            return Err(problem(&format_args!(
                "{samples} samples of {bits} bits a pixel, of type {colour:?}"
            )));
        }
        Ok(Self {
            colours,
            bits,
            samples,
            opacity: if samples > count {
                opacity
            } else {
                Opacity::None
            },
        })
    }
}

impl File<'_> {
    pub(super) fn decode(mut self) -> Result<Raster, TaskError> {
        let planes = self
            .decoder
            .image_buffer_layout()
            .map_err(|error| problem(&error))?;
        if planes.sample_format != SampleFormat::Uint {
            return Err(problem(&format_args!(
                "samples of the format {:?}, which are no 8 or 16 bits",
                planes.sample_format
            )));
        }
        let mut data = pixels::zeroed(Some(planes.complete_len))?;
        let read = self.decoder.read_image_bytes(&mut data);
        if read.is_err() && self.lenient {
            self.clear_half_done(&mut data, &planes);
        }
        pixels::whole_or_in_part(read, &data, self.lenient).map_err(|error| problem(&error))?;
        let samples = self.to_bytes(data, &planes)?;
        let (channels, data) = self.to_pixels(samples);
        Raster::new(self.width, self.height, channels, data)
            .ok_or_else(|| problem(&"its size is not that of its header"))
    }

    /// Zeroes the strip or tile that the decoder gave up, if its rows are differences still (a
    /// predictor is undone when all of a strip are there).
    fn clear_half_done(&mut self, data: &mut [u8], planes: &BufferLayoutPreference) {
        let predictor = tag_or(&mut self.decoder, Tag::Predictor, 1);
        if matches!(predictor, Ok(1)) {
            return;
        }
        let (across, down) = self.decoder.chunk_dimensions();
        let (across, down) = (across.max(1) as usize, down.max(1) as usize);
        let (width, height) = (self.width as usize, self.height as usize);
        let columns = width.div_ceil(across);
        let in_plane = columns * height.div_ceil(down);
        let planes = planes.planes.max(1);
        let pixel = self.layout.samples.div_ceil(planes) * usize::from(self.layout.bits) / 8;
        let half_done = (0..in_plane * planes).find(|chunk| {
            u32::try_from(*chunk).is_ok_and(|chunk| self.decoder.read_chunk(chunk).is_err())
        });
        let Some(chunk) = half_done else { return };
        let (plane, chunk) = (chunk / in_plane, chunk % in_plane);
        let (left, top) = (chunk % columns * across, chunk / columns * down);
        let right = (left + across).min(width);
        let rows = data.chunks_exact_mut((width * pixel).max(1));
        for row in rows.skip(plane * height + top).take(down.min(height - top)) {
            row[left * pixel..right * pixel].fill(0);
        }
    }

    /// A byte for each sample, pixel after pixel. Samples of fewer bits keep their value.
    fn to_bytes(
        &self,
        data: Vec<u8>,
        planes: &BufferLayoutPreference,
    ) -> Result<Vec<u8>, TaskError> {
        let wrong = || problem(&"its rows are not as long as its header says");
        let bits = usize::from(self.layout.bits);
        let in_plane = self.layout.samples.div_ceil(planes.planes.max(1));
        let width = self.width as usize;
        let row = (width * in_plane * bits).div_ceil(8);
        let rows = planes.planes.max(1) * self.height as usize;
        if data.len() != row * rows || in_plane * planes.planes.max(1) != self.layout.samples {
            return Err(wrong());
        }
        let data = match bits {
            16 => pixels::to_8_bits(data, u16::from_ne_bytes),
            8 => data,
            _ => data
                .chunks_exact(row)
                .flat_map(|row| {
                    let mask = u8::MAX >> (8 - bits);
                    let shifts = (0..8 / bits).rev().map(move |place| place * bits);
                    row.iter()
                        .flat_map(move |byte| shifts.clone().map(move |shift| byte >> shift & mask))
                        .take(width)
                })
                .collect(),
        };
        if planes.planes <= 1 {
            return Ok(data);
        }
        let plane = data.len() / planes.planes;
        let pixels = 0..plane;
        Ok(pixels
            .flat_map(|pixel| data[pixel..].iter().step_by(plane).copied())
            .collect())
    }

    fn to_pixels(&self, samples: Vec<u8>) -> (Channels, Vec<u8>) {
        let Layout {
            colours,
            bits,
            samples: count,
            opacity,
        } = self.layout;
        let has_alpha = opacity != Opacity::None;
        if let Some(palette) = &self.palette {
            let colour = |&index: &u8| palette.get(usize::from(index)).copied().unwrap_or([0; 3]);
            let pixels = samples.iter().step_by(count);
            return (Channels::Rgb, pixels.flat_map(colour).collect());
        }
        if self.layout.is_plain_cmyk() {
            let pixels = samples.chunks_exact(count).flat_map(|pixel| &pixel[..4]);
            return (Channels::Cmyk, pixels.copied().collect());
        }
        let channels = match (colours, has_alpha) {
            (Colours::One, false) => Channels::L,
            (Colours::One, true) => Channels::La,
            (_, false) => Channels::Rgb,
            (_, true) => Channels::Rgba,
        };
        if bits >= 8 && count == channels.count() && opacity != Opacity::Multiplied {
            match colours {
                Colours::One | Colours::Rgb => return (channels, samples),
                Colours::YCbCr | Colours::Cmyk => {}
            }
        }
        // Fewer bits: the highest value is white.
        let scale = 255 / (u8::MAX >> 8u8.saturating_sub(bits));
        let mut data = Vec::with_capacity(samples.len() / count * channels.count());
        for pixel in samples.chunks_exact(count) {
            let (mut rgb, used) = match (colours, pixel) {
                (Colours::Rgb, &[r, g, b, ..]) => ([r, g, b], 3),
                (Colours::YCbCr, &[y, cb, cr, ..]) => (from_ycbcr(y, cb, cr), 3),
                (Colours::Cmyk, &[c, m, y, k, ..]) => ([c, m, y].map(|ink| left_by(ink, k)), 4),
                (_, &[grey, ..]) => ([grey * scale; 3], 1),
                _ => ([0; 3], 1),
            };
            let alpha = pixel.get(used).copied().unwrap_or(u8::MAX);
            if opacity == Opacity::Multiplied {
                rgb = rgb.map(|value| divided(value, alpha));
            }
            data.extend_from_slice(&rgb[..if colours == Colours::One { 1 } else { 3 }]);
            if has_alpha {
                data.push(alpha);
            }
        }
        (channels, data)
    }
}

fn divided(value: u8, alpha: u8) -> u8 {
    if alpha == 0 {
        return 0;
    }
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    u8::try_from((value * 255 + alpha / 2) / alpha).unwrap_or(u8::MAX)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 0..=255
fn from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|value| value.round().clamp(0.0, 255.0) as u8)
}

fn palette(
    decoder: &mut Decoder<Cursor<Cow<'_, [u8]>>>,
    bits: u8,
) -> Result<Vec<[u8; 3]>, TaskError> {
    if bits > 8 {
        return Err(problem(&format_args!("a palette of {bits} bits")));
    }
    let map: TiffResult<Vec<u16>> = decoder.get_tag_u16_vec(Tag::ColorMap);
    let map = map.map_err(|error| problem(&error))?;
    let colours = 1 << bits;
    if map.len() < 3 * colours {
        return Err(problem(&"its palette has too few colours"));
    }
    // The values have 16 bits; some writers give them 8.
    let shift = if map.iter().all(|value| *value < 256) {
        0
    } else {
        8
    };
    let value = |at: usize| u8::try_from(map[at] >> shift).unwrap_or(u8::MAX);
    Ok((0..colours)
        .map(|index| {
            [
                value(index),
                value(colours + index),
                value(2 * colours + index),
            ]
        })
        .collect())
}

/// Where the strips or tiles lie in the file.
fn data_places(
    decoder: &mut Decoder<Cursor<Cow<'_, [u8]>>>,
) -> Result<Vec<std::ops::Range<usize>>, TaskError> {
    let mut numbers = |strips: Tag, tiles: Tag| {
        let found = decoder.get_tag_u64_vec(strips);
        let found = found.or_else(|_| decoder.get_tag_u64_vec(tiles));
        found.map_err(|error| problem(&error))
    };
    let starts = numbers(Tag::StripOffsets, Tag::TileOffsets)?;
    let lengths = numbers(Tag::StripByteCounts, Tag::TileByteCounts)?;
    let places = starts
        .into_iter()
        .zip(lengths)
        .filter_map(|(start, length)| {
            let start = usize::try_from(start).ok()?;
            Some(start..start.checked_add(usize::try_from(length).ok()?)?)
        });
    Ok(places.collect())
}

fn tag_or(
    decoder: &mut Decoder<Cursor<Cow<'_, [u8]>>>,
    tag: Tag,
    default: usize,
) -> Result<usize, TaskError> {
    let found = decoder.find_tag_unsigned::<u16>(tag);
    let found = found.map_err(|error| problem(&error))?;
    Ok(found.map_or(default, usize::from))
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, join),
            Self::Big => bytes.iter().fold(0, join),
        }
    }

    fn short(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// What counts here of the first directory.
struct Directory {
    /// Where the file says that its pixels are indices.
    palette_place: Option<Place>,
    /// Whether the first image is a preview of another one, or the file says that it is raw.
    raw: bool,
    /// Whether a tag has more values than are believed: the decoder sets memory aside for all.
    oversized: bool,
    tiled: bool,
    /// Whether each colour lies by itself.
    planes: bool,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Clone, Copy)]
struct Place {
    at: usize,
    order: Order,
}

impl Directory {
    /// `None` if the file ends before; the decoder will say so.
    fn of(body: &[u8]) -> Option<Self> {
        let (order, large) = match body.first_chunk()? {
            b"II*\0" => (Order::Little, false),
            b"MM\0*" => (Order::Big, false),
            b"II+\0" => (Order::Little, true),
            b"MM\0+" => (Order::Big, true),
            _ => return None,
        };
        let number = |at: usize, length: usize| {
            let bytes = body.get(at..at.checked_add(length)?)?;
            usize::try_from(order.number(bytes)).ok()
        };
        // Bytes of the number of entries, of an entry, and of what is in front of its value.
        let (start, [count, entry, value]) = if large {
            (number(8, 8)?, [8, 20, 12])
        } else {
            (number(4, 4)?, [2, 12, 8])
        };
        let entries = number(start, count)?.min(1 << 16);
        let mut directory = Self {
            palette_place: None,
            raw: false,
            oversized: false,
            tiled: false,
            planes: false,
            width: None,
            height: None,
        };
        for index in 0..entries {
            let at = start.checked_add(count + index * entry)?;
            let first = at.checked_add(value)?;
            let values = number(at + 4, if large { 8 } else { 4 })?;
            directory.oversized |= values > body.len().min(MAX_VALUES);
            let side = || {
                let length = if number(at + 2, 2)? == SHORT { 2 } else { 4 };
                u32::try_from(number(first, length)?).ok()
            };
            match u16::try_from(number(at, 2)?).ok()? {
                WIDTH => directory.width = side(),
                HEIGHT => directory.height = side(),
                PHOTOMETRIC if number(first, 2)? == usize::from(PALETTE) => {
                    directory.palette_place = Some(Place { at: first, order });
                }
                SUBFILE => directory.raw |= number(first, 4)? & 1 != 0,
                DNG_VERSION => directory.raw = true,
                TILE_WIDTH => directory.tiled = true,
                PLANES => directory.planes = number(first, 2)? == 2,
                _ => {}
            }
        }
        Some(directory)
    }

    fn is_raw(&self) -> bool {
        self.raw
    }
}

#[track_caller]
fn problem(reason: &dyn std::fmt::Display) -> TaskError {
    undecodable(Kind::Tiff, reason)
}
