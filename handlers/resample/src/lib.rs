//! Resampling of 8-bit images, by `fast_image_resize`, for `ringwork-handlers`.
//!
//! This is a crate by itself for the sake of compile time: its convolutions are generic, and a
//! crate that calls them compiles 500 copies. Here that happens once, for the handlers, their
//! tests and each change of either (docs/decisions/0018-resampling-is-a-crate.md).

#![forbid(unsafe_code)]

use fast_image_resize::images::{Image, TypedImage};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use std::cell::RefCell;

/// A resizer with more scratch memory than this, in bytes, is not kept by its thread.
const KEPT_SCRATCH: usize = 16 << 20;

/// The kernel of the convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Lanczos, three lobes.
    Lanczos3,
    /// Linear in both directions.
    Bilinear,
    /// Cubic, through the samples.
    CatmullRom,
    /// The mean of the pixels below.
    Box,
}

/// An image: rows from the top, without padding, one byte a channel.
#[derive(Debug, Clone)]
pub struct Pixels {
    /// In pixels, at least 1.
    pub width: u32,
    /// In pixels, at least 1.
    pub height: u32,
    /// 1 to 4 channels.
    pub channels: usize,
    /// Whether the last channel is alpha, by which the others are weighed. They are not
    /// premultiplied, before or after.
    pub alpha: bool,
    /// `width * height * channels` bytes.
    pub data: Vec<u8>,
}

/// The part of an image that is used, in pixels; it may begin and end within a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its width, above 0.
    pub width: f64,
    /// Its height, above 0.
    pub height: f64,
}

/// The arguments did not fit each other; the text says which.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ResampleError(String);

impl ResampleError {
    fn new(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

thread_local! {
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// The `part` of `source` in `size` (width and height, in pixels); the result has its channels.
///
/// # Errors
///
/// [`ResampleError`] if the data's length is not that of the size, the channels are not 1 to 4,
/// alpha is said of 1 or 3 channels, or the part is not within the image.
///
/// # Examples
///
/// ```
/// use ringwork_resample::{Filter, Part, Pixels, resample};
///
/// let source = Pixels { width: 2, height: 2, channels: 1, alpha: false, data: vec![10, 20, 30, 40] };
/// let part = Part { left: 0.0, top: 0.0, width: 2.0, height: 2.0 };
/// assert_eq!(resample(source, part, (1, 1), Filter::Box).unwrap(), [25]);
/// ```
pub fn resample(
    source: Pixels,
    part: Part,
    size: (u32, u32),
    filter: Filter,
) -> Result<Vec<u8>, ResampleError> {
    let bytes = u64::from(source.width) * u64::from(source.height) * source.channels as u64;
    if source.data.len() as u64 != bytes {
        return Err(ResampleError(format!(
            "{} bytes, where {bytes} are {} x {} pixels of {} channels",
            source.data.len(),
            source.width,
            source.height,
            source.channels
        )));
    }
    match (source.channels, source.alpha) {
        (1, false) => typed::<U8>(source, part, size, filter),
        (2, _) => typed::<U8x2>(source, part, size, filter),
        (3, false) => typed::<U8x3>(source, part, size, filter),
        (4, _) => typed::<U8x4>(source, part, size, filter),
        (channels, alpha) => Err(ResampleError(format!(
            "{channels} channels{}",
            if alpha { ", one of them alpha" } else { "" }
        ))),
    }
}

fn typed<P: PixelTrait>(
    source: Pixels,
    part: Part,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<Vec<u8>, ResampleError> {
    let translucent = source.alpha;
    let mut image = Image::from_vec_u8(source.width, source.height, source.data, P::pixel_type())
        .map_err(ResampleError::new)?;
    // In place, where the resizer would make a second image of the full size.
    let alpha = MulDiv::new();
    if translucent {
        alpha
            .multiply_alpha_inplace_typed(&mut typed_mut::<P>(&mut image)?)
            .map_err(ResampleError::new)?;
    }
    let mut target = Image::new(width, height, P::pixel_type());
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(match filter {
            Filter::Lanczos3 => FilterType::Lanczos3,
            Filter::Bilinear => FilterType::Bilinear,
            Filter::CatmullRom => FilterType::CatmullRom,
            Filter::Box => FilterType::Box,
        }))
        .crop(part.left, part.top, part.width, part.height)
        .use_alpha(false);
    RESIZER.with_borrow_mut(|resizer| {
        let from = image.typed_image::<P>().ok_or_else(other_pixels)?;
        let result = resizer.resize_typed(&from, &mut typed_mut::<P>(&mut target)?, &options);
        if resizer.size_of_internal_buffers() > KEPT_SCRATCH {
            resizer.reset_internal_buffers();
        }
        result.map_err(ResampleError::new)
    })?;
    drop(image);
    if translucent {
        alpha
            .divide_alpha_inplace_typed(&mut typed_mut::<P>(&mut target)?)
            .map_err(ResampleError::new)?;
    }
    Ok(target.into_vec())
}

fn typed_mut<'a, P: PixelTrait>(
    image: &'a mut Image<'_>,
) -> Result<TypedImage<'a, P>, ResampleError> {
    image.typed_image_mut::<P>().ok_or_else(other_pixels)
}

fn other_pixels() -> ResampleError {
    ResampleError::new("the pixels are of another type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(width: u32, height: u32) -> Part {
        Part {
            left: 0.0,
            top: 0.0,
            width: width.into(),
            height: height.into(),
        }
    }

    #[test]
    fn colours_are_weighed_by_alpha() {
        // A white pixel that is opaque beside a black one that is not there at all.
        let data = vec![255, 255, 255, 255, 0, 0, 0, 0];
        let source = Pixels {
            width: 2,
            height: 1,
            channels: 4,
            alpha: true,
            data,
        };
        let made = resample(source, whole(2, 1), (1, 1), Filter::Box).unwrap();
        assert_eq!(made, [255, 255, 255, 128]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let pixels = |channels, alpha, bytes| Pixels {
            width: 2,
            height: 1,
            channels,
            alpha,
            data: vec![0; bytes],
        };
        for (source, part, text) in [
            (pixels(5, false, 10), whole(2, 1), "5 channels"),
            (pixels(3, true, 6), whole(2, 1), "one of them alpha"),
            (pixels(3, false, 7), whole(2, 1), "7 bytes, where 6"),
            (pixels(3, false, 6), whole(3, 1), ""),
        ] {
            let refused = resample(source, part, (1, 1), Filter::Box).unwrap_err();
            assert!(refused.to_string().contains(text), "{refused}");
        }
    }
}
