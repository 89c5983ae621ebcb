//! Whole images through both handlers. Every image is made here; what a test
//! expects of colours comes from the picture's description, not from a decoder.

use image::codecs::{gif::GifEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbaImage};

use super::*;

mod damaged;
mod formats;
mod oddities;
mod tails;
mod tiles;

const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 200, 40];
const BLUE: [u8; 3] = [40, 50, 210];
const WHITE: [u8; 3] = [240, 240, 240];
/// The corners of the test picture: top left, top right, bottom left, bottom right.
const CORNERS: [[u8; 3]; 4] = [RED, GREEN, BLUE, WHITE];

/// Four flat quarters in the colours of [`CORNERS`].
fn quarters(width: u32, height: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let corner = usize::from(y >= height / 2) * 2 + usize::from(x >= width / 2);
            data.extend(CORNERS[corner]);
        }
    }
    data
}

fn jpeg_of(width: u16, height: u16, exif: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 95);
    if let Some(exif) = exif {
        encoder.add_exif_metadata(exif).unwrap();
    }
    let data = quarters(width.into(), height.into());
    encoder
        .encode(&data, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    out
}

fn png_of(data: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out)
        .write_image(data, width, height, color)
        .unwrap();
    out
}

fn png_quarters(width: u32, height: u32) -> Vec<u8> {
    png_of(
        &quarters(width, height),
        width,
        height,
        ExtendedColorType::Rgb8,
    )
}

fn gif_of(image: &RgbaImage) -> Vec<u8> {
    let mut out = Vec::new();
    GifEncoder::new(&mut out)
        .encode(
            image.as_raw(),
            image.width(),
            image.height(),
            ExtendedColorType::Rgba8,
        )
        .unwrap();
    out
}

fn rgba_quarters(width: u32, height: u32) -> RgbaImage {
    let rgb = image::RgbImage::from_raw(width, height, quarters(width, height)).unwrap();
    DynamicImage::ImageRgb8(rgb).into_rgba8()
}

/// A TIFF structure with one tag: the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// Decodes an output with this crate's own decoders, which other tests check
/// against pictures that were encoded by others.
fn decode(bytes: &[u8]) -> RgbaImage {
    if bytes.starts_with(&[0xff, 0xd8]) {
        let mut decoder = jpeg_decoder::Decoder::new(bytes);
        let data = decoder.decode().unwrap();
        let info = decoder.info().unwrap();
        let (w, h) = (info.width.into(), info.height.into());
        let image = match info.pixel_format {
            jpeg_decoder::PixelFormat::L8 => {
                DynamicImage::ImageLuma8(image::GrayImage::from_raw(w, h, data).unwrap())
            }
            jpeg_decoder::PixelFormat::RGB24 => {
                DynamicImage::ImageRgb8(image::RgbImage::from_raw(w, h, data).unwrap())
            }
            other => panic!("unexpected {other:?}"),
        };
        return image.into_rgba8();
    }
    image::load_from_memory(bytes).unwrap().into_rgba8()
}

fn near(found: [u8; 4], expected: [u8; 3], tolerance: u8) -> bool {
    found[3] == 255
        && found[..3]
            .iter()
            .zip(expected)
            .all(|(f, e)| f.abs_diff(e) <= tolerance)
}

/// The middle of each quarter, in the order of [`CORNERS`].
fn corners_of(image: &RgbaImage) -> [[u8; 4]; 4] {
    let (w, h) = image.dimensions();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| image.get_pixel(w * x / 4, h * y / 4).0)
}

#[track_caller]
fn assert_corners(image: &RgbaImage, expected: [[u8; 3]; 4], tolerance: u8) {
    let found = corners_of(image);
    let right = found
        .iter()
        .zip(expected)
        .all(|(f, e)| near(*f, e, tolerance));
    assert!(right, "found {found:?}, expected {expected:?}");
}

fn to(width: u32, height: u32) -> ResizeParams {
    ResizeParams {
        width: Some(width),
        height: Some(height),
        ..ResizeParams::default()
    }
}

