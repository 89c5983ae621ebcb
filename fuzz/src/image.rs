//! Image requests: any bytes are refused with one of the documented codes, or give an image of
//! the kind and size asked for, within the pixels allowed.

use ringwork_handlers::image::{
    Animation, Damaged, EncodedImage, Filter, Fit, Format, Gravity, InfoParams, Palette,
    ResizeParams, ThumbnailParams, info, resize, thumbnail,
};
use ringwork_worker::TaskError;

/// Bytes before the image: what is asked for.
pub const PREFIX: usize = 5;
/// Small, so that a target's run stays fast.
const MAX_PIXELS: u64 = 1 << 14;

const GRAVITIES: [Gravity; 9] = [
    Gravity::Centre,
    Gravity::SouthEast,
    Gravity::North,
    Gravity::NorthEast,
    Gravity::East,
    Gravity::South,
    Gravity::SouthWest,
    Gravity::West,
    Gravity::NorthWest,
];

/// Resizes the image that follows the first five bytes, as these say.
///
/// # Panics
/// When the result is not what was asked for, or the error none that is documented.
pub fn run(data: &[u8]) {
    let Some(([how, shape, width, height, more], body)) = data.split_first_chunk::<PREFIX>() else {
        return;
    };
    let asked = Asked::by([*how, *shape, *width, *height, *more]);
    let result = if shape & 0x80 == 0 {
        asked.thumbnail(body)
    } else {
        asked.resize(body)
    };
    match result {
        Ok(image) => {
            check(&image, &asked);
            let described = info(&InfoParams::default(), body);
            assert!(described.is_ok_and(|it| it.width > 0 && it.height > 0));
        }
        Err(error) => {
            // Whatever it says, it says without a panic.
            let _ = info(&InfoParams::default(), body);
            let documented = [
                "image.invalid_params",
                "image.undecodable",
                "image.too_many_pixels",
            ];
            assert!(documented.contains(&error.code()), "{error}");
        }
    }
}

/// The parameters that resizing and thumbnails share: two types with the same methods.
macro_rules! params {
    ($asked:ident, $params:ident) => {
        $params::default()
            .width($asked.width)
            .height($asked.height)
            .fit($asked.fit)
            .gravity($asked.gravity)
            .animation($asked.animation)
            .lossless($asked.lossless)
            .palette($asked.palette)
            .keep_profile($asked.keep_profile)
            .damaged($asked.damaged)
            .progressive($asked.progressive)
            .background($asked.background.to_owned())
            .format($asked.format)
            .filter($asked.filter)
            .quality($asked.quality)
            .max_pixels(MAX_PIXELS)
    };
}

struct Asked {
    fit: Fit,
    gravity: Gravity,
    animation: Animation,
    lossless: bool,
    palette: Palette,
    keep_profile: bool,
    damaged: Damaged,
    progressive: bool,
    background: &'static str,
    format: Option<Format>,
    filter: Filter,
    quality: u32,
    width: Option<u32>,
    height: Option<u32>,
}

impl Asked {
    /// What the first bytes ask for.
    fn by([how, shape, width, height, more]: [u8; PREFIX]) -> Self {
        // A quality that there isn't asks for what is rarer.
        let quality = shape & 0x7f;
        let rare = quality.saturating_sub(100);
        let format = [
            Some(Format::Gif).filter(|_| rare & 4 != 0),
            Some(Format::Jpeg),
            Some(Format::Png),
            Some(Format::Webp),
        ][usize::from(how >> 2 & 3)];
        Self {
            fit: if rare & 1 != 0 {
                Fit::Contain
            } else {
                [Fit::Fit, Fit::Fill, Fit::Crop][usize::from(how & 3) % 3]
            },
            animation: if rare & 2 != 0 {
                Animation::Keep
            } else {
                Animation::First
            },
            lossless: rare & 8 != 0 && !matches!(format, Some(Format::Jpeg | Format::Gif)),
            palette: if rare & 16 != 0 {
                Palette::Always
            } else {
                Palette::Auto
            },
            keep_profile: rare & 3 == 3,
            gravity: GRAVITIES[usize::from((more >> 2 & 15) + (rare & 1)) % GRAVITIES.len()],
            damaged: if more & 1 != 0 {
                Damaged::Accept
            } else {
                Damaged::Refuse
            },
            progressive: more & 2 != 0,
            background: ["#ffffff", "#12345678"][usize::from(more >> 6 & 1)],
            format,
            filter: [
                Filter::Lanczos3,
                Filter::Bilinear,
                Filter::CatmullRom,
                Filter::Box,
            ][usize::from(how >> 4 & 3)],
            quality: if rare > 0 { 80 } else { quality.into() },
            width: (how & 0x40 == 0).then_some(u32::from(width)),
            height: (how & 0x80 == 0).then_some(u32::from(height)),
        }
    }

    fn thumbnail(&self, body: &[u8]) -> Result<EncodedImage, TaskError> {
        thumbnail(&params!(self, ThumbnailParams), body)
    }

    fn resize(&self, body: &[u8]) -> Result<EncodedImage, TaskError> {
        resize(&params!(self, ResizeParams), body)
    }
}

fn check(image: &EncodedImage, asked: &Asked) {
    let info = &image.info;
    assert!(info.width > 0 && info.height > 0);
    assert!(u64::from(info.width) * u64::from(info.height) <= MAX_PIXELS);
    assert!(asked.format.is_none_or(|format| format == info.format));
    let box_or_default = |side: Option<u32>, other: Option<u32>| match (side, other) {
        (None, None) => 256,
        (side, _) => side.unwrap_or(u32::MAX),
    };
    assert!(info.width <= box_or_default(asked.width, asked.height));
    assert!(info.height <= box_or_default(asked.height, asked.width));
    let magic: &[u8] = match info.format {
        Format::Jpeg => &[0xff, 0xd8, 0xff],
        Format::Png => b"\x89PNG\r\n\x1a\n",
        Format::Webp => b"RIFF",
        Format::Gif => b"GIF89a",
    };
    assert!(image.bytes.starts_with(magic));
}
