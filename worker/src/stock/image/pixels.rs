//! What the decoders of the `image` crate have in common: their limits, and the way from
//! what they decode to a [`Raster`].

use image::{ColorType, ImageDecoder, Limits};

use super::decode::{Kind, undecodable};
use super::raster::{Channels, Raster};
use crate::error::TaskError;

/// What a decoder may use beside 8 bytes a pixel: tables, profiles, metadata.
const DECODER_OVERHEAD: u64 = 64 << 20;

/// Memory for an image of `max_pixels`. The size itself is checked by the caller.
pub(super) fn limits(max_pixels: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(
        max_pixels
            .saturating_mul(8)
            .saturating_add(DECODER_OVERHEAD),
    );
    limits
}

/// The whole image, with 8 bits a sample.
pub(super) fn decode(kind: Kind, decoder: Box<dyn ImageDecoder + '_>) -> Result<Raster, TaskError> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let mut data = Vec::new();
    let bytes = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    data.try_reserve_exact(bytes).map_err(|_| {
        TaskError::new(
            "image.failed",
            format!(
                "no memory for {bytes} bytes of pixels; lower max_pixels or give the worker more"
            ),
        )
    })?;
    data.resize(bytes, 0);
    decoder
        .read_image_boxed(&mut data)
        .map_err(|error| undecodable(kind, &error))?;
    let (channels, data) = match color {
        ColorType::L8 => (Channels::L, data),
        ColorType::La8 => (Channels::La, data),
        ColorType::Rgb8 => (Channels::Rgb, data),
        ColorType::Rgba8 => (Channels::Rgba, data),
        ColorType::L16 => (Channels::L, to_8_bits(data)),
        ColorType::La16 => (Channels::La, to_8_bits(data)),
        ColorType::Rgb16 => (Channels::Rgb, to_8_bits(data)),
        ColorType::Rgba16 => (Channels::Rgba, to_8_bits(data)),
        other => return Err(undecodable(kind, &format_args!("pixels of type {other:?}"))),
    };
    Raster::new(width, height, channels, data)
        .ok_or_else(|| undecodable(kind, &"its size is not that of its header"))
}

/// 16-bit samples in native byte order, rounded to 8 bits, in the same memory.
fn to_8_bits(mut data: Vec<u8>) -> Vec<u8> {
    let half = data.len() / 2;
    for i in 0..half {
        let wide = u32::from(u16::from_ne_bytes([data[2 * i], data[2 * i + 1]]));
        data[i] = u8::try_from((wide * 255 + 32_767) / 65_535).unwrap_or(u8::MAX);
    }
    data.truncate(half);
    data
}