#[track_caller]
fn resized(params: &ResizeParams, body: &[u8]) -> RgbaImage {
    let made = super::resize(params, body).unwrap();
    let image = decode(&made.bytes);
    assert_eq!(image.dimensions(), (made.info.width, made.info.height));
    image
}

#[test]
fn every_input_becomes_every_output() {
    let webp = {
        let mut out = Vec::new();
        WebPEncoder::new_lossless(&mut out)
            .encode(&quarters(80, 60), 80, 60, ExtendedColorType::Rgb8)
            .unwrap();
        out
    };
    let inputs = [
        (jpeg_of(80, 60, None), Format::Jpeg),
        (png_quarters(80, 60), Format::Png),
        (webp, Format::Webp),
        (gif_of(&rgba_quarters(80, 60)), Format::Png),
    ];
    for (body, default_format) in inputs {
        assert_eq!(
            super::resize(&to(40, 40), &body).unwrap().info.format,
            default_format
        );
        for (format, magic) in [
            (Format::Jpeg, &b"\xff\xd8\xff"[..]),
            (Format::Png, b"\x89PNG"),
            (Format::Webp, b"RIFF"),
        ] {
            let params = ResizeParams {
                format: Some(format),
                quality: 95,
                ..to(40, 40)
            };
            let made = super::resize(&params, &body).unwrap();
            assert!(made.bytes.starts_with(magic), "{format:?}");
            assert_eq!((made.info.width, made.info.height), (40, 30));
            assert_corners(&decode(&made.bytes), CORNERS, 12);
        }
    }
}

/// By the Exif standard's table of where row 0 and column 0 are.
#[test]
fn all_eight_orientations_are_applied_once() {
    let [a, b, c, d] = CORNERS;
    for (orientation, expected) in [
        (1, [a, b, c, d]),
        (2, [b, a, d, c]),
        (3, [d, c, b, a]),
        (4, [c, d, a, b]),
        (5, [a, c, b, d]),
        (6, [c, a, d, b]),
        (7, [d, b, c, a]),
        (8, [b, d, a, c]),
    ] {
        let body = jpeg_of(320, 160, Some(&exif(orientation)));
        let upright = if orientation < 5 {
            (320, 160)
        } else {
            (160, 320)
        };
        // Unscaled, a little smaller, and so small that a reduced decode is used.
        for divisor in [1, 2, 10] {
            let (w, h) = (upright.0 / divisor, upright.1 / divisor);
            let made = super::resize(&to(w, h), &body).unwrap();
            let image = decode(&made.bytes);
            assert_eq!(image.dimensions(), (w, h), "orientation {orientation}");
            assert_corners(&image, expected, 12);
            // What comes out has no orientation left to apply.
            let again = super::resize(&to(w, h), &made.bytes).unwrap();
            assert_corners(&decode(&again.bytes), expected, 14);
        }
        // A crop takes the middle of the upright image.
        let params = ResizeParams {
            fit: Fit::Crop,
            ..to(24, 60)
        };
        let image = resized(&params, &body);
        assert_eq!(image.dimensions(), (24, 60));
        assert_corners(&image, expected, 12);
    }
}

