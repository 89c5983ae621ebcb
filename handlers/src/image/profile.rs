//! Colour profiles (ICC): from the colours of a file to sRGB.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::filler;
use super::raster::{Channels, Raster};

/// Where a profile's list of tags begins: their number first.
const TAGS: usize = 128;
const MAX_TAGS: usize = 100;

/// `raster` in sRGB, by `profile` if that is for its kind of colours (RGB, grey, CMYK) and can be
/// read; any other profile is ignored, as browsers do. CMYK without a profile is mixed plainly.
pub(super) fn into_srgb(raster: Raster, profile: Option<&[u8]>) -> Raster {
    match profile.and_then(|bytes| read(bytes, raster.channels)) {
        Some(profile) => match raster.channels {
            Channels::L | Channels::La => grey(raster, &profile),
            Channels::Rgb => colours(raster, &profile, Layout::Rgb, Layout::Rgb),
            Channels::Rgba => colours(raster, &profile, Layout::Rgba, Layout::Rgba),
            Channels::Cmyk => colours(raster, &profile, Layout::Rgba, Layout::Rgb),
        },
        None => without_profile(raster),
    }
}

fn read(bytes: &[u8], channels: Channels) -> Option<ColorProfile> {
    let profile = ColorProfile::new_from_slice(bytes)
        .or_else(|_| ColorProfile::new_from_slice(&mended(bytes)))
        .ok()?;
    let expected = match channels {
        Channels::L | Channels::La => DataColorSpace::Gray,
        Channels::Rgb | Channels::Rgba => DataColorSpace::Rgb,
        Channels::Cmyk => DataColorSpace::Cmyk,
    };
    (profile.color_space == expected).then_some(profile)
}

/// The profile without defects that lcms overlooks: a version before the first one or after the last
/// that is known, and tags that lie behind its end, which are left out.
fn mended(bytes: &[u8]) -> Vec<u8> {
    const VERSION: usize = 8;
    let mut profile = bytes.to_vec();
    if let Some(version) = profile.get_mut(VERSION..VERSION + 4)
        && !matches!(version[0], 2..=4)
    {
        let known = if version[0] < 2 {
            [2, 0x10, 0, 0]
        } else {
            [4, 0x30, 0, 0]
        };
        version.copy_from_slice(&known);
    }
    let length = profile.len();
    let number = |bytes: &[u8]| {
        let bytes = bytes.first_chunk()?;
        usize::try_from(u32::from_be_bytes(*bytes)).ok()
    };
    let Some((count, tags)) = profile
        .get_mut(TAGS..)
        .and_then(|tags| tags.split_at_mut_checked(4))
    else {
        return profile;
    };
    let count = number(count).unwrap_or(0).min(MAX_TAGS);
    for tag in tags.chunks_exact_mut(12).take(count) {
        let end = number(&tag[4..]).zip(number(&tag[8..]));
        let end = end.and_then(|(start, length)| start.checked_add(length));
        if end.is_none_or(|end| end > length) {
            tag[..4].fill(0);
        }
    }
    profile
}

/// Whether a profile ends in filler instead of a part of its colours. What is missing of its texts
/// shows in no pixel.
pub(super) fn is_filled_up(profile: &[u8]) -> bool {
    let (filler, run) = (profile.last(), filler::run(profile));
    // A number of four bytes may be 0, and is never one of four other equal bytes.
    let shortest = if filler == Some(&0) {
        filler::SHORTEST
    } else {
        4
    };
    if run < shortest {
        return false;
    }
    let start = profile.len() - run;
    let Some((count, tags)) = profile.get(TAGS..).and_then(<[u8]>::split_first_chunk) else {
        return false;
    };
    let count = (u32::from_be_bytes(*count) as usize).min(MAX_TAGS);
    if start < TAGS + 4 + 12 * count {
        return true;
    }
    tags.as_chunks::<12>().0.iter().take(count).any(|tag| {
        let [n0, n1, n2, n3, p0, p1, p2, p3, l0, l1, l2, l3] = *tag;
        let place = u32::from_be_bytes([p0, p1, p2, p3]) as usize;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let end = place.saturating_add(length);
        if end > profile.len() || start >= end {
            return false;
        }
        // No tag's type ends in filler, nor does what it says of colours.
        let within = start.saturating_sub(place);
        within < 8
            || match (&[n0, n1, n2, n3], profile.get(place..place + 4)) {
                (b"rXYZ" | b"gXYZ" | b"bXYZ", _) => end - start >= shortest,
                // A curve ends high; a formula ends in a slope of 1, and in zeros.
                (b"rTRC" | b"gTRC" | b"bTRC" | b"kTRC", Some(b"curv")) => {
                    filler != Some(&0xff) && end - start >= shortest
                }
                (b"rTRC" | b"gTRC" | b"bTRC" | b"kTRC", Some(b"para")) => {
                    (filler != Some(&0) || within <= 16) && end - start >= shortest
                }
                _ => false,
            }
    })
}

fn without_profile(raster: Raster) -> Raster {
    if raster.channels != Channels::Cmyk {
        return raster;
    }
    let mut data = Vec::with_capacity(raster.data.len() / 4 * 3);
    for &[cyan, magenta, yellow, black] in raster.data.as_chunks::<4>().0 {
        data.extend([cyan, magenta, yellow].map(|ink| left_by(ink, black)));
    }
    Raster {
        channels: Channels::Rgb,
        data,
        ..raster
    }
}

/// What an ink and black leave of white.
pub(super) fn left_by(ink: u8, black: u8) -> u8 {
    let left = u32::from(255 - ink) * u32::from(255 - black);
    u8::try_from((left + 127) / 255).unwrap_or(u8::MAX)
}

fn colours(raster: Raster, profile: &ColorProfile, from: Layout, to: Layout) -> Raster {
    let channels = match to {
        Layout::Rgba => Channels::Rgba,
        _ => Channels::Rgb,
    };
    let pixels = raster.data.len() / raster.channels.count();
    let mut data = vec![0; pixels * channels.count()];
    let done = profile
        .create_transform_8bit(
            from,
            &ColorProfile::new_srgb(),
            to,
            TransformOptions::default(),
        )
        .and_then(|transform| transform.transform(&raster.data, &mut data));
    match done {
        Ok(()) => Raster {
            channels,
            data,
            ..raster
        },
        Err(_) => without_profile(raster),
    }
}

/// Grey stays grey: what becomes of each of the 256 values is asked once.
fn grey(mut raster: Raster, profile: &ColorProfile) -> Raster {
    let values: Vec<u8> = (0..=255).collect();
    let mut colours = [0; 3 * 256];
    let done = profile
        .create_transform_8bit(
            Layout::Gray,
            &ColorProfile::new_srgb(),
            Layout::Rgb,
            TransformOptions::default(),
        )
        .and_then(|transform| transform.transform(&values, &mut colours));
    if done.is_ok() {
        for pixel in raster.data.chunks_mut(raster.channels.count()) {
            pixel[0] = colours[3 * usize::from(pixel[0]) + 1];
        }
    }
    raster
}
