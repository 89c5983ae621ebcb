//! JPEG by libjpeg-turbo's code (in the form of `mozjpeg`), the reference of browsers and of most
//! image libraries.
//!
//! [`segments`] finds what is in the file and hands libjpeg what the pixels need; one decoder
//! serves every size, so that a file has the same verdict at each. Files that libjpeg finds odd
//! are gone through by [`entropy`], which says whether anything is missing.

mod entropy;
mod segments;

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use image::metadata::Orientation;
use mozjpeg::decompress::DecompressBuilder;
use mozjpeg::{ColorSpace, Compress};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

#[cfg(test)]
use self::segments::EOI;
use self::segments::{File, Problem};
use super::raster::{Channels, Raster};

/// The remedy for a file that lacks something.
const ACCEPT: &str = " (`damaged` as `accept` takes what there is)";
/// Rows that are decoded between two looks at how far it got.
const ROWS: usize = 16;

/// A file whose segments have been walked over.
pub(super) struct Jpeg<'a> {
    file: File<'a>,
    accept_damage: bool,
}

impl<'a> Jpeg<'a> {
    /// `accept_damage`: take what can be decoded of a cut or damaged file.
    pub(super) fn open(body: &'a [u8], accept_damage: bool) -> Result<Self, Problem> {
        let file = File::open(body)?;
        if !accept_damage {
            if !file.has_end {
                return Err(
                    format!("it is cut off: the end-of-image marker is missing{ACCEPT}").into(),
                );
            }
            if !file.has_all_scans() {
                return Err(format!("it is cut off: scans are missing{ACCEPT}").into());
            }
        }
        Ok(Self {
            file,
            accept_damage,
        })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.file.frame.width.into(), self.file.frame.height.into())
    }

    /// Has three components taken for `YCbCr` or for RGB, and four as they are: where another
    /// file that this one stands in says what they are.
    pub(super) fn set_transformed(&mut self, is_ycbcr: bool) {
        self.file.has_jfif = false;
        self.file.adobe = Some((is_ycbcr && self.file.frame.components.len() == 3).into());
    }

    /// How many times more pixels than usual a scaled decode must leave, in each direction, so that
    /// the colours are not coarser than the result.
    pub(super) fn scaled_reserve(&self) -> f64 {
        if self.file.coarseness() > 2 { 2.0 } else { 1.0 }
    }

    pub(super) fn orientation(&self) -> Option<Orientation> {
        self.file.orientation
    }

    pub(super) fn take_profile(&mut self) -> Option<Vec<u8>> {
        self.file.profile.take()
    }

    /// Decodes at `eighths`/8 of the size: 1, 2, 4 or 8. A side is rounded up to whole pixels, of
    /// which the last one may stand for less than the others.
    pub(super) fn decode(&self, eighths: u8) -> Result<Raster, Problem> {
        let (channels, color) = match self.file.frame.components.len() {
            1 => (Channels::L, ColorSpace::JCS_GRAYSCALE),
            3 => (Channels::Rgb, ColorSpace::JCS_RGB),
            _ => (Channels::Cmyk, ColorSpace::JCS_CMYK),
        };
        let scaled = |side: u32| (side * u32::from(eighths)).div_ceil(8);
        let (width, height) = (scaled(self.size().0), scaled(self.size().1));
        let row = width as usize * channels.count();
        let length = row * height as usize;
        let mut data = Vec::new();
        data.try_reserve_exact(length)
            .map_err(|_| Problem::from("there is no memory for its pixels"))?;
        // What a damaged file does not have stays grey.
        data.resize(length, 128);

        WARNINGS.set(0);
        let mut missing = length;
        let done = self.run(
            DecompressBuilder::new().with_err(error_manager()),
            (eighths, color),
            &mut data,
            &mut missing,
        );
        match done {
            Ok(()) if WARNINGS.get() == 0 || self.accept_damage => {}
            Ok(()) => self.check()?,
            Err(_) if self.accept_damage && missing < length => {}
            Err(_) => {
                self.check()?;
                // Once more, with the error manager that says what it does not like.
                let builder = DecompressBuilder::new();
                self.run(builder, (eighths, color), &mut data, &mut missing)?;
            }
        }
        // The values are those of the paper, not of the ink: Adobe's programs write them so, with a
        // segment of their own or without, and the references read each file as if it had one.
        if channels == Channels::Cmyk {
            for value in &mut data {
                *value = 255 - *value;
            }
        }
        Raster::new(width, height, channels, data)
            .ok_or_else(|| "its size is not that of its header".into())
    }

    fn check(&self) -> Result<(), Problem> {
        entropy::check(&self.file).map_err(|problem| format!("{problem}{ACCEPT}").into())
    }

    /// Decodes into `data`; `missing` is what of it stays as it was.
    fn run(
        &self,
        builder: DecompressBuilder<'_>,
        (eighths, color): (u8, ColorSpace),
        data: &mut [u8],
        missing: &mut usize,
    ) -> Result<(), Problem> {
        quietly(|| {
            let mut decoder = builder.from_reader(Pieces::new(self.file.stream()))?;
            decoder.scale(eighths);
            let mut decoder = decoder.to_colorspace(color)?;
            let block = data.len().div_ceil(decoder.height().max(1)) * ROWS;
            for rows in data.chunks_mut(block) {
                decoder.read_scanlines_into(rows)?;
                *missing -= rows.len();
            }
            decoder.finish()
        })
    }
}

