//! What real files say in an odd way, or say and do not keep, and what both references overlook.

use super::formats::{find_chunk, png_chunk, refusal, tiff};
use super::*;

/// For a picture without loss.
fn png_to(width: u32, height: u32) -> ResizeParams {
    ResizeParams {
        format: Some(Format::Png),
        ..to(width, height)
    }
}

/// The place of a JPEG's segment: of its marker.
fn find_segment(jpeg: &[u8], marker: u8) -> usize {
    let mut at = 2;
    while jpeg[at + 1] != marker {
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

#[test]
fn components_of_one_number_are_told_apart_by_their_order() {
    let jpeg = jpeg_of(40, 24, None);
    let (frame, scan) = (find_segment(&jpeg, 0xc0), find_segment(&jpeg, 0xda));
    for ids in [[0, 0, 0], [1, 1, 1], [1, 1, 2], [1, 2, 2], [2, 1, 2]] {
        let mut body = jpeg.clone();
        for (place, id) in ids.into_iter().enumerate() {
            body[frame + 10 + 3 * place] = id;
            body[scan + 5 + 2 * place] = id;
        }
        for (width, height) in [(40, 24), (10, 6)] {
            assert_corners(&resized(&png_to(width, height), &body), CORNERS, 30);
        }
    }
}

/// A flat picture in Display P3 whose chunks in front of the pixels and behind them are given.
fn png_in_p3(before: &[Vec<u8>], behind: &[Vec<u8>]) -> Vec<u8> {
    let png = png_of(&[200, 100, 50].repeat(100), 10, 10, ExtendedColorType::Rgb8);
    let (start, end) = find_chunk(&png, b"IDAT");
    let (before, behind) = (before.concat(), behind.concat());
    [
        &png[..start],
        &before,
        &png[start..end],
        &behind,
        &png[end..],
    ]
    .concat()
}

#[test]
fn a_packed_profile_counts_if_it_is_whole() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let packed = |profile: &[u8]| {
        let packer = Vec::new();
        let mut packer = flate2::write::ZlibEncoder::new(packer, flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, profile).unwrap();
        packer.finish().unwrap()
    };
    let named = |name: &[u8], packed: &[u8]| png_chunk(b"iCCP", &[name, b"\0\0", packed].concat());
    let chunk = |packed: &[u8]| named(b"p3", packed);
    let whole = packed(&profile);
    let end = whole.len();
    let wrong_sum = [&whole[..end - 1], &[!whole[end - 1]]].concat();
    let other = chunk(&packed(
        &moxcms::ColorProfile::new_bt2020().encode().unwrap(),
    ));
    let mut damaged = chunk(&whole);
    *damaged.last_mut().unwrap() ^= 1;
    let (converted, as_it_is) = ([215, 93, 31], [200, 100, 50]);
    for (what, body, expected) in [
        ("whole", png_in_p3(&[chunk(&whole)], &[]), converted),
        (
            "no checksum",
            png_in_p3(&[chunk(&whole[..end - 4])], &[]),
            converted,
        ),
        (
            "half of it",
            png_in_p3(&[chunk(&whole[..end - 2])], &[]),
            converted,
        ),
        (
            "the first counts",
            png_in_p3(&[chunk(&whole), other], &[]),
            converted,
        ),
        ("cut", png_in_p3(&[chunk(&whole[..end / 2])], &[]), as_it_is),
        (
            "wrong checksum",
            png_in_p3(&[chunk(&wrong_sum)], &[]),
            as_it_is,
        ),
        ("damaged chunk", png_in_p3(&[damaged], &[]), as_it_is),
        ("no name", png_in_p3(&[named(b"", &whole)], &[]), as_it_is),
        (
            "behind the pixels",
            png_in_p3(&[], &[chunk(&whole)]),
            as_it_is,
        ),
    ] {
        let found = resized(&png_to(5, 5), &body).get_pixel(2, 2).0;
        assert!(near(found, expected, 2), "{what}: {found:?}");
    }
}

/// A GIF of one row in four colours with these indices.
fn gif_row(indices: &[u8], transparent: Option<u8>) -> Vec<u8> {
    let width = u16::try_from(indices.len()).unwrap();
    let mut gif = Vec::new();
    let mut encoder = ::gif::Encoder::new(&mut gif, width, 1, &CORNERS.concat()).unwrap();
    let frame = ::gif::Frame {
        width,
        height: 1,
        buffer: indices.to_vec().into(),
        transparent,
        ..::gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    gif
}

#[test]
fn a_colour_that_a_palette_lacks_is_black() {
    const CLEAR: [u8; 4] = [0; 4];
    let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255];
    let black = opaque([0; 3]);
    let [first, second, ..] = CORNERS.map(opaque);
    for (transparent, expected) in [
        (None, [first, second, black, black]),
        (Some(1), [first, CLEAR, black, black]),
        // Then what is not there is meant to be transparent.
        (Some(200), [first, second, CLEAR, CLEAR]),
    ] {
        let params = ResizeParams {
            animation: Animation::Keep,
            ..png_to(4, 1)
        };
        let image = resized(&params, &gif_row(&[0, 1, 4, 200], transparent));
        let seen = |pixel: [u8; 4]| if pixel[3] == 0 { CLEAR } else { pixel };
        let found: Vec<[u8; 4]> = image.pixels().map(|pixel| seen(pixel.0)).collect();
        assert_eq!(found, expected, "{transparent:?}");
    }
}

#[test]
fn an_unknown_extension_of_a_gif_is_skipped() {
    let gif = gif_of(&rgba_quarters(40, 24));
    let (head, rest) = gif.split_at(gif.iter().position(|byte| *byte == b'!').unwrap());
    for label in [0x00, 0x77, 0xfd] {
        let extension = [&[b'!', label, 5], &b"hello\0"[..]].concat();
        let image = resized(&png_to(40, 24), &[head, &extension, rest].concat());
        assert_corners(&image, CORNERS, 2);
    }
    // A block of another kind is none.
    let message = refusal(&to(40, 24), &[head, b"\x55\x01x\0", rest].concat());
    assert!(message.contains("GIF"), "{message}");
}

#[test]
fn a_webp_s_metadata_counts_if_its_header_announces_it() {
    const FLAGS: usize = 20;
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    const PROFILE: u8 = 0x20;
    let webp = |exif: Option<Vec<u8>>, profile: Option<Vec<u8>>| {
        let mut webp = Vec::new();
        let mut encoder = image_webp::WebPEncoder::new(&mut webp);
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif);
        }
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile);
        }
        let data = quarters(40, 24);
        encoder
            .encode(&data, 40, 24, image_webp::ColorType::Rgb8)
            .unwrap();
        assert_eq!(&webp[12..16], b"VP8X");
        webp
    };
    let [a, b, c, d] = CORNERS;
    let turned = webp(Some(exif(6)), None);
    assert_corners(&resized(&png_to(24, 40), &turned), [c, a, d, b], 2);
    let mut silent = turned.clone();
    silent[FLAGS] &= !EXIF;
    assert_corners(&resized(&png_to(40, 24), &silent), CORNERS, 2);

    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let wide = webp(None, Some(p3));
    let described = |body: &[u8]| super::info(&InfoParams {}, body).unwrap().profile;
    assert!(described(&wide).is_some());
    let mut silent = wide.clone();
    silent[FLAGS] &= !PROFILE;
    assert_eq!(described(&silent), None);
    assert_corners(&resized(&png_to(40, 24), &silent), CORNERS, 2);

    // Metadata that is announced and not there.
    for flags in [EXIF, XMP, EXIF | XMP] {
        let mut lacking = webp(None, Some(vec![1; 8]));
        lacking[FLAGS] |= flags;
        assert_corners(&resized(&png_to(40, 24), &lacking), CORNERS, 2);
    }
}

#[test]
fn a_tiff_s_numbers_may_have_a_sign_and_be_none_below_0() {
    const ORIENTATION: u16 = 274;
    let [a, b, c, d] = CORNERS;
    let tags: [(u16, &[u16]); 5] = [
        (258, &[8, 8, 8]),
        (259, &[1]),
        (262, &[2]),
        (277, &[3]),
        (ORIENTATION, &[6]),
    ];
    let body = tiff(&tags, &quarters(40, 24));
    let entry = |tag: u16| {
        let start = [tag.to_le_bytes(), 3u16.to_le_bytes()].concat();
        body.windows(4).rposition(|four| four == start).unwrap()
    };
    let (width, orientation) = (entry(256), entry(ORIENTATION));
    for signed in [6, 8, 9] {
        let mut body = body.clone();
        body[width + 2] = signed;
        body[orientation + 2] = signed;
        assert_corners(&resized(&png_to(24, 40), &body), [c, a, d, b], 2);
        body[orientation + 8..orientation + 12].fill(0xff);
        assert!(refusal(&to(24, 40), &body).contains("tag 274"));
    }
}
