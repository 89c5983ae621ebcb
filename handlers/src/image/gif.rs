//! GIF in and out, by the `gif` crate.
//!
//! The blocks are walked before anything is decoded: they give the number of frames, whether the
//! file is whole, and the canvas. That is the screen which the header announces, enlarged to hold
//! the first frame, since many writers announce an empty or a small one.

use std::io::{Chain, Cursor, Read};

use gif::{ColorOutput, DecodeOptions, DisposalMethod, MemoryLimit};
use image::metadata::Orientation;

use super::frame::{Frame, Plays};
use super::header::{Details, Header, Kind, check_pixels, undecodable};
use super::palette::{Indexed, MAX_COLOURS};
use super::pixels;
use super::raster::{Channels, Raster};
use ringwork_worker::TaskError;

/// The length of signature and screen descriptor.
const HEADER: usize = 13;
/// Bytes a pixel.
const RGBA: usize = 4;

const EXTENSION: u8 = 0x21;
/// Of an extension: how the next frame is shown.
const CONTROL: u8 = 0xf9;
const FRAME: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const HAS_PALETTE: u8 = 0x80;

type Reader<'a> = gif::Decoder<Chain<Cursor<Vec<u8>>, &'a [u8]>>;

/// A GIF of which the blocks have been walked.
pub(super) struct File<'a> {
    /// At the pixels of the first frame.
    reader: Reader<'a>,
    first: Place,
    canvas: Size,
    /// The frames that restore what was before them by a value that the reader does not know.
    restoring: Vec<bool>,
    /// A cut or damaged file gives the rows that it has.
    lenient: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
}

/// Where a frame lies on the canvas.
#[derive(Clone, Copy)]
struct Place {
    left: u32,
    top: u32,
    size: Size,
}

impl Place {
    fn of(frame: &gif::Frame<'_>) -> Self {
        Self {
            left: frame.left.into(),
            top: frame.top.into(),
            size: Size {
                width: frame.width.into(),
                height: frame.height.into(),
            },
        }
    }
}

pub(super) fn open(
    body: &[u8],
    max_pixels: u64,
    lenient: bool,
) -> Result<(Header, File<'_>), TaskError> {
    let mut reader = reader(body)?;
    let screen = Size {
        width: reader.width().into(),
        height: reader.height().into(),
    };
    check_pixels(screen.width, screen.height, max_pixels)?;
    let frame = reader
        .next_frame_info()
        .map_err(|error| problem(&error))?
        .ok_or_else(|| problem(&"it has no frame"))?;
    let transparent = frame.transparent.is_some();
    let first = Place::of(frame);
    if first.size.width == 0 || first.size.height == 0 {
        return Err(problem(&format_args!(
            "its first frame is {} x {}, which is no picture",
            first.size.width, first.size.height
        )));
    }
    let canvas = Size {
        width: screen.width.max(first.left + first.size.width),
        height: screen.height.max(first.top + first.size.height),
    };
    check_pixels(canvas.width, canvas.height, max_pixels)?;
    let blocks = Blocks::of(body);
    if !blocks.ended && !lenient {
        return Err(problem(
            &"it is cut off: the end of the file (a trailer block) is missing",
        ));
    }
    let header = Header {
        width: canvas.width,
        height: canvas.height,
        orientation: Orientation::NoTransforms,
        profile: reader.icc_profile().map(<[u8]>::to_vec),
        details: Details {
            alpha: transparent || first.size != canvas,
            bits: 8,
            frames: blocks.frames.max(1),
            palette: true,
            plays: match reader.repeat() {
                gif::Repeat::Infinite => Plays::FOR_EVER,
                gif::Repeat::Finite(again) => Plays::times(u32::from(again) + 1),
            },
        },
    };
    let file = File {
        reader,
        first,
        canvas,
        restoring: blocks.restoring,
        lenient,
    };
    Ok((header, file))
}

impl File<'_> {
    /// The first frame, on its canvas.
    pub(super) fn decode(mut self) -> Result<Raster, TaskError> {
        let (mut data, read) = read_pixels(&mut self.reader, self.first.size)?;
        pixels::whole_or_in_part(read, &data, self.lenient).map_err(|error| problem(&error))?;
        if self.first.size != self.canvas {
            let mut canvas = pixels::zeroed(bytes_of(self.canvas))?;
            draw_onto(
                &mut canvas,
                self.canvas,
                &data,
                self.first,
                |below, above| {
                    *below = *above;
                },
            );
            data = canvas;
        }
        Raster::new(self.canvas.width, self.canvas.height, Channels::Rgba, data)
            .ok_or_else(|| problem(&"its size is not that of its header"))
    }
}

