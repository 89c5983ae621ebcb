//! What real files of each format do that no writer of ours does, and what is asked of the outputs.

use super::*;

pub(super) fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(name);
    chunk.extend(data);
    let crc = crc32fast::hash(&chunk[4..]);
    chunk.extend(crc.to_be_bytes());
    chunk
}

/// Where the chunk's length stands, and where the next chunk begins.
pub(super) fn find_chunk(png: &[u8], name: &[u8; 4]) -> (usize, usize) {
    let at = png.windows(4).position(|four| four == name).unwrap() - 4;
    let length = u32::from_be_bytes(*png[at..].first_chunk().unwrap()) as usize;
    (at, at + 12 + length)
}

#[track_caller]
pub(super) fn refusal(params: &ResizeParams, body: &[u8]) -> String {
    let error = super::resize(params, body).unwrap_err();
    assert_eq!(error.code(), "image.undecodable", "{error}");
    error.message().to_owned()
}

/// The file as it is, decoded at its own size and scaled down, has these corners.
#[track_caller]
fn assert_picture(body: &[u8], size: (u32, u32), corners: [[u8; 3]; 4]) {
    let params = ResizeParams {
        format: Some(Format::Png),
        ..to(size.0, size.1)
    };
    let image = resized(&params, body);
    assert_eq!(image.dimensions(), size);
    assert_corners(&image, corners, 2);
    let small = resized(
        &ResizeParams {
            format: Some(Format::Png),
            ..to(size.0 / 4, size.1 / 4)
        },
        body,
    );
    assert_corners(&small, corners, 12);
}

#[test]
fn a_gif_is_as_large_as_its_first_frame_at_least() {
    let gif = gif_of(&rgba_quarters(40, 24));
    let screens: [(u16, u16); 5] = [(40, 24), (0, 0), (10, 10), (0, 24), (40, 3)];
    for (width, height) in screens {
        let mut gif = gif.clone();
        gif[6..8].copy_from_slice(&width.to_le_bytes());
        gif[8..10].copy_from_slice(&height.to_le_bytes());
        assert_picture(&gif, (40, 24), CORNERS);
    }
    // A frame that stands out of its screen, or lies outside: the screen grows, as for Pillow
    // and libvips.
    let frame = gif.iter().rposition(|b| *b == b',').unwrap();
    let mut outside = gif.clone();
    outside[frame + 1..frame + 5].copy_from_slice(&[40, 0, 24, 0]);
    let image = resized(&to(80, 48), &outside);
    assert_eq!(image.dimensions(), (80, 48));
    assert_eq!(image.get_pixel(20, 12).0[3], 0);
    assert!(near(image.get_pixel(50, 30).0, RED, 2));
    // A frame of no pixels.
    for side in [5, 7] {
        let mut empty = gif.clone();
        empty[frame + side..frame + side + 2].fill(0);
        assert!(refusal(&to(8, 8), &empty).contains("first frame is"));
    }
}

#[test]
fn a_gif_without_any_palette_is_grey() {
    // Indices are what is drawn: 0, 85, 170 and 255 in four quarters.
    let mut palette = vec![0; 768];
    for (index, colour) in [0, 85, 170, 255].into_iter().zip(CORNERS) {
        palette[index * 3..index * 3 + 3].copy_from_slice(&colour);
    }
    let mut indices = Vec::new();
    for y in 0..24 {
        for x in 0..40 {
            indices.push([0, 85, 170, 255][usize::from(y >= 12) * 2 + usize::from(x >= 20)]);
        }
    }
    let mut gif = Vec::new();
    let mut encoder = ::gif::Encoder::new(&mut gif, 40, 24, &palette).unwrap();
    encoder
        .write_frame(&::gif::Frame {
            width: 40,
            height: 24,
            buffer: indices.into(),
            ..Default::default()
        })
        .unwrap();
    drop(encoder);
    assert_picture(&gif, (40, 24), CORNERS);
    gif[10] &= 0x7f;
    gif.drain(13..13 + 768);
    assert_picture(&gif, (40, 24), [0, 85, 170, 255].map(|grey| [grey; 3]));
}

#[test]
fn gifs_of_all_sorts() {
    let palette: Vec<u8> = CORNERS.concat();
    let rows: Vec<[u8; 40]> = (0..24)
        .map(|y| std::array::from_fn(|x| u8::from(y >= 12) * 2 + u8::from(x >= 20)))
        .collect();
    let of = |frame: ::gif::Frame<'static>| {
        let mut gif = Vec::new();
        let mut encoder = ::gif::Encoder::new(&mut gif, 40, 24, &palette).unwrap();
        encoder.write_frame(&frame).unwrap();
        drop(encoder);
        gif
    };
    let frame = ::gif::Frame {
        width: 40,
        height: 24,
        buffer: rows.concat().into(),
        ..Default::default()
    };
    // A transparent index that no pixel has.
    assert_picture(
        &of(::gif::Frame {
            transparent: Some(200),
            ..frame.clone()
        }),
        (40, 24),
        CORNERS,
    );
    // Interlaced: rows 0, 8, 16; 4, 12, 20; 2, 6, ...; 1, 3, ...
    let order = (0..24)
        .step_by(8)
        .chain((4..24).step_by(8))
        .chain((2..24).step_by(4))
        .chain((1..24).step_by(2));
    assert_picture(
        &of(::gif::Frame {
            interlaced: true,
            buffer: order.flat_map(|row: usize| rows[row]).collect(),
            ..frame.clone()
        }),
        (40, 24),
        CORNERS,
    );
    // Cut in the pixels, in front of the end, and with other things behind the cut.
    let whole = of(frame);
    for kept in [
        whole.len() / 2,
        whole.len() - 10,
        whole.len() - 2,
        whole.len() - 1,
    ] {
        for tail in [&b""[..], b"\0\0\0\0", b"appended", &whole[..20]] {
            let cut = [&whole[..kept], tail].concat();
            let message = refusal(&to(8, 8), &cut);
            assert!(message.contains("GIF"), "{message}");
        }
    }
    let trailing = [&whole[..], b"appended"].concat();
    assert_picture(&trailing, (40, 24), CORNERS);
}

#[test]
fn the_vendors_variant_of_png_is_named() {
    let png = png_quarters(40, 24);
    let variant = [
        &png[..8],
        &png_chunk(b"CgBI", &[0x50, 0, 0x20, 2]),
        &png[8..],
    ]
    .concat();
    let message = refusal(&to(8, 8), &variant);
    assert!(
        message.contains("CgBI") && message.contains("Apple"),
        "{message}"
    );
    // Another chunk in front of the header is no header, whatever its bytes would mean as one.
    let other = [&png[..8], &png_chunk(b"abCd", &[0x50; 8]), &png[8..]].concat();
    assert!(refusal(&to(8, 8), &other).contains("IHDR"));
}

