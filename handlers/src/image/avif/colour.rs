//! From the planes of a decoded frame to pixels: chroma as fine as luma, YCbCr to RGB (ITU-T
//! H.273), samples of 8, 10 and 12 bits to 8.

use re_rav1d::dav1d::Plane;

use super::super::pixels;
use super::super::raster::{Channels, Raster};
use super::Problem;
use super::av1::{Frame, Layout};
use super::container::Nclx;
use ringwork_worker::TaskError;

/// The samples of a picture, by planes.
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u8,
    pub(super) layout: Layout,
    planes: Vec<Samples>,
}

struct Samples {
    bytes: Bytes,
    /// Bytes from a row to the next.
    stride: usize,
}

enum Bytes {
    Decoded(Plane),
    Own(Vec<u8>),
}

impl Samples {
    fn row(&self, row: usize, bytes: usize) -> Option<&[u8]> {
        let all: &[u8] = match &self.bytes {
            Bytes::Decoded(plane) => plane,
            Bytes::Own(bytes) => bytes,
        };
        all.get(row.checked_mul(self.stride)?..)?.get(..bytes)
    }
}

impl From<Frame> for Canvas {
    fn from(frame: Frame) -> Self {
        let planes = frame.planes.into_iter();
        Self {
            width: frame.width,
            height: frame.height,
            bits: frame.bits,
            layout: frame.layout,
            planes: planes
                .map(|(plane, stride)| Samples {
                    bytes: Bytes::Decoded(plane),
                    stride,
                })
                .collect(),
        }
    }
}

impl Canvas {
    /// A canvas of this size for frames like this one.
    pub(super) fn like(frame: &Frame, width: u32, height: u32) -> Result<Self, TaskError> {
        let mut canvas = Self {
            width,
            height,
            bits: frame.bits,
            layout: frame.layout,
            planes: Vec::new(),
        };
        for plane in 0..frame.planes.len() {
            let (across, down) = canvas.size_of(plane);
            let stride = across * canvas.sample();
            canvas.planes.push(Samples {
                bytes: Bytes::Own(pixels::zeroed(stride.checked_mul(down))?),
                stride,
            });
        }
        Ok(canvas)
    }

    /// Bytes a sample.
    fn sample(&self) -> usize {
        if self.bits == 8 { 1 } else { 2 }
    }

    /// By how much a plane is coarser than luma.
    fn shift_of(&self, plane: usize) -> (u8, u8) {
        match self.layout {
            Layout::Coloured(across, down) if plane > 0 => (across, down),
            _ => (0, 0),
        }
    }

    /// Samples across and down.
    fn size_of(&self, plane: usize) -> (usize, usize) {
        let (across, down) = self.shift_of(plane);
        (
            (self.width as usize).div_ceil(1 << across),
            (self.height as usize).div_ceil(1 << down),
        )
    }

    /// Puts a frame where its upper left corner is at `left` and `top`; what stands out is left
    /// off.
    pub(super) fn put(&mut self, frame: Frame, left: u32, top: u32) -> Result<(), Problem> {
        let frame = Self::from(frame);
        if (frame.bits, frame.layout) != (self.bits, self.layout) {
            return Err("the images of its grid differ in their samples".into());
        }
        for plane in 0..self.planes.len() {
            let (across, down) = self.shift_of(plane);
            if left & ((1 << across) - 1) != 0 || top & ((1 << down) - 1) != 0 {
                return Err("the images of its grid have an odd size".into());
            }
            let (left, top) = ((left >> across) as usize, (top >> down) as usize);
            let (full, rows) = self.size_of(plane);
            let (width, height) = frame.size_of(plane);
            let sample = self.sample();
            let count = width.min(full.saturating_sub(left)) * sample;
            let to = &mut self.planes[plane];
            let Bytes::Own(bytes) = &mut to.bytes else {
                return Err("its grid can't be put together".into());
            };
            for row in 0..height.min(rows.saturating_sub(top)) {
                let from = frame.planes[plane].row(row, count).ok_or(TOO_SHORT)?;
                let start = (top + row) * to.stride + left * sample;
                bytes
                    .get_mut(start..start + count)
                    .ok_or(TOO_SHORT)?
                    .copy_from_slice(from);
            }
        }
        Ok(())
    }

    /// The samples of a row as numbers.
    fn read(&self, plane: usize, row: usize, out: &mut [f32]) -> Result<(), Problem> {
        let bytes = self.planes[plane]
            .row(row, out.len() * self.sample())
            .ok_or(TOO_SHORT)?;
        if self.bits == 8 {
            for (value, byte) in out.iter_mut().zip(bytes) {
                *value = f32::from(*byte);
            }
        } else {
            for (value, pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *value = f32::from(u16::from_ne_bytes(*pair));
            }
        }
        Ok(())
    }

