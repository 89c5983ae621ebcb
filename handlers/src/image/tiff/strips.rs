//! The data of a TIFF's strips and tiles. Each is read to its end, and what is found there tells
//! whether it is all there: a strip that was cut and has something else behind it has too little,
//! or something left, or a checksum that is not its own.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};
use weezl::{BitOrder, LzwStatus};

use super::super::filler;
use super::super::jpeg::Jpeg;
use super::super::raster::{Channels, Raster};
use super::{Problem, fax};

/// Bytes that may follow a strip's last pixel: a writer's padding.
const PADDING: usize = 3;
/// Bytes of pixels behind the last one, up to which a checksum is still looked for.
const MAX_MORE: usize = 1 << 20;

/// What the compressions are called that are not supported; the numbers are libtiff's.
const UNSUPPORTED: &[(u64, &str)] = &[
    (6, "old-style JPEG"),
    (9, "JBIG for black and white (T.85)"),
    (10, "JBIG for colours (T.43)"),
    (32_766, "NeXT"),
    (32_809, "ThunderScan"),
    (32_895, "IT8 with padding"),
    (32_896, "IT8 for line work"),
    (32_897, "IT8 for monochrome pictures"),
    (32_898, "IT8 for binary line art"),
    (32_908, "PixarFilm"),
    (32_909, "PixarLog"),
    (32_947, "Kodak DCS"),
    (33_003, "JPEG 2000 (Aperio)"),
    (33_005, "JPEG 2000 (Aperio)"),
    (34_661, "JBIG"),
    (34_676, "SGILog"),
    (34_677, "SGILog of 24 bits"),
    (34_712, "JPEG 2000"),
    (34_887, "LERC"),
    (34_892, "lossy JPEG of raw files"),
    (34_925, "LZMA"),
    (34_926, "ZSTD by its older number"),
    (34_927, "WebP by its older number"),
    (34_933, "PNG"),
    (34_934, "JPEG XR"),
    (50_000, "ZSTD"),
    (50_001, "WebP"),
    (50_002, "JPEG XL"),
    (52_546, "JPEG XL of raw files"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
    Fax(fax::Kind),
}

impl Compression {
    /// `options` is the tag for those of group 3, `more` that for group 4.
    pub(super) fn of(number: u64, options: u64, more: u64) -> Result<Self, Problem> {
        let kind = match number {
            0 | 1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            8 | 32_946 => return Ok(Self::Deflate),
            32_773 => return Ok(Self::PackBits),
            7 => return Ok(Self::Jpeg),
            2 => fax::Kind::Huffman(8),
            32_771 => fax::Kind::Huffman(16),
            3 => fax::Kind::Group3(options & 1 != 0),
            4 => fax::Kind::Group4,
            _ => {
                let name = UNSUPPORTED.iter().find(|(known, _)| *known == number);
                return Err(match name {
                    Some((_, name)) => {
                        format!("its compression is {name} ({number}), which is not supported")
                    }
                    None => format!("its compression has the number {number}, which is not known"),
                }
                .into());
            }
        };
        if (if number == 4 { more } else { options }) & 2 != 0 {
            return Err("its fax data has uncompressed parts, which are not supported".into());
        }
        Ok(Self::Fax(kind))
    }

    /// Whether differences between pixels may be stored instead of them.
    pub(super) fn has_predictor(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate)
    }
}

/// What a strip or tile has, in bytes.
pub(super) struct Wanted {
    /// Of the rows that lie in the picture.
    pub(super) least: usize,
    /// Of all its rows: the last strip may have been filled up.
    pub(super) most: usize,
}

/// A strip or tile as it stands in the file.
pub(super) struct Packed<'a> {
    pub(super) data: Cow<'a, [u8]>,
    /// The file ends before it does.
    pub(super) cut: bool,
}

const CUT: &str = "it is cut off or damaged: a strip or tile ends before its last pixel";
const DAMAGED: &str = "the data of a strip or tile is damaged";
const LEFT_OVER: &str =
    "a strip or tile goes on behind its last pixel, so some of what is before it is damaged";

/// Where the data of a strip stopped.
enum End {
    /// At a mark that says so.
    Marked,
    /// With the last byte.
    Exhausted,
}

/// Unpacks into `out`, which is emptied first and then has `wanted.least` bytes at most. `Err` says
/// what is wrong behind the bytes that it has.
pub(super) fn unpack(
    compression: Compression,
    packed: &Packed<'_>,
    wanted: &Wanted,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    out.clear();
    let data = &*packed.data;
    let end = match compression {
        Compression::Lzw => lzw(data, wanted, out)?,
        Compression::Deflate => deflate(data, wanted, out)?,
        Compression::PackBits => pack_bits(data, wanted, out)?,
        Compression::None | Compression::Jpeg | Compression::Fax(_) => {
            out.extend_from_slice(&data[..wanted.least.min(data.len())]);
            if out.len() < wanted.least {
                return Err(CUT.into());
            }
            return Ok(());
        }
    };
    match end {
        End::Exhausted if packed.cut => Err(CUT.into()),
        _ => Ok(()),
    }
}

