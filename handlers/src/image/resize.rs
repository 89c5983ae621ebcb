//! Geometry and resampling: from the stored pixels to the wanted size.

use image::metadata::Orientation;
use ringwork_resample::{Part, Pixels, resample};

use super::params::ResizeParams;
use super::raster::Raster;
use super::types::{Filter, Fit, Format, Gravity, invalid_params, too_many_pixels};
use ringwork_worker::TaskError;

/// A decoded image that is to shrink keeps at least this many pixels per pixel of output, in each
/// direction; below it a scaled decode would show. Not 2: a photo of 4000 pixels is mostly wanted
/// at 1024, 512 or 256. docs/lab/2026-11-scaled-jpeg-decoding.md has what it costs.
const SCALED_DECODE_RESERVE: f64 = 1.75;

/// Which part of the source becomes an image of which size, and on which canvas it lies then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// The image's size in pixels; at least 1.
    width: u64,
    height: u64,
    /// The part of the source that is used, in source pixels.
    part_width: f64,
    part_height: f64,
    /// Where the part lies in the source, of the source as it is stored.
    anchor: Anchor,
    /// The output's size, if the image is to be padded.
    canvas: Option<(u64, u64)>,
    /// Where the image lies on the canvas, upright.
    gravity: Gravity,
}

/// A place in each direction: 0 is the left or upper end, 1 the right or lower.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Anchor {
    x: f64,
    y: f64,
}

impl Anchor {
    fn of(gravity: Gravity) -> Self {
        let x = match gravity {
            Gravity::West | Gravity::NorthWest | Gravity::SouthWest => 0.0,
            Gravity::Centre | Gravity::North | Gravity::South => 0.5,
            Gravity::East | Gravity::NorthEast | Gravity::SouthEast => 1.0,
        };
        let y = match gravity {
            Gravity::North | Gravity::NorthWest | Gravity::NorthEast => 0.0,
            Gravity::Centre | Gravity::West | Gravity::East => 0.5,
            Gravity::South | Gravity::SouthWest | Gravity::SouthEast => 1.0,
        };
        Self { x, y }
    }

    /// The same place in the image as it was before `orientation` was applied.
    fn before(self, orientation: Orientation) -> Self {
        let (x, y) = (self.x, self.y);
        let (x, y) = match orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (1.0 - x, y),
            Orientation::Rotate180 => (1.0 - x, 1.0 - y),
            Orientation::FlipVertical => (x, 1.0 - y),
            Orientation::Rotate90 => (y, 1.0 - x),
            Orientation::Rotate270 => (1.0 - y, x),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate270FlipH => (1.0 - y, 1.0 - x),
        };
        Self { x, y }
    }
}

impl Plan {
    /// `source` is the upright size in pixels.
    pub(super) fn new(
        source: (u32, u32),
        params: &ResizeParams,
        enlarge: bool,
    ) -> Result<Self, TaskError> {
        if params.width == Some(0) || params.height == Some(0) {
            return Err(invalid_params(
                "a width or height of 0; give at least 1 pixel",
            ));
        }
        let (full_width, full_height) = (f64::from(source.0), f64::from(source.1));
        let by_width = params.width.map(|width| f64::from(width) / full_width);
        let by_height = params.height.map(|height| f64::from(height) / full_height);
        let most = if enlarge { f64::INFINITY } else { 1.0 };

        let (width, height) = match (by_width, by_height, params.fit) {
            (Some(x), Some(y), Fit::Fill | Fit::Crop) => (x.min(most), y.min(most)),
            (x, y, _) => {
                let scale = x
                    .unwrap_or(f64::INFINITY)
                    .min(y.unwrap_or(f64::INFINITY))
                    .min(most);
                (scale, scale)
            }
        };
        let width = (full_width * width).round().max(1.0);
        let height = (full_height * height).round().max(1.0);
        let (part_width, part_height) = if params.fit == Fit::Crop {
            let scale = (width / full_width).max(height / full_height);
            (
                (width / scale).min(full_width),
                (height / scale).min(full_height),
            )
        } else {
            (full_width, full_height)
        };
        let canvas = match (params.fit, params.width, params.height) {
            (Fit::Contain, Some(width), Some(height)) => Some((width.into(), height.into())),
            _ => None,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Self {
            width: width as u64,
            height: height as u64,
            part_width,
            part_height,
            anchor: Anchor::of(params.gravity),
            canvas,
            gravity: params.gravity,
        })
    }