/// The canvas through the frames of an animation.
pub(super) struct Frames<'a> {
    file: File<'a>,
    canvas: Vec<u8>,
    /// Of the next frame; `None` after the last.
    next: Option<Shown>,
    /// Frames shown so far.
    shown: usize,
    max_pixels: u64,
}

/// How a frame is shown.
#[derive(Clone, Copy)]
struct Shown {
    place: Place,
    dispose: DisposalMethod,
    milliseconds: u32,
}

impl Shown {
    fn of(frame: &gif::Frame<'_>) -> Self {
        Self {
            place: Place::of(frame),
            dispose: frame.dispose,
            milliseconds: u32::from(frame.delay) * 10,
        }
    }
}

impl<'a> File<'a> {
    /// All frames. A frame of more than `max_pixels` is refused.
    pub(super) fn frames(self, max_pixels: u64) -> Result<Frames<'a>, TaskError> {
        let next = self.reader.current_frame_info().map(Shown::of);
        Ok(Frames {
            canvas: pixels::zeroed(bytes_of(self.canvas))?,
            file: self,
            next,
            shown: 0,
            max_pixels,
        })
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let shown = self.next.take()?;
        Some(self.advance(shown))
    }
}

impl Frames<'_> {
    /// Reads the next frame's pixels and draws them.
    fn draw(&mut self, place: Place) -> Result<(), TaskError> {
        let (pixels, read) = read_pixels(&mut self.file.reader, place.size)?;
        if let Err(error) = read
            && !self.file.lenient
        {
            return Err(problem(&error));
        }
        let put = |below: &mut [u8; 4], above: &[u8; 4]| {
            if above[3] != 0 {
                *below = *above;
            }
        };
        draw_onto(&mut self.canvas, self.file.canvas, &pixels, place, put);
        Ok(())
    }

    /// Makes a part of the canvas transparent.
    fn clear(&mut self, place: Place) -> Result<(), TaskError> {
        let pixels = pixels::zeroed(bytes_of(place.size))?;
        let clear = |below: &mut [u8; 4], _: &[u8; 4]| *below = [0; 4];
        draw_onto(&mut self.canvas, self.file.canvas, &pixels, place, clear);
        Ok(())
    }

    fn advance(&mut self, mut shown: Shown) -> Result<Frame, TaskError> {
        if self.file.restoring.get(self.shown) == Some(&true) {
            shown.dispose = DisposalMethod::Previous;
        }
        self.shown += 1;
        let Size { width, height } = self.file.canvas;
        let place = shown.place;
        check_pixels(place.size.width, place.size.height, self.max_pixels)?;
        let before = (shown.dispose == DisposalMethod::Previous).then(|| self.canvas.clone());
        if place.size.width > 0 && place.size.height > 0 {
            self.draw(place)?;
        }
        let raster = Raster::new(width, height, Channels::Rgba, self.canvas.clone())
            .ok_or_else(|| problem(&"its size is not that of its header"))?;
        match shown.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => {}
            DisposalMethod::Background => self.clear(place)?,
            DisposalMethod::Previous => {
                if let Some(before) = before {
                    self.canvas = before;
                }
            }
        }
        self.next = match self.file.reader.next_frame_info() {
            Ok(frame) => frame.map(Shown::of),
            // What comes behind a cut.
            Err(_) if self.file.lenient => None,
            Err(error) => return Err(problem(&error)),
        };
        Ok(Frame {
            raster,
            milliseconds: shown.milliseconds,
        })
    }
}

/// A decoder at the first frame. A file without a global palette is given the grey ramp, as Pillow
/// and others do: it counts where a frame has no palette of its own, either.
fn reader(body: &[u8]) -> Result<Reader<'_>, TaskError> {
    let (header, rest) = body.split_at_checked(HEADER).unwrap_or((body, &[]));
    let mut header = header.to_vec();
    if let Some(flags) = header.get_mut(10)
        && *flags & HAS_PALETTE == 0
    {
        *flags |= HAS_PALETTE | 7;
        header.extend((0..=255).flat_map(|grey: u8| [grey; 3]));
    }
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    // The sizes are checked here.
    options.set_memory_limit(MemoryLimit::Unlimited);
    // An extension that is not known says nothing of the pixels.
    options.allow_unknown_blocks(true);
    options
        .read_info(Cursor::new(header).chain(rest))
        .map_err(|error| problem(&error))
}

