//! `image.resize`, `image.thumbnail` and `image.info`: JPEG, PNG, WebP and GIF, in and out; AVIF
//! and TIFF in.
//!
//! The order of work keeps the big buffer's life short: the header gives the
//! size, which is checked before anything is allocated for pixels (`decode`);
//! a JPEG that shrinks by far is decoded at 1/2, 1/4 or 1/8 at once; then the
//! pixels are resized (`resize`), and only the small result is turned
//! upright, converted to sRGB and encoded (`encode`).
//!
//! What is true of every result: 8 bits per channel (16-bit input is rounded),
//! sRGB (unless the profile is to be kept), upright, and
//! without any of the input's other metadata. Resizing works on the gamma-encoded
//! values, as browsers and most libraries do, with premultiplied alpha.

mod animation;
mod avif;
mod decode;
mod encode;
mod encoding;
mod exif;
mod filler;
mod frame;
mod gif;
mod header;
mod info;
mod job;
mod jpeg;
mod palette;
mod params;
mod pixels;
mod png;
mod profile;
mod raster;
mod resize;
mod tiff;
mod types;
mod webp;

pub use info::{Description, InfoParams, info};
pub use params::{ResizeParams, ThumbnailParams};
pub use types::{
    Animation, DEFAULT_MAX_PIXELS, DEFAULT_THUMBNAIL_SIZE, Damaged, EncodedImage, Filter, Fit,
    Format, Gravity, ImageInfo, Palette,
};

use job::{GoOn, Job};
use types::invalid_params;

use ringwork_ring::format::counted;
use ringwork_worker::TaskError;

/// The image in `body`, resized.
///
/// # Errors
///
/// - `image.invalid_params`: no width and height, a zero, quality or background
///   out of range, or an output side that the format cannot express.
/// - `image.undecodable`: the body is empty, of another format, cut off or damaged.
/// - `image.too_many_pixels`: the input or the output is over `max_pixels`.
/// - `image.failed`: no memory, or the encoder failed.
pub fn resize(params: &ResizeParams, body: &[u8]) -> Result<EncodedImage, TaskError> {
    let mut bytes = Vec::new();
    let info = resize_into(params, body, &mut bytes)?;
    Ok(EncodedImage { bytes, info })
}

/// [`resize`](fn@resize) that appends the encoded image to `out`. On an error `out` is as before.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn resize_into(
    params: &ResizeParams,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    resize_while(params, body, &|| Ok(()), out)
}

/// [`resize_into`] that asks `go_on` between its steps and the frames of an animation, and ends
/// with its error: how a caller's cancel is seen.
pub(crate) fn resize_while(
    params: &ResizeParams,
    body: &[u8],
    go_on: GoOn<'_>,
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    if params.width.is_none() && params.height.is_none() {
        return Err(invalid_params("give `width`, `height` or both, in pixels"));
    }
    process(params, true, body, go_on, out)
}

/// The image in `body`, made to fit a box if it is larger, never enlarged.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn thumbnail(params: &ThumbnailParams, body: &[u8]) -> Result<EncodedImage, TaskError> {
    let mut bytes = Vec::new();
    let info = thumbnail_into(params, body, &mut bytes)?;
    Ok(EncodedImage { bytes, info })
}

/// [`thumbnail`] that appends the encoded image to `out`. On an error `out` is as before.
///
/// # Errors
///
/// As [`resize`](fn@resize).
pub fn thumbnail_into(
    params: &ThumbnailParams,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    thumbnail_while(params, body, &|| Ok(()), out)
}

/// As [`resize_while`], for [`thumbnail_into`].
pub(crate) fn thumbnail_while(
    params: &ThumbnailParams,
    body: &[u8],
    go_on: GoOn<'_>,
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    let (width, height) = match (params.size, params.width, params.height) {
        (None, None, None) => (Some(DEFAULT_THUMBNAIL_SIZE), Some(DEFAULT_THUMBNAIL_SIZE)),
        (size @ Some(_), None, None) => (size, size),
        (None, width, height) => (width, height),
        (Some(_), ..) => {
            return Err(invalid_params(
                "`size` was given together with `width` or `height`; give the one or the other",
            ));
        }
    };
    let params = params.in_box(width, height);
    process(&params, false, body, go_on, out)
}

fn process(
    params: &ResizeParams,
    enlarge: bool,
    body: &[u8],
    go_on: GoOn<'_>,
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    let quality = check_quality(params.quality)?;
    let background = encode::parse_background(&params.background)?;

    let source = decode::Source::open(body, params.max_pixels, params.damaged == Damaged::Accept)?;
    let animated = params.animation == Animation::Keep && source.is_animation();
    if params.animation == Animation::Keep && source.is_other_animation() {
        return Err(invalid_params(&format!(
            "`animation` \"keep\" with {} of {}; only those of a GIF or WebP are read, so leave `animation` out for the first one",
            counted(source.details.frames, "frame"),
            source.kind.name()
        )));
    }
    let format = params.format.unwrap_or_else(|| match source.kind {
        header::Kind::Gif if animated => Format::Gif,
        kind => kind.default_output(),
    });
    let plan = resize::Plan::new(source.upright_size(), params, enlarge)?;
    plan.check_output(format, params.max_pixels)?;
    check_lossless(params.lossless, format)?;
    let job = Job {
        params,
        go_on,
        plan,
        stored: plan.as_stored(source.orientation),
        full: (source.width, source.height),
        orientation: source.orientation,
        background,
    };
    let encoding = encoding::Encoding {
        format,
        quality,
        background,
        lossless: params.lossless,
        progressive: params.progressive,
        palette: params.palette,
        had_palette: source.kind == header::Kind::Png && source.details.palette,
        profile: None,
    };
    if animated {
        return animation::process(source, &job, encoding, out);
    }
    let decoded = source.decode(&job.stored)?;
    go_on()?;
    let (raster, profile) = job.run(
        (decoded.raster, decoded.scale),
        decoded.profile.as_deref(),
        format,
    )?;
    let encoding = encoding::Encoding {
        profile,
        ..encoding
    };
    go_on()?;
    encode::encode(&raster, &encoding, out)?;
    Ok(ImageInfo {
        width: raster.width,
        height: raster.height,
        format,
    })
}

fn check_quality(quality: u32) -> Result<u8, TaskError> {
    u8::try_from(quality)
        .ok()
        .filter(|quality| (1..=100).contains(quality))
        .ok_or_else(|| {
            invalid_params(&format!(
                "quality {quality} is outside 1..=100; 80 is the default"
            ))
        })
}

fn check_lossless(lossless: bool, format: Format) -> Result<(), TaskError> {
    if lossless && matches!(format, Format::Jpeg | Format::Gif) {
        return Err(invalid_params(&format!(
            "`lossless` with {}, which is never lossless; ask for `png` or `webp`",
            format.media_type()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
