//! The container of a WebP: its chunks, whether they are all there, and writing them.

use std::borrow::Cow;
use std::ops::Range;

use super::super::header::{Kind, undecodable};
use super::super::{exif, filler};
use ringwork_worker::TaskError;

/// Behind RIFF, size and WEBP; and in a frame of an animation, behind its place and time.
pub(super) const FILE_HEADER: usize = 12;

pub(super) const FRAME_HEADER: usize = 16;

pub(super) const HAS_PROFILE: u8 = 0x20;

pub(super) const HAS_ALPHA: u8 = 0x10;

pub(super) const HAS_EXIF: u8 = 0x08;

pub(super) const HAS_XMP: u8 = 0x04;

pub(super) const ANIMATED: u8 = 0x02;

/// Of a frame: its pixels replace what is below them.
pub(super) const REPLACES: u8 = 0x02;

pub(super) fn extended_header(flags: u8, alpha: bool, (width, height): (u32, u32)) -> Vec<u8> {
    let flags = flags | if alpha { HAS_ALPHA } else { 0 };
    let mut payload = vec![flags, 0, 0, 0];
    payload.extend(three_bytes(width.saturating_sub(1)));
    payload.extend(three_bytes(height.saturating_sub(1)));
    let mut body = Vec::new();
    push_chunk(&mut body, b"VP8X", &payload);
    body
}

pub(super) fn push_chunk(body: &mut Vec<u8>, name: &[u8; 4], payload: &[u8]) {
    body.extend_from_slice(name);
    // A chunk is a part of a file whose size is checked in `push_file`.
    body.extend(
        u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    body.extend_from_slice(payload);
    if payload.len() % 2 == 1 {
        body.push(0);
    }
}

pub(super) fn push_file(out: &mut Vec<u8>, body: &[u8]) -> Result<(), String> {
    let size = u32::try_from(body.len() + 4).map_err(|_| "a file over 4 GiB".to_owned())?;
    out.extend_from_slice(b"RIFF");
    out.extend(size.to_le_bytes());
    out.extend_from_slice(b"WEBP");
    out.extend_from_slice(body);
    Ok(())
}

pub(super) fn three_bytes(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

/// The chunks in a part of a file, up to one that is cut off, which is given as far as it goes.
pub(super) fn chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (&[n0, n1, n2, n3, l0, l1, l2, l3], after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let chunk = after.get(..length).unwrap_or(after);
        rest = after
            .get(length.saturating_add(length % 2)..)
            .unwrap_or_default();
        Some(([n0, n1, n2, n3], chunk))
    })
}

/// Whether all bytes are there that the RIFF header announces. The byte of padding behind a last
/// chunk of odd length may lack.
pub(super) fn is_whole(body: &[u8]) -> bool {
    let Some(&[_, _, _, _, s0, s1, s2, s3]) = body.first_chunk() else {
        return false;
    };
    let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
    let lacks = (size + 8).saturating_sub(body.len() as u64);
    lacks == 0 || lacks == 1 && lacks_padding_only(body)
}

/// Whether the last chunk is there, but for the byte behind its odd length.
fn lacks_padding_only(body: &[u8]) -> bool {
    let mut at = FILE_HEADER;
    let mut is_odd = false;
    while let Some(&length) = body.get(at + 4..).and_then(|length| length.first_chunk()) {
        let length = u32::from_le_bytes(length) as usize;
        is_odd = length % 2 == 1;
        at = at.saturating_add(8 + length + length % 2);
    }
    is_odd && at == body.len() + 1
}

/// The chunks of the file. What stands behind it is none of them.
fn chunks_of(body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let size = body.get(4..).and_then(|size| size.first_chunk());
    let size = size.map_or(0, |size| u32::from_le_bytes(*size)) as usize;
    let end = body.len().min(size.saturating_add(8));
    chunks(body.get(FILE_HEADER..end).unwrap_or_default())
}

/// Where the flags of an extended file are, behind the header of its first chunk.
const FLAGS: usize = FILE_HEADER + 8;

/// What the header of an extended file announces beside the pixels, if it is one.
fn flags(body: &[u8]) -> Option<u8> {
    let is_extended = body.get(FILE_HEADER..)?.starts_with(b"VP8X");
    is_extended.then(|| body.get(FLAGS).copied())?
}

/// Whether the file's header announces metadata. What it does not announce does not count, as for
/// libwebp.
pub(super) fn announces(body: &[u8], kind: u8) -> bool {
    flags(body).is_some_and(|flags| flags & kind != 0)
}