#[test]
fn damaged_pngs_are_refused_and_harmless_oddities_are_not() {
    let png = png_quarters(40, 24);
    let (pixels, after) = find_chunk(&png, b"IDAT");
    let (end, _) = find_chunk(&png, b"IEND");
    for cut in [pixels + 20, after - 2, after, end]
        .into_iter()
        .chain(end + 1..end + 12)
    {
        let cut_off = ResizeParams {
            damaged: Damaged::Accept,
            ..to(8, 8)
        };
        if cut >= after {
            resized(&cut_off, &png[..cut]);
            for (width, height) in [(40, 24), (8, 8), (1, 1), (80, 48)] {
                assert!(refusal(&to(width, height), &png[..cut]).contains("IEND"));
            }
        }
        // The header is whole.
        let about = super::info(&InfoParams {}, &png[..cut]).unwrap();
        assert_eq!((about.width, about.height), (40, 24));
        for tail in [&b""[..], b"appended"] {
            refusal(&to(8, 8), &[&png[..cut], tail].concat());
        }
    }
    // The checksum of the chunk, and that of the pixels.
    let mut wrong = png.clone();
    wrong[after - 1] ^= 1;
    assert!(refusal(&to(8, 8), &wrong).contains("CRC"));
    let mut zlib = png[pixels + 8..after - 4].to_vec();
    *zlib.last_mut().unwrap() ^= 1;
    let wrong = [&png[..pixels], &png_chunk(b"IDAT", &zlib), &png[after..]].concat();
    refusal(&to(8, 8), &wrong);

    let mut bad_crc = png_chunk(b"teXt", b"any text");
    bad_crc[18] ^= 1;
    let mut zlib = png[pixels + 8..after - 4].to_vec();
    zlib.extend(b"more");
    let more = [&png[..pixels], &png_chunk(b"IDAT", &zlib), &png[after..]].concat();
    for odd in [
        [&png[..], b"appended"].concat(),
        [&png[..pixels], &bad_crc, &png[pixels..]].concat(),
        [
            &png[..pixels],
            &png_chunk(b"iCCP", b"x\0\0garbage"),
            &png[pixels..],
        ]
        .concat(),
        more,
    ] {
        assert_picture(&odd, (40, 24), CORNERS);
    }
}

/// EXIF as ImageMagick writes it into a chunk of text.
fn as_text(name: &[u8; 4], compressed: bool) -> Vec<u8> {
    let bytes = [b"Exif\0\0", &exif(6)[..]].concat();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("\nexif\n{:8}\n{digits}\n", bytes.len()).into_bytes();
    let mut data = b"Raw profile type exif\0".to_vec();
    if compressed {
        data.push(0);
        let mut packed = flate2::write::ZlibEncoder::new(data, flate2::Compression::default());
        std::io::Write::write_all(&mut packed, &text).unwrap();
        data = packed.finish().unwrap();
    } else {
        data.extend(text);
    }
    png_chunk(name, &data)
}

#[test]
fn a_png_is_turned_wherever_its_exif_stands() {
    let [a, b, c, d] = CORNERS;
    let png = png_quarters(40, 24);
    let (pixels, after) = find_chunk(&png, b"IDAT");
    let chunk = png_chunk(b"eXIf", &exif(6));
    let mut long = exif(6);
    // The type of the value, and the value.
    long[13] = 4;
    long[18..22].copy_from_slice(&[0, 0, 0, 6]);
    for body in [
        [&png[..pixels], &chunk, &png[pixels..]].concat(),
        [&png[..after], &chunk, &png[after..]].concat(),
        [&png[..pixels], &png_chunk(b"eXIf", &long), &png[pixels..]].concat(),
        [&png[..pixels], &as_text(b"tEXt", false), &png[pixels..]].concat(),
        [&png[..pixels], &as_text(b"zTXt", true), &png[pixels..]].concat(),
    ] {
        assert_picture(&body, (24, 40), [c, a, d, b]);
    }
}

#[test]
fn interlaced_and_animated_pngs() {
    // The seven passes: first column and row, steps.
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let picture = quarters(40, 24);
    let mut rows = Vec::new();
    for (left, top, across, down) in passes {
        for y in (top..24).step_by(down) {
            rows.push(0);
            for x in (left..40).step_by(across) {
                rows.extend(&picture[(y * 40 + x) * 3..][..3]);
            }
        }
    }
    let mut zlib = vec![0x78, 0x01, 1];
    let length = u16::try_from(rows.len()).unwrap();
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    let (mut low, mut high) = (1u32, 0u32);
    for byte in &rows {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    zlib.extend(&rows);
    zlib.extend((high << 16 | low).to_be_bytes());
    let header = [0, 0, 0, 40, 0, 0, 0, 24, 8, 2, 0, 0, 1];
    let interlaced = [
        &b"\x89PNG\r\n\x1a\n"[..],
        &png_chunk(b"IHDR", &header),
        &png_chunk(b"IDAT", &zlib),
        &png_chunk(b"IEND", b""),
    ]
    .concat();
    assert_picture(&interlaced, (40, 24), CORNERS);

    let mut animated = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut animated, 40, 24);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&picture).unwrap();
    writer.write_image_data(&vec![9; picture.len()]).unwrap();
    writer.finish().unwrap();
    assert_picture(&animated, (40, 24), CORNERS);
}

/// Metadata that unpacks to more than any profile has.
#[test]
fn a_bomb_in_metadata_costs_little() {
    let png = png_quarters(40, 24);
    let (pixels, _) = find_chunk(&png, b"IDAT");
    // 64 MB of zeros, as the blocks of a stream that repeat the byte before by 258.
    let mut packed = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut packed, 1 << 13, 1 << 13);
    encoder.set_color(::png::ColorType::Grayscale);
    encoder.set_compression(::png::Compression::Balanced);
    encoder.set_filter(::png::Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 1 << 26]).unwrap();
    writer.finish().unwrap();
    let (at, next) = find_chunk(&packed, b"IDAT");
    let profile = [b"x\0\0", &packed[at + 8..next - 4]].concat();
    let bomb = [
        &png[..pixels],
        &png_chunk(b"iCCP", &profile),
        &png[pixels..],
    ]
    .concat();
    assert_picture(&bomb, (40, 24), CORNERS);

    // Many, each with a wrong checksum, so that none of them counts: together they cost as much as
    // some. What comes behind them is not unpacked any more.
    let start = b"x\0\0".to_vec();
    let mut packer = flate2::write::ZlibEncoder::new(start, flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, &vec![0; 8 << 20]).unwrap();
    let mut wrong = packer.finish().unwrap();
    *wrong.last_mut().unwrap() ^= 1;
    let turned = as_text(b"zTXt", true);
    for (bombs, size) in [(0, (24, 40)), (100, (40, 24))] {
        let chunks = png_chunk(b"iCCP", &wrong).repeat(bombs);
        let body = [&png[..pixels], &chunks, &turned, &png[pixels..]].concat();
        let [a, b, c, d] = CORNERS;
        let corners = if bombs == 0 { [c, a, d, b] } else { CORNERS };
        assert_picture(&body, size, corners);
    }
}

