//! TIFF in: the first page, in strips or tiles, with its colours together or in planes.
//!
//! `directory` reads the tags, `strips` unpacks the data and tells whether it is all there,
//! and here samples of 1 to 16 bits become pixels, row by row. So a file that is cut has the rows
//! in front of the cut, whatever its compression.

mod directory;
mod fax;
mod problem;
mod strips;

use std::borrow::Cow;

use image::metadata::Orientation;

use self::directory::{Directory, HEADER, Order};
use self::problem::{Problem, problem};
use self::strips::{Compression, Packed, Wanted};
use super::frame::Plays;
use super::header::{Details, Header, check_pixels};
use super::profile::left_by;
use super::raster::{Channels, Raster};
use super::{exif, pixels, profile};
use ringwork_worker::TaskError;

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_PLACES: u16 = 273;
const ORIENTATION: u16 = 274;
const SAMPLES: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_LENGTHS: u16 = 279;
const PLANES: u16 = 284;
const FAX_3_OPTIONS: u16 = 292;
const FAX_4_OPTIONS: u16 = 293;
const PREDICTOR: u16 = 317;
const COLOUR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_PLACES: u16 = 324;
const TILE_LENGTHS: u16 = 325;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
const JPEG_TABLES: u16 = 347;
const YCBCR_SAMPLING: u16 = 530;
const XMP: u16 = 700;
const PROFILE: u16 = 34675;
const DNG_VERSION: u16 = 50706;

/// Without the values of these there are no pixels, or wrong ones.
const OF_PIXELS: &[u16] = &[
    BITS,
    STRIP_PLACES,
    STRIP_LENGTHS,
    COLOUR_MAP,
    TILE_PLACES,
    TILE_LENGTHS,
    EXTRA_SAMPLES,
    SAMPLE_FORMAT,
    JPEG_TABLES,
    YCBCR_SAMPLING,
];
/// What these say is no pixel's value, but how to read them; a default in place of a value that
/// can't be read would show another picture.
const OF_NUMBERS: &[u16] = &[
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    FILL_ORDER,
    ORIENTATION,
    SAMPLES,
    ROWS_PER_STRIP,
    PLANES,
    FAX_3_OPTIONS,
    FAX_4_OPTIONS,
    PREDICTOR,
    EXTRA_SAMPLES,
    SAMPLE_FORMAT,
];
/// Without these the pixels are there, and their colours or their place are wrong.
const OF_COLOURS: &[u16] = &[XMP, PROFILE];

/// Of the tag for extra samples: an opacity that the colours are multiplied with already.
const ASSOCIATED: u64 = 1;
/// Of the same: a plain opacity.
const UNASSOCIATED: u64 = 2;
/// Samples a pixel. More would make a bomb of a small file.
const MAX_SAMPLES: usize = 8;
const MAX_BITS: u64 = 16;
/// Pixels that tiles may have outside of the picture, beside four times the pixels allowed in it.
const MAX_OUTSIDE: u64 = 1 << 22;

const TOO_FEW: &str = "it has fewer strips or tiles than its size needs";

/// A TIFF of which the first directory has been read.
pub(super) struct File<'a> {
    body: &'a [u8],
    directory: Directory<'a>,
    layout: Layout,
    grid: Grid,
    /// The palette's red, green and blue.
    palette: Option<Vec<[u8; 3]>>,
    width: usize,
    height: usize,
    /// A cut or damaged file gives the rows that it has.
    lenient: bool,
}

/// How a pixel is stored.
#[derive(Clone, Copy)]
struct Layout {
    colours: Colours,
    /// 1 to 16.
    bits: usize,
    /// Samples a pixel, with those that are not looked at.
    samples: usize,
    /// Of the first sample behind the colours.
    opacity: Opacity,
    order: Order,
    /// The highest value of grey is black.
    is_negative: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    Grey,
    /// An index into the palette.
    Index,
    Rgb,
    YCbCr,
    Cmyk,
}