/// How to encode.
pub(super) struct Encoding<'a> {
    /// One byte a pixel; three otherwise.
    pub(super) grey: bool,
    /// 1..=100.
    pub(super) quality: u8,
    pub(super) progressive: bool,
    /// An ICC profile to write along.
    pub(super) profile: Option<&'a [u8]>,
}

/// Appends the pixels as a JPEG file: 4:2:0 below quality 90, 4:4:4 from there on.
pub(super) fn encode(
    pixels: &[u8],
    (width, height): (u32, u32),
    encoding: &Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    quietly(|| {
        let color = if encoding.grey {
            ColorSpace::JCS_GRAYSCALE
        } else {
            ColorSpace::JCS_RGB
        };
        let mut encoder = Compress::new(color);
        encoder.set_fastest_defaults();
        encoder.set_size(width as usize, height as usize);
        encoder.set_quality(encoding.quality.into());
        encoder.set_optimize_coding(true);
        if encoding.progressive {
            encoder.set_progressive_mode();
        }
        if !encoding.grey {
            let side = if encoding.quality < 90 { 2 } else { 1 };
            encoder.set_chroma_sampling_pixel_sizes((side, side), (side, side));
        }
        let mut encoder = encoder.start_compress(out)?;
        if let Some(profile) = encoding.profile {
            encoder.write_icc_profile(profile);
        }
        encoder.write_scanlines(pixels)?;
        encoder.finish().map(|_| ())
    })
}

thread_local! {
    /// What libjpeg has warned of since it was set to 0.
    static WARNINGS: Cell<u32> = const { Cell::new(0) };
}

/// An error of libjpeg on its way out of the C code.
struct Refused;

/// Runs `job`. libjpeg leaves by a panic where it fails, which no hook hears of.
fn quietly(job: impl FnOnce() -> io::Result<()>) -> Result<(), Problem> {
    match catch_unwind(AssertUnwindSafe(job)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(panic) => match panic.downcast::<String>() {
            Ok(message) => {
                let message = message
                    .strip_prefix("libjpeg fatal error: ")
                    .unwrap_or(&message);
                Err(format!("libjpeg says: {message}").into())
            }
            Err(panic) if panic.is::<Refused>() => Err("libjpeg refuses it".into()),
            Err(panic) => resume_unwind(panic),
        },
    }
}

/// Counts warnings, and leaves by a panic on an error.
fn error_manager() -> jpeg_error_mgr {
    extern "C-unwind" fn fail(_: &mut jpeg_common_struct) {
        resume_unwind(Box::new(Refused));
    }
    extern "C-unwind" fn note(_: &mut jpeg_common_struct, level: i32) {
        if level < 0 {
            WARNINGS.set(WARNINGS.get().saturating_add(1));
        }
    }
    extern "C-unwind" fn silent(_: &mut jpeg_common_struct) {}
    extern "C-unwind" fn no_text(_: &mut jpeg_common_struct, _: &[u8; 80]) {}
    jpeg_error_mgr {
        error_exit: Some(fail),
        emit_message: Some(note),
        output_message: Some(silent),
        format_message: Some(no_text),
        reset_error_mgr: Some(silent),
        msg_code: 0,
        msg_parm: Default::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: ptr::null(),
        last_jpeg_message: 0,
        addon_message_table: ptr::null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

/// The parts of a file one after the other.
struct Pieces<'a> {
    pieces: Vec<Cow<'a, [u8]>>,
    /// The piece that is being read, and how far.
    at: (usize, usize),
}

impl<'a> Pieces<'a> {
    fn new(pieces: Vec<Cow<'a, [u8]>>) -> Self {
        Self { pieces, at: (0, 0) }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while let Some(piece) = self.pieces.get(self.at.0) {
            if self.at.1 < piece.len() {
                break;
            }
            self.at = (self.at.0 + 1, 0);
        }
        Ok(self
            .pieces
            .get(self.at.0)
            .map_or(&[], |piece| &piece[self.at.1..]))
    }

    fn consume(&mut self, count: usize) {
        self.at.1 += count;
    }
}

#[cfg(test)]
mod tests;
