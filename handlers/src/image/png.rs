//! PNG in and out, by the `png` crate.
//!
//! The chunks are walked before anything is decoded: that finds what the decoder would not look
//! for (the end, metadata behind the pixels) and what it would misread (one vendor's variant).

use std::borrow::Cow;
use std::io::{Cursor, ErrorKind, Read};

use image::metadata::Orientation;
use png::{BitDepth, ColorType, Compression, Filter, Transformations};

use super::encoding::Encoding;
use super::frame::Plays;
use super::header::{Details, Header, Kind, check_pixels, undecodable};
use super::palette::Indexed;
use super::raster::{Channels, Raster};
use super::{Palette, exif, pixels};
use ringwork_worker::TaskError;

const SIGNATURE: usize = 8;
/// Bytes of unpacked text: EXIF has 64 KiB at most, in two digits a byte.
const TEXT: u64 = 1 << 18;
/// Bytes of an unpacked profile. Those of presses have some megabytes.
const PROFILE: u64 = 16 << 20;
/// Bytes of all that is unpacked beside the pixels, so that many small chunks cost no more than one.
const UNPACKED: u64 = 2 * PROFILE;

/// A PNG of which the header has been read.
pub(super) struct File<'a> {
    reader: png::Reader<Cursor<Cow<'a, [u8]>>>,
    /// A cut or damaged file gives the rows that it has.
    lenient: bool,
}

/// Bytes for metadata that is unpacked, and for some rows of the image. The pixels themselves are
/// not counted by the decoder.
fn metadata_limit(width: u32) -> usize {
    const METADATA: usize = 16 << 20;
    (width as usize).saturating_mul(64).saturating_add(METADATA)
}

/// What the chunks say.
#[derive(Default)]
struct Chunks {
    size: Option<(u32, u32)>,
    orientation: Option<Orientation>,
    /// In XMP, which counts where there is no EXIF.
    in_xmp: Option<Orientation>,
    /// Bits of a grey pixel, where it has less than a byte.
    grey_bits: Option<u8>,
    /// Where the grey that is transparent stands, if it has bits that a pixel has not.
    clear_grey: Option<usize>,
    /// The first profile in front of the pixels.
    profile: Option<Vec<u8>>,
    /// Whether pixels have been met.
    has_pixels: bool,
    /// Bytes unpacked so far.
    unpacked: u64,
    ended: bool,
}

pub(super) fn open(
    body: &[u8],
    max_pixels: u64,
    lenient: bool,
) -> Result<(Header, File<'_>), TaskError> {
    let chunks = walk(body)?;
    let Some((width, height)) = chunks.size else {
        return Err(problem(&"its first chunk is not a whole header (IHDR)"));
    };
    check_pixels(width, height, max_pixels)?;
    if !chunks.ended && !lenient {
        return Err(problem(
            &"it is cut off: the end-of-image chunk (IEND) is missing, in part or as a whole",
        ));
    }

    let mut options = png::DecodeOptions::default();
    // A wrong checksum is damage, be it that of a chunk or that of all pixels.
    options.set_ignore_checksums(lenient);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let body = match (chunks.clear_grey, chunks.grey_bits) {
        (Some(at), Some(bits)) => Cow::Owned(masked(body, at, bits)),
        _ => Cow::Borrowed(body),
    };
    let mut decoder = png::Decoder::new_with_options(Cursor::new(body), options);
    decoder.set_limits(png::Limits {
        bytes: metadata_limit(width),
    });
    decoder.set_transformations(Transformations::EXPAND);
    let reader = decoder.read_info().map_err(|error| problem(&error))?;
    let info = reader.info();
    let header = Header {
        width,
        height,
        orientation: chunks
            .orientation
            .or(chunks.in_xmp)
            .unwrap_or(Orientation::NoTransforms),
        profile: chunks.profile,
        details: Details {
            alpha: info.trns.is_some()
                || matches!(info.color_type, ColorType::GrayscaleAlpha | ColorType::Rgba),
            bits: info.bit_depth as u8,
            frames: info
                .animation_control
                .map_or(1, |animation| animation.num_frames.max(1)),
            palette: info.color_type == ColorType::Indexed,
            plays: Plays::ONCE,
        },
    };
    Ok((header, File { reader, lenient }))
}

impl File<'_> {
    /// The default image of an APNG is its first frame as a rule, and what every viewer shows.
    pub(super) fn decode(mut self) -> Result<Raster, TaskError> {
        let mut data = pixels::zeroed(self.reader.output_buffer_size())?;
        let read = self.reader.next_frame(&mut data);
        pixels::whole_or_in_part(read, &data, self.lenient).map_err(|error| problem(&error))?;
        let (color, depth) = self.reader.output_color_type();
        let channels = match color {
            ColorType::Grayscale => Channels::L,
            ColorType::GrayscaleAlpha => Channels::La,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => return Err(problem(&"it has a palette that is not there")),
        };
        let data = if depth == BitDepth::Sixteen {
            pixels::to_8_bits(data, u16::from_be_bytes)
        } else {
            data
        };
        let info = self.reader.info();
        Raster::new(info.width, info.height, channels, data)
            .ok_or_else(|| problem(&"its size is not that of its header"))
    }
}

