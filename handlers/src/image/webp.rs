//! WebP in: the pixels by libwebp, in half the time; header and metadata by the `image-webp` crate,
//! and the pixels of a still picture whose header libwebp reads in another way, or which libwebp
//! refuses where damage is accepted. WebP out, by libwebp. It starts no threads here.

mod container;
mod frames;

use std::io::Cursor;

use image::metadata::Orientation;
use image_webp::{LoopCount, WebPDecoder};

use self::container::{
    ANIMATED, FILE_HEADER, FILLED_UP, FRAME_HEADER, HAS_EXIF, HAS_PROFILE, HAS_XMP, REPLACES,
    announces, chunks, extended_header, false_flags, has_filled_metadata, has_filler_for_a_chunk,
    is_filled_up, is_whole, problem, push_chunk, push_file, three_bytes, without_flags,
    without_rest,
};
use self::frames::{Frames, Reader};
use super::encoding::Encoding;
use super::frame::Plays;
use super::header::{Details, Header, check_pixels};
use super::raster::{Channels, Raster};
use super::{exif, filler, pixels};
use ringwork_worker::TaskError;

/// Bytes for a chunk of metadata.
const METADATA: usize = 16 << 20;

/// A WebP of which the header has been read.
pub(super) struct File<'a> {
    body: &'a [u8],
    decoder: Reader<'a>,
    /// A cut animation gives the frames that it has.
    lenient: bool,
}

pub(super) fn open(
    body: &[u8],
    max_pixels: u64,
    lenient: bool,
) -> Result<(Header, File<'_>), TaskError> {
    let lacking = false_flags(body);
    let mut decoder = WebPDecoder::new(Cursor::new(without_flags(body, lacking)))
        .map_err(|error| problem(&error))?;
    let (width, height) = decoder.dimensions();
    check_pixels(width, height, max_pixels)?;
    check_frames(body, max_pixels)?;
    if !lenient && !is_whole(body) {
        return Err(problem(
            &"it is cut off: the body is shorter than the file's first bytes say",
        ));
    }
    // What is announced may be missing since it was cut off.
    let is_cut = lacking != 0 && filler::run(body) >= filler::SHORTEST;
    if !lenient && (is_cut || has_filler_for_a_chunk(body) || has_filled_metadata(body)) {
        return Err(problem(&FILLED_UP));
    }
    decoder.set_memory_limit(METADATA);
    // Damaged metadata does not make the pixels unusable.
    let exif = decoder.exif_metadata().unwrap_or(None);
    let exif = exif.filter(|_| announces(body, HAS_EXIF));
    let xmp = decoder.xmp_metadata().unwrap_or(None);
    let xmp = xmp.filter(|_| announces(body, HAS_XMP));
    let profile = decoder.icc_profile().unwrap_or(None);
    let header = Header {
        width,
        height,
        orientation: exif
            .and_then(|exif| exif::orientation(&exif))
            .or_else(|| exif::orientation_in_xmp(&xmp?))
            .unwrap_or(Orientation::NoTransforms),
        profile: profile.filter(|_| announces(body, HAS_PROFILE)),
        details: Details {
            alpha: decoder.has_alpha(),
            bits: 8,
            frames: decoder.num_frames().max(1),
            palette: false,
            plays: match decoder.loop_count() {
                LoopCount::Forever => Plays::FOR_EVER,
                LoopCount::Times(times) => Plays::times(times.get().into()),
            },
        },
    };
    let file = File {
        body,
        decoder,
        lenient,
    };
    Ok((header, file))
}

