//! Files of each kind against the pixels of a reference decoder, and what becomes of damaged and
//! hostile ones. `testdata/README.md` says how the files were made.

use image::DynamicImage;

use super::*;
use crate::image::{Damaged, Format, Palette, ResizeParams, info, resize};

/// The files, each with the reference's pixels.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name,
            include_bytes!(concat!("testdata/", $name, ".avif")).as_slice(),
            include_bytes!(concat!("testdata/", $name, ".png")).as_slice(),
        )),*]
    };
}
const FILES: &[(&str, &[u8], &[u8])] = files![
    "400-12",
    "420-8",
    "420-10",
    "422-8",
    "422-12",
    "444-10",
    "identity",
    "ycgco",
    "alpha",
    "alpha-10",
    "premultiplied",
    "grid-alpha",
];
const SOURCE: &[u8] = include_bytes!("testdata/source.png");
const PLAIN: &[u8] = include_bytes!("testdata/420-8.avif");
const GRID: &[u8] = include_bytes!("testdata/grid.avif");
const CLAP: &[u8] = include_bytes!("testdata/clap.avif");
const TURNED: &[u8] = include_bytes!("testdata/irot-3.avif");
const MIRRORED: &[u8] = include_bytes!("testdata/irot-1-imir-0.avif");
const BT709: &[u8] = include_bytes!("testdata/bt709.avif");
const P3: &[u8] = include_bytes!("testdata/p3.avif");
const PQ: &[u8] = include_bytes!("testdata/pq.avif");
const SEQUENCE: &[u8] = include_bytes!("testdata/sequence.avif");

fn png(params: ResizeParams, body: &[u8]) -> Result<DynamicImage, TaskError> {
    let params = ResizeParams {
        format: Some(Format::Png),
        palette: Palette::Never,
        ..params
    };
    let made = resize(&params, body)?;
    Ok(image::load_from_memory(&made.bytes).unwrap())
}

/// The picture at its own size.
fn whole(body: &[u8]) -> Result<DynamicImage, TaskError> {
    let described = info(&Default::default(), body)?;
    let params = ResizeParams {
        width: Some(described.width),
        height: Some(described.height),
        ..ResizeParams::default()
    };
    png(params, body)
}

/// How far the colours are apart, the opaque ones more than others; the mean and the most.
fn difference(left: &DynamicImage, right: &DynamicImage) -> (f64, f64) {
    let (left, right) = (left.to_rgba8(), right.to_rgba8());
    assert_eq!(left.dimensions(), right.dimensions());
    let (mut sum, mut most) = (0.0, 0.0f64);
    for (l, r) in left.pixels().zip(right.pixels()) {
        let weight = f64::from(l[3].min(r[3])) / 255.0;
        for channel in 0..4 {
            let weight = if channel == 3 { 1.0 } else { weight };
            let apart = f64::from(l[channel].abs_diff(r[channel])) * weight;
            sum += apart;
            most = most.max(apart);
        }
    }
    (sum / (left.len() as f64), most)
}

#[track_caller]
fn refusal(body: &[u8]) -> String {
    let error = whole(body).unwrap_err();
    assert_eq!(error.code(), "image.undecodable", "{error}");
    error.message().to_owned()
}

/// `body` with one place changed: `offset` bytes behind the first `name`.
fn changed(body: &[u8], name: &[u8; 4], offset: usize, to: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let at = body.windows(4).position(|four| four == name).unwrap() + 4 + offset;
    body[at..at + to.len()].copy_from_slice(to);
    body
}

#[test]
fn each_form_is_decoded_as_by_the_reference() {
    for (name, body, expected) in FILES {
        let expected = image::load_from_memory(expected).unwrap();
        let found = whole(body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mean, most) = difference(&found, &expected);
        // The reference cuts samples of more than 8 bits where ours are rounded.
        assert!(mean < 0.8 && most <= 5.0, "{name}: {mean} {most}");
        assert_eq!(
            found.color().has_alpha(),
            expected.color().has_alpha(),
            "{name}"
        );
        let small = |image: &DynamicImage| image.thumbnail_exact(16, 8);
        let params = ResizeParams {
            width: Some(16),
            height: Some(8),
            fit: crate::image::Fit::Fill,
            ..ResizeParams::default()
        };
        let (mean, _) = difference(&png(params, body).unwrap(), &small(&expected));
        assert!(mean < 12.0, "{name}: {mean}");
    }
}

/// Where the reference is wrong or does not look: beside what was encoded.
#[test]
fn colours_and_places_are_those_of_the_source() {
    let source = image::load_from_memory(SOURCE).unwrap();
    let (mean, _) = difference(&whole(BT709).unwrap(), &source);
    assert!(mean < 3.0, "bt709: {mean}");
    for (name, body, expected) in [
        ("irot 3", TURNED, source.rotate90()),
        ("irot 1, imir 0", MIRRORED, source.rotate270().flipv()),
        ("clap", CLAP, source.crop_imm(10, 5, 31, 20)),
    ] {
        let found = whole(body).unwrap();
        let (mean, _) = difference(&found, &expected);
        assert!(mean < 2.0, "{name}: {mean}");
    }
}

#[test]
fn a_wide_gamut_is_converted_or_kept() {
    let plain = whole(PLAIN).unwrap();
    let converted = whole(P3).unwrap();
    let (mean, _) = difference(&plain, &converted);
    assert!(mean > 2.0, "{mean}");
    let kept = ResizeParams {
        width: Some(67),
        keep_profile: true,
        ..ResizeParams::default()
    };
    let (mean, _) = difference(&png(kept, P3).unwrap(), &plain);
    assert!(mean < 0.1, "{mean}");
    assert!(info(&Default::default(), P3).unwrap().profile.is_some());
    assert!(refusal(PQ).contains("PQ or HLG"));
    assert_eq!(info(&Default::default(), PQ).unwrap().bits, 10);
}

