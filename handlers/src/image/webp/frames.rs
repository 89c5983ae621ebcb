//! The frames of an animated WebP, drawn one after the other as libwebp's own player does: each
//! frame's pixels are decoded by libwebp and put onto a canvas here. The canvas is transparent at
//! first, whatever background the file names, as in browsers.

use std::borrow::Cow;
use std::io::Cursor;

use image_webp::WebPDecoder;

use super::super::frame::Frame;
use super::super::pixels;
use super::super::raster::{Channels, Raster};
use super::container::{
    FILE_HEADER, FILLED_UP, FRAME_HEADER, HAS_ALPHA, REPLACES, chunks, extended_header,
    is_filled_up, problem, push_chunk, push_file,
};
use ringwork_worker::TaskError;

/// What reads the header of a WebP, and its metadata.
pub(super) type Reader<'a> = WebPDecoder<Cursor<Cow<'a, [u8]>>>;

/// Of a frame: its place is transparent again before the next one is drawn.
const DISPOSED: u8 = 0x01;
const RGBA: usize = 4;

/// The canvas through the frames of an animation.
pub(in crate::image) struct Frames<'a> {
    /// The payloads of the frames that are left.
    left: std::vec::IntoIter<&'a [u8]>,
    width: usize,
    height: usize,
    canvas: Vec<u8>,
    /// What of the canvas is transparent again before the next frame.
    disposed: Option<Place>,
    /// The frames in front of a cut are all that there is.
    lenient: bool,
    shown: usize,
}

/// Where a frame lies on the canvas, in pixels.
#[derive(Clone, Copy)]
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl<'a> Frames<'a> {
    /// Those of `body`, of which `decoder` has read the header: its size and count were checked.
    pub(super) fn new(
        body: &'a [u8],
        decoder: &Reader<'_>,
        lenient: bool,
    ) -> Result<Self, TaskError> {
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        let frames = chunks(body.get(FILE_HEADER..).unwrap_or_default())
            .filter(|(name, _)| name == b"ANMF")
            .map(|(_, frame)| frame)
            .take(decoder.num_frames() as usize);
        Ok(Self {
            left: frames.collect::<Vec<_>>().into_iter(),
            width,
            height,
            canvas: pixels::zeroed(width.checked_mul(height).and_then(|n| n.checked_mul(RGBA)))?,
            disposed: None,
            lenient,
            shown: 0,
        })
    }

    fn draw(&mut self, frame: &[u8]) -> Result<Frame, TaskError> {
        let (header, rest) = frame
            .split_first_chunk::<FRAME_HEADER>()
            .ok_or_else(|| problem(&"a frame is cut off"))?;
        let number = |at: usize| {
            header[at..at + 3]
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | usize::from(*byte))
        };
        let place = Place {
            left: 2 * number(0),
            top: 2 * number(3),
            width: 1 + number(6),
            height: 1 + number(9),
        };
        if place.left + place.width > self.width || place.top + place.height > self.height {
            return Err(problem(&"a frame stands out of its canvas"));
        }
        let decoded = decode_part(rest, place, self.lenient)?;
        if let Some(place) = self.disposed.take() {
            for row in rows_of(&mut self.canvas, self.width, place) {
                row.fill(0);
            }
        }
        let flags = header[15];
        let pixels = decoded.as_chunks::<RGBA>().0.chunks_exact(place.width);
        for (below, above) in rows_of(&mut self.canvas, self.width, place).zip(pixels) {
            for (below, above) in below.as_chunks_mut::<RGBA>().0.iter_mut().zip(above) {
                if flags & REPLACES != 0 {
                    *below = *above;
                } else {
                    *below = over(*below, *above);
                }
            }
        }
        self.disposed = (flags & DISPOSED != 0).then_some(place);
        self.shown += 1;
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let canvas = self.canvas.clone();
        let raster = Raster::new(side(self.width), side(self.height), Channels::Rgba, canvas)
            .ok_or_else(|| problem(&"its size is not that of its header"))?;
        Ok(Frame {
            raster,
            milliseconds: side(number(12)),
        })
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.left.next()?;
        let drawn = self.draw(frame);
        if drawn.is_err() && self.lenient && self.shown > 0 {
            self.left = Vec::new().into_iter();
            return None;
        }
        Some(drawn)
    }
}

