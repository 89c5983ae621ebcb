//! AVIF in: the container by [`container`], the pictures by rav1d (crate `re_rav1d`), a decoder of
//! AV1 in Rust, on the lane's thread. Still pictures of 8, 10 and 12 bits, with any sampling of
//! chroma, in one piece or as a grid, with or without opacity.

mod av1;
mod colour;
mod container;
mod problem;

use image::metadata::Orientation;
use moxcms::{ColorProfile, ToneReprCurve};

use self::colour::{Alpha, Canvas};
use self::container::{Container, Image, Nclx};
use self::problem::{Problem, refused};
use super::frame::Plays;
use super::header::{Details, Header, check_pixels};
use super::raster::Raster;
use ringwork_worker::TaskError;

/// The shortest side of a grid's images, as the standard has it.
const SHORTEST_CELL: u32 = 64;
/// What is not said is so, as for libavif.
const UNSPECIFIED: Nclx = Nclx {
    primaries: 2,
    transfer: 2,
    matrix: 2,
    full_range: true,
};

/// An AVIF whose description has been read.
pub(super) struct File<'a> {
    container: Container<'a>,
    primary: Image,
    colours: Nclx,
    /// Whether the profile is for coloured pixels.
    coloured: bool,
    has_profile: bool,
    max_pixels: u64,
}

/// Whether a file begins as an AVIF: one of its brands says so.
pub(super) fn is_avif(body: &[u8]) -> bool {
    let Some((head, rest)) = body.split_first_chunk::<8>() else {
        return false;
    };
    let [a, b, c, d, kind @ ..] = *head;
    let length = u32::from_be_bytes([a, b, c, d]).saturating_sub(8);
    let brands = rest.get(..length as usize).unwrap_or(rest);
    let is_brand = |brand: &[u8; 4]| matches!(brand, b"avif" | b"avis");
    kind == *b"ftyp"
        && brands
            .as_chunks::<4>()
            .0
            .iter()
            .enumerate()
            .any(|(index, brand)| index != 1 && is_brand(brand)) // the second is a version
}

pub(super) fn open(body: &[u8], max_pixels: u64) -> Result<(Header, File<'_>), TaskError> {
    let container = Container::read(body).map_err(refused)?;
    let primary = container.primary().map_err(refused)?;
    let (width, height) = container.size(primary).map_err(refused)?;
    check_pixels(width, height, max_pixels)?;
    let (width, height) = match container.crop(primary) {
        Some((_, _, width, height)) => (width, height),
        None => (width, height),
    };
    let (bits, _) = container.depth(primary).unwrap_or((8, false));
    let colours = colours(&container, primary);
    let first = container.first_cell(primary);
    let icc = container
        .icc(primary)
        .or_else(|| container.icc(first?))
        .map(<[u8]>::to_vec);
    let has_profile = icc.is_some();
    let profile = icc.or_else(|| profile_of(colours));
    let alpha = container.alpha(primary).map_err(refused)?;
    let alpha = match (alpha, first) {
        (None, Some(first)) => container.alpha(first).map_err(refused)?,
        (alpha, _) => alpha,
    };
    let header = Header {
        width,
        height,
        orientation: orientation(container.turn(primary)),
        details: Details {
            alpha: alpha.is_some(),
            bits,
            frames: container.frames.max(1),
            palette: false,
            plays: Plays::ONCE,
        },
        profile: profile.clone(),
    };
    let file = File {
        container,
        primary,
        colours,
        coloured: profile.is_some_and(|profile| profile.get(16..20) == Some(b"RGB ")),
        has_profile,
        max_pixels,
    };
    Ok((header, file))
}