impl File<'_> {
    /// The image, or the first frame of an animation.
    pub(super) fn decode(mut self) -> Result<Raster, TaskError> {
        if self.decoder.is_animated() {
            let first = self.frames()?.next();
            return Ok(first.ok_or_else(|| problem(&"it has no frame"))??.raster);
        }
        let mut data = pixels::zeroed(self.decoder.output_buffer_size())?;
        let decoded = self.by_libwebp(&mut data);
        if decoded != Some(true) {
            self.decoder
                .read_image(&mut data)
                .map_err(|error| problem(&error))?;
        }
        match decoded {
            // The other reader finds a picture in what there is, also where the end is missing.
            Some(false) if !self.lenient => {
                return Err(problem(&"the data of its pixels is cut off or damaged"));
            }
            Some(true) if !self.lenient && is_filled_up(self.body) => {
                return Err(problem(&FILLED_UP));
            }
            _ => {}
        }
        to_raster(&self.decoder, data)
    }

    /// Whether libwebp has decoded the picture into `data`; not if it is damaged. `None` if the two
    /// readers don't agree on its header: what was checked is the other one's size.
    fn by_libwebp(&self, data: &mut [u8]) -> Option<bool> {
        let size = self.decoder.dimensions();
        let agreed = ::webp::BitstreamFeatures::new(self.body).is_some_and(|seen| {
            (seen.width(), seen.height()) == size && seen.has_alpha() == self.decoder.has_alpha()
        });
        if !agreed {
            return None;
        }
        let Some(decoded) = ::webp::Decoder::new(&without_rest(self.body)).decode() else {
            return Some(false);
        };
        if decoded.len() != data.len() {
            return None;
        }
        data.copy_from_slice(&decoded);
        Some(true)
    }
}

fn to_raster(decoder: &Reader<'_>, data: Vec<u8>) -> Result<Raster, TaskError> {
    let channels = if decoder.has_alpha() {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    let (width, height) = decoder.dimensions();
    Raster::new(width, height, channels, data)
        .ok_or_else(|| problem(&"its size is not that of its header"))
}

impl<'a> File<'a> {
    pub(super) fn frames(self) -> Result<Frames<'a>, TaskError> {
        if !self.decoder.is_animated() {
            return Err(problem(&"it is no animation"));
        }
        Frames::new(self.body, &self.decoder, self.lenient)
    }
}

/// How hard the encoder tries where there is no quality to choose, 0..=100.
const LOSSLESS_EFFORT: f32 = 75.0;

/// The longest that a frame is shown: 24 bits.
const MAX_MILLISECONDS: u32 = 0xff_ffff;

pub(super) fn encode(
    raster: &Raster,
    encoding: &Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let still = encode_still(raster, encoding.lossless, encoding.quality)?;
    let Some(profile) = encoding.profile else {
        out.extend_from_slice(&still);
        return Ok(());
    };
    let alpha = raster.channels.has_alpha();
    let mut body = extended_header(HAS_PROFILE, alpha, (raster.width, raster.height));
    push_chunk(&mut body, b"ICCP", profile);
    body.extend_from_slice(image_chunks(&still)?);
    push_file(out, &body)
}