/// XMP counts where EXIF says nothing.
#[test]
fn orientation_is_read_from_xmp_wherever_a_format_keeps_it() {
    let [a, b, c, d] = CORNERS;
    let data = quarters(40, 24);
    let xmp = b"<rdf:RDF><rdf:Description tiff:Orientation=\"6\"/></rdf:RDF>";
    let jpeg = jpeg_of(40, 24, None);
    let upright = jpeg_of(40, 24, Some(&exif(1)));
    let in_segment = |jpeg: &[u8]| {
        let payload = [b"http://ns.adobe.com/xap/1.0/\0", &xmp[..]].concat();
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &payload, &jpeg[2..]].concat()
    };
    let png = png_quarters(40, 24);
    let in_chunk = |packed: bool| {
        let mut text = b"XML:com.adobe.xmp\0".to_vec();
        text.extend([u8::from(packed), 0, b'e', b'n', 0, 0]);
        if packed {
            let mut packer = flate2::write::ZlibEncoder::new(text, flate2::Compression::fast());
            std::io::Write::write_all(&mut packer, xmp).unwrap();
            text = packer.finish().unwrap();
        } else {
            text.extend(xmp);
        }
        let (at, _) = formats::find_chunk(&png, b"IEND");
        [&png[..at], &formats::png_chunk(b"iTXt", &text), &png[at..]].concat()
    };
    let mut webp = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut webp);
    encoder.set_xmp_metadata(xmp.to_vec());
    encoder
        .encode(&data, 40, 24, image_webp::ColorType::Rgb8)
        .unwrap();
    for body in [in_segment(&jpeg), in_chunk(false), in_chunk(true), webp] {
        let image = resized(&to(24, 40), &body);
        assert_corners(&image, [c, a, d, b], 30);
    }
    let image = resized(&to(40, 24), &in_segment(&upright));
    assert_corners(&image, CORNERS, 30);
}

#[test]
fn orientation_is_read_from_png_and_webp_too() {
    let [a, b, c, d] = CORNERS;
    let data = quarters(40, 20);
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(6)).unwrap();
    encoder
        .write_image(&data, 40, 20, ExtendedColorType::Rgb8)
        .unwrap();
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(exif(6)).unwrap();
    encoder
        .encode(&data, 40, 20, ExtendedColorType::Rgb8)
        .unwrap();
    for body in [png, webp] {
        let image = resized(&to(20, 40), &body);
        assert_eq!(image.dimensions(), (20, 40));
        assert_corners(&image, [c, a, d, b], 30);
    }
}

#[test]
fn the_reduced_jpeg_decode_agrees_with_the_full_one() {
    let (width, height) = (643u16, 421u16);
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = |p: f64| (128.0 + 100.0 * (p / 60.0).sin()) as u8;
            data.extend([wave(x.into()), wave(y.into()), wave((x + y).into())]);
        }
    }
    for color in [jpeg_encoder::ColorType::Rgb, jpeg_encoder::ColorType::Luma] {
        for progressive in [false, true] {
            let pixels = match color {
                jpeg_encoder::ColorType::Luma => data.chunks(3).map(|p| p[0]).collect(),
                _ => data.clone(),
            };
            let mut body = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut body, 90);
            encoder.set_progressive(progressive);
            encoder.encode(&pixels, width, height, color).unwrap();
            for target in [150, 70, 30] {
                let params = ResizeParams {
                    format: Some(Format::Png),
                    ..to(target, target)
                };
                let small = resized(&params, &body);
                let channels = match color {
                    jpeg_encoder::ColorType::Luma => raster::Channels::L,
                    _ => raster::Channels::Rgb,
                };
                let full = raster::Raster::new(width.into(), height.into(), channels, {
                    let mut decoder = jpeg_decoder::Decoder::new(&body[..]);
                    decoder.decode().unwrap()
                })
                .unwrap();
                let plan = resize::Plan::new((width.into(), height.into()), &params, true).unwrap();
                assert!(plan.decode_eighths(1.0) < 8);
                let size = (width.into(), height.into());
                let full = resize::run(full, size, 1.0, &plan, Filter::Lanczos3).unwrap();
                let n = full.channels.count();
                let worst = small
                    .pixels()
                    .zip(full.data.chunks(n))
                    .map(|(s, f)| s.0[0].abs_diff(f[0]).max(s.0[n - 1].abs_diff(f[n - 1])))
                    .max();
                assert!(worst.unwrap() <= 16, "{target} {color:?}: {worst:?}");
            }
        }
    }
}

