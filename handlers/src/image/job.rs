//! What is done to each decoded image: a still one, or a frame.

use image::metadata::Orientation;

use super::params::ResizeParams;
use super::profile::into_srgb;
use super::raster::Raster;
use super::resize::{self, Plan};
use super::types::Format;
use ringwork_worker::TaskError;

/// Whether the work goes on: an error ends it.
pub(crate) type GoOn<'a> = &'a dyn Fn() -> Result<(), TaskError>;

/// What is done to each decoded image.
pub(super) struct Job<'a> {
    pub(super) params: &'a ResizeParams,
    pub(super) go_on: GoOn<'a>,
    pub(super) plan: Plan,
    /// The plan for the image as it is stored.
    pub(super) stored: Plan,
    /// The stored size in pixels.
    pub(super) full: (u32, u32),
    pub(super) orientation: Orientation,
    pub(super) background: [u8; 4],
}

impl Job<'_> {
    /// The image as it is to be encoded, and the profile that goes with it. It was decoded at
    /// `scale` of its size.
    pub(super) fn run<'p>(
        &self,
        (raster, scale): (Raster, f64),
        profile: Option<&'p [u8]>,
        format: Format,
    ) -> Result<(Raster, Option<&'p [u8]>), TaskError> {
        let raster = resize::run(raster, self.full, scale, &self.stored, self.params.filter)?;
        let kept = profile.filter(|profile| {
            self.params.keep_profile && format != Format::Gif && raster.is_described_by(profile)
        });
        let raster = match kept {
            Some(_) => raster,
            None => into_srgb(raster, profile),
        };
        let raster = raster.turned(self.orientation)?.without_needless_alpha();
        Ok((self.plan.padded(raster, self.background)?, kept))
    }
}