fn webp_quarters(lossless: bool) -> Vec<u8> {
    let params = ResizeParams {
        format: Some(Format::Webp),
        lossless,
        quality: 95,
        ..to(40, 24)
    };
    super::resize(&params, &png_quarters(40, 24)).unwrap().bytes
}

#[test]
fn a_cut_webp_is_refused() {
    for lossless in [true, false] {
        let webp = webp_quarters(lossless);
        for kept in [webp.len() - 3, webp.len() / 2, 40] {
            refusal(&to(8, 8), &webp[..kept]);
        }
        let trailing = [&webp[..], b"appended"].concat();
        let image = resized(&to(40, 24), &trailing);
        assert_corners(&image, CORNERS, 12);
    }
}

/// A small image with a frame that announces a large one.
#[test]
fn a_lossy_webp_is_checked_frame_by_frame() {
    let mut webp = webp_quarters(false);
    let frame = webp.windows(4).position(|four| four == b"VP8 ").unwrap() + 8;
    assert_eq!(webp[frame + 6..frame + 10], [40, 0, 24, 0]);
    webp[frame + 6..frame + 10].fill(0xff);
    let mut extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x27\0\0\x17\0\0".to_vec();
    extended.extend(&webp[12..]);
    let size = u32::try_from(extended.len() - 8).unwrap();
    extended[4..8].copy_from_slice(&size.to_le_bytes());
    for body in [&webp, &extended] {
        let error = super::resize(&to(8, 8), body).unwrap_err();
        assert_eq!(error.code(), "image.too_many_pixels", "{error}");
        assert!(error.message().contains("16383 x 16383"), "{error}");
    }
}

#[test]
fn lossless_webp_loses_nothing() {
    let mut noise = Vec::new();
    for i in 0..32u32 * 32 {
        noise.extend([
            (i * 7) as u8,
            (i * 13 / 8) as u8,
            (i * 31) as u8,
            255 - (i / 8) as u8,
        ]);
    }
    let body = png_of(&noise, 32, 32, ExtendedColorType::Rgba8);
    let params = ResizeParams {
        format: Some(Format::Webp),
        lossless: true,
        ..to(32, 32)
    };
    let image = resized(&params, &body);
    for (found, wanted) in image.pixels().zip(noise.chunks(4)) {
        assert!(found.0 == *wanted || (wanted[3] == 0 && found.0[3] == 0));
    }
    for format in [Format::Jpeg, Format::Gif] {
        let params = ResizeParams {
            format: Some(format),
            ..params.clone()
        };
        let error = super::resize(&params, &body).unwrap_err();
        assert_eq!(error.code(), "image.invalid_params");
        assert!(error.message().contains("`lossless`"), "{error}");
    }
}

fn colour_type(png: &[u8]) -> u8 {
    png[25]
}

const TRUE_COLOUR: u8 = 2;
const INDEXED: u8 = 3;

#[test]
fn a_palette_png_stays_one() {
    // 250 colours in blocks, which a resize turns into more.
    let mut picture = Vec::new();
    for y in 0..200u32 {
        for x in 0..200u32 {
            let step = ((x / 7 * 83 + y / 5 * 131) * 37 % 250) as u8;
            picture.extend([step, 255 - step, step / 2 + 60]);
        }
    }
    let true_colour = png_of(&picture, 200, 200, ExtendedColorType::Rgb8);
    let with = |palette, width| ResizeParams {
        palette,
        ..to(width, width)
    };
    let made = |params: &ResizeParams, body: &[u8]| super::resize(params, body).unwrap().bytes;

    // Few colours: as a palette, without loss.
    let indexed = made(&with(Palette::Auto, 200), &true_colour);
    assert_eq!(colour_type(&indexed), INDEXED);
    assert!(
        decode(&indexed)
            .pixels()
            .zip(picture.chunks(3))
            .all(|(f, w)| f.0[..3] == *w)
    );
    let plain = made(&with(Palette::Never, 200), &true_colour);
    assert_eq!(colour_type(&plain), TRUE_COLOUR);
    assert!(indexed.len() < plain.len());

    // Many colours: reduced where the input has a palette, or where it is asked for.
    let from_indexed = made(&with(Palette::Auto, 150), &indexed);
    assert_eq!(colour_type(&from_indexed), INDEXED);
    let plain = made(&with(Palette::Never, 150), &indexed);
    assert_eq!(colour_type(&plain), TRUE_COLOUR);
    assert!(
        from_indexed.len() * 2 < plain.len(),
        "{} {}",
        from_indexed.len(),
        plain.len()
    );
    let apart: u64 = decode(&from_indexed)
        .pixels()
        .zip(decode(&plain).pixels())
        .flat_map(|(a, b)| {
            (0..3)
                .map(|c| u64::from(a.0[c].abs_diff(b.0[c])))
                .collect::<Vec<_>>()
        })
        .sum();
    assert!(apart < 150 * 150 * 3 * 2, "{apart}");
    assert_eq!(
        colour_type(&made(&with(Palette::Auto, 150), &true_colour)),
        TRUE_COLOUR
    );
    assert_eq!(
        colour_type(&made(&with(Palette::Always, 150), &true_colour)),
        INDEXED
    );

    // In small pictures the palette counts: what is smaller is taken.
    for width in [1, 3, 5, 8, 13, 20] {
        let length = |palette| made(&with(palette, width), &indexed).len();
        let smaller = length(Palette::Always).min(length(Palette::Never));
        assert_eq!(length(Palette::Auto), smaller, "{width}");
    }
}

#[test]
fn small_palettes_take_fewer_bits_and_keep_opacity() {
    let params = ResizeParams {
        palette: Palette::Always,
        ..to(41, 24)
    };
    for colours in [1u8, 2, 3, 4, 5, 16, 17, 255] {
        let mut picture = Vec::new();
        for i in 0..41u32 * 24 {
            let index = (i % u32::from(colours)) as u8;
            picture.extend([
                index,
                7,
                255 - index,
                if index % 3 == 1 { 128 } else { 255 },
            ]);
        }
        let body = png_of(&picture, 41, 24, ExtendedColorType::Rgba8);
        let made = super::resize(&params, &body).unwrap().bytes;
        let bits = match colours {
            0..=2 => 1,
            3..=4 => 2,
            5..=16 => 4,
            _ => 8,
        };
        assert_eq!(made[24..26], [bits, INDEXED], "{colours}");
        assert_eq!(decode(&made).into_raw(), picture, "{colours}");
    }
}