    /// Whether the output can be expressed and may be made.
    pub(super) fn check_output(&self, format: Format, max_pixels: u64) -> Result<(), TaskError> {
        let (width, height) = self.output_size();
        if width.saturating_mul(height) > max_pixels {
            return Err(too_many_pixels("an output", width, height, max_pixels));
        }
        let most = format.max_side();
        if width.max(height) > most {
            return Err(invalid_params(&format!(
                "the output would be {width} x {height}, and a side of {} can have {most} pixels at most; ask for a smaller size or another format",
                format.media_type()
            )));
        }
        Ok(())
    }

    /// The size of what comes out, in pixels.
    pub(super) fn output_size(&self) -> (u64, u64) {
        self.canvas.unwrap_or((self.width, self.height))
    }

    /// The same for the image as it is stored, which `orientation` will turn upright.
    pub(super) fn as_stored(self, orientation: Orientation) -> Self {
        let anchor = self.anchor.before(orientation);
        if !is_sideways(orientation) {
            return Self { anchor, ..self };
        }
        Self {
            width: self.height,
            height: self.width,
            part_width: self.part_height,
            part_height: self.part_width,
            anchor,
            ..self
        }
    }

    /// The upright image on its canvas, if there is one.
    pub(super) fn padded(&self, raster: Raster, background: [u8; 4]) -> Result<Raster, TaskError> {
        let Some((width, height)) = self.canvas else {
            return Ok(raster);
        };
        let (width, height) = (
            u32::try_from(width).map_err(failed)?,
            u32::try_from(height).map_err(failed)?,
        );
        let anchor = Anchor::of(self.gravity);
        raster.on_canvas((width, height), (anchor.x, anchor.y), background)
    }

    /// The smallest scale in eighths (1, 2, 4; 8 is full size) at which the
    /// source may be decoded without harm to the output.
    /// `more`: how many times the usual reserve is to be left.
    pub(super) fn decode_eighths(&self, more: f64) -> u8 {
        let enough = |eighths: u8| {
            let scale = f64::from(eighths) / 8.0 / more;
            self.part_width * scale >= self.width as f64 * SCALED_DECODE_RESERVE
                && self.part_height * scale >= self.height as f64 * SCALED_DECODE_RESERVE
        };
        [1, 2, 4].into_iter().find(|e| enough(*e)).unwrap_or(8)
    }
}

