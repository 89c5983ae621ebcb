//! Pixels in memory: [`Raster`], and what is done to the small result.

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

use super::pixels;
use ringwork_worker::TaskError;

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
    /// Cyan, magenta, yellow, black: 0 is no ink. Only until `profile::into_srgb`.
    Cmyk,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::L => 1,
            Self::La => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::La | Self::Rgba)
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

    /// Whether an ICC profile is for such pixels: one for grey or for RGB.
    pub(super) fn is_described_by(&self, profile: &[u8]) -> bool {
        let space: &[u8] = match self.channels {
            Channels::L | Channels::La => b"GRAY",
            Channels::Rgb | Channels::Rgba => b"RGB ",
            Channels::Cmyk => return false,
        };
        profile.get(16..20) == Some(space)
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
            // Turning moves whole pixels, whatever their four bytes mean.
            Channels::Rgba | Channels::Cmyk => {
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

    /// On a canvas of `size` in the colour `background` (red, green, blue, opacity), at `anchor`:
    /// 0 is the left or upper end, 1 the right or lower. The image fits into the canvas.
    pub(super) fn on_canvas(
        self,
        size: (u32, u32),
        anchor: (f64, f64),
        background: [u8; 4],
    ) -> Result<Self, TaskError> {
        if (self.width, self.height) == size {
            return Ok(self);
        }
        let [red, green, blue, opacity] = background;
        let grey = red == green && green == blue;
        let grey = grey && matches!(self.channels, Channels::L | Channels::La);
        let opaque = opacity == 255 && matches!(self.channels, Channels::L | Channels::Rgb);
        let (channels, pixel): (_, &[u8]) = match (grey, opaque) {
            (true, true) => (Channels::L, &[red]),
            (true, false) => (Channels::La, &[red, opacity]),
            (false, true) => (Channels::Rgb, &[red, green, blue]),
            (false, false) => (Channels::Rgba, &background),
        };
        let image = self.with_channels(channels);
        let bytes = |pixels: u32| pixels as usize * channels.count();
        let room = |outer: u32, inner: u32, anchor: f64| {
            // From 0 to `outer`.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let before = (f64::from(outer.saturating_sub(inner)) * anchor).floor() as u32;
            before
        };
        let left = bytes(room(size.0, image.width, anchor.0));
        let top = room(size.1, image.height, anchor.1) as usize;
        let mut data = pixels::zeroed(bytes(size.0).checked_mul(size.1 as usize))?;
        for place in data.chunks_exact_mut(pixel.len()) {
            place.copy_from_slice(pixel);
        }
        let rows = data.chunks_exact_mut(bytes(size.0)).skip(top);
        let width = bytes(image.width);
        for (below, above) in rows.zip(image.data.chunks_exact(width)) {
            below[left..left + width].copy_from_slice(above);
        }
        Ok(Self {
            width: size.0,
            height: size.1,
            channels,
            data,
        })
    }

    /// The same pixels with more channels: colour for grey, full opacity for none.
    pub(super) fn with_channels(self, channels: Channels) -> Self {
        if channels == self.channels {
            return self;
        }
        let data = self.rgba_pixels();
        let data = match channels {
            Channels::L => data.map(|[l, ..]| l).collect(),
            Channels::La => data.flat_map(|[l, _, _, a]| [l, a]).collect(),
            Channels::Rgb => data.flat_map(|[r, g, b, _]| [r, g, b]).collect(),
            Channels::Rgba | Channels::Cmyk => data.flatten().collect(),
        };
        Self {
            channels,
            data,
            ..self
        }
    }

    /// Each pixel as red, green, blue and opacity.
    pub(super) fn rgba_pixels(&self) -> impl Iterator<Item = [u8; 4]> + Clone + '_ {
        let channels = self.channels;
        self.data
            .chunks_exact(channels.count())
            .map(move |pixel| match (channels, pixel) {
                (Channels::L, &[l]) => [l, l, l, 255],
                (Channels::La, &[l, a]) => [l, l, l, a],
                (Channels::Rgb, &[r, g, b]) => [r, g, b, 255],
                (Channels::Rgba, &[r, g, b, a]) => [r, g, b, a],
                _ => [0; 4],
            })
    }

    /// Whether any pixel is not fully opaque.
    pub(super) fn is_translucent(&self) -> bool {
        match self.channels {
            Channels::L | Channels::Rgb | Channels::Cmyk => false,
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