#[test]
fn contained_pictures_are_padded_with_the_background() {
    let body = png_quarters(40, 20);
    let contain = |background: &str, format, gravity| ResizeParams {
        fit: Fit::Contain,
        background: background.to_owned(),
        format: Some(format),
        gravity,
        quality: 95,
        ..to(40, 40)
    };
    for format in [Format::Png, Format::Webp, Format::Jpeg, Format::Gif] {
        let image = resized(&contain("#102030", format, Gravity::Centre), &body);
        assert_eq!(image.dimensions(), (40, 40), "{format:?}");
        for y in [2, 37] {
            assert!(
                near(image.get_pixel(20, y).0, [0x10, 0x20, 0x30], 8),
                "{format:?}"
            );
        }
        assert!(near(image.get_pixel(8, 14).0, RED, 12), "{format:?}");
        assert!(near(image.get_pixel(32, 26).0, WHITE, 12), "{format:?}");
    }
    // Transparent where the format can.
    for format in [Format::Png, Format::Webp, Format::Gif] {
        let image = resized(&contain("#ffffff00", format, Gravity::North), &body);
        assert!(near(image.get_pixel(8, 4).0, RED, 12), "{format:?}");
        assert_eq!(image.get_pixel(20, 30).0[3], 0, "{format:?}");
    }
    let image = resized(&contain("#ff000000", Format::Jpeg, Gravity::South), &body);
    assert!(near(image.get_pixel(20, 5).0, [255, 0, 0], 12));
    // Never enlarged, but padded all the same.
    let params = ThumbnailParams {
        size: Some(100),
        fit: Fit::Contain,
        gravity: Gravity::SouthEast,
        ..ThumbnailParams::default()
    };
    let made = super::thumbnail(&params, &body).unwrap();
    let image = decode(&made.bytes);
    assert_eq!(image.dimensions(), (100, 100));
    assert_eq!(image.get_pixel(59, 79).0, [255; 4]);
    assert!(near(image.get_pixel(60, 80).0, RED, 0));
    // Grey stays grey, unless the background has a colour.
    let grey = png_of(&[100; 800], 40, 20, ExtendedColorType::L8);
    let image = resized(&contain("#00ff00", Format::Png, Gravity::Centre), &grey);
    assert_eq!(image.get_pixel(20, 2).0, [0, 255, 0, 255]);
    assert_eq!(image.get_pixel(20, 20).0, [100, 100, 100, 255]);
}

/// The upright image is what has a north.
#[test]
fn a_crop_takes_the_part_that_is_asked_for() {
    let [a, b, c, d] = CORNERS;
    let crop = |gravity, width, height| ResizeParams {
        fit: Fit::Crop,
        format: Some(Format::Png),
        gravity,
        ..to(width, height)
    };
    for orientation in 1..=8u8 {
        let body = jpeg_of(320, 320, Some(&exif(orientation)));
        // What the corners are upright, by the table of the standard.
        let [tl, tr, bl, br] = match orientation {
            1 => [a, b, c, d],
            2 => [b, a, d, c],
            3 => [d, c, b, a],
            4 => [c, d, a, b],
            5 => [a, c, b, d],
            6 => [c, a, d, b],
            7 => [d, b, c, a],
            _ => [b, d, a, c],
        };
        for (gravity, tall, wide) in [
            (Gravity::West, [tl, bl], None),
            (Gravity::East, [tr, br], None),
            (Gravity::NorthWest, [tl, bl], Some([tl, tr])),
            (Gravity::SouthEast, [tr, br], Some([bl, br])),
            (Gravity::NorthEast, [tr, br], Some([tl, tr])),
            (Gravity::SouthWest, [tl, bl], Some([bl, br])),
        ] {
            let image = resized(&crop(gravity, 20, 60), &body);
            for (y, wanted) in [(15, tall[0]), (45, tall[1])] {
                let found = image.get_pixel(10, y).0;
                assert!(
                    near(found, wanted, 12),
                    "{orientation} {gravity:?} {found:?}"
                );
            }
            let Some(wide) = wide else { continue };
            let image = resized(&crop(gravity, 60, 20), &body);
            for (x, wanted) in [(15, wide[0]), (45, wide[1])] {
                let found = image.get_pixel(x, 10).0;
                assert!(
                    near(found, wanted, 12),
                    "{orientation} {gravity:?} {found:?}"
                );
            }
        }
        let image = resized(&crop(Gravity::North, 60, 20), &body);
        assert!(near(image.get_pixel(15, 10).0, tl, 12), "{orientation}");
        let image = resized(&crop(Gravity::South, 60, 20), &body);
        assert!(near(image.get_pixel(15, 10).0, bl, 12), "{orientation}");
    }
    let center: Gravity = serde_json::from_str("\"center\"").unwrap();
    assert_eq!(center, Gravity::Centre);
}

#[test]
fn a_kept_profile_is_written_and_the_colours_stay() {
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut body = Vec::new();
    let mut encoder = PngEncoder::new(&mut body);
    encoder.set_icc_profile(p3.clone()).unwrap();
    let pixels = [200, 100, 50].repeat(100);
    encoder
        .write_image(&pixels, 10, 10, ExtendedColorType::Rgb8)
        .unwrap();
    for (format, lossless) in [
        (Format::Png, false),
        (Format::Webp, true),
        (Format::Webp, false),
        (Format::Jpeg, false),
    ] {
        let params = ResizeParams {
            format: Some(format),
            lossless,
            keep_profile: true,
            quality: 100,
            ..to(10, 10)
        };
        let made = super::resize(&params, &body).unwrap().bytes;
        assert!(
            near(decode(&made).get_pixel(5, 5).0, [200, 100, 50], 3),
            "{format:?}"
        );
        let source = decode::Source::open(&made, 1000, false).unwrap();
        assert_eq!(source.profile.as_deref(), Some(&p3[..]), "{format:?}");
        let converted = ResizeParams {
            keep_profile: false,
            ..params
        };
        let made = super::resize(&converted, &body).unwrap().bytes;
        assert!(
            near(decode(&made).get_pixel(5, 5).0, [215, 93, 31], 4),
            "{format:?}"
        );
        assert!(
            decode::Source::open(&made, 1000, false)
                .unwrap()
                .profile
                .is_none()
        );
    }
    // A GIF carries none, so its colours are converted.
    let params = ResizeParams {
        format: Some(Format::Gif),
        keep_profile: true,
        ..to(10, 10)
    };
    let made = super::resize(&params, &body).unwrap().bytes;
    assert!(near(decode(&made).get_pixel(5, 5).0, [215, 93, 31], 2));
}

/// Four frames of a square that moves over a transparent ground, for 40, 80, 120 and 160 ms.
fn moving_square() -> Vec<(RgbaImage, u32)> {
    (0..4u32)
        .map(|step| {
            let mut image = RgbaImage::new(40, 24);
            for y in 4..16 {
                for x in 2 + step * 8..14 + step * 8 {
                    let [r, g, b] = CORNERS[step as usize];
                    image.put_pixel(x, y, image::Rgba([r, g, b, 255]));
                }
            }
            (image, 40 * (step + 1))
        })
        .collect()
}