#[test]
fn the_header_tells_what_it_is() {
    let said = |body| {
        let it = info(&Default::default(), body).unwrap();
        (
            it.width,
            it.height,
            it.orientation,
            it.alpha,
            it.bits,
            it.frames,
        )
    };
    let file = |name| FILES.iter().find(|file| file.0 == name).unwrap().1;
    assert_eq!(info(&Default::default(), PLAIN).unwrap().format, "avif");
    assert_eq!(said(PLAIN), (67, 45, 1, false, 8, 1));
    assert_eq!(said(file("alpha-10")), (67, 45, 1, true, 10, 1));
    assert_eq!(said(file("422-12")), (67, 45, 1, false, 12, 1));
    assert_eq!(said(file("grid-alpha")), (256, 128, 1, true, 8, 1));
    assert_eq!(said(CLAP), (31, 20, 1, false, 8, 1));
    assert_eq!(said(TURNED), (45, 67, 6, false, 8, 1));
    assert_eq!(said(SEQUENCE), (80, 60, 1, false, 8, 3));
    // A result is a WebP unless another format is asked for.
    let params = ResizeParams {
        width: Some(8),
        ..ResizeParams::default()
    };
    assert_eq!(resize(&params, PLAIN).unwrap().info.format, Format::Webp);
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    for body in [PLAIN, GRID, FILES.last().unwrap().1] {
        for end in 12..body.len() {
            let said = refusal(&body[..end]);
            assert!(
                said.contains("cut off") || said.contains("damaged"),
                "{end}: {said}"
            );
            let accept = ResizeParams {
                width: Some(8),
                damaged: Damaged::Accept,
                ..ResizeParams::default()
            };
            assert!(resize(&accept, &body[..end]).is_err(), "{end}");
        }
        let end = body.len();
        for filler in [0, 0xff, b'Z', b' ', 0x80] {
            for missing in [8, 20, 50, 100, 200, 300] {
                let mut filled = body.to_vec();
                filled[end - missing..].fill(filler);
                refusal(&filled);
                filled.extend([filler; 200]);
                refusal(&filled);
            }
        }
        for missing in [2, 3, 5] {
            let mut filled = body.to_vec();
            filled[end - missing..].fill(0);
            assert!(refusal(&filled).contains("cut off"), "{missing}");
        }
        // What is behind the data is none of its business.
        let trailing = [body, b"appended"].concat();
        assert!(whole(&trailing).is_ok());
    }
}

#[test]
fn limits_are_checked_before_anything_is_decoded() {
    let too_many = |max_pixels, body: &[u8]| {
        let params = ResizeParams {
            width: Some(8),
            max_pixels,
            ..ResizeParams::default()
        };
        resize(&params, body)
            .err()
            .map(|error| error.code().to_owned())
    };
    let code = Some("image.too_many_pixels".to_owned());
    assert_eq!(too_many(67 * 45 - 1, PLAIN), code);
    assert_eq!(too_many(67 * 45, PLAIN), None);
    assert_eq!(too_many(256 * 128 - 1, GRID), code);
    let huge = changed(PLAIN, b"ispe", 4, &[0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(too_many(100_000_000, &huge), code);
    // The description may lie.
    for size in [[0, 0, 0, 66, 0, 0, 0, 45], [0, 0, 1, 0, 0, 0, 1, 0]] {
        let lie = changed(PLAIN, b"ispe", 4, &size);
        let said = refusal(&lie);
        assert!(
            said.contains("size") || said.contains("decoder says"),
            "{said}"
        );
    }
    let empty = changed(PLAIN, b"ispe", 4, &[0; 8]);
    assert!(refusal(&empty).contains("0 pixels"));
}

#[test]
fn other_kinds_are_named() {
    let heic = changed(PLAIN, b"infe", 8, b"hvc1");
    assert!(refusal(&heic).contains("HEVC"), "{}", refusal(&heic));
    let essential = changed(PLAIN, b"pixi", 0, b"x");
    assert!(whole(&essential).is_ok());
    let mut unknown = PLAIN.to_vec();
    let at = unknown.windows(4).position(|four| four == b"av1C").unwrap();
    unknown[at..at + 4].copy_from_slice(b"xxxx");
    assert!(refusal(&unknown).contains("xxxx"));
    let sequence = changed(SEQUENCE, b"pitm", 4, &[0xff, 0xff]);
    assert!(refusal(&sequence).contains("sequence"));
    let mut brand = PLAIN.to_vec();
    brand[8..12].copy_from_slice(b"mif1"); // as main brand, AVIF behind it
    assert!(whole(&brand).is_ok());
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
    assert!(
        info(&Default::default(), heic)
            .unwrap_err()
            .message()
            .contains("HEIC")
    );
}

/// Damaged files end in a picture or an error, never in a panic.
#[test]
fn damage_never_panics() {
    let mut seed = 11u64;
    for (_, body, _) in FILES {
        for _ in 0..200 {
            let mut damaged = body.to_vec();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (seed >> 33) as usize % damaged.len();
                damaged[at] ^= 1 << (seed >> 61);
            }
            let params = ResizeParams {
                width: Some(7),
                max_pixels: 1_000_000,
                ..ResizeParams::default()
            };
            if let Err(error) = resize(&params, &damaged) {
                assert!(error.code().starts_with("image."), "{error}");
            }
        }
    }
}