/// Whether an image is stored lying on its side, so that upright its width is what is stored as its
/// height.
pub(super) fn is_sideways(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Resamples `raster` as planned for the `full` size. It was decoded at `scale` of that size, so
/// its right and lowest pixels may stand for a part of a pixel only.
pub(super) fn run(
    raster: Raster,
    full: (u32, u32),
    scale: f64,
    plan: &Plan,
    filter: Filter,
) -> Result<Raster, TaskError> {
    let width = u32::try_from(plan.width).map_err(failed)?;
    let height = u32::try_from(plan.height).map_err(failed)?;
    let full = (f64::from(full.0) * scale, f64::from(full.1) * scale);
    let part = (
        (plan.part_width * scale).min(full.0),
        (plan.part_height * scale).min(full.1),
    );
    let whole = part == (f64::from(raster.width), f64::from(raster.height));
    if whole && (raster.width, raster.height) == (width, height) {
        return Ok(raster);
    }

    let part = Part {
        left: (full.0 - part.0) * plan.anchor.x,
        top: (full.1 - part.1) * plan.anchor.y,
        width: part.0,
        height: part.1,
    };
    let channels = raster.channels;
    let pixels = Pixels {
        width: raster.width,
        height: raster.height,
        channels: channels.count(),
        alpha: raster.is_translucent(),
        data: raster.data,
    };
    let data = resample(pixels, part, (width, height), kernel(filter)).map_err(failed)?;
    Raster::new(width, height, channels, data).ok_or_else(|| failed("a result of the wrong length"))
}

fn kernel(filter: Filter) -> ringwork_resample::Filter {
    match filter {
        Filter::Lanczos3 => ringwork_resample::Filter::Lanczos3,
        Filter::Bilinear => ringwork_resample::Filter::Bilinear,
        Filter::CatmullRom => ringwork_resample::Filter::CatmullRom,
        Filter::Box => ringwork_resample::Filter::Box,
    }
}

#[track_caller]
fn failed(error: impl std::fmt::Display) -> TaskError {
    TaskError::new(
        "image.failed",
        format!("resizing failed: {error} (a defect of this handler; please report it)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(source: (u32, u32), size: (u32, u32), fit: Fit, enlarge: bool) -> Plan {
        let some = |side| (side > 0).then_some(side);
        let params = ResizeParams {
            width: some(size.0),
            height: some(size.1),
            fit,
            ..ResizeParams::default()
        };
        Plan::new(source, &params, enlarge).unwrap()
    }

    fn size(plan: Plan) -> (u64, u64) {
        (plan.width, plan.height)
    }

    #[test]
    fn sizes() {
        for (source, wanted, fit, enlarge, expected) in [
            ((400, 200), (100, 100), Fit::Fit, true, (100, 50)),
            ((200, 400), (100, 100), Fit::Fit, true, (50, 100)),
            ((400, 200), (100, 0), Fit::Fit, true, (100, 50)),
            ((400, 200), (0, 100), Fit::Crop, true, (200, 100)),
            ((400, 200), (100, 100), Fit::Fill, true, (100, 100)),
            ((400, 200), (100, 100), Fit::Crop, true, (100, 100)),
            ((40, 20), (100, 100), Fit::Fit, true, (100, 50)),
            ((40, 20), (100, 100), Fit::Fit, false, (40, 20)),
            ((400, 20), (100, 100), Fit::Fill, false, (100, 20)),
            ((400, 20), (100, 100), Fit::Crop, false, (100, 20)),
            ((10_000, 1), (100, 100), Fit::Fit, true, (100, 1)),
        ] {
            let made = plan(source, wanted, fit, enlarge);
            assert_eq!(size(made), expected, "{source:?} {wanted:?} {fit:?}");
        }
    }

    #[test]
    fn a_crop_keeps_the_aspect_ratio() {
        let made = plan((400, 200), (100, 100), Fit::Crop, true);
        assert_eq!((made.part_width, made.part_height), (200.0, 200.0));
        let made = plan((400, 20), (100, 100), Fit::Crop, false);
        assert_eq!((made.part_width, made.part_height), (100.0, 20.0));
    }

    #[test]
    fn a_contained_image_is_padded_to_the_box() {
        for (source, wanted, enlarge, inner) in [
            ((400, 200), (100, 100), true, (100, 50)),
            ((200, 400), (100, 100), true, (50, 100)),
            ((40, 20), (100, 100), false, (40, 20)),
        ] {
            let made = plan(source, wanted, Fit::Contain, enlarge);
            assert_eq!(size(made), inner);
            assert_eq!(made.output_size(), (100, 100));
        }
        let one_side = plan((400, 200), (100, 0), Fit::Contain, true);
        assert_eq!(one_side.output_size(), (100, 50));
    }

    #[test]
    fn scaled_decoding_leaves_enough_for_the_output() {
        for (side, eighths) in [(71, 1), (72, 2), (142, 2), (143, 4), (285, 4), (286, 8)] {
            let made = plan((1000, 1000), (side, side), Fit::Fit, true);
            assert_eq!(made.decode_eighths(1.0), eighths, "{side}");
        }
        let narrow = plan((1000, 1000), (10, 400), Fit::Fill, true);
        assert_eq!(narrow.decode_eighths(1.0), 8);
    }
}
