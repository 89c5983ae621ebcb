//! From pixels to a file's bytes.
//!
//! JPEG by `jpeg-encoder` (AVX2 where the CPU has it); the other formats in the files of their
//! names.

use std::borrow::Cow;

use super::encoding::Encoding;
use super::raster::{Channels, Raster};
use super::types::{Format, invalid_params};
use super::{gif, jpeg, png, webp};
use ringwork_worker::TaskError;

/// `#rrggbb` or `#rrggbbaa` as red, green, blue and opacity.
pub(super) fn parse_background(text: &str) -> Result<[u8; 4], TaskError> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| matches!(digits.len(), 6 | 8))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| {
        let number = u32::from_str_radix(digits, 16).ok()?;
        Some(if digits.len() == 6 {
            number << 8 | 0xff
        } else {
            number
        })
    });
    number.map(u32::to_be_bytes).ok_or_else(|| {
        invalid_params(
            "background is not a colour of the form \"#rrggbb\" or \"#rrggbbaa\", such as \"#ffffff\"",
        )
    })
}

/// Appends the encoded `raster`; on an error `out` is as before.
pub(super) fn encode(
    raster: &Raster,
    encoding: &Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TaskError> {
    let before = out.len();
    let &Encoding {
        format,
        background: [red, green, blue, _],
        ..
    } = encoding;
    let result = match format {
        Format::Jpeg => encode_jpeg(raster, encoding, [red, green, blue], out),
        Format::Png => png::encode(raster, encoding, out),
        Format::Webp => webp::encode(raster, encoding, out),
        Format::Gif => gif::encode(raster, out),
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
    &Encoding {
        quality,
        progressive,
        profile,
        ..
    }: &Encoding<'_>,
    background: [u8; 3],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let (grey, pixels) = match raster.channels {
        Channels::L => (true, Cow::Borrowed(&raster.data)),
        Channels::Rgb => (false, Cow::Borrowed(&raster.data)),
        Channels::La => {
            let pixels = raster.data.as_chunks::<2>().0.iter();
            let flat = pixels.flat_map(|&[l, a]| background.map(|below| over(l, below, a)));
            (false, Cow::Owned(flat.collect()))
        }
        // `Cmyk` has become RGB before.
        Channels::Rgba | Channels::Cmyk => {
            let [br, bg, bb] = background;
            let pixels = raster.data.as_chunks::<4>().0.iter();
            let flat =
                pixels.flat_map(|&[r, g, b, a]| [over(r, br, a), over(g, bg, a), over(b, bb, a)]);
            (false, Cow::Owned(flat.collect()))
        }
    };
    let encoding = jpeg::Encoding {
        grey,
        quality,
        progressive,
        profile,
    };
    jpeg::encode(&pixels, (raster.width, raster.height), &encoding, out).map_err(Cow::into_owned)
}

/// `above` with the opacity `alpha` on `below`, rounded.
fn over(above: u8, below: u8, alpha: u8) -> u8 {
    let (above, below, alpha) = (u32::from(above), u32::from(below), u32::from(alpha));
    let mixed = (above * alpha + below * (255 - alpha) + 127) / 255;
    u8::try_from(mixed).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds() {
        assert_eq!(parse_background("#0a80FF").unwrap(), [10, 128, 255, 255]);
        assert_eq!(parse_background("#0a80FF00").unwrap(), [10, 128, 255, 0]);
        for text in [
            "",
            "#fff",
            "ffffff",
            "#ggffff",
            "#+fffff",
            "#fffffff",
            "#ffffffffff",
        ] {
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