/// Writes an animation frame by frame. Of each frame only the part is written that differs from the
/// frame before it, and a frame that shows nothing new makes the one before it longer.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// The chunks so far.
    body: Vec<u8>,
    lossless: bool,
    quality: u8,
    last: Option<Raster>,
    /// Where the length of the last frame is in `body`, and that length.
    length: (usize, u32),
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        size: (u32, u32),
        plays: Plays,
        encoding: &Encoding<'_>,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let profile = encoding.profile;
        let flags = ANIMATED | if profile.is_some() { HAS_PROFILE } else { 0 };
        // Whether a frame will be transparent isn't known yet; that one may be does no harm.
        let mut body = extended_header(flags, true, size);
        if let Some(profile) = profile {
            push_chunk(&mut body, b"ICCP", profile);
        }
        // A transparent background, and how often the animation is shown: 0 is for ever.
        let times = plays
            .0
            .map_or(0, |times| u16::try_from(times).unwrap_or(u16::MAX));
        let [low, high] = times.to_le_bytes();
        push_chunk(&mut body, b"ANIM", &[0, 0, 0, 0, low, high]);
        Self {
            out,
            body,
            lossless: encoding.lossless,
            quality: encoding.quality,
            last: None,
            length: (0, 0),
        }
    }

    pub(super) fn push(&mut self, raster: &Raster, milliseconds: u32) -> Result<(), String> {
        let raster = raster.clone().with_channels(Channels::Rgba);
        let part = match &self.last {
            None => Some((0, 0, raster.clone())),
            Some(last) => changed_part(last, &raster),
        };
        let Some((left, top, part)) = part else {
            let (at, length) = self.length;
            let length = length.saturating_add(milliseconds).min(MAX_MILLISECONDS);
            self.body[at..at + 3].copy_from_slice(&three_bytes(length));
            self.length.1 = length;
            return Ok(());
        };
        let still = encode_still(
            &part.clone().without_needless_alpha(),
            self.lossless,
            self.quality,
        )?;
        let length = milliseconds.min(MAX_MILLISECONDS);
        let mut payload = Vec::new();
        for number in [left / 2, top / 2, part.width - 1, part.height - 1, length] {
            payload.extend(three_bytes(number));
        }
        payload.push(REPLACES);
        payload.extend_from_slice(image_chunks(&still)?);
        // Behind the chunk's header and four other numbers of three bytes.
        self.length = (self.body.len() + 8 + 12, length);
        push_chunk(&mut self.body, b"ANMF", &payload);
        self.last = Some(raster);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), String> {
        push_file(self.out, &self.body)
    }
}

/// The part of `next` that differs from `last`, with its place, which is even in both directions as
/// the format has it. `None` if nothing differs. Both are of the same size, with four channels.
fn changed_part(last: &Raster, next: &Raster) -> Option<(u32, u32, Raster)> {
    let width = next.width as usize;
    let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
    let pixels = last.data.as_chunks::<4>().0.iter();
    for (at, (last, next)) in pixels.zip(next.data.as_chunks::<4>().0).enumerate() {
        if last != next {
            let (x, y) = (at % width, at / width);
            left = left.min(x);
            right = right.max(x);
            top = top.min(y);
            bottom = bottom.max(y);
        }
    }
    if left > right {
        return None;
    }
    let (left, top) = (left & !1, top & !1);
    let rows = next
        .data
        .chunks_exact(width * 4)
        .skip(top)
        .take(bottom - top + 1);
    let data: Vec<u8> = rows
        .flat_map(|row| row[left * 4..(right + 1) * 4].iter().copied())
        .collect();
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let part = Raster::new(
        side(right - left + 1),
        side(bottom - top + 1),
        Channels::Rgba,
        data,
    )?;
    Some((side(left), side(top), part))
}

fn encode_still(raster: &Raster, lossless: bool, quality: u8) -> Result<Vec<u8>, String> {
    let converted;
    let (layout, pixels) = match raster.channels {
        Channels::Rgb => (::webp::PixelLayout::Rgb, &raster.data),
        Channels::Rgba | Channels::Cmyk => (::webp::PixelLayout::Rgba, &raster.data),
        Channels::L => {
            converted = raster.data.iter().flat_map(|&l| [l, l, l]).collect();
            (::webp::PixelLayout::Rgb, &converted)
        }
        Channels::La => {
            converted = raster.rgba_pixels().flatten().collect();
            (::webp::PixelLayout::Rgba, &converted)
        }
    };
    let quality = if lossless {
        LOSSLESS_EFFORT
    } else {
        f32::from(quality)
    };
    let encoded = ::webp::Encoder::new(pixels, layout, raster.width, raster.height)
        .encode_simple(lossless, quality)
        .map_err(|error| format!("{error:?}"))?;
    Ok(encoded.to_vec())
}

