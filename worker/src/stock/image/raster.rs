//! Pixels in memory: [`Raster`], and what is done to the small result.

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};
use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use crate::error::TaskError;

/// The channels of a pixel, each one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    /// Grey.
    L,
    /// Grey and alpha, not premultiplied.
    La,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue and alpha, not premultiplied.
    Rgba,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::L => 1,
            Self::La => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// An image in memory: rows from the top, without padding.
/// `data.len() == width * height * channels.count()` always.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: Channels,
    pub(super) data: Vec<u8>,
}

impl Raster {
    /// `None` if the data's length does not fit the size.
    pub(super) fn new(width: u32, height: u32, channels: Channels, data: Vec<u8>) -> Option<Self> {
        let pixels = u64::from(width) * u64::from(height);
        (pixels * channels.count() as u64 == data.len() as u64).then_some(Self {
            width,
            height,
            channels,
            data,
        })
    }

    /// The colours in sRGB, if `profile` is an RGB profile that can be used;
    /// a damaged or foreign one is ignored, as browsers do.
    pub(super) fn into_srgb(mut self, profile: Option<&[u8]>) -> Self {
        let layout = match self.channels {
            Channels::Rgb => moxcms::Layout::Rgb,
            Channels::Rgba => moxcms::Layout::Rgba,
            Channels::L | Channels::La => return self,
        };
        let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok())
        else {
            return self;
        };
        if profile.color_space != DataColorSpace::Rgb {
            return self;
        }
        let mut converted = vec![0; self.data.len()];
        let done = profile
            .create_transform_8bit(
                layout,
                &ColorProfile::new_srgb(),
                layout,
                TransformOptions::default(),
            )
            .and_then(|transform| transform.transform(&self.data, &mut converted));
        if done.is_ok() {
            self.data = converted;
        }
        self
    }

    /// The image upright: `orientation` is what the metadata said must be done.
    pub(super) fn turned(self, orientation: Orientation) -> Result<Self, TaskError> {
        if orientation == Orientation::NoTransforms {
            return Ok(self);
        }
        let Self {
            width,
            height,
            channels,
            data,
        } = self;
        let image = match channels {
            Channels::L => ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageLuma8),
            Channels::La => {
                ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageLumaA8)
            }
            Channels::Rgb => {
                ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageRgb8)
            }
            Channels::Rgba => {
                ImageBuffer::from_raw(width, height, data).map(DynamicImage::ImageRgba8)
            }
        };
        let mut image = image.ok_or_else(|| {
            TaskError::new(
                "image.failed",
                "the pixels do not fit their size (a defect of this handler; please report it)",
            )
        })?;
        image.apply_orientation(orientation);
        Ok(Self {
            width: image.width(),
            height: image.height(),
            channels,
            data: image.into_bytes(),
        })
    }

    /// Without the alpha channel if every pixel is opaque.
    pub(super) fn without_needless_alpha(mut self) -> Self {
        self.channels = match self.channels {
            Channels::La if opaque::<2>(&self.data) => {
                self.data = self.data.as_chunks::<2>().0.iter().map(|p| p[0]).collect();
                Channels::L
            }
            Channels::Rgba if opaque::<4>(&self.data) => {
                let pixels = self.data.as_chunks::<4>().0;
                self.data = pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
                Channels::Rgb
            }
            other => other,
        };
        self
    }

    /// Whether any pixel is not fully opaque.
    pub(super) fn is_translucent(&self) -> bool {
        match self.channels {
            Channels::L | Channels::Rgb => false,
            Channels::La => !opaque::<2>(&self.data),
            Channels::Rgba => !opaque::<4>(&self.data),
        }
    }
}

fn opaque<const N: usize>(data: &[u8]) -> bool {
    data.as_chunks::<N>()
        .0
        .iter()
        .all(|pixel| pixel[N - 1] == 255)
}