fn deflate(data: &[u8], wanted: &Wanted, out: &mut Vec<u8>) -> Result<End, Problem> {
    let mut unpacker = Decompress::new(true);
    let (mut scratch, mut more) = ([0; 4096], 0);
    out.resize(wanted.least, 0);
    let mut done = 0;
    loop {
        let at = usize::try_from(unpacker.total_in()).unwrap_or(usize::MAX);
        let rest = data.get(at..).unwrap_or_default();
        let full = done == out.len();
        let room = if full { &mut scratch } else { &mut out[done..] };
        let before = (unpacker.total_in(), unpacker.total_out());
        let status = unpacker.decompress(rest, room, FlushDecompress::None);
        let made = usize::try_from(unpacker.total_out() - before.1).unwrap_or(0);
        *(if full { &mut more } else { &mut done }) += made;
        let problem = match status {
            Ok(Status::StreamEnd) if done == out.len() => return Ok(End::Marked),
            Ok(_) if more > wanted.most - wanted.least + MAX_MORE => LEFT_OVER,
            Ok(Status::StreamEnd) => CUT,
            Ok(_) if before == (unpacker.total_in(), unpacker.total_out()) => CUT,
            Ok(_) => continue,
            Err(_) => DAMAGED,
        };
        out.truncate(done);
        return Err(problem.into());
    }
}

fn lzw(data: &[u8], wanted: &Wanted, out: &mut Vec<u8>) -> Result<End, Problem> {
    use weezl::decode::Configuration;
    // The first writers had the bits the other way round; as libtiff tells them.
    let old = matches!(data, [0, second, ..] if second & 1 == 1);
    let configuration = if old {
        Configuration::new(BitOrder::Lsb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    let mut unpacker = configuration.with_yield_on_full_buffer(true).build();
    let (mut scratch, mut more) = ([0; 4096], 0);
    out.resize(wanted.least, 0);
    let (mut done, mut rest) = (0, data);
    let problem = loop {
        let full = done == out.len();
        let room = if full { &mut scratch } else { &mut out[done..] };
        let result = unpacker.decode_bytes(rest, room);
        rest = &rest[result.consumed_in..];
        *(if full { &mut more } else { &mut done }) += result.consumed_out;
        let stuck = result.consumed_in == 0 && result.consumed_out == 0;
        let too_many = more > wanted.most - wanted.least + PADDING;
        break match result.status {
            Ok(_) if too_many => LEFT_OVER,
            Ok(LzwStatus::Done) if done == out.len() => return Ok(End::Marked),
            Ok(LzwStatus::NoProgress) | Ok(LzwStatus::Ok) if stuck && done == out.len() => {
                return Ok(End::Exhausted);
            }
            Ok(LzwStatus::Done) => CUT,
            Ok(_) if stuck => CUT,
            Ok(_) => continue,
            Err(_) => DAMAGED,
        };
    };
    out.truncate(done);
    Err(problem.into())
}

fn pack_bits(data: &[u8], wanted: &Wanted, out: &mut Vec<u8>) -> Result<End, Problem> {
    let (mut rest, mut total) = (data, 0);
    while let Some((&head, after)) = rest.split_first() {
        if total >= wanted.least && rest.len() <= PADDING {
            break;
        }
        let room = wanted.least - out.len();
        let length = match head {
            0x80 => {
                rest = after;
                continue;
            }
            0..0x80 => {
                let length = usize::from(head) + 1;
                let (literal, next) = after.split_at(length.min(after.len()));
                out.extend_from_slice(&literal[..room.min(literal.len())]);
                if literal.len() < length {
                    return Err(CUT.into());
                }
                rest = next;
                length
            }
            _ => {
                let length = 257 - usize::from(head);
                let Some((&byte, next)) = after.split_first() else {
                    return Err(CUT.into());
                };
                out.resize(out.len() + room.min(length), byte);
                rest = next;
                length
            }
        };
        total += length;
        if total > wanted.most {
            return Err(LEFT_OVER.into());
        }
    }
    if total < wanted.least {
        return Err(CUT.into());
    }
    Ok(End::Exhausted)
}

/// Whether the tables that strips in JPEG share end in something else than their end's mark.
pub(super) fn are_filled_up(tables: &[u8]) -> bool {
    const END: [u8; 2] = [0xff, 0xd9];
    let padding = if tables.ends_with(&[0]) {
        filler::run(tables)
    } else {
        0
    };
    !tables[..tables.len() - padding].ends_with(&END)
}

/// The pixels of a strip or tile in JPEG, as rows of a byte a sample: RGB where the file says
/// `YCbCr`. `tables` are those that all strips share.
pub(super) fn unpack_jpeg(
    data: &[u8],
    tables: Option<&[u8]>,
    is_ycbcr: bool,
    lenient: bool,
) -> Result<Raster, Problem> {
    const MARK: usize = 2;
    let mut body = data.get(..MARK).unwrap_or_default().to_vec();
    if let Some(tables) = tables {
        // Without the marks of their own beginning and end.
        let end = tables.len().saturating_sub(MARK).max(MARK);
        body.extend_from_slice(tables.get(MARK..end).unwrap_or_default());
    }
    body.extend_from_slice(data.get(MARK..).unwrap_or_default());
    let mut jpeg = Jpeg::open(&body, lenient)?;
    jpeg.set_transformed(is_ycbcr);
    let mut raster = jpeg.decode(8)?;
    if raster.channels == Channels::Cmyk {
        // Here the values are those of the ink, or no ink at all.
        for value in &mut raster.data {
            *value = 255 - *value;
        }
    }
    Ok(raster)
}
