//! From pixels to a file's bytes.
//!
//! JPEG by `jpeg-encoder` (AVX2 where the CPU has it), PNG by `image`'s encoder
//! in its fast mode, lossy WebP by libwebp, of which only the encoder is used:
//! no bytes from outside reach its C code, only pixels.

use std::borrow::Cow;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use jpeg_encoder::ColorType;

use super::raster::{Channels, Raster};
use super::{Format, invalid_params};
use crate::error::TaskError;

/// `#rrggbb` as red, green, blue.
pub(super) fn parse_background(text: &str) -> Result<[u8; 3], TaskError> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match number.map(u32::to_be_bytes) {
        Some([_, r, g, b]) => Ok([r, g, b]),
        None => Err(invalid_params(
            "background is not a colour of the form \"#rrggbb\", such as \"#ffffff\"",
        )),
    }
}

/// Appends the encoded `raster`; on an error `out` is as before.
pub(super) fn encode(
    raster: &Raster,
    format: Format,
    quality: u8,
    background: [u8; 3],
    out: &mut Vec<u8>,
) -> Result<(), TaskError> {
    let before = out.len();
    let result = match format {
        Format::Jpeg => encode_jpeg(raster, quality, background, out),
        Format::Png => encode_png(raster, out),
        Format::Webp => encode_webp(raster, quality, out),
    };
    result.map_err(|reason| {
        out.truncate(before);
        TaskError::new(
            "image.failed",
            format!(
                "encoding {} x {} pixels as {} failed: {reason}; try another format or a smaller size",
                raster.width,
                raster.height,
                format.media_type()
            ),
        )
    })
}

fn encode_jpeg(
    raster: &Raster,
    quality: u8,
    background: [u8; 3],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let (color, pixels) = match raster.channels {
        Channels::L => (ColorType::Luma, Cow::Borrowed(&raster.data)),
        Channels::Rgb => (ColorType::Rgb, Cow::Borrowed(&raster.data)),
        Channels::La => {
            let pixels = raster.data.as_chunks::<2>().0.iter();
            let flat = pixels.flat_map(|&[l, a]| background.map(|below| over(l, below, a)));
            (ColorType::Rgb, Cow::Owned(flat.collect()))
        }
        Channels::Rgba => {
            let [br, bg, bb] = background;
            let pixels = raster.data.as_chunks::<4>().0.iter();
            let flat =
                pixels.flat_map(|&[r, g, b, a]| [over(r, br, a), over(g, bg, a), over(b, bb, a)]);
            (ColorType::Rgb, Cow::Owned(flat.collect()))
        }
    };
    let side = |side: u32| u16::try_from(side).map_err(|_| "a side over 65535".to_owned());
    jpeg_encoder::Encoder::new(&mut *out, quality)
        .encode(&pixels, side(raster.width)?, side(raster.height)?, color)
        .map_err(|error| error.to_string())
}

/// `above` with the opacity `alpha` on `below`, rounded.
fn over(above: u8, below: u8, alpha: u8) -> u8 {
    let (above, below, alpha) = (u32::from(above), u32::from(below), u32::from(alpha));
    let mixed = (above * alpha + below * (255 - alpha) + 127) / 255;
    u8::try_from(mixed).unwrap_or(u8::MAX)
}

fn encode_png(raster: &Raster, out: &mut Vec<u8>) -> Result<(), String> {
    let color = match raster.channels {
        Channels::L => ExtendedColorType::L8,
        Channels::La => ExtendedColorType::La8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
    };
    PngEncoder::new_with_quality(out, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&raster.data, raster.width, raster.height, color)
        .map_err(|error| error.to_string())
}

fn encode_webp(raster: &Raster, quality: u8, out: &mut Vec<u8>) -> Result<(), String> {
    let grey_to_rgb;
    let (layout, pixels) = match raster.channels {
        Channels::Rgb => (webp::PixelLayout::Rgb, &raster.data),
        Channels::Rgba => (webp::PixelLayout::Rgba, &raster.data),
        Channels::L => {
            grey_to_rgb = raster.data.iter().flat_map(|&l| [l, l, l]).collect();
            (webp::PixelLayout::Rgb, &grey_to_rgb)
        }
        Channels::La => {
            let pixels = raster.data.as_chunks::<2>().0.iter();
            grey_to_rgb = pixels.flat_map(|&[l, a]| [l, l, l, a]).collect();
            (webp::PixelLayout::Rgba, &grey_to_rgb)
        }
    };
    let encoded = webp::Encoder::new(pixels, layout, raster.width, raster.height)
        .encode_simple(false, f32::from(quality))
        .map_err(|error| format!("{error:?}"))?;
    out.extend_from_slice(&encoded);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds() {
        assert_eq!(parse_background("#0a80FF").unwrap(), [10, 128, 255]);
        for text in ["", "#fff", "ffffff", "#ggffff", "#+fffff", "#ffffffff"] {
            let error = parse_background(text).unwrap_err();
            assert_eq!(error.code(), "image.invalid_params", "{text}");
        }
    }

    #[test]
    fn compositing_is_exact_at_the_ends() {
        for value in 0..=255 {
            assert_eq!(over(value, 99, 255), value);
            assert_eq!(over(99, value, 0), value);
        }
        assert_eq!(over(0, 255, 128), 127);
    }
}