#[test]
fn transparent_pixels_do_not_bleed() {
    // Opaque red beside fully transparent green: the edge must stay red.
    let mut data = Vec::new();
    for _ in 0..32 {
        for x in 0..32 {
            data.extend(if x < 15 {
                [255, 0, 0, 255]
            } else {
                [0, 255, 0, 0]
            });
        }
    }
    let body = png_of(&data, 32, 32, ExtendedColorType::Rgba8);
    for filter in [
        Filter::Lanczos3,
        Filter::Bilinear,
        Filter::CatmullRom,
        Filter::Box,
    ] {
        let params = ResizeParams { filter, ..to(8, 8) };
        let image = resized(&params, &body);
        let mut partly = 0;
        for pixel in image.pixels().filter(|pixel| pixel.0[3] > 0) {
            assert!(pixel.0[0] >= 250 && pixel.0[1] <= 5, "{filter:?} {pixel:?}");
            partly += u32::from(pixel.0[3] < 255);
        }
        assert!(partly >= 8, "{filter:?} has an edge");
    }
    let params = ResizeParams {
        format: Some(Format::Jpeg),
        background: "#0000ff".to_owned(),
        quality: 95,
        ..to(32, 32)
    };
    let image = resized(&params, &body);
    assert!(near(image.get_pixel(4, 16).0, [255, 0, 0], 12));
    assert!(near(image.get_pixel(28, 16).0, [0, 0, 255], 12));
}

#[test]
fn grey_and_alpha_and_16_bits_and_palettes() {
    let params = to(10, 10);
    let grey = png_of(&[100; 400], 20, 20, ExtendedColorType::L8);
    assert!(near(resized(&params, &grey).get_pixel(5, 5).0, [100; 3], 1));

    let grey_alpha = png_of(&[100, 128].repeat(400), 20, 20, ExtendedColorType::La8);
    assert_eq!(
        resized(&params, &grey_alpha).get_pixel(5, 5).0,
        [100, 100, 100, 128]
    );

    // `write_image` takes 16-bit samples in native byte order.
    let sample = |value: u16| value.to_ne_bytes();
    let deep: Vec<u8> = [0x8080, 0x00ff, 0xffff].map(sample).concat().repeat(400);
    let deep = png_of(&deep, 20, 20, ExtendedColorType::Rgb16);
    let pixel = resized(&params, &deep).get_pixel(5, 5).0;
    assert_eq!(pixel, [0x80, 1, 0xff, 255]);
    let deep: Vec<u8> = [0x4040, 0x8080].map(sample).concat().repeat(400);
    let deep = png_of(&deep, 20, 20, ExtendedColorType::La16);
    assert_eq!(
        resized(&params, &deep).get_pixel(5, 5).0,
        [0x40, 0x40, 0x40, 0x80]
    );

    // A palette with a transparent entry, as GIFs have it.
    let mut image = rgba_quarters(40, 40);
    for y in 0..20 {
        for x in 0..20 {
            image.put_pixel(x, y, image::Rgba([0, 0, 0, 0]));
        }
    }
    let small = resized(&to(20, 20), &gif_of(&image));
    assert_eq!(small.get_pixel(4, 4).0[3], 0);
    assert!(near(small.get_pixel(15, 15).0, WHITE, 12));

    let grey_jpeg = {
        let mut out = Vec::new();
        jpeg_encoder::Encoder::new(&mut out, 90)
            .encode(&[77; 400], 20, 20, jpeg_encoder::ColorType::Luma)
            .unwrap();
        out
    };
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let params = ResizeParams {
            format: Some(format),
            ..to(10, 10)
        };
        let pixel = resized(&params, &grey_jpeg).get_pixel(5, 5).0;
        assert!(near(pixel, [77; 3], 3), "{format:?} {pixel:?}");
    }
}