impl Colours {
    /// Those that the tag for the photometric interpretation names.
    fn of(photometric: u64) -> Result<Self, Problem> {
        let name = match photometric {
            0 | 1 => return Ok(Self::Grey),
            2 => return Ok(Self::Rgb),
            3 => return Ok(Self::Index),
            5 => return Ok(Self::Cmyk),
            6 => return Ok(Self::YCbCr),
            4 => "a mask of transparency",
            8 => "L*a*b* (CIELab)",
            9 => "L*a*b* (ICCLab)",
            10 => "L*a*b* (ITULab)",
            32_803 | 34_892 => "a camera's raw ones",
            32_844 => "LogL",
            32_845 => "LogLuv",
            _ => "of an unknown kind",
        };
        Err(format!("its colours are {name} ({photometric}), which are not supported").into())
    }

    fn count(self) -> usize {
        match self {
            Self::Grey | Self::Index => 1,
            Self::Rgb | Self::YCbCr => 3,
            Self::Cmyk => 4,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opacity {
    None,
    Plain,
    Multiplied,
}

/// How the picture is cut into strips or tiles.
#[derive(Clone, Copy)]
struct Grid {
    is_tiled: bool,
    /// Of a strip or tile, in pixels.
    width: usize,
    height: usize,
    across: usize,
    down: usize,
    planes: usize,
}

pub(super) fn open(
    body: &[u8],
    max_pixels: u64,
    lenient: bool,
) -> Result<(Header, File<'_>), TaskError> {
    let directory = Directory::read(body).map_err(problem)?;
    check_raw(body, &directory).map_err(problem)?;
    let (width, height) = size_of(&directory).map_err(problem)?;
    check_pixels(width, height, max_pixels)?;
    check_whole(&directory, lenient).map_err(problem)?;
    let layout = Layout::of(&directory).map_err(problem)?;
    let size = (width as usize, height as usize);
    let grid = Grid::of(&directory, size, layout.samples).map_err(problem)?;
    grid.check(max_pixels).map_err(problem)?;
    let palette = match layout.colours {
        Colours::Index => Some(palette(&directory, layout.bits).map_err(problem)?),
        _ => None,
    };
    if !lenient
        && palette
            .as_ref()
            .is_some_and(|colours| is_one_colour(colours))
    {
        return Err(problem(
            "it is cut off and filled up: all colours of its palette are the same",
        ));
    }
    let orientation = match directory.number(ORIENTATION) {
        Some(value) => Orientation::from_exif(u8::try_from(value).unwrap_or(0)),
        None => directory.bytes(XMP).and_then(exif::orientation_in_xmp),
    };
    let profile = directory.bytes(PROFILE).map(<[u8]>::to_vec);
    let header = Header {
        width,
        height,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        // A profile for CMYK says nothing about the RGB that is made of CMYK with opacity here.
        profile: profile.filter(|_| layout.colours != Colours::Cmyk || layout.is_plain_cmyk()),
        details: Details {
            alpha: layout.opacity != Opacity::None,
            bits: u8::try_from(layout.bits).unwrap_or(u8::MAX),
            frames: 1,
            palette: palette.is_some(),
            plays: Plays::ONCE,
        },
    };
    let file = File {
        body,
        directory,
        layout,
        grid,
        palette,
        width: size.0,
        height: size.1,
        lenient,
    };
    Ok((header, file))
}

/// Refuses a preview in front of another image, as raw files have it, and a file that says what it is.
fn check_raw(body: &[u8], directory: &Directory<'_>) -> Result<(), Problem> {
    let is_preview = directory.number(SUBFILE).is_some_and(|kind| kind & 1 != 0);
    if body.get(8..10) == Some(b"CR") || is_preview || directory.has(DNG_VERSION) {
        return Err("it is a camera's raw file; only what the camera or a raw converter makes of it is a picture".into());
    }
    Ok(())
}

/// Refuses a file whose tags refer to what lies behind its end; of colours only if it is to be whole.
fn check_whole(directory: &Directory<'_>, lenient: bool) -> Result<(), Problem> {
    if let Some(tag) = directory.first_without_number(OF_NUMBERS) {
        return Err(format!("its tag {tag} has no whole number").into());
    }
    let cut = directory.first_cut(OF_PIXELS);
    let cut = cut.or_else(|| directory.first_cut(OF_COLOURS).filter(|_| !lenient));
    if let Some(tag) = cut {
        return Err(format!(
            "it is cut off: what its tag {tag} refers to does not lie within the file"
        )
        .into());
    }
    if lenient {
        return Ok(());
    }
    if directory.is_filled_up() {
        return Err("it is cut off and filled up in its directory".into());
    }
    type Look = fn(&[u8]) -> bool;
    let looks: [(u16, Look); 3] = [
        (XMP, exif::is_filled_up_xmp),
        (PROFILE, profile::is_filled_up),
        (JPEG_TABLES, strips::are_filled_up),
    ];
    let is_filled_up = |(tag, look): &(u16, Look)| directory.bytes(*tag).is_some_and(look);
    match looks.iter().find(|look| is_filled_up(look)) {
        None => Ok(()),
        Some((tag, _)) => Err(format!(
            "it is cut off and filled up: what its tag {tag} refers to ends in filler"
        )
        .into()),
    }
}

/// Width and height, neither of them 0.
fn size_of(directory: &Directory<'_>) -> Result<(u32, u32), Problem> {
    let side = |tag| {
        directory
            .number(tag)
            .and_then(|side| u32::try_from(side).ok())
    };
    match side(WIDTH).zip(side(HEIGHT)) {
        None => Err("its directory does not say its width and height".into()),
        Some((0, _) | (_, 0)) => Err("its directory says 0 pixels".into()),
        Some(size) => Ok(size),
    }
}

impl Opacity {
    /// What the first of `more` samples behind the colours is.
    fn of(directory: &Directory<'_>, more: usize) -> Self {
        let extra = directory.numbers(EXTRA_SAMPLES);
        match extra.as_deref() {
            _ if more == 0 => Self::None,
            // Without a word about it, one more sample is an opacity to the references, too.
            None if more == 1 => Self::Plain,
            None => Self::None,
            Some(extra) => match extra[0] {
                ASSOCIATED => Self::Multiplied,
                UNASSOCIATED => Self::Plain,
                _ => Self::None,
            },
        }
    }
}

/// Bits of a sample, of which all have the same number, and are whole numbers.
fn bits_of(directory: &Directory<'_>) -> Result<usize, Problem> {
    let bits = match directory.numbers(BITS) {
        Some(bits) => bits,
        None if directory.number(SAMPLES).is_some_and(|samples| samples > 1) => {
            return Err("its directory does not say how many bits a sample has".into());
        }
        None => vec![1],
    };
    if bits.iter().any(|other| *other != bits[0]) {
        return Err(format!("its samples differ in size: they have {bits:?} bits").into());
    }
    let bits = bits[0];
    let formats = directory.numbers(SAMPLE_FORMAT).unwrap_or_default();
    // "Undefined" is read as whole numbers, as libtiff does.
    if let Some(format) = formats.iter().find(|format| !matches!(format, 1 | 4)) {
        let name = match format {
            2 => "signed whole numbers",
            3 => "floating-point numbers",
            5 => "complex whole numbers",
            6 => "complex floating-point numbers",
            _ => "numbers of an unknown format",
        };
        return Err(
            format!("its samples are {name} of {bits} bits, which are not supported").into(),
        );
    }
    if !(1..=MAX_BITS).contains(&bits) {
        return Err(
            format!("its samples have {bits} bits, where 1 to {MAX_BITS} are possible").into(),
        );
    }
    Ok(usize::try_from(bits).unwrap_or(1))
}

impl Layout {
    fn of(directory: &Directory<'_>) -> Result<Self, Problem> {
        let samples = directory.number(SAMPLES).unwrap_or(1);
        let samples = usize::try_from(samples).unwrap_or(usize::MAX);
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(format!(
                "{samples} samples a pixel, where 1 to {MAX_SAMPLES} are possible"
            )
            .into());
        }
        let bits = bits_of(directory)?;
        let photometric = directory
            .number(PHOTOMETRIC)
            .ok_or("its directory does not say which colours its samples are")?;
        let colours = Colours::of(photometric)?;
        let count = colours.count();
        if samples < count {
            return Err(
                format!("its colours need {count} samples a pixel, and it has {samples}").into(),
            );
        }
        Ok(Self {
            colours,
            bits,
            samples,
            opacity: Opacity::of(directory, samples - count),
            order: directory.order,
            is_negative: photometric == 0,
        })
    }

    /// CMYK without opacity stays as it is, for its profile.
    fn is_plain_cmyk(&self) -> bool {
        self.colours == Colours::Cmyk && self.opacity == Opacity::None
    }

    /// Samples a pixel that count: the first ones.
    fn kept(&self) -> usize {
        self.colours.count() + usize::from(self.opacity != Opacity::None)
    }

    /// Appends a byte for each of `count` samples of a row. Indices keep their value, all others
    /// become 8 bits.
    fn append_bytes(&self, row: &[u8], count: usize, out: &mut Vec<u8>) {
        let is_index = self.colours == Colours::Index;
        match self.bits {
            8 => out.extend_from_slice(&row[..count.min(row.len())]),
            16 => {
                let samples = row.as_chunks::<2>().0.iter().take(count);
                let order = self.order;
                out.extend(samples.map(|bytes| pixels::scaled(order.read(*bytes).into(), 65_535)));
            }
            bits => {
                let most = (1u32 << bits) - 1;
                let (mut at, mut held, mut has) = (row.iter(), 0u32, 0);
                out.extend((0..count).map(|_| {
                    while has < bits {
                        held = held << 8 | u32::from(at.next().copied().unwrap_or(0));
                        has += 8;
                    }
                    has -= bits;
                    let value = held >> has & most;
                    if is_index {
                        u8::try_from(value).unwrap_or(u8::MAX)
                    } else {
                        pixels::scaled(value, most)
                    }
                }));
            }
        }
    }
}

impl Grid {
    fn of(
        directory: &Directory<'_>,
        (width, height): (usize, usize),
        samples: usize,
    ) -> Result<Self, Problem> {
        let number = |tag| {
            let number = directory.number(tag);
            number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let is_tiled = directory.has(TILE_WIDTH) || directory.has(TILE_PLACES);
        let (w, h) = if is_tiled {
            let sides = number(TILE_WIDTH).zip(number(TILE_HEIGHT));
            sides.ok_or("its directory does not say how large its tiles are")?
        } else {
            (width, number(ROWS_PER_STRIP).unwrap_or(height).min(height))
        };
        if w == 0 || h == 0 {
            return Err("its directory says strips or tiles of 0 pixels".into());
        }
        Ok(Self {
            is_tiled,
            width: w,
            height: h,
            across: width.div_ceil(w),
            down: height.div_ceil(h),
            planes: if number(PLANES) == Some(2) {
                samples
            } else {
                1
            },
        })
    }

    /// What tiles have outside of the picture is unpacked, too, so it is bounded.
    fn check(&self, max_pixels: u64) -> Result<(), Problem> {
        let sides = [self.width, self.height, self.across, self.down];
        let pixels = sides.map(|side| side as u64);
        let pixels = pixels
            .iter()
            .fold(1, |all: u64, side| all.saturating_mul(*side));
        // One is in memory at a time; all of them are unpacked.
        let one = (self.width as u64).saturating_mul(self.height as u64);
        if one > max_pixels.saturating_add(MAX_OUTSIDE)
            || pixels > max_pixels.saturating_mul(4).saturating_add(MAX_OUTSIDE)
        {
            return Err(format!(
                "its tiles of {} x {} pixels are much larger than the picture",
                self.width, self.height
            )
            .into());
        }
        Ok(())
    }
}

/// How `YCbCr` without JPEG is stored: so many values of Y across and down with one Cb and one Cr.
#[derive(Clone, Copy)]
struct Sampling {
    across: usize,
    down: usize,
}

impl Sampling {
    fn unit(self) -> usize {
        self.across * self.down + 2
    }

    /// Bytes of so many rows.
    fn bytes(self, width: usize, rows: usize) -> Option<usize> {
        let units = width
            .div_ceil(self.across)
            .checked_mul(rows.div_ceil(self.down))?;
        units.checked_mul(self.unit())
    }

    /// The whole rows in `data`, with three bytes a pixel.
    fn spread(self, data: &[u8], width: usize) -> Vec<u8> {
        let across = width.div_ceil(self.across);
        let mut rows = Vec::new();
        for units in data.chunks_exact((across * self.unit()).max(1)) {
            for y in 0..self.down {
                for x in 0..width {
                    let unit = &units[x / self.across * self.unit()..][..self.unit()];
                    let [.., cb, cr] = *unit else { continue };
                    rows.extend([unit[y * self.across + x % self.across], cb, cr]);
                }
            }
        }
        rows
    }
}

impl File<'_> {
    pub(super) fn decode(self) -> Result<Raster, TaskError> {
        let number = |tag, default| self.directory.number(tag).unwrap_or(default);
        let compression = Compression::of(
            number(COMPRESSION, 1),
            number(FAX_3_OPTIONS, 0),
            number(FAX_4_OPTIONS, 0),
        )
        .map_err(problem)?;
        let pieces = Pieces::of(&self, compression).map_err(problem)?;
        let kept = self.layout.kept();
        let pixels = self.width.checked_mul(self.height);
        let mut canvas = pixels::zeroed(pixels.and_then(|pixels| pixels.checked_mul(kept)))?;
        let (mut rows, mut first_problem) = (0, None);
        let mut unpacked = Vec::new();
        for index in 0..self.grid.planes * self.grid.down * self.grid.across {
            let piece = self.piece(index);
            // Of what is not looked at, the planes are not read.
            if piece.plane >= kept {
                break;
            }
            // A small file can announce very many strips.
            if index >= pieces.places.len() {
                first_problem.get_or_insert(TOO_FEW.into());
                break;
            }
            let done = pieces.unpack(&self, index, &piece, &mut unpacked);
            rows += self.put(&piece, &pieces, &mut unpacked, &mut canvas);
            if let Err(problem) = done {
                first_problem.get_or_insert(problem);
                if !self.lenient {
                    break;
                }
            }
        }
        if let Some(found) = first_problem
            && (!self.lenient || rows == 0)
        {
            return Err(problem(found));
        }
        let (channels, data) = self.to_pixels(canvas, pieces.colours);
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        Raster::new(side(self.width), side(self.height), channels, data)
            .ok_or_else(|| problem("its size is not that of its header"))
    }

    fn piece(&self, index: usize) -> Piece {
        let grid = self.grid;
        let (plane, place) = (
            index / (grid.across * grid.down),
            index % (grid.across * grid.down),
        );
        let (left, top) = (
            place % grid.across * grid.width,
            place / grid.across * grid.height,
        );
        Piece {
            plane,
            left,
            top,
            width: grid.width.min(self.width - left),
            rows: grid.height.min(self.height - top),
        }
    }

    /// Puts the whole rows of a strip or tile onto the canvas, and says how many there were.
    fn put(
        &self,
        piece: &Piece,
        pieces: &Pieces<'_>,
        unpacked: &mut [u8],
        canvas: &mut [u8],
    ) -> usize {
        let layout = &self.layout;
        let kept = layout.kept();
        let (in_plane, taken) = if self.grid.planes == 1 {
            (layout.samples, kept)
        } else {
            (1, 1)
        };
        let canvas_row = self.width * kept;
        let mut samples = Vec::new();
        let mut count = 0;
        let mut spread;
        let unpacked = match pieces.sampling {
            None => unpacked,
            Some(sampling) => {
                spread = sampling.spread(unpacked, self.grid.width);
                &mut spread
            }
        };
        let rows = unpacked.chunks_exact_mut(pieces.row.max(1));
        let below = canvas.chunks_exact_mut(canvas_row).skip(piece.top);
        for (row, below) in rows.zip(below).take(piece.rows) {
            if pieces.differences {
                self.undo_differences(row, in_plane);
            }
            samples.clear();
            layout.append_bytes(row, piece.width * in_plane, &mut samples);
            if layout.is_negative {
                for grey in samples.iter_mut().step_by(in_plane) {
                    *grey = 255 - *grey;
                }
            }
            let below = &mut below[piece.left * kept..(piece.left + piece.width) * kept];
            if taken == in_plane && taken == kept {
                below.copy_from_slice(&samples);
            } else {
                let pixels = below.chunks_exact_mut(kept);
                for (below, pixel) in pixels.zip(samples.chunks_exact(in_plane)) {
                    below[piece.plane..piece.plane + taken].copy_from_slice(&pixel[..taken]);
                }
            }
            count += 1;
        }
        count
    }

    fn undo_differences(&self, row: &mut [u8], step: usize) {
        let order = self.layout.order;
        if self.layout.bits == 8 {
            for at in step..row.len() {
                row[at] = row[at].wrapping_add(row[at - step]);
            }
            return;
        }
        let row = row.as_chunks_mut::<2>().0;
        for at in step..row.len() {
            let sum = order.read(row[at]).wrapping_add(order.read(row[at - step]));
            row[at] = order.write(sum);
        }
    }

    fn to_pixels(&self, canvas: Vec<u8>, colours: Colours) -> (Channels, Vec<u8>) {
        let opacity = self.layout.opacity;
        let has_alpha = opacity != Opacity::None;
        if self.layout.is_plain_cmyk() {
            return (Channels::Cmyk, canvas);
        }
        let channels = match (colours, has_alpha) {
            (Colours::Grey, false) => Channels::L,
            (Colours::Grey, true) => Channels::La,
            (_, false) => Channels::Rgb,
            (_, true) => Channels::Rgba,
        };
        if opacity != Opacity::Multiplied && matches!(colours, Colours::Grey | Colours::Rgb) {
            return (channels, canvas);
        }
        let kept = self.layout.kept();
        let palette = self.palette.as_deref().unwrap_or_default();
        let mut data = Vec::with_capacity(canvas.len() / kept * channels.count());
        for pixel in canvas.chunks_exact(kept) {
            let mut rgb = match (colours, pixel) {
                (Colours::Index, &[index, ..]) => {
                    palette.get(usize::from(index)).copied().unwrap_or([0; 3])
                }
                (Colours::Rgb, &[r, g, b, ..]) => [r, g, b],
                (Colours::YCbCr, &[y, cb, cr, ..]) => from_ycbcr(y, cb, cr),
                (Colours::Cmyk, &[c, m, y, k, ..]) => [c, m, y].map(|ink| left_by(ink, k)),
                (_, &[grey, ..]) => [grey; 3],
                (_, []) => [0; 3],
            };
            let alpha = if has_alpha { pixel[kept - 1] } else { u8::MAX };
            if opacity == Opacity::Multiplied && colours != Colours::Index {
                rgb = rgb.map(|value| divided(value, alpha));
            }
            data.extend_from_slice(&rgb[..if colours == Colours::Grey { 1 } else { 3 }]);
            if has_alpha {
                data.push(alpha);
            }
        }
        (channels, data)
    }
}

/// A strip or tile: its plane, and its part in the picture.
struct Piece {
    plane: usize,
    left: usize,
    top: usize,
    width: usize,
    rows: usize,
}

/// How strips and tiles are unpacked.
struct Pieces<'a> {
    compression: Compression,
    places: Vec<u64>,
    lengths: Vec<u64>,
    tables: Option<&'a [u8]>,
    /// Bytes of a row, as it is unpacked.
    row: usize,
    sampling: Option<Sampling>,
    /// Whether a pixel is stored as its difference from the one before it.
    differences: bool,
    is_reversed: bool,
    /// As they are unpacked: what JPEG has made RGB of is that.
    colours: Colours,
    lenient: bool,
}

/// Refuses samples of a size that a compression does not have, of which so many are in a plane.
fn check_bits(compression: Compression, bits: usize, in_plane: usize) -> Result<(), Problem> {
    match compression {
        Compression::Jpeg if bits != 8 => {
            Err(format!("it has JPEG data of {bits} bits a sample, which is not supported").into())
        }
        Compression::Fax(_) if in_plane * bits != 1 => {
            Err("it has fax data of more than 1 bit a pixel".into())
        }
        _ => Ok(()),
    }
}

impl<'a> Pieces<'a> {
    fn of(file: &File<'a>, compression: Compression) -> Result<Self, Problem> {
        let File {
            directory,
            layout,
            grid,
            ..
        } = file;
        let (places, lengths) = if grid.is_tiled && directory.has(TILE_PLACES) {
            (TILE_PLACES, TILE_LENGTHS)
        } else {
            (STRIP_PLACES, STRIP_LENGTHS)
        };
        let in_plane = if grid.planes == 1 { layout.samples } else { 1 };
        let row = grid.width.checked_mul(in_plane * layout.bits);
        let is_ycbcr = layout.colours == Colours::YCbCr;
        let is_jpeg = compression == Compression::Jpeg;
        let sampling = (is_ycbcr && !is_jpeg)
            .then(|| sampling(directory))
            .transpose()?
            .filter(|sampling| (sampling.across, sampling.down) != (1, 1));
        if sampling.is_some() && (grid.planes > 1 || layout.samples != 3 || layout.bits != 8) {
            return Err("its colours are sampled more coarsely than its brightness, in planes or with other than 3 samples of 8 bits, which is not supported".into());
        }
        check_bits(compression, layout.bits, in_plane)?;
        let differences = match directory.number(PREDICTOR) {
            _ if !compression.has_predictor() => false,
            None | Some(1) => false,
            Some(2) if matches!(layout.bits, 8 | 16) && sampling.is_none() => true,
            Some(other) => {
                return Err(format!(
                    "a predictor ({other}) over samples of {} bits is not supported",
                    layout.bits
                )
                .into());
            }
        };
        Ok(Self {
            compression,
            places: directory
                .numbers(places)
                .ok_or("it does not say where its strips are")?,
            // Of plain pixels nothing else is needed.
            lengths: directory.numbers(lengths).unwrap_or_default(),
            tables: directory.bytes(JPEG_TABLES),
            row: row.ok_or("its rows are too long")?.div_ceil(8),
            sampling,
            differences,
            is_reversed: directory.number(FILL_ORDER) == Some(2) && !is_jpeg,
            colours: if is_ycbcr && is_jpeg {
                Colours::Rgb
            } else {
                layout.colours
            },
            lenient: file.lenient,
        })
    }