impl File<'_> {
    pub(super) fn decode(self) -> Result<Raster, TaskError> {
        if !self.has_profile && matches!(self.colours.transfer, 16 | 18) {
            return Err(refused(
                "it is in high dynamic range (PQ or HLG), which has no faithful form in sRGB",
            ));
        }
        let (canvas, _) = self.canvas(self.primary, Ok)?;
        let alpha = self.alpha()?;
        if let Some(alpha) = &alpha
            && (alpha.canvas.width, alpha.canvas.height) != (canvas.width, canvas.height)
        {
            return Err(refused("its opacity has another size than its colours"));
        }
        let whole = colour::raster(&canvas, alpha.as_ref(), self.colours, self.coloured)?;
        drop((canvas, alpha));
        Ok(match self.container.crop(self.primary) {
            Some(part) => cropped(whole, part),
            None => whole,
        })
    }

    fn alpha(&self) -> Result<Option<Alpha>, TaskError> {
        let found = self.container.alpha(self.primary).map_err(refused)?;
        let (canvas, multiplied, image) = match (found, self.container.first_cell(self.primary)) {
            (Some((image, multiplied)), _) => (self.canvas(image, Ok)?, multiplied, image),
            // Each image of a grid may have an opacity of its own.
            (None, Some(cell)) => {
                let Some((first, multiplied)) = self.container.alpha(cell).map_err(refused)? else {
                    return Ok(None);
                };
                let canvas = self.canvas(self.primary, |cell| {
                    let alpha = self.container.alpha(cell)?;
                    alpha
                        .map(|(image, _)| image)
                        .ok_or_else(|| "an image of its grid has no opacity".into())
                })?;
                (canvas, multiplied, first)
            }
            (None, None) => return Ok(None),
        };
        let (canvas, said) = canvas;
        let full_range = self
            .container
            .nclx(image)
            .map_or(said.full_range, |nclx| nclx.full_range);
        Ok(Some(Alpha {
            canvas,
            full_range,
            multiplied,
        }))
    }

    /// The samples of an image or a grid, of which `of` says what is to be decoded for each cell.
    fn canvas(
        &self,
        image: Image,
        of: impl Fn(Image) -> Result<Image, Problem>,
    ) -> Result<(Canvas, Nclx), TaskError> {
        let Some(grid) = self.container.grid(image).map_err(refused)? else {
            let (frame, said) = self.frame(image)?;
            return Ok((frame.into(), said));
        };
        check_pixels(grid.width, grid.height, self.max_pixels)?;
        let mut made: Option<(Canvas, Nclx)> = None;
        let mut size = (0, 0);
        for (number, cell) in grid.cells.iter().enumerate() {
            let (frame, said) = self.frame(of(*cell).map_err(refused)?)?;
            if made.is_none() {
                size = (frame.width, frame.height);
                check_cells(&grid, size).map_err(refused)?;
                made = Some((Canvas::like(&frame, grid.width, grid.height)?, said));
            }
            if (frame.width, frame.height) != size {
                return Err(refused("the images of its grid differ in size"));
            }
            if let Some((canvas, _)) = &mut made {
                let place = |number: usize, side| u32::try_from(number).unwrap_or(0) * side;
                let left = place(number % grid.columns, size.0);
                let top = place(number / grid.columns, size.1);
                canvas.put(frame, left, top).map_err(refused)?;
            }
        }
        made.ok_or_else(|| refused("its grid is empty"))
    }

    /// Decodes an AV1 image. Its size has been said twice, and is checked before.
    fn frame(&self, image: Image) -> Result<(av1::Frame, Nclx), TaskError> {
        const OTHER_SIZE: &str = "its AV1 data has another size than its description";
        let (width, height) = self.container.size(image).map_err(refused)?;
        check_pixels(width, height, self.max_pixels)?;
        let data = self.container.data(image).map_err(refused)?;
        let sequence = av1::sequence(&data).map_err(refused)?;
        check_pixels(sequence.width, sequence.height, self.max_pixels)?;
        if sequence.width < width || sequence.height < height {
            return Err(refused(OTHER_SIZE));
        }
        let point = self.container.operating_point(image);
        let pixels = u64::from(width) * u64::from(height);
        let frame = av1::decode(data, point, pixels).map_err(refused)?;
        if (frame.width, frame.height) != (width, height) {
            return Err(refused(OTHER_SIZE));
        }
        Ok((frame, sequence.colours))
    }
}

/// Whether cells of this size make the grid, none of them for nothing.
fn check_cells(grid: &container::Grid, (width, height): (u32, u32)) -> Result<(), Problem> {
    let rows = grid.cells.len() / grid.columns;
    let makes = |count: usize, cell: u32, full: u32| {
        let (count, cell, full) = (count as u64, u64::from(cell), u64::from(full));
        count * cell >= full && (count - 1) * cell < full
    };
    if !makes(grid.columns, width, grid.width) || !makes(rows, height, grid.height) {
        return Err("the images of its grid do not make its size".into());
    }
    if grid.cells.len() > 1 && width.min(height) < SHORTEST_CELL {
        return Err("the images of its grid are smaller than 64 pixels".into());
    }
    Ok(())
}

/// How the samples are to be read: the description comes before the data.
fn colours(container: &Container<'_>, primary: Image) -> Nclx {
    let first = container.first_cell(primary);
    let said = container.nclx(primary).or_else(|| container.nclx(first?));
    said.unwrap_or_else(|| {
        let data = container.data(first.unwrap_or(primary));
        let sequence = data.and_then(|data| av1::sequence(&data));
        sequence.map_or(UNSPECIFIED, |sequence| sequence.colours)
    })
}

/// The profile of colours that are described by numbers, if they are not sRGB's.
fn profile_of(colours: Nclx) -> Option<Vec<u8>> {
    let mut profile = match colours.primaries {
        9 => ColorProfile::new_bt2020(),
        12 => ColorProfile::new_display_p3(),
        _ if colours.transfer == 8 => ColorProfile::new_srgb(),
        _ => return None,
    };
    // The curves of television are taken for sRGB's, as browsers do.
    let curve = if colours.transfer == 8 {
        Some(ToneReprCurve::Lut(Vec::new())) // linear
    } else {
        ColorProfile::new_srgb().red_trc
    };
    profile.cicp = None;
    profile.red_trc.clone_from(&curve);
    profile.green_trc.clone_from(&curve);
    profile.blue_trc = curve;
    profile.encode().ok()
}

/// First turned against the clock, then mirrored: 0 exchanges top and bottom, 1 left and right.
fn orientation((turn, mirror): (u8, Option<u8>)) -> Orientation {
    use Orientation as To;
    match (turn, mirror) {
        (0, None) => To::NoTransforms,
        (1, None) => To::Rotate270,
        (2, None) => To::Rotate180,
        (_, None) => To::Rotate90,
        (0, Some(1)) | (2, Some(0)) => To::FlipHorizontal,
        (0, _) | (2, _) => To::FlipVertical,
        (1, Some(1)) | (3, Some(0)) => To::Rotate270FlipH,
        (_, _) => To::Rotate90FlipH,
    }
}

fn cropped(whole: Raster, (left, top, width, height): (u32, u32, u32, u32)) -> Raster {
    let pixel = whole.channels.count();
    let row = whole.width as usize * pixel;
    let part = left as usize * pixel..(left + width) as usize * pixel;
    let rows = whole.data.chunks_exact(row);
    let rows = rows.skip(top as usize).take(height as usize);
    let data = rows.flat_map(|row| &row[part.clone()]).copied().collect();
    Raster {
        width,
        height,
        channels: whole.channels,
        data,
    }
}

#[cfg(test)]
mod tests;