/// The flags of metadata that is announced and not there.
pub(super) fn false_flags(body: &[u8]) -> u8 {
    let lacks = |name: [u8; 4]| chunks_of(body).all(|(other, _)| other != name);
    [(HAS_EXIF, *b"EXIF"), (HAS_XMP, *b"XMP ")]
        .into_iter()
        .filter(|&(flag, name)| announces(body, flag) && lacks(name))
        .fold(0, |flags, (flag, _)| flags | flag)
}

/// The file without these flags: a reader would refuse it for metadata that is not there.
pub(super) fn without_flags(body: &[u8], flags: u8) -> Cow<'_, [u8]> {
    let mut body = Cow::Borrowed(body);
    if flags != 0 {
        body.to_mut()[FLAGS] &= !flags;
    }
    body
}

/// Whether the metadata in which the file ends, behind its pixels, ends in filler.
pub(super) fn has_filled_metadata(body: &[u8]) -> bool {
    chunks_of(body)
        .last()
        .is_some_and(|(name, data)| match &name {
            b"EXIF" => exif::is_filled_up(data),
            b"XMP " => exif::is_filled_up_xmp(data),
            _ => false,
        })
}

pub(super) const FILLED_UP: &str =
    "it is cut off and filled up: its last bytes are no part of a picture, or of its description";

/// Equal bytes at the end of pixels' data that are looked into.
const SUSPICIOUS: usize = 4;
/// Bytes that a writer may put behind the last bit that a pixel of a lossy picture needs: the
/// references write two, libvpx writes six.
const SPARE_LOSSY: usize = 7;
/// The same of a lossless one, of which each bit counts.
const SPARE_LOSSLESS: usize = 2;

/// Whether the pixels' data in a still picture, which can be decoded, ends in filler that no pixel
/// needs.
///
/// Filler alone is no sign of a cut: the data of flat pictures ends in hundreds of zeros, which
/// stand for pixels. But libwebp decodes a whole file no longer if the data ends a few bytes
/// earlier. Behind a cut it finds a picture in a part of the filler, and does not miss the rest.
pub(super) fn is_filled_up(body: &[u8]) -> bool {
    let Some((name, data)) = pixels_of(body) else {
        return false;
    };
    let spare = if name == *b"VP8L" {
        SPARE_LOSSLESS
    } else {
        SPARE_LOSSY
    };
    if filler::run(&body[data.clone()]) < SUSPICIOUS || data.len() <= spare {
        return false;
    }
    let shorter = with_data_up_to(body, data.start, data.end - spare - 1);
    ::webp::Decoder::new(&shorter).decode().is_some()
}

/// The name of the chunk with a still picture's pixels, and where its data is.
fn pixels_of(body: &[u8]) -> Option<([u8; 4], Range<usize>)> {
    let mut place = FILE_HEADER;
    chunks(body.get(FILE_HEADER..)?).find_map(|(name, chunk)| {
        let start = place + 8;
        place = start + chunk.len() + chunk.len() % 2;
        matches!(&name, b"VP8 " | b"VP8L").then(|| (name, start..start + chunk.len()))
    })
}

/// A still picture without what stands behind its pixels' data: libwebp takes that for more of them.
pub(super) fn without_rest(body: &[u8]) -> Cow<'_, [u8]> {
    match pixels_of(body) {
        Some((_, data)) if data.end < body.len() => {
            Cow::Owned(with_data_up_to(body, data.start, data.end))
        }
        _ => Cow::Borrowed(body),
    }
}

/// The file as it is if it ends in the chunk whose data begins at `start`, with its byte before
/// `end`.
fn with_data_up_to(body: &[u8], start: usize, end: usize) -> Vec<u8> {
    let mut shorter = body[..end].to_vec();
    shorter.resize(end + (end - start) % 2, 0);
    // Both are less than they were.
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let whole = size(shorter.len() - 8);
    shorter[start - 4..start].copy_from_slice(&size(end - start));
    shorter[4..8].copy_from_slice(&whole);
    shorter
}

/// Whether a chunk in the file has four equal bytes for a name: filler where something was cut.
pub(super) fn has_filler_for_a_chunk(body: &[u8]) -> bool {
    chunks_of(body).any(|(name, _)| name == [name[0]; 4])
}

#[track_caller]
pub(super) fn problem(reason: &dyn std::fmt::Display) -> TaskError {
    undecodable(Kind::Webp, reason)
}