/// The part of each row of the canvas that a frame covers.
fn rows_of(canvas: &mut [u8], width: usize, place: Place) -> impl Iterator<Item = &mut [u8]> {
    let (start, end) = (place.left * RGBA, (place.left + place.width) * RGBA);
    canvas
        .chunks_exact_mut(width * RGBA)
        .skip(place.top)
        .take(place.height)
        .map(move |row| &mut row[start..end])
}

/// The pixels of a frame, whose chunks are those of a still picture.
fn decode_part(content: &[u8], place: Place, lenient: bool) -> Result<Vec<u8>, TaskError> {
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let size = (side(place.width), side(place.height));
    let mut opacity = None;
    let mut colours = None;
    for (name, chunk) in chunks(content) {
        match &name {
            b"ALPH" if opacity.is_none() => opacity = Some(chunk),
            b"VP8 " | b"VP8L" if colours.is_none() => colours = Some((name, chunk)),
            _ => {}
        }
    }
    let (name, chunk) = colours.ok_or_else(|| problem(&"a frame has no pixels"))?;
    let mut body = Vec::new();
    if let Some(opacity) = opacity.filter(|_| name == *b"VP8 ") {
        body = extended_header(HAS_ALPHA, true, size);
        push_chunk(&mut body, b"ALPH", opacity);
    }
    push_chunk(&mut body, &name, chunk);
    let mut still = Vec::new();
    push_file(&mut still, &body).map_err(|error| problem(&error))?;
    let seen = ::webp::BitstreamFeatures::new(&still);
    if seen.is_none_or(|seen| (seen.width(), seen.height()) != size) {
        return Err(problem(
            &"a frame's pixels are not of the size that it announces",
        ));
    }
    let decoded = ::webp::Decoder::new(&still).decode();
    let decoded = decoded.ok_or_else(|| problem(&"a frame is damaged"))?;
    if !lenient && is_filled_up(&still) {
        return Err(problem(&FILLED_UP));
    }
    let pixels = place.width * place.height;
    if decoded.len() == pixels * RGBA {
        return Ok(decoded.to_vec());
    }
    let opaque = decoded.as_chunks::<3>().0.iter();
    Ok(opaque.flat_map(|&[r, g, b]| [r, g, b, 255]).collect())
}

/// A pixel drawn over another one; the colours are not multiplied with their opacity.
fn over(below: [u8; RGBA], above: [u8; RGBA]) -> [u8; RGBA] {
    let opacity = u32::from(above[3]);
    match opacity {
        0 => return below,
        255 => return above,
        _ => {}
    }
    // Of 255 * 255.
    let (own, left) = (255 * opacity, u32::from(below[3]) * (255 - opacity));
    let whole = own + left;
    let mixed = |channel: usize| {
        let sum = u32::from(above[channel]) * own + u32::from(below[channel]) * left;
        u8::try_from((sum + whole / 2) / whole).unwrap_or(u8::MAX)
    };
    let opacity = u8::try_from((whole + 127) / 255).unwrap_or(u8::MAX);
    [mixed(0), mixed(1), mixed(2), opacity]
}

#[cfg(test)]
mod tests {
    use super::super::container::three_bytes;
    use super::*;

    const RED: [u8; 4] = [250, 10, 10, 255];
    const BLUE: [u8; 4] = [10, 10, 250, 255];
    const HALF: [u8; 4] = [0, 200, 0, 128];
    const NONE: [u8; 4] = [0; 4];

    /// A frame in one colour: with or without opacity in its file.
    fn frame(place: [usize; 4], colour: [u8; 4], lossless: bool, flags: u8) -> Vec<u8> {
        let [left, top, width, height] = place;
        let opaque = colour[3] == 255;
        let layout = if opaque {
            ::webp::PixelLayout::Rgb
        } else {
            ::webp::PixelLayout::Rgba
        };
        let data = colour[..if opaque { 3 } else { 4 }].repeat(width * height);
        let (width, height) = (width as u32, height as u32);
        let still = ::webp::Encoder::new(&data, layout, width, height)
            .encode_simple(lossless, 95.0)
            .unwrap();
        let mut payload = Vec::new();
        for number in [left as u32 / 2, top as u32 / 2, width - 1, height - 1, 70] {
            payload.extend(three_bytes(number));
        }
        payload.push(flags);
        payload.extend_from_slice(super::super::image_chunks(&still).unwrap());
        payload
    }