fn animated_gif(dispose: ::gif::DisposalMethod, repeat: ::gif::Repeat) -> Vec<u8> {
    let mut gif = Vec::new();
    let mut encoder = ::gif::Encoder::new(&mut gif, 40, 24, &[]).unwrap();
    encoder.set_repeat(repeat).unwrap();
    for (image, milliseconds) in moving_square() {
        let mut frame = ::gif::Frame::from_rgba(40, 24, &mut image.into_raw());
        frame.delay = u16::try_from(milliseconds / 10).unwrap();
        frame.dispose = dispose;
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    gif
}

fn frames_of(body: &[u8]) -> (Vec<(RgbaImage, u32)>, frame::Plays) {
    let source = decode::Source::open(body, 1 << 20, false).unwrap();
    let plays = source.details.plays;
    let frames = source.frames(1 << 20).unwrap().unwrap();
    let frames = frames.map(|frame| {
        let frame = frame.unwrap();
        let raster = frame.raster.with_channels(raster::Channels::Rgba);
        let image = RgbaImage::from_raw(raster.width, raster.height, raster.data).unwrap();
        (image, frame.milliseconds)
    });
    (frames.collect(), plays)
}

fn apng_of(images: &[RgbaImage]) -> Vec<u8> {
    let mut apng = Vec::new();
    let (width, height) = images[0].dimensions();
    let mut encoder = ::png::Encoder::new(&mut apng, width, height);
    encoder.set_color(::png::ColorType::Rgba);
    let frames = u32::try_from(images.len()).unwrap();
    encoder.set_animated(frames, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for image in images {
        writer.write_image_data(image.as_raw()).unwrap();
    }
    writer.finish().unwrap();
    apng
}

/// Between the steps and the frames the caller's cancel is seen.
#[test]
fn a_job_that_is_given_up_ends() {
    let gif = animated_gif(::gif::DisposalMethod::Background, ::gif::Repeat::Infinite);
    let asked = std::cell::Cell::new(0);
    let given_up_at = |last| {
        asked.set(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            if asked.get() < last {
                return Ok(());
            }
            Err(TaskError::new("task.cancelled", "given up"))
        };
        let mut out = b"before".to_vec();
        let still = resize_while(&to(40, 24), &gif, &go_on, &mut out);
        let steps = asked.take();
        let frames = resize_while(&keep(None), &gif, &go_on, &mut out);
        (still, frames, (steps, asked.get()), out)
    };
    let (still, frames, asked, _) = given_up_at(u32::MAX);
    assert!(still.is_ok() && frames.is_ok());
    assert_eq!(
        asked,
        (2, 3),
        "before resizing, encoding; before each frame but the first"
    );
    let (still, frames, asked, out) = given_up_at(2);
    assert_eq!(
        (still.unwrap_err().code(), asked),
        ("task.cancelled", (2, 2))
    );
    assert_eq!(frames.unwrap_err().code(), "task.cancelled");
    assert_eq!(out, b"before");
}

fn keep(format: Option<Format>) -> ResizeParams {
    ResizeParams {
        animation: Animation::Keep,
        lossless: format == Some(Format::Webp),
        format,
        ..to(40, 24)
    }
}

#[test]
fn an_animation_is_kept_on_request() {
    use ::gif::{DisposalMethod, Repeat};
    for (repeat, plays) in [
        (Repeat::Infinite, frame::Plays::FOR_EVER),
        (Repeat::Finite(0), frame::Plays::ONCE),
        (Repeat::Finite(4), frame::Plays::times(5)),
    ] {
        for dispose in [DisposalMethod::Background, DisposalMethod::Previous] {
            let gif = animated_gif(dispose, repeat);
            for format in [None, Some(Format::Gif), Some(Format::Webp)] {
                let made = super::resize(&keep(format), &gif).unwrap();
                assert_eq!(made.info.format, format.unwrap_or(Format::Gif));
                let (frames, found) = frames_of(&made.bytes);
                assert_eq!(found, plays, "{format:?}");
                assert_eq!(frames.len(), 4);
                for (found, wanted) in frames.iter().zip(moving_square()) {
                    assert_eq!(found.1, wanted.1, "{format:?}");
                    for (f, w) in found.0.pixels().zip(wanted.0.pixels()) {
                        assert_eq!(f.0[3], w.0[3], "{format:?} {dispose:?}");
                        assert!((0..4).all(|c| f.0[c].abs_diff(w.0[c]) <= 2), "{format:?}");
                    }
                }
                // And the other way round.
                let back = super::resize(&keep(Some(Format::Gif)), &made.bytes).unwrap();
                let (frames, found) = frames_of(&back.bytes);
                assert_eq!((frames.len(), found), (4, plays));
            }
        }
    }
    // What is drawn stays: the last frame has all four squares.
    let gif = animated_gif(DisposalMethod::Keep, Repeat::Infinite);
    for format in [Format::Gif, Format::Webp] {
        let made = super::resize(&keep(Some(format)), &gif).unwrap();
        let (frames, _) = frames_of(&made.bytes);
        let last = &frames[3].0;
        for (x, wanted) in [(4, RED), (12, GREEN), (20, BLUE), (28, WHITE)] {
            assert!(near(last.get_pixel(x, 8).0, wanted, 2), "{format:?}");
        }
    }
    // Its first frame, by default, as a still image.
    let params = to(40, 24);
    let made = super::resize(&params, &gif).unwrap();
    assert_eq!(made.info.format, Format::Png);
    // Resized and padded, frame by frame.
    let params = ResizeParams {
        fit: Fit::Contain,
        ..keep(None)
    };
    let params = ResizeParams {
        width: Some(20),
        height: Some(20),
        ..params
    };
    let made = super::resize(&params, &gif).unwrap();
    assert_eq!((made.info.width, made.info.height), (20, 20));
    assert_eq!(frames_of(&made.bytes).0.len(), 4);
}

#[test]
fn an_animation_has_its_limits_and_its_formats() {
    let gif = animated_gif(::gif::DisposalMethod::Background, ::gif::Repeat::Infinite);
    let pixels = 4 * 40 * 24;
    let with = |max_pixels, format, width| ResizeParams {
        max_pixels,
        width: Some(width),
        height: None,
        ..keep(format)
    };
    assert!(super::resize(&with(pixels, None, 40), &gif).is_ok());
    for (max_pixels, width) in [(pixels - 1, 20), (pixels, 41)] {
        let error = super::resize(&with(max_pixels, None, width), &gif).unwrap_err();
        assert_eq!(error.code(), "image.too_many_pixels", "{error}");
        assert!(error.message().contains("4 frames"), "{error}");
    }
    for format in [Format::Jpeg, Format::Png] {
        let error = super::resize(&with(pixels, Some(format), 40), &gif).unwrap_err();
        assert_eq!(error.code(), "image.invalid_params", "{error}");
        assert!(error.message().contains("`animation`"), "{error}");
    }
    let apng = apng_of(&[rgba_quarters(40, 24), rgba_quarters(40, 24)]);
    let error = super::resize(&with(pixels, None, 40), &apng).unwrap_err();
    assert_eq!(error.code(), "image.invalid_params", "{error}");
    assert!(error.message().contains("2 frames of PNG"), "{error}");
    let made = super::resize(&to(40, 24), &apng).unwrap();
    assert_eq!(made.info.format, Format::Png);
    // One frame is no animation: any format will do.
    let still = gif_of(&rgba_quarters(40, 24));
    let made = super::resize(&with(pixels, None, 40), &still).unwrap();
    assert_eq!(made.info.format, Format::Png);
    // Cut in a later frame.
    let cut = &gif[..gif.len() * 3 / 4];
    refusal(&with(pixels, None, 40), cut);
    let mut out = b"before".to_vec();
    let broken = [&gif[..gif.len() * 3 / 4], b"\0;"].concat();
    assert!(resize_into(&with(pixels, None, 40), &broken, &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn an_image_is_described_by_its_header() {
    let about = |body: &[u8]| super::info(&InfoParams {}, body).unwrap();
    let jpeg = about(&jpeg_of(320, 160, Some(&exif(6))));
    assert_eq!(
        jpeg,
        Description {
            format: "jpeg".to_owned(),
            width: 160,
            height: 320,
            orientation: 6,
            alpha: false,
            bits: 8,
            palette: false,
            frames: 1,
            profile: None,
        }
    );

    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut body = Vec::new();
    let mut encoder = PngEncoder::new(&mut body);
    encoder.set_icc_profile(p3).unwrap();
    encoder
        .write_image(&[1; 40 * 24 * 8], 40, 24, ExtendedColorType::Rgba16)
        .unwrap();
    let png = about(&body);
    assert_eq!((png.width, png.height, png.bits), (40, 24, 16));
    assert!(png.alpha && !png.palette);
    assert_eq!(png.profile.as_deref(), Some("Display P3"));

    let gif = animated_gif(::gif::DisposalMethod::Background, ::gif::Repeat::Infinite);
    let gif = about(&gif);
    assert_eq!((gif.format.as_str(), gif.frames), ("gif", 4));
    assert!(gif.alpha && gif.palette);
    let webp = about(&webp_quarters(true));
    assert_eq!(
        (webp.format.as_str(), webp.width, webp.height),
        ("webp", 40, 24)
    );

    // Larger than may be decoded, and cut off behind the header.
    let mut png = png_quarters(40, 24);
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = crc32fast::hash(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&crc);
    let (pixels, _) = find_chunk(&png, b"IDAT");
    let large = about(&png[..pixels + 12]);
    assert_eq!((large.width, large.height), (65_536, 65_536));

    let error = super::info(&InfoParams {}, b"hello").unwrap_err();
    assert_eq!(error.code(), "image.undecodable");
}

/// A little-endian TIFF of 40 x 24 pixels in one strip: tags of type SHORT in ascending order, of
/// which those with more than one value lie behind the pixels.
pub(super) fn tiff(tags: &[(u16, &[u16])], pixels: &[u8]) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let length = u32::try_from(pixels.len()).unwrap();
    let mut body = b"II*\0".to_vec();
    body.extend((8 + length + length % 2).to_le_bytes());
    body.extend(pixels);
    body.resize(8 + pixels.len().next_multiple_of(2), 0);
    let mut entries: Vec<(u16, u16, Vec<u16>)> = vec![
        (256, SHORT, vec![40]),
        (257, SHORT, vec![24]),
        (273, LONG, vec![8, 0]),
        (278, SHORT, vec![24]),
        (279, LONG, vec![length as u16, (length >> 16) as u16]),
    ];
    entries.extend(
        tags.iter()
            .map(|(tag, values)| (*tag, SHORT, values.to_vec())),
    );
    entries.sort();
    let mut directory = u16::try_from(entries.len()).unwrap().to_le_bytes().to_vec();
    let behind = body.len() + 2 + entries.len() * 12 + 4;
    let mut values = Vec::new();
    for (tag, kind, of) in entries {
        directory.extend(tag.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        let count = if kind == LONG { 1 } else { of.len() };
        directory.extend(u32::try_from(count).unwrap().to_le_bytes());
        let bytes: Vec<u8> = of.iter().flat_map(|value| value.to_le_bytes()).collect();
        if bytes.len() <= 4 {
            directory.extend(&bytes);
            directory.resize(directory.len() + 4 - bytes.len(), 0);
        } else {
            let at = u32::try_from(behind + values.len()).unwrap();
            directory.extend(at.to_le_bytes());
            values.extend(bytes);
        }
    }
    directory.extend([0; 4]);
    [body, directory, values].concat()
}

#[test]
fn tiffs_of_all_sorts() {
    let rgb = quarters(40, 24);
    let corner = |pixel: usize| usize::from(pixel / 40 >= 12) * 2 + usize::from(pixel % 40 >= 20);
    const RGB: [(u16, &[u16]); 3] = [(258, &[8, 8, 8]), (262, &[2]), (277, &[3])];
    assert_picture(&tiff(&RGB, &rgb), (40, 24), CORNERS);
    // Turned.
    let [a, b, c, d] = CORNERS;
    let turned = [&RGB[..], &[(274, &[6])]].concat();
    assert_picture(&tiff(&turned, &rgb), (24, 40), [c, a, d, b]);
    // The lowest bit of each byte first.
    let reversed: Vec<u8> = rgb.iter().map(|byte| byte.reverse_bits()).collect();
    let tags = [&RGB[..1], &RGB[1..2], &[(266, &[2])], &RGB[2..]].concat();
    assert_picture(&tiff(&tags, &reversed), (40, 24), CORNERS);
    // A plane for each colour.
    let planes: Vec<u8> = (0..3)
        .flat_map(|c| rgb.iter().skip(c).step_by(3).copied())
        .collect();
    let mut planar = tiff(&[&RGB[..], &[(284, &[2])]].concat(), &planes);
    // Three strips, of which the places stand behind the file.
    let directory = u32::from_le_bytes(*planar[4..].first_chunk().unwrap()) as usize;
    let entries = u16::from_le_bytes(*planar[directory..].first_chunk().unwrap());
    for entry in 0..usize::from(entries) {
        let at = directory + 2 + entry * 12;
        let values: [u32; 3] = match u16::from_le_bytes(*planar[at..].first_chunk().unwrap()) {
            273 => [8, 968, 1928],
            279 => [960; 3],
            _ => continue,
        };
        planar[at + 4] = 3;
        let place = u32::try_from(planar.len()).unwrap();
        planar[at + 8..at + 12].copy_from_slice(&place.to_le_bytes());
        planar.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    assert_picture(&planar, (40, 24), CORNERS);
    // Palettes of 8 and 4 bits, with an index in each half byte.
    let mut map = vec![0u16; 48];
    for (index, colour) in CORNERS.iter().enumerate() {
        for channel in 0..3 {
            map[channel * 16 + index] = u16::from(colour[channel]) * 257;
        }
    }
    let indices: Vec<u8> = (0..960)
        .step_by(2)
        .map(|pixel| (corner(pixel) * 16 + corner(pixel + 1)) as u8)
        .collect();
    let palette = tiff(
        &[(258, &[4]), (262, &[3]), (277, &[1]), (320, &map)],
        &indices,
    );
    assert_picture(&palette, (40, 24), CORNERS);
    let about = super::info(&InfoParams {}, &palette).unwrap();
    assert!(about.palette && about.bits == 4 && about.format == "tiff");
    // Ink, and an opacity that the colours are multiplied with.
    let ink: Vec<u8> = rgb
        .chunks(3)
        .flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0])
        .collect();
    let cmyk = tiff(&[(258, &[8; 4]), (262, &[5]), (277, &[4])], &ink);
    assert_picture(&cmyk, (40, 24), CORNERS);
    let half: Vec<u8> = rgb
        .chunks(3)
        .flat_map(|p| [p[0] / 2, p[1] / 2, p[2] / 2, 128])
        .collect();
    let tags: [(u16, &[u16]); 4] = [(258, &[8; 4]), (262, &[2]), (277, &[4]), (338, &[1])];
    let image = resized(&to(40, 24), &tiff(&tags, &half));
    let [r, g, b, opacity] = image.get_pixel(4, 4).0;
    assert_eq!(opacity, 128);
    assert!(near([r, g, b, 255], a, 2), "{r} {g} {b}");
    // Where 0 is white, and 16 bits.
    let grey: Vec<u8> = (0..960)
        .flat_map(|pixel| [9, corner(pixel) as u8 * 85])
        .collect();
    let deep = tiff(&[(258, &[16]), (262, &[0]), (277, &[1])], &grey);
    assert_picture(&deep, (40, 24), [255, 170, 85, 0].map(|grey| [grey; 3]));
}

#[test]
fn what_no_tiff_decoder_can_show_is_named() {
    let rgb = quarters(40, 24);
    const RGB: [(u16, &[u16]); 3] = [(258, &[8, 8, 8]), (262, &[2]), (277, &[3])];
    let whole = tiff(&RGB, &rgb);
    // Cut off in the pixels: the directory lies in front of them here, as in many files.
    let mut early = whole.clone();
    let place = u32::try_from(early.len()).unwrap();
    let directory = u32::from_le_bytes(*early[4..].first_chunk().unwrap()) as usize;
    early.extend(&rgb);
    let strip = (0..).map(|entry| directory + 2 + entry * 12);
    let strip = strip
        .into_iter()
        .find(|&at| early[at..at + 2] == [0x11, 1])
        .unwrap();
    early[strip + 8..strip + 12].copy_from_slice(&place.to_le_bytes());
    assert_picture(&early, (40, 24), CORNERS);
    refusal(&to(8, 8), &early[..early.len() - 100]);
    for (tags, clue) in [
        ([&RGB[..], &[(254, &[1])]].concat(), "raw"),
        ([&RGB[..], &[(50706, &[1])]].concat(), "raw"),
        (
            [&RGB[..], &[(259, &[34892])]].concat(),
            "lossy JPEG of raw files (34892)",
        ),
        ([&RGB[..], &[(259, &[34925])]].concat(), "LZMA (34925)"),
        ([&RGB[..], &[(259, &[34887])]].concat(), "LERC (34887)"),
        ([&RGB[..], &[(259, &[50000])]].concat(), "ZSTD (50000)"),
        ([&RGB[..], &[(259, &[32909])]].concat(), "PixarLog (32909)"),
        ([&RGB[..], &[(259, &[6])]].concat(), "old-style JPEG (6)"),
        ([&RGB[..], &[(259, &[77])]].concat(), "the number 77"),
        (
            [&RGB[..], &[(339, &[2, 2, 2])]].concat(),
            "signed whole numbers of 8 bits",
        ),
        (
            vec![(258, &[32][..]), (262, &[1]), (277, &[1]), (339, &[3])],
            "floating-point numbers of 32 bits",
        ),
        (
            vec![(258, &[5, 6, 5][..]), (262, &[2]), (277, &[3])],
            "they have [5, 6, 5] bits",
        ),
        (
            vec![(258, &[8; 3][..]), (262, &[32845]), (277, &[3])],
            "LogLuv (32845)",
        ),
        (
            vec![(258, &[8; 2][..]), (262, &[2]), (277, &[2])],
            "need 3 samples a pixel, and it has 2",
        ),
        (
            [&RGB[..], &[(259, &[5]), (317, &[3])]].concat(),
            "a predictor (3)",
        ),
        ([&RGB[..], &[(284, &[2])]].concat(), "fewer strips"),
        (
            vec![(258, &[8; 200][..]), (262, &[2]), (277, &[200])],
            "200 samples",
        ),
        (
            vec![(258, &[32; 3][..]), (262, &[2]), (277, &[3])],
            "32 bits",
        ),
    ] {
        let message = refusal(&to(8, 8), &tiff(&tags, &rgb));
        assert!(message.contains(clue), "{message}");
    }
    // More values than there are bytes, for any of its tags.
    for entry in 0..8 {
        let mut many = whole.clone();
        many[directory + 2 + entry * 12 + 4..][..4].copy_from_slice(&[0, 0, 0, 0x3c]);
        assert!(refusal(&to(8, 8), &many).contains("values"), "{entry}");
    }
    let mut large = whole;
    for entry in 0..2 {
        large[directory + 2 + entry * 12 + 8..][..2].fill(0xff);
    }
    let error = super::resize(&to(8, 8), &large).unwrap_err();
    assert_eq!(error.code(), "image.too_many_pixels", "{error}");
}

/// Grey of each number of bits, which no common writer has, but for 1, 8 and 16.
#[test]
fn a_tiff_s_samples_are_spread_over_8_bits_whatever_they_have() {
    for bits in (1..=15u32).filter(|bits| *bits != 8) {
        let most = (1 << bits) - 1;
        let value = |x: u32| x * most / 39;
        let mut row = vec![0u8; (40 * bits as usize).div_ceil(8)];
        for at in 0..40 * bits as usize {
            let (x, bit) = (at as u32 / bits, at as u32 % bits);
            let is_set = value(x) >> (bits - 1 - bit) & 1;
            row[at / 8] |= (is_set as u8) << (7 - at % 8);
        }
        let body = tiff(
            &[(258, &[bits as u16]), (262, &[1]), (277, &[1])],
            &row.repeat(24),
        );
        let image = resized(&to(40, 24), &body);
        for x in 0..40 {
            let expected = ((value(x) * 255 * 2 + most) / (2 * most)) as u8;
            let found = image.get_pixel(x, 11).0[0];
            assert!(
                found.abs_diff(expected) <= 1,
                "{bits} bits, {x}: {found} for {expected}"
            );
        }
        assert_eq!(image.get_pixel(39, 0).0[0], 255, "{bits} bits");
    }
}

/// Of 256 colours to fewer bits, as Pillow has it; of bytes, as libvips has it; and of a length that
/// no reader makes sense of.
#[test]
fn palettes_of_other_lengths_and_types() {
    let corner = |pixel: usize| usize::from(pixel / 40 >= 12) * 2 + usize::from(pixel % 40 >= 20);
    let map = |each: usize, values: usize| {
        let mut map = vec![0u16; values];
        for (index, colour) in CORNERS.iter().enumerate() {
            for channel in 0..3 {
                map[channel * each + index] = u16::from(colour[channel]) * 257;
            }
        }
        map
    };
    let of = |bits: u16, map: &[u16]| {
        let each = 8 / usize::from(bits);
        let indices = (0..960).step_by(each).map(|first| {
            let pixels = first..first + each;
            pixels.fold(0, |byte, pixel| byte << bits | corner(pixel)) as u8
        });
        let indices: Vec<u8> = indices.collect();
        let tags: [(u16, &[u16]); 4] = [(258, &[bits]), (262, &[3]), (277, &[1]), (320, map)];
        tiff(&tags, &indices)
    };
    assert_picture(&of(4, &map(256, 768)), (40, 24), CORNERS);
    assert_picture(&of(2, &map(4, 12)), (40, 24), CORNERS);
    assert_picture(&of(2, &map(256, 768)), (40, 24), CORNERS);
    let params = to(8, 8);
    for (bits, values) in [(8, 767), (8, 1024), (4, 47), (4, 49)] {
        let said = refusal(&params, &of(bits, &map(values / 3, values)));
        assert!(said.contains(&format!("has {values} values")), "{said}");
    }
    let bytes = |map: &[u16]| {
        let mut file = of(8, map);
        let entry = file.windows(4).position(|four| four == [0x40, 1, 3, 0]);
        let entry = entry.unwrap();
        let count = u32::try_from(2 * map.len()).unwrap();
        file[entry + 2] = 1;
        file[entry + 4..entry + 8].copy_from_slice(&count.to_le_bytes());
        file
    };
    let narrow = map(256, 768);
    let pairs = narrow.as_chunks::<2>().0.iter();
    let narrow: Vec<u16> = pairs.map(|[a, b]| a & 0xff | b << 8).collect();
    assert_picture(&bytes(&narrow), (40, 24), CORNERS);
    // Numbers of 16 bits that are said to be bytes.
    let said = refusal(&params, &bytes(&map(256, 768)));
    assert!(
        said.contains("1536 values where its 8 bits need 768"),
        "{said}"
    );
}

/// Kinds of which each is read in its own way, and no test of another one would see it.
#[test]
fn rare_tiffs_are_read_as_they_are_meant() {
    let rgb = quarters(40, 24);
    const RGB: [(u16, &[u16]); 3] = [(258, &[8, 8, 8]), (262, &[2]), (277, &[3])];
    // A palette whose values have 8 bits, where 16 are meant.
    let mut map = vec![0u16; 768];
    let corner = |pixel: usize| usize::from(pixel / 40 >= 12) * 2 + usize::from(pixel % 40 >= 20);
    for (index, colour) in CORNERS.iter().enumerate() {
        for channel in 0..3 {
            map[channel * 256 + index] = u16::from(colour[channel]);
        }
    }
    let indices: Vec<u8> = (0..960).map(|pixel| corner(pixel) as u8).collect();
    let palette = tiff(
        &[(258, &[8]), (262, &[3]), (277, &[1]), (320, &map)],
        &indices,
    );
    assert_picture(&palette, (40, 24), CORNERS);
    // LZW with its bits the other way round, as the first writers had it.
    let old = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8)
        .encode(&rgb)
        .unwrap();
    let packed = [&RGB[..1], &[(259, &[5])], &RGB[1..]].concat();
    assert_picture(&tiff(&packed, &old), (40, 24), CORNERS);
    // Differences of 16 bits, in which the bytes of a sample carry into each other.
    let mut differences = Vec::new();
    for row in rgb.chunks(120) {
        let deep: Vec<u16> = row.iter().map(|value| u16::from(*value) * 257).collect();
        for (at, value) in deep.iter().enumerate() {
            let before = if at < 3 { 0 } else { deep[at - 3] };
            differences.extend(value.wrapping_sub(before).to_le_bytes());
        }
    }
    let packed = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
        .encode(&differences)
        .unwrap();
    let tags: [(u16, &[u16]); 5] = [
        (258, &[16, 16, 16]),
        (259, &[5]),
        (262, &[2]),
        (277, &[3]),
        (317, &[2]),
    ];
    assert_picture(&tiff(&tags, &packed), (40, 24), CORNERS);
    // An orientation in XMP alone, and one in the tag that counts before it.
    let xmp = br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta> "#;
    let words: Vec<u16> = xmp
        .as_chunks::<2>()
        .0
        .iter()
        .map(|two| u16::from_le_bytes(*two))
        .collect();
    let [a, b, c, d] = CORNERS;
    let turned = [&RGB[..], &[(700, &words[..])]].concat();
    assert_picture(&tiff(&turned, &rgb), (24, 40), [c, a, d, b]);
    let both = [&RGB[..], &[(274, &[1]), (700, &words[..])]].concat();
    assert_picture(&tiff(&both, &rgb), (40, 24), CORNERS);
    // A raw file of Canon's, by the mark behind its header.
    let mut canon = tiff(&RGB, &rgb);
    canon[8..10].copy_from_slice(b"CR");
    assert!(refusal(&to(8, 8), &canon).contains("raw"));
    // Uncompressed parts of fax data.
    for (compression, options) in [(3, 292), (4, 293)] {
        let tags: [(u16, &[u16]); 5] = [
            (258, &[1]),
            (259, &[compression]),
            (262, &[0]),
            (277, &[1]),
            (options, &[2]),
        ];
        assert!(refusal(&to(8, 8), &tiff(&tags, &[0; 120])).contains("uncompressed parts"));
    }
}

/// What one tile takes of memory is bounded as the picture is, however small that is.
#[test]
fn a_tile_has_no_more_pixels_than_a_picture_may_have() {
    let tile = |side: u16| {
        tiff(
            &[
                (258, &[8]),
                (262, &[1]),
                (277, &[1]),
                (322, &[side]),
                (323, &[side]),
            ],
            &vec![7; 960],
        )
    };
    let few = |max_pixels| ResizeParams {
        max_pixels,
        ..to(8, 8)
    };
    // 16 million pixels, of which 960 are the picture's.
    let told = refusal(&few(10_000_000), &tile(4096));
    assert!(told.contains("tiles of 4096 x 4096"), "{told}");
    // As many as are allowed: it is only cut off.
    let told = refusal(&few(20_000_000), &tile(4096));
    assert!(told.contains("cut off"), "{told}");
}