    /// The samples of a plane of chroma for a row of luma. The nearer ones count three times as
    /// much as the farther ones, as with libavif and in JPEG.
    fn fine(
        &self,
        plane: usize,
        row: usize,
        scratch: &mut [Vec<f32>; 2],
        out: &mut [f32],
    ) -> Result<(), Problem> {
        let (across, down) = self.shift_of(plane);
        if (across, down) == (0, 0) {
            return self.read(plane, row, out);
        }
        let (width, height) = self.size_of(plane);
        let [near, far] = scratch;
        near.resize(width, 0.0);
        far.resize(width, 0.0);
        self.read(plane, row >> down, near)?;
        if down > 0 {
            let other = if row & 1 == 0 {
                (row >> 1).saturating_sub(1)
            } else {
                ((row >> 1) + 1).min(height - 1)
            };
            self.read(plane, other, far)?;
            for (near, far) in near.iter_mut().zip(far) {
                *near = *near * 0.75 + *far * 0.25;
            }
        }
        // Pairs of pixels around each sample but the first half pair and the last.
        let last = out.len() - 1;
        out[0] = near[0];
        for (pair, two) in out[1..].chunks_exact_mut(2).zip(near.windows(2)) {
            pair[0] = two[0] * 0.75 + two[1] * 0.25;
            pair[1] = two[0] * 0.25 + two[1] * 0.75;
        }
        if last & 1 == 1 {
            out[last] = near[width - 1];
        }
        Ok(())
    }
}

const TOO_SHORT: &str = "a plane is smaller than its header says";

/// What makes RGB of three planes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Matrix {
    /// The planes are green, blue and red.
    Identity,
    /// The parts of red and blue in luma.
    Weights(f32, f32),
    YCgCo,
}

impl Matrix {
    fn of(colours: Nclx) -> Result<Self, Problem> {
        const BT709: Matrix = Matrix::Weights(0.2126, 0.0722);
        const BT601: Matrix = Matrix::Weights(0.299, 0.114);
        const BT2020: Matrix = Matrix::Weights(0.2627, 0.0593);
        Ok(match (colours.matrix, colours.primaries) {
            (0, _) => Self::Identity,
            (1, _) | (12, 1) => BT709,
            (2 | 5 | 6, _) => BT601,
            (4, _) => Self::Weights(0.30, 0.11),
            (7, _) | (12, 6 | 7) => Self::Weights(0.212, 0.087),
            (8, _) => Self::YCgCo,
            (9, _) | (12, 9) => BT2020,
            (12, 12) => Self::Weights(0.228_974_6, 0.079_286_9),
            (other, _) => {
                return Err(format!("its matrix coefficients {other} are not supported").into());
            }
        })
    }
}

/// How a plane's numbers become 0 to 255, or half of that to both sides of 0.
#[derive(Clone, Copy)]
struct Range {
    base: f32,
    scale: f32,
}

impl Range {
    fn luma(bits: u8, full: bool) -> Self {
        let unit = f32::from(1u16 << (bits - 8));
        if full {
            Self {
                base: 0.0,
                scale: 255.0 / (256.0 * unit - 1.0),
            }
        } else {
            Self {
                base: 16.0 * unit,
                scale: 255.0 / (219.0 * unit),
            }
        }
    }

    fn chroma(bits: u8, full: bool) -> Self {
        let unit = f32::from(1u16 << (bits - 8));
        let range = if full {
            256.0 * unit - 1.0
        } else {
            224.0 * unit
        };
        Self {
            base: 128.0 * unit,
            scale: 255.0 / range,
        }
    }

    fn apply(self, value: f32) -> f32 {
        (value - self.base) * self.scale
    }
}

/// Rounded, and within 0 to 255.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// The opacity of a picture.
pub(super) struct Alpha {
    pub(super) canvas: Canvas,
    pub(super) full_range: bool,
    /// Whether the colours are multiplied by it.
    pub(super) multiplied: bool,
}

/// The pixels of `canvas`. Grey stays grey unless `coloured`.
pub(super) fn raster(
    canvas: &Canvas,
    alpha: Option<&Alpha>,
    colours: Nclx,
    coloured: bool,
) -> Result<Raster, TaskError> {
    let grey = canvas.layout == Layout::Grey;
    let channels = match (grey && !coloured, alpha.is_some()) {
        (true, false) => Channels::L,
        (true, true) => Channels::La,
        (false, false) => Channels::Rgb,
        (false, true) => Channels::Rgba,
    };
    let matrix = if grey {
        Matrix::YCgCo // of no use
    } else {
        Matrix::of(colours).map_err(super::refused)?
    };
    if matrix == Matrix::Identity && canvas.layout != Layout::Coloured(0, 0) {
        return Err(super::refused("its planes are RGB and of different sizes"));
    }
    let width = canvas.width as usize;
    let row = width * channels.count();
    let mut data = pixels::zeroed(row.checked_mul(canvas.height as usize))?;
    let mut rows = Rows::new(canvas, matrix, colours.full_range);
    for (y, out) in data.chunks_exact_mut(row).enumerate() {
        rows.pixels(y, channels, out)
            .and_then(|()| match alpha {
                Some(alpha) => rows.opacity(y, alpha, channels.count(), out),
                None => Ok(()),
            })
            .map_err(super::refused)?;
    }
    Raster::new(canvas.width, canvas.height, channels, data)
        .ok_or_else(|| super::refused("its size is not that of its header"))
}