/// The pixels of the frame at which the reader is, and whether all could be read; zeros stand for
/// the others. A pixel whose colour the palette does not have is black, as for Pillow and libvips,
/// or transparent if the transparent colour is none of the palette's, either.
fn read_pixels(
    reader: &mut Reader<'_>,
    size: Size,
) -> Result<(Vec<u8>, Result<(), gif::DecodingError>), TaskError> {
    /// What the reader leaves as it was; it writes no such opacity.
    const UNTOUCHED: u8 = 1;
    let mut data = pixels::zeroed(bytes_of(size))?;
    data.fill(UNTOUCHED);
    let read = reader.read_into_buffer(&mut data);
    let colours = reader.palette().map_or(0, |palette| palette.len() / 3);
    let transparent = reader
        .current_frame_info()
        .and_then(|frame| frame.transparent);
    let is_black = read.is_ok() && transparent.is_none_or(|index| usize::from(index) < colours);
    let instead = if is_black { [0, 0, 0, 255] } else { CLEAR };
    for pixel in data.as_chunks_mut::<RGBA>().0 {
        if pixel[3] == UNTOUCHED {
            *pixel = instead;
        }
    }
    Ok((data, read))
}

fn bytes_of(size: Size) -> Option<usize> {
    let pixels = u64::from(size.width) * u64::from(size.height);
    usize::try_from(pixels).ok()?.checked_mul(RGBA)
}

/// Draws a frame at its place, pixel by pixel. What stands out of the canvas is cut off.
fn draw_onto(
    canvas: &mut [u8],
    size: Size,
    frame: &[u8],
    place: Place,
    draw: impl Fn(&mut [u8; RGBA], &[u8; RGBA]),
) {
    let length = |pixels: u32| pixels as usize * RGBA;
    let start = length(place.left.min(size.width));
    let rows = canvas
        .chunks_exact_mut(length(size.width))
        .skip(place.top as usize);
    // A frame without width has no rows.
    let frame_row = length(place.size.width).max(1);
    for (below, above) in rows.zip(frame.chunks_exact(frame_row)) {
        let below = below[start..].as_chunks_mut().0;
        for (below, above) in below.iter_mut().zip(above.as_chunks().0) {
            draw(below, above);
        }
    }
}

/// A still image.
pub(super) fn encode(raster: &Raster, out: &mut Vec<u8>) -> Result<(), String> {
    let mut writer = Writer::new((raster.width, raster.height), Plays::ONCE, out)?;
    writer.push(raster, 0)?;
    writer.finish()
}

/// Writes an animation frame by frame. Of each frame only the part is written that differs from
/// what is shown before it, and a frame that shows nothing new makes the one before it longer.
pub(super) struct Writer<'a> {
    encoder: gif::Encoder<&'a mut Vec<u8>>,
    width: usize,
    /// Whether nothing has been written yet.
    first: bool,
    /// What is on the screen before `last` is drawn.
    below: Vec<Colour>,
    /// The last frame, which is written when the next one tells what is to become of it.
    last: Option<(Vec<Colour>, u32)>,
}

type Colour = [u8; RGBA];

impl<'a> Writer<'a> {
    pub(super) fn new(
        (width, height): (u32, u32),
        plays: Plays,
        out: &'a mut Vec<u8>,
    ) -> Result<Self, String> {
        let side = |side: u32| u16::try_from(side).map_err(|_| "a side over 65535".to_owned());
        let mut encoder = gif::Encoder::new(out, side(width)?, side(height)?, &[]).map_err(text)?;
        let repeat = match plays.0 {
            None => Some(gif::Repeat::Infinite),
            Some(0 | 1) => None,
            Some(plays) => Some(gif::Repeat::Finite(
                u16::try_from(plays - 1).unwrap_or(u16::MAX),
            )),
        };
        if let Some(repeat) = repeat {
            encoder.set_repeat(repeat).map_err(text)?;
        }
        Ok(Self {
            encoder,
            width: width as usize,
            first: true,
            below: vec![CLEAR; width as usize * height as usize],
            last: None,
        })
    }