    /// Unpacks a strip or tile, or what is there of it.
    fn unpack(
        &self,
        file: &File<'_>,
        index: usize,
        piece: &Piece,
        out: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        out.clear();
        let grid = &file.grid;
        let bytes = |rows: usize| match self.sampling {
            Some(sampling) => sampling.bytes(grid.width, rows),
            None => self.row.checked_mul(rows),
        };
        // A tile has all of its rows, also those outside of the picture: one that ends before is
        // cut, and what fills it up must not take the place of rows within. A strip may end with
        // the picture.
        let rows = if grid.is_tiled {
            grid.height
        } else {
            piece.rows
        };
        let wanted = bytes(rows).zip(bytes(grid.height));
        let (least, most) = wanted.ok_or("its strips or tiles are too long")?;
        let wanted = Wanted { least, most };
        // An allocation that fails would end the process.
        out.try_reserve_exact(least)
            .map_err(|_| "there is no memory for a strip or tile of it")?;
        let packed = self.packed(file.body, index, &wanted)?;
        match self.compression {
            Compression::Jpeg => {
                let is_ycbcr = file.layout.colours == Colours::YCbCr;
                let raster =
                    strips::unpack_jpeg(&packed.data, self.tables, is_ycbcr, self.lenient)?;
                let in_plane = self.row / grid.width.max(1);
                let (width, height) = (raster.width as usize, raster.height as usize);
                if width != grid.width || height < rows || raster.channels.count() != in_plane {
                    return Err("a strip or tile has JPEG data of another size or with other colours than its directory says".into());
                }
                *out = raster.data;
                Ok(())
            }
            Compression::Fax(kind) => {
                let size = (grid.width, rows);
                fax::unpack(kind, &packed.data, size, out).map_err(Problem::from)
            }
            _ => strips::unpack(self.compression, &packed, &wanted, out),
        }
    }