/// A palette PNG with a `tRNS` chunk, and 1-bit grey, written by hand.
#[test]
fn indexed_and_one_bit_pngs() {
    const INDEXED: u8 = 3;
    const GREY: u8 = 0;
    fn one_bit_png(color: u8, clear: &[u8]) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut chunk = |name: &[u8], data: &[u8]| {
            let body = [name, data].concat();
            out.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(&body);
            out.extend(crc32fast::hash(&body).to_be_bytes());
        };
        chunk(b"IHDR", &[0, 0, 0, 8, 0, 0, 0, 2, 1, color, 0, 0, 0]);
        if color == INDEXED {
            chunk(b"PLTE", &[RED, GREEN].concat());
        }
        if !clear.is_empty() {
            chunk(b"tRNS", clear);
        }
        // Two rows, unfiltered: the left half is 0, the right half 1. As one
        // stored zlib block with its Adler-32.
        let rows = [0, 0x0f, 0, 0x0f];
        let (mut low, mut high) = (1u16, 0u16);
        for byte in rows {
            low += u16::from(byte);
            high += low;
        }
        let mut zlib = vec![0x78, 0x01, 1, 4, 0, 0xfb, 0xff];
        zlib.extend(rows);
        zlib.extend([high.to_be_bytes(), low.to_be_bytes()].concat());
        chunk(b"IDAT", &zlib);
        chunk(b"IEND", b"");
        out
    }
    let image = resized(&to(8, 2), &one_bit_png(INDEXED, &[255, 0]));
    assert!(near(image.get_pixel(0, 0).0, RED, 0));
    assert_eq!(image.get_pixel(7, 1).0[3], 0);
    let image = resized(&to(8, 2), &one_bit_png(GREY, &[]));
    assert!(near(image.get_pixel(0, 0).0, [0; 3], 0));
    assert!(near(image.get_pixel(7, 1).0, [255; 3], 0));
    // White is transparent: of the two bytes the pixel's one bit counts.
    for clear in [[0, 1], [0, 255], [0xff, 0xff], [0x12, 3]] {
        let image = resized(&to(8, 2), &one_bit_png(GREY, &clear));
        assert_eq!(image.get_pixel(7, 1).0[3], 0, "{clear:?}");
        assert_eq!(image.get_pixel(0, 0).0, [0, 0, 0, 255], "{clear:?}");
    }
}

#[test]
fn cmyk_jpegs_have_their_colours() {
    use jpeg_encoder::ColorType::{Cmyk, CmykAsYcck};
    // Cyan and yellow ink make green; 40 % black darkens white.
    let mut data = [255, 0, 255, 0].repeat(16 * 16);
    data.extend([0, 0, 0, 102].repeat(16 * 16));
    for color in [Cmyk, CmykAsYcck] {
        let mut body = Vec::new();
        jpeg_encoder::Encoder::new(&mut body, 95)
            .encode(&data, 16, 32, color)
            .unwrap();
        // Also so small that the reduced decode would be used if it could.
        for (w, h) in [(16, 32), (2, 4)] {
            let image = resized(&to(w, h), &body);
            let (top, bottom) = (image.get_pixel(w / 2, 0).0, image.get_pixel(w / 2, h - 1).0);
            assert!(near(top, [0, 255, 0], 25), "{color:?} {top:?}");
            assert!(near(bottom, [153, 153, 153], 25), "{color:?} {bottom:?}");
        }
    }
}

/// An image in Display P3 comes out in sRGB; a neutral grey stays what it is.
#[test]
fn an_rgb_profile_is_applied() {
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let png = |pixel: [u8; 3], profile: Vec<u8>| {
        let mut out = Vec::new();
        let mut encoder = PngEncoder::new(&mut out);
        encoder.set_icc_profile(profile).unwrap();
        encoder
            .write_image(&pixel.repeat(100), 10, 10, ExtendedColorType::Rgb8)
            .unwrap();
        out
    };
    let at = |body: Vec<u8>| resized(&to(5, 5), &body).get_pixel(2, 2).0;
    // (200, 100, 50) in P3 is (214.9, 92.6, 31.0) in sRGB, by the chromaticities
    // of the two standards.
    assert!(near(at(png([200, 100, 50], p3.clone())), [215, 93, 31], 2));
    assert!(near(at(png([128; 3], p3)), [128; 3], 1));
    assert!(near(
        at(png([200, 100, 50], vec![1; 200])),
        [200, 100, 50],
        0
    ));
}