    pub(super) fn push(&mut self, raster: &Raster, milliseconds: u32) -> Result<(), String> {
        let frame: Vec<Colour> = raster.rgba_pixels().map(solid_or_clear).collect();
        let Some((last, shown)) = self.last.take() else {
            self.last = Some((frame, milliseconds));
            return Ok(());
        };
        if last == frame {
            self.last = Some((last, shown.saturating_add(milliseconds)));
            return Ok(());
        }
        let clears = last
            .iter()
            .zip(&frame)
            .any(|(last, next)| *last != CLEAR && *next == CLEAR);
        if clears {
            // Nothing but a cleared screen makes a pixel transparent again.
            self.first = false;
            let all = self.bounds(|_| true);
            self.write(&last, all, shown, DisposalMethod::Background)?;
            self.below.fill(CLEAR);
        } else {
            self.write_change(&last, shown)?;
            self.below = last;
        }
        self.last = Some((frame, milliseconds));
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        if let Some((last, shown)) = self.last.take() {
            self.write_change(&last, shown)?;
        }
        self.encoder.into_inner().map(|_| ()).map_err(text)
    }

    fn write_change(&mut self, frame: &[Colour], milliseconds: u32) -> Result<(), String> {
        // Viewers differ in what they show where the first frame is not, so it covers all.
        let first = std::mem::replace(&mut self.first, false);
        let bounds = self.bounds(|at| first || frame[at] != self.below[at]);
        self.write(frame, bounds, milliseconds, DisposalMethod::Keep)
    }

    /// The smallest rectangle that holds each pixel of which `counts` is true: left, top, width
    /// and height, the latter two at least 1.
    fn bounds(&self, counts: impl Fn(usize) -> bool) -> [usize; 4] {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for at in (0..self.below.len()).filter(|&at| counts(at)) {
            let (x, y) = (at % self.width, at / self.width);
            left = left.min(x);
            right = right.max(x);
            top = top.min(y);
            bottom = bottom.max(y);
        }
        if left > right {
            return [0, 0, 1, 1];
        }
        [left, top, right - left + 1, bottom - top + 1]
    }

    fn write(
        &mut self,
        frame: &[Colour],
        [left, top, width, height]: [usize; 4],
        milliseconds: u32,
        dispose: DisposalMethod,
    ) -> Result<(), String> {
        let part = |pixels: &[Colour]| -> Vec<Colour> {
            let rows = pixels.chunks_exact(self.width).skip(top).take(height);
            rows.flat_map(|row| row[left..left + width].to_vec())
                .collect()
        };
        let below = part(&self.below);
        let new = part(frame);
        // What does not change is left out, which compresses well.
        let pixels = new.iter().zip(&below);
        let pixels: Vec<Colour> = pixels
            .map(|(new, below)| if new == below { CLEAR } else { *new })
            .collect();
        // One entry is for what is transparent, which no other colour is merged with. Where the
        // screen is cleared afterwards, viewers need to know it even if no pixel has it: without
        // it some fill with the background colour.
        let clears = dispose == DisposalMethod::Background && !pixels.contains(&CLEAR);
        let most = if clears { MAX_COLOURS - 1 } else { MAX_COLOURS };
        let Indexed {
            mut palette,
            indices,
        } = Indexed::reduced_to(pixels.iter().copied(), most);
        if clears {
            palette.push(CLEAR);
        }
        let transparent = (0..=255).zip(&palette).find(|(_, colour)| colour[3] == 0);
        let side = |side: usize| u16::try_from(side).unwrap_or(u16::MAX);
        // The format counts hundredths of a second.
        let hundredths = (milliseconds + 5) / 10;
        let frame = gif::Frame {
            delay: u16::try_from(hundredths).unwrap_or(u16::MAX),
            dispose,
            transparent: transparent.map(|(index, _)| index),
            needs_user_input: false,
            top: side(top),
            left: side(left),
            width: side(width),
            height: side(height),
            interlaced: false,
            palette: Some(palette.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()),
            buffer: indices.into(),
        };
        self.encoder.write_frame(&frame).map_err(text)
    }
}

const CLEAR: Colour = [0; RGBA];