    fn packed<'f>(
        &self,
        body: &'f [u8],
        index: usize,
        wanted: &Wanted,
    ) -> Result<Packed<'f>, Problem> {
        let number = |numbers: &[u64]| {
            let number = numbers.get(index)?;
            Some(usize::try_from(*number).unwrap_or(usize::MAX))
        };
        let place = number(&self.places).ok_or(TOO_FEW)?;
        if place < HEADER {
            return Err("it is cut off or damaged: a strip or tile has no place in it".into());
        }
        let rest = body.get(place..).unwrap_or_default();
        let length = match number(&self.lengths) {
            // As libtiff does it: lengths are often wrong where they do not matter.
            _ if self.compression == Compression::None => wanted.least.min(rest.len()),
            None | Some(0) if self.places.len() == 1 => rest.len(),
            None => return Err("it does not say how long its strips are".into()),
            Some(length) => length,
        };
        let data = &rest[..length.min(rest.len())];
        Ok(Packed {
            data: if self.is_reversed {
                Cow::Owned(data.iter().map(|byte| byte.reverse_bits()).collect())
            } else {
                Cow::Borrowed(data)
            },
            cut: length > rest.len(),
        })
    }
}

fn sampling(directory: &Directory<'_>) -> Result<Sampling, Problem> {
    let found = directory.numbers(YCBCR_SAMPLING);
    match found.as_deref().unwrap_or(&[2, 2]) {
        &[across @ (1 | 2 | 4), down @ (1 | 2 | 4), ..] => Ok(Sampling {
            across: usize::try_from(across).unwrap_or(1),
            down: usize::try_from(down).unwrap_or(1),
        }),
        _ => Err("its colours are sampled in an unknown way".into()),
    }
}