#[test]
fn fits() {
    let body = png_quarters(80, 40);
    let with = |fit| ResizeParams { fit, ..to(20, 20) };
    assert_eq!(resized(&with(Fit::Fit), &body).dimensions(), (20, 10));
    assert_eq!(resized(&with(Fit::Fill), &body).dimensions(), (20, 20));
    assert_eq!(resized(&with(Fit::Crop), &body).dimensions(), (20, 20));
    // Stripes at the far ends are cut off by a crop and kept by a stretch.
    let mut data = quarters(80, 40);
    for row in data.chunks_mut(80 * 3) {
        row[..15].fill(0);
        row[75 * 3..].fill(0);
    }
    let striped = png_of(&data, 80, 40, ExtendedColorType::Rgb8);
    let dark = |image: &RgbaImage| image.pixels().filter(|p| p.0[0] < 15).count();
    assert_eq!(dark(&resized(&with(Fit::Crop), &striped)), 0);
    assert!(dark(&resized(&with(Fit::Fill), &striped)) > 0);
    // Enlarging, and one side alone.
    assert_corners(&resized(&to(200, 200), &body), CORNERS, 2);
    let tall = ResizeParams {
        width: None,
        ..to(0, 400)
    };
    let tall = ResizeParams {
        height: Some(400),
        ..tall
    };
    assert_eq!(resized(&tall, &body).dimensions(), (800, 400));
}

#[test]
fn thumbnails_never_enlarge() {
    let size = |params: &ThumbnailParams, body: &[u8]| {
        let info = super::thumbnail(params, body).unwrap().info;
        (info.width, info.height)
    };
    let small = png_quarters(80, 40);
    let large = png_quarters(1024, 512);
    let default = ThumbnailParams::default();
    assert_eq!(size(&default, &small), (80, 40));
    assert_eq!(size(&default, &large), (256, 128));
    let sixty = ThumbnailParams {
        size: Some(60),
        ..default.clone()
    };
    assert_eq!(size(&sixty, &small), (60, 30));
    let wide = ThumbnailParams {
        width: Some(512),
        ..default.clone()
    };
    assert_eq!(size(&wide, &large), (512, 256));
    let crop = ThumbnailParams {
        fit: Fit::Crop,
        ..default.clone()
    };
    assert_eq!(size(&crop, &large), (256, 256));
    assert_eq!(size(&crop, &small), (80, 40));
    let both = ThumbnailParams {
        size: Some(60),
        width: Some(60),
        ..default
    };
    let error = super::thumbnail(&both, &small).unwrap_err();
    assert_eq!(error.code(), "image.invalid_params");
}

#[test]
fn quality_has_its_effect() {
    let mut seed = 1u32;
    let noise: Vec<u8> = (0..64 * 64 * 3)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .collect();
    let body = png_of(&noise, 64, 64, ExtendedColorType::Rgb8);
    for format in [Format::Jpeg, Format::Webp] {
        let len = |quality| {
            let params = ResizeParams {
                format: Some(format),
                quality,
                ..to(64, 64)
            };
            super::resize(&params, &body).unwrap().bytes.len()
        };
        assert!(len(10) < len(50) && len(50) < len(95), "{format:?}");
    }
}