/// The chunks of a still image that hold its pixels: without the header for extended files, which
/// a file with transparency has.
fn image_chunks(still: &[u8]) -> Result<&[u8], String> {
    let chunks = still.get(12..).unwrap_or_default();
    let chunks = match chunks.strip_prefix(b"VP8X") {
        Some(extended) => extended.get(4 + 10..),
        None => Some(chunks),
    };
    chunks
        .filter(|chunks| chunks.starts_with(b"VP8") || chunks.starts_with(b"ALPH"))
        .ok_or_else(|| "libwebp made a file of an unknown kind".to_owned())
}

/// Checks the sizes that the lossy frames themselves announce: the decoder believes them before it
/// compares them with the size of the image.
fn check_frames(body: &[u8], max_pixels: u64) -> Result<(), TaskError> {
    for (name, chunk) in chunks(body.get(FILE_HEADER..).unwrap_or_default()) {
        let inner = if name == *b"ANMF" {
            chunk.get(FRAME_HEADER..).unwrap_or_default()
        } else {
            &[]
        };
        for (name, frame) in chunks(inner).chain([(name, chunk)]) {
            if name == *b"VP8 "
                && let Some(&[w0, w1, h0, h1]) = frame.get(6..).and_then(|size| size.first_chunk())
            {
                // The two high bits are for scaling.
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                check_pixels(side(w0, w1), side(h0, h1), max_pixels)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures whose data ends in many zeros that count, and others.
    fn samples() -> Vec<(String, u32, u32, Vec<u8>)> {
        let mut samples = Vec::new();
        for (width, height) in [(16, 16), (64, 48), (300, 200), (900, 700)] {
            let pixels = (width * height) as usize;
            for value in [0u8, 1, 127, 128, 200, 255] {
                samples.push((
                    format!("flat {value}"),
                    width,
                    height,
                    vec![value; 3 * pixels],
                ));
            }
            let mut seed = 5u32;
            let mut noise = |bytes: usize| -> Vec<u8> {
                let mut random = || {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                };
                (0..bytes).map(|_| random()).collect()
            };
            let row = 3 * width as usize;
            let top = [noise(16 * row), vec![0; 3 * pixels - 16 * row]].concat();
            samples.push(("flat below".to_owned(), width, height, top));
            let bottom = [vec![200; 3 * pixels - 16 * row], noise(16 * row)].concat();
            samples.push(("flat above".to_owned(), width, height, bottom));
            let waves = (0..3 * pixels).map(|at| (at / 3 % 97 * 2 + at / row) as u8);
            samples.push(("waves".to_owned(), width, height, waves.collect()));
        }
        samples
    }

    #[test]
    fn a_file_that_is_cut_and_filled_up_is_told_from_a_flat_picture() {
        let verdict =
            |body: &[u8], lenient| open(body, 1 << 20, lenient).and_then(|(_, file)| file.decode());
        for (name, width, height, data) in samples() {
            for (lossless, quality) in [(true, 75.0), (false, 1.0), (false, 50.0), (false, 95.0)] {
                let layout = ::webp::PixelLayout::Rgb;
                let body = ::webp::Encoder::new(&data, layout, width, height)
                    .encode_simple(lossless, quality)
                    .unwrap();
                let case = format!("{name}, {width} x {height}, {lossless}, {quality}");
                assert_eq!(verdict(&body, false).err(), None, "{case}");
                if width < 300 || name.starts_with("flat") {
                    continue;
                }
                for permille in [100, 500, 900] {
                    for filler in [0, 0xff, 0x5a, b' '] {
                        let cut = 60 + (body.len() - 60) * permille / 1000;
                        let mut filled = body.to_vec();
                        filled[cut..].fill(filler);
                        let case = format!("{case}, cut at {permille}, {filler}");
                        verdict(&filled, false).expect_err(&case);
                        // What stands behind the file is not taken for its pixels.
                        filled.extend([filler; 4000]);
                        verdict(&filled, false).expect_err(&case);
                    }
                }
            }
        }
    }

    /// The same of a frame of an animation.
    #[test]
    fn a_frame_that_is_cut_and_filled_up_is_told() {
        let mut samples = samples().into_iter();
        let noisy = samples.find(|(name, width, ..)| *width >= 300 && !name.starts_with("flat"));
        let (_, width, height, data) = noisy.unwrap();
        for (lossless, quality) in [(true, 75.0), (false, 50.0)] {
            let still = ::webp::Encoder::new(&data, ::webp::PixelLayout::Rgb, width, height)
                .encode_simple(lossless, quality)
                .unwrap();
            let mut frame = [0; 6].to_vec();
            frame.extend(three_bytes(width - 1));
            frame.extend(three_bytes(height - 1));
            frame.extend([100, 0, 0, 0]);
            frame.extend_from_slice(image_chunks(&still).unwrap());
            let mut body = extended_header(ANIMATED, false, (width, height));
            push_chunk(&mut body, b"ANIM", &[0; 6]);
            push_chunk(&mut body, b"ANMF", &frame);
            let mut whole = Vec::new();
            push_file(&mut whole, &body).unwrap();
            let verdict = |body: &[u8], lenient| {
                open(body, 1 << 20, lenient).and_then(|(_, file)| file.decode())
            };
            assert_eq!(verdict(&whole, false).err(), None, "{lossless}");
            for permille in [100, 500, 900] {
                for filler in [0, 0xff] {
                    let mut filled = whole.clone();
                    let cut = 100 + (whole.len() - 100) * permille / 1000;
                    filled[cut..].fill(filler);
                    let case = format!("{lossless}, cut at {permille}, {filler}");
                    verdict(&filled, false).expect_err(&case);
                }
            }
        }
    }

    /// An animation whose last frames were cut off and became zeros, or other filler.
    #[test]
    fn filler_is_no_chunk() {
        for filler in [0, 0xff, b'Z', b' '] {
            assert_no_chunk(filler);
        }
    }

    fn assert_no_chunk(filler: u8) {
        let data = vec![90; 3 * 64 * 64];
        let still = ::webp::Encoder::new(&data, ::webp::PixelLayout::Rgb, 64, 64)
            .encode_simple(true, 75.0)
            .unwrap();
        let mut body = extended_header(0, false, (64, 64));
        body.extend_from_slice(image_chunks(&still).unwrap());
        body.extend([filler; 40]);
        let mut filled = Vec::new();
        push_file(&mut filled, &body).unwrap();
        assert!(open(&filled, 1 << 20, false).is_err());
        assert!(open(&filled, 1 << 20, true).is_ok());
        // Behind the file anything may stand.
        let mut whole = still.to_vec();
        whole.extend([filler; 40]);
        assert!(open(&whole, 1 << 20, false).is_ok());
    }

    /// The two decoders know nothing of each other.
    #[test]
    fn libwebp_s_pixels_are_those_of_the_other_decoder() {
        for (width, height) in [(64, 48), (33, 17), (1, 1)] {
            for layout in [::webp::PixelLayout::Rgb, ::webp::PixelLayout::Rgba] {
                for lossless in [false, true] {
                    // Waves; transparent in part.
                    let data: Vec<u8> = (0..width * height * 4)
                        .map(|at| u8::try_from(at * at / 97 % 251).unwrap_or(0))
                        .collect();
                    let body = ::webp::Encoder::new(&data, layout, width, height)
                        .encode_simple(lossless, 80.0)
                        .unwrap();
                    let (_, mut file) = open(&body, 10_000, false).unwrap();
                    let bytes = file.decoder.output_buffer_size().unwrap();
                    let (mut one, mut other) = (vec![0; bytes], vec![0; bytes]);
                    assert_eq!(file.by_libwebp(&mut one), Some(true));
                    file.decoder.read_image(&mut other).unwrap();
                    let most = one.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max();
                    assert!(most <= Some(3), "{width} x {height}, {lossless}: {most:?}");
                }
            }
        }
    }
}