/// Reads the chunks' names, the size and the orientation. Stops at the end of what is there.
fn walk(body: &[u8]) -> Result<Chunks, TaskError> {
    let mut chunks = Chunks::default();
    let mut rest = body.get(SIGNATURE..).unwrap_or_default();
    while let Some((&[l0, l1, l2, l3, n0, n1, n2, n3], after)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let name = [n0, n1, n2, n3];
        if name == *b"CgBI" {
            return Err(problem(
                &"it is of Apple's own variant (a CgBI chunk), which is no PNG by the standard; `pngcrush -revert-iphone-optimizations` turns it into one",
            ));
        }
        let Some((data, next)) = after.split_at_checked(length) else {
            break;
        };
        if chunks.size.is_none() {
            let Some(&[w0, w1, w2, w3, h0, h1, h2, h3]) = data.first_chunk() else {
                break;
            };
            if name != *b"IHDR" {
                break;
            }
            chunks.size = Some((
                u32::from_be_bytes([w0, w1, w2, w3]),
                u32::from_be_bytes([h0, h1, h2, h3]),
            ));
        }
        match &name {
            b"IHDR" => {
                if let Some(&[bits @ (1 | 2 | 4), 0]) = data.get(8..10) {
                    chunks.grey_bits = Some(bits);
                }
            }
            b"tRNS" => {
                if let (&[high, low], Some(bits)) = (data, chunks.grey_bits)
                    && (high != 0 || low >> bits != 0)
                    && next.starts_with(&checksum(name, data))
                {
                    chunks.clear_grey = Some(body.len() - after.len());
                }
            }
            b"eXIf" => chunks.orientation = exif::orientation(data),
            b"tEXt" | b"zTXt" if chunks.orientation.is_none() => {
                chunks.orientation = text_exif(data, name == *b"zTXt", &mut chunks.unpacked);
            }
            b"IDAT" => chunks.has_pixels = true,
            b"iCCP"
                if chunks.profile.is_none()
                    && !chunks.has_pixels
                    && next.starts_with(&checksum(name, data)) =>
            {
                chunks.profile = packed_profile(data, &mut chunks.unpacked);
            }
            b"iTXt" if chunks.in_xmp.is_none() => {
                chunks.in_xmp = text_xmp(data, &mut chunks.unpacked);
            }
            b"IEND" => {
                chunks.ended = next.starts_with(&checksum(name, data));
                break;
            }
            _ => {}
        }
        // The checksum.
        let Some(next) = next.get(4..) else { break };
        rest = next;
    }
    Ok(chunks)
}

/// A chunk's checksum as it stands behind it.
fn checksum(name: [u8; 4], data: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&name);
    hasher.update(data);
    hasher.finalize().to_be_bytes()
}

/// The file with only those bits of the transparent grey that a pixel has: the others do not count
/// by the standard (section 11.3.1.1 of its third edition), and the decoder would count them.
fn masked(body: &[u8], at: usize, bits: u8) -> Vec<u8> {
    let mut body = body.to_vec();
    let grey = [0, body[at + 1] & ((1 << bits) - 1)];
    body[at..at + 2].copy_from_slice(&grey);
    body[at + 2..at + 6].copy_from_slice(&checksum(*b"tRNS", &grey));
    body
}

/// The orientation in a chunk of text, where ImageMagick kept EXIF before there was a chunk for it:
/// the name `exif`, the length and the bytes in hexadecimal digits, each in a line of its own.
fn text_exif(chunk: &[u8], compressed: bool, spent: &mut u64) -> Option<Orientation> {
    let (keyword, text) = chunk.split_at_checked(chunk.iter().position(|byte| *byte == 0)?)?;
    if !matches!(keyword, b"Raw profile type exif" | b"Raw profile type APP1") {
        return None;
    }
    let text = match text.split_first()?.1 {
        [0, packed @ ..] if compressed => Cow::Owned(unpacked(packed, TEXT, spent)?.0),
        _ if compressed => return None,
        text => Cow::Borrowed(text),
    };
    let digits = text.splitn(4, |byte| *byte == b'\n').nth(3)?;
    let digits = digits
        .iter()
        .filter_map(|digit| char::from(*digit).to_digit(16));
    let digits: Vec<u8> = digits
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    let pairs = digits.as_chunks::<2>().0.iter();
    let bytes: Vec<u8> = pairs.map(|[high, low]| high << 4 | low).collect();
    exif::orientation(&bytes)
}

/// The orientation in a chunk of international text that holds XMP: its keyword, whether it is
/// packed and how, a language and a translated keyword, then the text.
fn text_xmp(chunk: &[u8], spent: &mut u64) -> Option<Orientation> {
    let rest = chunk.strip_prefix(b"XML:com.adobe.xmp\0")?;
    let (&[packed, method], rest) = rest.split_first_chunk()?;
    let text = rest.splitn(3, |byte| *byte == 0).nth(2)?;
    match (packed, method) {
        (0, _) => exif::orientation_in_xmp(text),
        (1, 0) => exif::orientation_in_xmp(&unpacked(text, TEXT, spent)?.0),
        _ => None,
    }
}