#[test]
fn bad_parameters_are_refused() {
    let body = png_quarters(8, 8);
    for (params, clue) in [
        (ResizeParams::default(), "`width`"),
        (to(0, 5), "at least 1"),
        (
            ResizeParams {
                quality: 0,
                ..to(4, 4)
            },
            "1..=100",
        ),
        (
            ResizeParams {
                quality: 101,
                ..to(4, 4)
            },
            "1..=100",
        ),
        (
            ResizeParams {
                background: "white".into(),
                ..to(4, 4)
            },
            "#rrggbb",
        ),
        (
            ResizeParams {
                fit: Fit::Fill,
                format: Some(Format::Webp),
                ..to(16_384, 1)
            },
            "16383",
        ),
        (
            ResizeParams {
                fit: Fit::Fill,
                format: Some(Format::Jpeg),
                ..to(65_536, 1)
            },
            "65535",
        ),
    ] {
        let mut out = b"before".to_vec();
        let error = resize_into(&params, &body, &mut out).unwrap_err();
        assert_eq!(error.code(), "image.invalid_params", "{error}");
        assert!(error.message().contains(clue), "{error}");
        assert_eq!(out, b"before");
    }
    let error = super::resize(&to(u32::MAX, u32::MAX), &body).unwrap_err();
    assert_eq!(error.code(), "image.too_many_pixels");
    let error = serde_json::from_str::<ResizeParams>(r#"{"w":1}"#).unwrap_err();
    assert!(error.to_string().contains("`width`"), "{error}");
}

/// Headers that promise huge images, with nothing behind them.
#[test]
fn bombs_are_refused_by_their_header() {
    let mut png = png_quarters(8, 8);
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut gif = gif_of(&rgba_quarters(8, 8));
    gif[6..10].fill(0xff);
    let mut jpeg = jpeg_of(8, 8, None);
    let sof = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[sof + 5..sof + 9].fill(0xff);
    let mut webp =
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xfe\xff\0VP8L\0\0\0\0".to_vec();
    let len = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&len.to_le_bytes());
    for (body, figure) in [
        (png, "65536 x 65536 is 4294967296 pixels"),
        (gif, "65535 x 65535 is 4294836225 pixels"),
        (jpeg, "65535 x 65535 is 4294836225 pixels"),
        (webp, "65536 x 65535 is 4294901760 pixels"),
    ] {
        let error = super::resize(&to(8, 8), &body).unwrap_err();
        assert_eq!(error.code(), "image.too_many_pixels", "{error}");
        assert!(error.message().contains(figure), "{error}");
        assert!(error.message().contains("100000000"), "{error}");
    }
    let exactly = |max_pixels| ResizeParams {
        max_pixels,
        ..to(4, 4)
    };
    let body = png_quarters(8, 8);
    assert!(super::resize(&exactly(64), &body).is_ok());
    let error = super::resize(&exactly(63), &body).unwrap_err();
    assert_eq!(error.code(), "image.too_many_pixels");
}

/// Resampling a line takes memory for each of its pixels.
#[test]
fn a_line_that_is_too_long_is_refused() {
    let line = |length: u32| {
        let mut png = Vec::new();
        let pixels = vec![128; length as usize];
        image::codecs::png::PngEncoder::new(&mut png)
            .write_image(&pixels, length, 1, image::ExtendedColorType::L8)
            .unwrap();
        super::resize(&to(8, 8), &png)
    };
    assert!(line(1_000_000).is_ok());
    let error = line(1_000_001).unwrap_err();
    assert_eq!(error.code(), "image.too_many_pixels");
    assert!(error.message().contains("1000001 x 1"), "{error}");
}

/// A frame far larger than its screen must not be allocated either.
#[test]
fn a_gif_frame_beyond_its_screen_is_refused() {
    let mut gif = gif_of(&rgba_quarters(8, 8));
    let frame = gif.iter().rposition(|b| *b == b',').unwrap();
    assert_eq!(gif[frame + 5..frame + 9], [8, 0, 8, 0]);
    gif[frame + 5..frame + 9].fill(0xff);
    let error = super::resize(&to(4, 4), &gif).unwrap_err();
    assert_eq!(error.code(), "image.too_many_pixels");
    assert!(error.message().contains("65535 x 65535"), "{error}");
}

#[test]
fn large_gifs_and_the_first_frame_of_an_animation() {
    let first = rgba_quarters(40, 20);
    let second = RgbaImage::from_pixel(40, 20, image::Rgba([1, 2, 3, 255]));
    let mut gif = Vec::new();
    let frames = [first, second].map(image::Frame::new);
    GifEncoder::new(&mut gif).encode_frames(frames).unwrap();
    assert_corners(&resized(&to(40, 20), &gif), CORNERS, 2);
    // Past the 50 MB that the gif crate would allow by itself.
    let large = gif_of(&rgba_quarters(3600, 3600));
    assert_corners(&resized(&to(36, 36), &large), CORNERS, 2);
}