    fn animation(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut body = extended_header(super::super::ANIMATED, true, (16, 12));
        push_chunk(&mut body, b"ANIM", &[1, 2, 3, 255, 0, 0]);
        for frame in frames {
            push_chunk(&mut body, b"ANMF", frame);
        }
        let mut out = Vec::new();
        push_file(&mut out, &body).unwrap();
        out
    }

    fn canvases(body: &[u8], lenient: bool) -> Result<Vec<Vec<u8>>, TaskError> {
        let (_, file) = super::super::open(body, 1 << 20, lenient)?;
        let frames = file.frames()?;
        frames
            .map(|frame| frame.map(|frame| frame.raster.data))
            .collect()
    }

    fn at(canvas: &[u8], x: usize, y: usize) -> [u8; 4] {
        canvas.as_chunks().0[y * 16 + x]
    }

    #[track_caller]
    fn near(found: [u8; 4], expected: [u8; 4]) {
        let most = found.iter().zip(expected).map(|(f, e)| f.abs_diff(e)).max();
        assert!(most <= Some(8), "{found:?}, expected {expected:?}");
    }

    const ALL: [usize; 4] = [0, 0, 16, 12];
    const PART: [usize; 4] = [4, 2, 6, 4];

    #[test]
    fn what_is_disposed_of_is_transparent_whatever_follows() {
        for lossless in [false, true] {
            for colour in [BLUE, HALF] {
                for flags in [0, REPLACES] {
                    let body = animation(&[
                        frame(ALL, RED, lossless, 0),
                        frame(PART, BLUE, lossless, DISPOSED),
                        frame([8, 4, 4, 4], colour, lossless, flags),
                    ]);
                    let canvases = canvases(&body, false).unwrap();
                    near(at(&canvases[1], 5, 3), BLUE);
                    near(at(&canvases[2], 5, 3), NONE);
                    near(at(&canvases[2], 1, 1), RED);
                    near(at(&canvases[2], 15, 11), RED);
                    near(at(&canvases[2], 8, 4), colour);
                }
            }
        }
    }

    #[test]
    fn a_frame_is_drawn_over_what_is_there_or_replaces_it() {
        for (flags, expected) in [(0, [125, 105, 5, 255]), (REPLACES, HALF)] {
            let body = animation(&[frame(ALL, RED, true, 0), frame(PART, HALF, true, flags)]);
            let canvases = canvases(&body, false).unwrap();
            near(at(&canvases[1], 5, 3), expected);
            near(at(&canvases[1], 1, 1), RED);
        }
    }

    /// What nothing is drawn over stays exactly as it is, through any number of frames.
    #[test]
    fn transparent_frames_change_nothing() {
        let clear = frame(ALL, [0, 0, 0, 0], true, 0);
        let frames = [
            &[frame(ALL, [200, 220, 240, 255], true, 0)][..],
            &vec![clear; 50],
        ]
        .concat();
        let canvases = canvases(&animation(&frames), false).unwrap();
        assert_eq!(canvases.len(), 51);
        assert!(canvases.iter().all(|canvas| *canvas == canvases[0]));
        assert_eq!(over([10, 20, 30, 0], [1, 2, 3, 9]), [1, 2, 3, 9]);
        assert_eq!(over([200, 0, 77, 255], [200, 0, 77, 1]), [200, 0, 77, 255]);
    }

    #[test]
    fn a_cut_animation_has_the_frames_in_front_of_the_cut() {
        let frames = [
            frame(ALL, RED, false, 0),
            frame(PART, BLUE, false, 0),
            frame(ALL, BLUE, false, 0),
        ];
        let body = animation(&frames);
        let whole = canvases(&body, false).unwrap();
        let length = frames[2].len();
        for cut in [1, length / 2, length - 20] {
            let body = &body[..body.len() - cut];
            if cut > 1 {
                assert!(canvases(body, false).is_err());
            }
            let found = canvases(body, true).unwrap();
            assert_eq!(found[..2], whole[..2], "{cut}");
        }
        assert!(canvases(&body[..100], true).is_err());
    }

    #[test]
    fn a_frame_has_to_be_what_it_announces() {
        let mut wide = frame(PART, RED, true, 0);
        wide[6] += 1;
        let outside = frame([12, 2, 6, 4], RED, true, 0);
        for (frame, expected) in [(wide, "not of the size"), (outside, "stands out")] {
            let error = canvases(&animation(&[frame]), false).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