/// The profile in its chunk: a name, the way in which it is packed, and its packed bytes. Some
/// writers leave out the checksum at the end of these; a profile that is as long as it says is whole.
fn packed_profile(chunk: &[u8], spent: &mut u64) -> Option<Vec<u8>> {
    let name = memchr::memchr(0, chunk).filter(|length| *length > 0)?;
    let &[0, ref packed @ ..] = chunk.get(name + 1..)? else {
        return None;
    };
    let (profile, is_whole) = unpacked(packed, PROFILE, spent)?;
    let said = u32::from_be_bytes(*profile.first_chunk()?);
    let is_all = usize::try_from(said).is_ok_and(|said| profile.len() >= said);
    (is_whole || is_all).then_some(profile)
}

/// What is packed, up to a limit, and whether the end of the packed bytes is there. `spent` is what
/// has been unpacked before.
fn unpacked(packed: &[u8], limit: u64, spent: &mut u64) -> Option<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let limit = limit.min(UNPACKED.saturating_sub(*spent));
    let read = flate2::read::ZlibDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut bytes);
    *spent += bytes.len() as u64;
    match read {
        Ok(_) => Some((bytes, true)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Some((bytes, false)),
        Err(_) => None,
    }
}

pub(super) fn encode(
    raster: &Raster,
    encoding: &Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let profile = encoding.profile;
    let indexed = match encoding.palette {
        Palette::Never => None,
        Palette::Always => Some(Indexed::exact(raster).unwrap_or_else(|| Indexed::reduced(raster))),
        Palette::Auto => Indexed::exact(raster)
            .or_else(|| encoding.had_palette.then(|| Indexed::reduced(raster))),
    };
    let Some(indexed) = indexed else {
        return encode_true_colour(raster, profile, out);
    };
    let before = out.len();
    encode_indexed(&indexed, (raster.width, raster.height), profile, out)?;
    // A palette takes hundreds of bytes, and smooth pictures compress better without one.
    if encoding.palette == Palette::Auto {
        let mut other = Vec::new();
        encode_true_colour(raster, profile, &mut other)?;
        if other.len() <= out.len() - before {
            out.truncate(before);
            out.append(&mut other);
        }
    }
    Ok(())
}

fn encode_true_colour(
    raster: &Raster,
    profile: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let mut encoder = encoder((raster.width, raster.height), profile, out)?;
    encoder.set_color(match raster.channels {
        Channels::L => ColorType::Grayscale,
        Channels::La => ColorType::GrayscaleAlpha,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba | Channels::Cmyk => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    finish(encoder, &raster.data)
}

fn encode_indexed(
    indexed: &Indexed,
    size: (u32, u32),
    profile: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let mut encoder = encoder(size, profile, out)?;
    let (depth, bits) = match indexed.palette.len() {
        0..=2 => (BitDepth::One, 1),
        3..=4 => (BitDepth::Two, 2),
        5..=16 => (BitDepth::Four, 4),
        _ => (BitDepth::Eight, 8),
    };
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    let colours = indexed.palette.iter();
    encoder.set_palette(
        colours
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect::<Vec<_>>(),
    );
    let mut opacities: Vec<u8> = indexed.palette.iter().map(|colour| colour[3]).collect();
    // The opaque ones at the end may be left out.
    while opacities.last() == Some(&255) {
        opacities.pop();
    }
    if !opacities.is_empty() {
        encoder.set_trns(opacities);
    }
    // Neighbouring indices are no neighbouring colours, so filters do harm.
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::NoFilter);
    if bits == 8 {
        return finish(encoder, &indexed.indices);
    }
    let rows = indexed.indices.chunks(size.0.max(1) as usize);
    let packed: Vec<u8> = rows
        .flat_map(|row| {
            row.chunks(8 / bits).map(|pixels| {
                let places = pixels.iter().zip(1..);
                places.fold(0, |byte, (index, place)| byte | index << (8 - bits * place))
            })
        })
        .collect();
    finish(encoder, &packed)
}

fn encoder<'a, W: std::io::Write>(
    (width, height): (u32, u32),
    profile: Option<&'a [u8]>,
    out: W,
) -> Result<png::Encoder<'a, W>, String> {
    let mut info = png::Info::with_size(width, height);
    info.icc_profile = profile.map(Cow::Borrowed);
    png::Encoder::with_info(out, info).map_err(|error| error.to_string())
}

fn finish<W: std::io::Write>(encoder: png::Encoder<'_, W>, data: &[u8]) -> Result<(), String> {
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer
        .write_image_data(data)
        .map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())
}

#[track_caller]
fn problem(reason: &dyn std::fmt::Display) -> TaskError {
    undecodable(Kind::Png, reason)
}