/// The format knows no partial opacity.
fn solid_or_clear([r, g, b, a]: Colour) -> Colour {
    if a < 128 { CLEAR } else { [r, g, b, 255] }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What the blocks say.
#[derive(Default)]
struct Blocks {
    frames: u32,
    ended: bool,
    /// By frame: whether it is disposed of by the value 4, which early writers used for 3 (the
    /// screen before it), as Pillow and libvips have it.
    restoring: Vec<bool>,
    /// The same of the frame that comes next.
    next_restores: bool,
}

impl Blocks {
    /// Reads the blocks without decoding, up to the end of what is there.
    fn of(body: &[u8]) -> Self {
        let mut blocks = Self::default();
        let mut at = body.get(10).map(|flags| HEADER + palette_bytes(*flags));
        while let Some(next) = at {
            at = blocks.step(body, next);
        }
        blocks
    }

    /// The place of the next block, if one follows.
    fn step(&mut self, body: &[u8], at: usize) -> Option<usize> {
        match *body.get(at)? {
            EXTENSION => {
                if let Some(&[CONTROL, 4, flags]) = body.get(at + 1..at + 4) {
                    self.next_restores = flags >> 2 & 7 == 4;
                }
                skip_sub_blocks(body, at + 2)
            }
            FRAME => {
                let flags = *body.get(at + 9)?;
                self.frames = self.frames.saturating_add(1);
                self.restoring.push(std::mem::take(&mut self.next_restores));
                // After the palette comes the code size.
                skip_sub_blocks(body, at + 10 + palette_bytes(flags) + 1)
            }
            TRAILER => {
                self.ended = true;
                None
            }
            _ => None,
        }
    }
}

fn palette_bytes(flags: u8) -> usize {
    if flags & HAS_PALETTE == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// The place after the empty block that ends a sequence of them.
fn skip_sub_blocks(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *body.get(at)? {
            0 => return Some(at + 1),
            length => at += 1 + usize::from(length),
        }
    }
}

#[track_caller]
fn problem(reason: &dyn std::fmt::Display) -> TaskError {
    undecodable(Kind::Gif, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames_of(body: &[u8]) -> Vec<gif::Frame<'static>> {
        let mut reader = DecodeOptions::new().read_info(body).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = reader.read_next_frame().unwrap() {
            frames.push(frame.clone());
        }
        frames
    }

    /// Pillow and others fill with the background colour where a frame that is cleared names no
    /// transparent index.
    #[test]
    fn a_frame_that_is_cleared_has_a_transparent_index() {
        let solid = |colours: usize| {
            let colour = |at: usize| [(at % colours) as u8, (at % 7) as u8, 99, 255];
            Raster::new(20, 20, Channels::Rgba, (0..400).flat_map(colour).collect()).unwrap()
        };
        for colours in [1, 2, 255, 256] {
            let mut holed = solid(colours);
            holed.data[..400].fill(0);
            let mut out = Vec::new();
            let mut writer = Writer::new((20, 20), Plays::FOR_EVER, &mut out).unwrap();
            for raster in [&solid(colours), &holed, &solid(colours)] {
                writer.push(raster, 100).unwrap();
            }
            writer.finish().unwrap();
            let frames = frames_of(&out);
            let cleared = frames
                .iter()
                .filter(|frame| frame.dispose == DisposalMethod::Background);
            assert!(cleared.clone().count() > 0, "{colours}");
            for frame in cleared {
                let index = usize::from(frame.transparent.expect("a transparent index"));
                assert!(index < frame.palette.as_ref().unwrap().len() / 3);
                assert!(frame.palette.as_ref().unwrap().len() <= 768);
                assert!(!frame.buffer.contains(&(index as u8)), "all is opaque");
            }
        }
    }

    /// 4 stands for 3 in old files.
    #[test]
    fn disposal_4_restores_what_was_before() {
        let palette = [0, 0, 0, 250, 0, 0, 0, 250, 0, 0, 0, 250];
        let mut body = Vec::new();
        let mut encoder = gif::Encoder::new(&mut body, 4, 1, &palette).unwrap();
        for (left, colour, dispose) in [
            (0, 1, DisposalMethod::Keep),
            (1, 2, DisposalMethod::Previous),
            (2, 3, DisposalMethod::Keep),
        ] {
            let frame = gif::Frame {
                left,
                width: if left == 0 { 4 } else { 1 },
                height: 1,
                buffer: vec![colour; if left == 0 { 4 } else { 1 }].into(),
                dispose,
                delay: 5,
                ..gif::Frame::default()
            };
            encoder.write_frame(&frame).unwrap();
        }
        drop(encoder);
        let canvases = |body: &[u8]| -> Vec<Vec<u8>> {
            let (_, file) = open(body, 100, false).unwrap();
            let frames = file.frames(100).unwrap();
            frames.map(|frame| frame.unwrap().raster.data).collect()
        };
        let expected = canvases(&body);
        let at = body
            .windows(4)
            .position(|four| four == [0x21, 0xf9, 4, 3 << 2])
            .unwrap();
        for value in [4, 5] {
            body[at + 3] = value << 2;
            assert_eq!(canvases(&body) == expected, value == 4, "{value}");
        }
        assert_eq!(expected[2][4..8], [250, 0, 0, 255]);
    }
}
