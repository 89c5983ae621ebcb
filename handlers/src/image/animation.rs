//! Animations that are kept: each frame is decoded, resized and encoded before the next one.

use super::decode::Source;
use super::encoding::Encoding;
use super::job::Job;
use super::raster::Raster;
use super::types::{Format, ImageInfo, invalid_params, too_many_pixels};
use super::{gif, webp};
use ringwork_ring::format::counted;
use ringwork_worker::TaskError;

enum Writer<'a> {
    Gif(gif::Writer<'a>),
    Webp(webp::Writer<'a>),
}

impl Writer<'_> {
    fn push(&mut self, raster: &Raster, milliseconds: u32) -> Result<(), String> {
        match self {
            Self::Gif(writer) => writer.push(raster, milliseconds),
            Self::Webp(writer) => writer.push(raster, milliseconds),
        }
    }

    fn finish(self) -> Result<(), String> {
        match self {
            Self::Gif(writer) => writer.finish(),
            Self::Webp(writer) => writer.finish(),
        }
    }
}

/// Resizes all frames and appends the animation to `out`. On an error `out` is as before.
pub(super) fn process(
    source: Source<'_>,
    job: &Job<'_>,
    encoding: Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    let before = out.len();
    let made = process_all(source, job, encoding, out);
    if made.is_err() {
        out.truncate(before);
    }
    made
}

/// All frames together count against the pixels allowed, in and out.
fn check_frames(source: &Source<'_>, job: &Job<'_>) -> Result<(), TaskError> {
    let frames = u64::from(source.details.frames);
    let max_pixels = job.params.max_pixels;
    let input = (u64::from(source.width), u64::from(source.height));
    let output = job.plan.output_size();
    for (what, (width, height)) in [("an animation", input), ("an output", output)] {
        if frames.saturating_mul(width).saturating_mul(height) > max_pixels {
            let what = format!("{what} of {}, together", counted(frames, "frame"));
            return Err(too_many_pixels(
                &what,
                width,
                height.saturating_mul(frames),
                max_pixels,
            ));
        }
    }
    Ok(())
}

fn encoding_failed((width, height): (u32, u32), format: Format, reason: &str) -> TaskError {
    TaskError::new(
        "image.failed",
        format!(
            "encoding an animation of {width} x {height} pixels as {} failed: {reason}; try another format or a smaller size",
            format.media_type()
        ),
    )
}

fn process_all(
    source: Source<'_>,
    job: &Job<'_>,
    encoding: Encoding<'_>,
    out: &mut Vec<u8>,
) -> Result<ImageInfo, TaskError> {
    check_frames(&source, job)?;
    // The output's size was checked against the pixels allowed and the longest side of the format.
    let side = |side: u64| u32::try_from(side).unwrap_or(u32::MAX);
    let (width, height) = job.plan.output_size();
    let size = (side(width), side(height));

    let plays = source.details.plays;
    let profile = source.profile.clone();
    let profile = profile.as_deref();
    let no_animation = || {
        invalid_params(&format!(
            "`animation` \"keep\" with {}, which has no animations here; ask for `gif` or `webp`, or leave `animation` out for the first frame",
            encoding.format.media_type()
        ))
    };
    if !matches!(encoding.format, Format::Gif | Format::Webp) {
        return Err(no_animation());
    }
    let mut frames = source
        .frames(job.params.max_pixels)?
        .ok_or_else(no_animation)?;

    let format = encoding.format;
    let failed = |reason: String| encoding_failed(size, format, &reason);
    // The first frame tells whether the profile is kept.
    let Some(first) = frames.next() else {
        return Err(failed("it has no frames".to_owned()));
    };
    let first = first?;
    let (raster, kept) = job.run((first.raster, 1.0), profile, format)?;
    let encoding = Encoding {
        profile: kept,
        ..encoding
    };
    let mut writer = match format {
        Format::Gif => Writer::Gif(gif::Writer::new(size, plays, out).map_err(failed)?),
        _ => Writer::Webp(webp::Writer::new(size, plays, &encoding, out)),
    };
    writer.push(&raster, first.milliseconds).map_err(failed)?;
    for frame in frames {
        (job.go_on)()?;
        let frame = frame?;
        let (raster, _) = job.run((frame.raster, 1.0), profile, format)?;
        writer.push(&raster, frame.milliseconds).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(ImageInfo {
        width: size.0,
        height: size.1,
        format,
    })
}