fn divided(value: u8, alpha: u8) -> u8 {
    if alpha == 0 {
        return 0;
    }
    pixels::scaled(value.into(), alpha.into())
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

/// Whether a palette has but one colour, as filler behind a cut has.
fn is_one_colour(palette: &[[u8; 3]]) -> bool {
    palette.len() > 1 && palette.iter().all(|colour| *colour == palette[0])
}

fn palette(directory: &Directory<'_>, bits: usize) -> Result<Vec<[u8; 3]>, Problem> {
    if bits > 8 {
        return Err(format!("it has a palette of {bits} bits, which is not supported").into());
    }
    let map = directory.numbers(COLOUR_MAP).unwrap_or_default();
    let colours = 1 << bits;
    // The values have 16 bits; some writers give them 8.
    let is_narrow = map.iter().all(|value| *value < 256);
    // Some writers give 256 colours to fewer bits. Too many narrow values are halves of others.
    let each = map.len() / 3;
    if !map.len().is_multiple_of(3) || each < colours || is_narrow && each > colours {
        return Err(format!(
            "its palette has {} values where its {bits} bits need {}",
            map.len(),
            3 * colours
        )
        .into());
    }
    let shift = if is_narrow { 0 } else { 8 };
    let value = |at: usize| u8::try_from(map[at] >> shift).unwrap_or(u8::MAX);
    Ok((0..colours)
        .map(|index| [0, 1, 2].map(|channel| value(channel * each + index)))
        .collect())
}