#[test]
fn garbage_is_undecodable_and_says_what_it_looked_like() {
    let jpeg = jpeg_of(64, 64, None);
    let png = png_quarters(64, 64);
    let gif = gif_of(&rgba_quarters(64, 64));
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .encode(&quarters(64, 64), 64, 64, ExtendedColorType::Rgb8)
        .unwrap();
    let mut bmp = Vec::new();
    bmp.extend(b"BM");
    bmp.resize(100, 0);
    for (body, clue) in [
        (&b""[..], "the body is empty"),
        (b"hello, world", "12 bytes does not begin"),
        (&bmp, "BMP"),
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"<svg></svg>", "SVG"),
        (b"\xef\xbb\xbf <?xml version=\"1.0\"?><svg/>", "SVG"),
        (b"<!DOCTYPE html><html>", "markup text"),
        (b"P6\n2 2\n255\n123456789012", "PPM"),
        (b"P4 2 2\n12", "PBM"),
        (b"P7\nWIDTH 2\n", "PAM"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
        (b"II\xbc\x01\x08\0\0\0", "JPEG XR"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "a video"),
        (b"8BPS\0\x01", "PSD"),
        (b"qoif\0\0\0\x01", "QOI"),
        (b"v/1\x01\x02\0\0\0", "OpenEXR"),
        (b"#?RADIANCE\n", "Radiance HDR"),
        (b"\0\0\x01\0\x01\0", "ICO"),
        (b"DDS |\0\0\0", "DDS"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\x02\0\x01\0\x10\x10", "CUR"),
        (b"\0\0\x02\0\0\0TRUEVISION-XFILE.\0", "TGA"),
        (b"RIFF\0\0\0\0AVI ", "RIFF"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF89a", "GIF"),
        (b"RIFF\0\0\0\0WEBP", "WebP"),
        (&jpeg[..jpeg.len() / 2], "cut off"),
        (&png[..png.len() / 2], "PNG"),
        (&gif[..gif.len() / 2], "GIF"),
        (&webp[..webp.len() / 2], "WebP"),
    ] {
        let error = super::resize(&to(8, 8), body).unwrap_err();
        assert_eq!(error.code(), "image.undecodable", "{error}");
        assert!(error.message().contains(clue), "{error}");
        assert!(
            error
                .message()
                .contains("JPEG, PNG, WebP, AVIF, GIF and TIFF"),
            "{error}"
        );
    }
}

/// The thumbnail in a JPEG's metadata has an end marker of its own.
#[test]
fn a_cut_jpeg_with_a_preview_is_still_cut() {
    let mut metadata = exif(1);
    metadata.extend([0xff, 0xda, 0xff, 0xd9]);
    let body = jpeg_of(64, 64, Some(&metadata));
    assert!(super::resize(&to(8, 8), &body).is_ok());
    let error = super::resize(&to(8, 8), &body[..body.len() - 2]).unwrap_err();
    assert_eq!(error.code(), "image.undecodable");
    let mut trailing = body.clone();
    trailing.extend(b"appended by a camera");
    assert!(super::resize(&to(8, 8), &trailing).is_ok());
}

/// Damaged files of every kind end in a result or an error, never in a panic.
#[test]
fn damage_never_panics() {
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp)
        .encode(&quarters(48, 48), 48, 48, ExtendedColorType::Rgb8)
        .unwrap();
    let lossy = super::resize(
        &ResizeParams {
            format: Some(Format::Webp),
            ..to(48, 48)
        },
        &png_quarters(48, 48),
    );
    let bodies = [
        jpeg_of(48, 48, Some(&exif(6))),
        png_quarters(48, 48),
        webp,
        lossy.unwrap().bytes,
        gif_of(&rgba_quarters(48, 48)),
    ];
    let params = ResizeParams {
        max_pixels: 1_000_000,
        ..to(7, 7)
    };
    let mut seed = 7u64;
    for body in &bodies {
        for _ in 0..300 {
            let mut damaged = body.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (seed >> 33) as usize % damaged.len();
                damaged[at] ^= 1 << (seed >> 61);
            }
            if let Err(error) = super::resize(&params, &damaged) {
                assert!(error.code().starts_with("image."), "{error}");
            }
        }
    }
}