/// Memory for a row of each plane, and how they become pixels.
struct Rows<'a> {
    canvas: &'a Canvas,
    matrix: Matrix,
    luma: Range,
    chroma: Range,
    planes: [Vec<f32>; 3],
    scratch: [Vec<f32>; 2],
}

impl<'a> Rows<'a> {
    fn new(canvas: &'a Canvas, matrix: Matrix, full_range: bool) -> Self {
        let luma = Range::luma(canvas.bits, full_range);
        Self {
            canvas,
            matrix,
            luma,
            chroma: match matrix {
                Matrix::Identity => luma,
                _ => Range::chroma(canvas.bits, full_range),
            },
            planes: std::array::from_fn(|_| vec![0.0; canvas.width as usize]),
            scratch: Default::default(),
        }
    }

    /// Row `y`, without its opacity.
    fn pixels(&mut self, y: usize, channels: Channels, out: &mut [u8]) -> Result<(), Problem> {
        let (luma, chroma) = (self.luma, self.chroma);
        let [first, second, third] = &mut self.planes;
        self.canvas.read(0, y, first)?;
        if self.canvas.layout == Layout::Grey {
            let colours = if matches!(channels, Channels::L | Channels::La) {
                1
            } else {
                3
            };
            for (pixel, value) in out.chunks_exact_mut(channels.count()).zip(first) {
                pixel[..colours].fill(byte(luma.apply(*value)));
            }
            return Ok(());
        }
        self.canvas.fine(1, y, &mut self.scratch, second)?;
        self.canvas.fine(2, y, &mut self.scratch, third)?;
        let planes = (first.as_slice(), second.as_slice(), third.as_slice());
        match self.matrix {
            Matrix::Weights(red, blue) => {
                let green = 1.0 - red - blue;
                let (to_red, to_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
                let (less_cr, less_cb) = (to_red * red / green, to_blue * blue / green);
                mix(out, channels, planes, |y, cb, cr| {
                    let (y, cb, cr) = (luma.apply(y), chroma.apply(cb), chroma.apply(cr));
                    [
                        byte(y + to_red * cr),
                        byte(y - less_cb * cb - less_cr * cr),
                        byte(y + to_blue * cb),
                    ]
                });
            }
            Matrix::Identity => mix(out, channels, planes, |green, blue, red| {
                [red, green, blue].map(|value| byte(luma.apply(value)))
            }),
            Matrix::YCgCo => mix(out, channels, planes, |y, cg, co| {
                let (y, cg, co) = (luma.apply(y), chroma.apply(cg), chroma.apply(co));
                [byte(y - cg + co), byte(y + cg), byte(y - cg - co)]
            }),
        }
        Ok(())
    }

    /// The opacity of row `y`, where its colours are there.
    fn opacity(
        &mut self,
        y: usize,
        alpha: &Alpha,
        count: usize,
        out: &mut [u8],
    ) -> Result<(), Problem> {
        let range = Range::luma(alpha.canvas.bits, alpha.full_range);
        let values = &mut self.planes[0];
        alpha.canvas.read(0, y, values)?;
        for (pixel, value) in out.chunks_exact_mut(count).zip(values) {
            let opacity = byte(range.apply(*value));
            let (colours, last) = pixel.split_at_mut(count - 1);
            last[0] = opacity;
            if alpha.multiplied && opacity < 255 {
                for colour in colours {
                    *colour = byte(f32::from(*colour) * 255.0 / f32::from(opacity.max(1)));
                }
            }
        }
        Ok(())
    }
}

/// `colour` of each three samples, into the pixels of a row.
#[inline(always)]
fn mix(
    out: &mut [u8],
    channels: Channels,
    (first, second, third): (&[f32], &[f32], &[f32]),
    colour: impl Fn(f32, f32, f32) -> [u8; 3],
) {
    let samples = first.iter().zip(second).zip(third);
    if channels == Channels::Rgb {
        for (pixel, ((a, b), c)) in out.as_chunks_mut::<3>().0.iter_mut().zip(samples) {
            *pixel = colour(*a, *b, *c);
        }
    } else {
        for (pixel, ((a, b), c)) in out.as_chunks_mut::<4>().0.iter_mut().zip(samples) {
            pixel[..3].copy_from_slice(&colour(*a, *b, *c));
        }
    }
}
