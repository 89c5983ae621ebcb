//! Files whose description stands at their end, where a cut takes it away and leaves the pixels.

use super::formats::refusal;
use super::*;

const SIDE: u32 = 8;
const FILLERS: [u8; 5] = [0, 0xff, b'Z', b' ', 0x80];

/// A TIFF by a writer that puts the directory behind the pixels, and its values behind that. The
/// values of `last` are the file's last bytes.
fn tiff(photometric: u32, samples: u32, last: (u16, u16, Vec<u8>)) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let pixels: Vec<u8> = (0..SIDE * SIDE * samples).map(|n| (n * 3) as u8).collect();
    let directory = 8 + pixels.len() as u32;
    let bits = match last.0 {
        258 => 8,
        _ if samples == 1 => 8,
        _ => 0,
    };
    let (tag, kind, values) = last;
    let width = if kind == SHORT { 2 } else { 1 };
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, LONG, 1, SIDE),
        (257, LONG, 1, SIDE),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, photometric),
        (273, LONG, 1, 8),
        (277, SHORT, 1, samples),
        (279, LONG, 1, pixels.len() as u32),
    ];
    let mut inner = Vec::new();
    let count = entries.len() as u32 + 2;
    let behind = directory + 2 + 12 * count + 4;
    if tag != 258 {
        if bits == 8 {
            entries.push((258, SHORT, 1, 8));
        } else {
            entries.push((258, SHORT, samples, behind));
            inner.extend(
                [8u16; 4][..samples as usize]
                    .iter()
                    .flat_map(|b| b.to_le_bytes()),
            );
        }
    } else {
        entries.push((278, LONG, 1, SIDE));
    }
    entries.push((
        tag,
        kind,
        values.len() as u32 / width,
        behind + inner.len() as u32,
    ));
    entries.sort_by_key(|entry| entry.0);
    let mut body = [&b"II*\0"[..], &directory.to_le_bytes(), &pixels].concat();
    body.extend((count as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        body.extend([tag, kind].map(u16::to_le_bytes).concat());
        body.extend([count, value].map(u32::to_le_bytes).concat());
    }
    body.extend([0; 4]);
    assert_eq!(body.len(), behind as usize);
    [body, inner, values].concat()
}

fn shorts(numbers: impl IntoIterator<Item = u16>) -> Vec<u8> {
    numbers.into_iter().flat_map(u16::to_le_bytes).collect()
}

fn params(damaged: Damaged) -> ResizeParams {
    ResizeParams {
        format: Some(Format::Png),
        damaged,
        ..to(SIDE, SIDE)
    }
}

#[test]
fn a_tiff_that_lacks_values_of_its_directory_is_cut() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let palette = shorts((0..768).map(|n| (n * 85) as u16 | 1));
    for (name, file) in [
        ("bits", tiff(2, 3, (258, 3, shorts([8, 8, 8])))),
        ("format", tiff(2, 3, (339, 3, shorts([1, 1, 1])))),
        ("XMP", tiff(2, 3, (700, 7, XMP.to_vec()))),
        ("profile", tiff(2, 3, (34675, 7, profile))),
        ("palette", tiff(3, 1, (320, 3, palette))),
    ] {
        resized(&params(Damaged::Refuse), &file);
        for missing in [1, 2, 5] {
            let cut = &file[..file.len() - missing];
            let said = refusal(&params(Damaged::Refuse), cut);
            assert!(said.contains("cut off"), "{name}, {missing}: {said}");
        }
        let directory = 8 + (SIDE * SIDE * if name == "palette" { 1 } else { 3 }) as usize;
        // Of a palette any part may be like filler. A profile may end in three zeros of four bytes.
        let last = match name {
            "palette" => file.len() - 2 * 768,
            "profile" => file.len() - 13,
            _ => file.len(),
        };
        assert_filled_is_told(name, &file, directory..last);
    }
}

/// Pillow and libvips overlook a profile without colours, too.
#[test]
fn a_profile_that_is_too_short_for_colours_was_not_cut() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    for length in [8, 40, 128, 131] {
        let mut short = profile[..length].to_vec();
        let zeros = length.saturating_sub(20);
        short[zeros..].fill(0);
        resized(&params(Damaged::Refuse), &tiff(2, 3, (34675, 7, short)));
    }
}

/// Whatever follows a cut in `cuts`: the file is refused, or nothing of the picture was cut.
fn assert_filled_is_told(name: &str, file: &[u8], cuts: std::ops::Range<usize>) {
    let info = super::info(&InfoParams::default(), file).unwrap();
    let params = |damaged| ResizeParams {
        format: Some(Format::Png),
        damaged,
        ..to(info.width, info.height)
    };
    let whole = resized(&params(Damaged::Refuse), file);
    for end in cuts {
        for filler in FILLERS {
            for length in [file.len() - end, file.len() - end + 400, 400] {
                let filled = [&file[..end], &vec![filler; length]].concat();
                let case = || format!("{name}: {end} of {}, {length} x {filler}", file.len());
                match super::resize(&params(Damaged::Refuse), &filled) {
                    Ok(found) => assert!(decode(&found.bytes) == whole, "{}", case()),
                    Err(error) => assert_eq!(error.code(), "image.undecodable", "{}", case()),
                }
            }
        }
    }
}

/// A default in place of what can't be read would show another picture.
#[test]
fn a_tiff_whose_directory_says_no_numbers_is_refused() {
    let file = tiff(2, 3, (258, 3, shorts([8, 8, 8])));
    let directory = 8 + 3 * SIDE as usize * SIDE as usize;
    for tag in [258u16, 259, 262, 277, 278] {
        let entries = (0..9).map(|entry| directory + 2 + 12 * entry);
        let at = entries
            .clone()
            .find(|at| file[*at..][..2] == tag.to_le_bytes());
        let at = at.unwrap();
        for kind in [2, 5, 7, 11, 12] {
            let mut other = file.clone();
            other[at + 2] = kind;
            refusal(&params(Damaged::Refuse), &other);
            refusal(&params(Damaged::Accept), &other);
        }
    }
    let mut nameless = file.clone();
    let at = directory + 2 + 12 * 2;
    assert_eq!(nameless[at..at + 2], 258u16.to_le_bytes());
    nameless[at..at + 2].copy_from_slice(&0xfde8u16.to_le_bytes());
    let said = refusal(&params(Damaged::Refuse), &nameless);
    assert!(said.contains("how many bits"), "{said}");
}

#[test]
fn a_palette_of_one_colour_was_filled_up() {
    let palette = shorts((0..768).map(|n| (n * 85) as u16 | 1));
    let file = tiff(3, 1, (320, 3, palette.clone()));
    let mut filled = file.clone();
    let start = file.len() - palette.len();
    filled[start..].fill(0);
    let said = refusal(&params(Damaged::Refuse), &filled);
    assert!(said.contains("palette"), "{said}");
    resized(&params(Damaged::Accept), &filled);
}

const XMP: &[u8] = b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta \
    xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
    <rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/'><tiff:Orientation>6\
    </tiff:Orientation></rdf:Description></rdf:RDF></x:xmpmeta>                              \
                                 <?xpacket end='w'?> ";

/// A WebP that ends in a chunk of metadata, which says that the picture is to be turned.
fn webp(name: &[u8; 4], metadata: &[u8]) -> Vec<u8> {
    let lossless = ResizeParams {
        format: Some(Format::Webp),
        lossless: true,
        ..to(40, 24)
    };
    let plain = super::resize(&lossless, &png_quarters(40, 24))
        .unwrap()
        .bytes;
    let flag = if name == b"EXIF" { 8 } else { 4 };
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    file.extend([flag, 0, 0, 0, 0x27, 0, 0, 0x17, 0, 0]);
    file.extend(&plain[12..]);
    file.extend(name);
    file.extend(u32::try_from(metadata.len()).unwrap().to_le_bytes());
    file.extend(metadata);
    let size = u32::try_from(file.len() - 8).unwrap();
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

const EXIF: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

/// Whatever filled the cut up, and whether the file is as long as it was.
#[test]
fn a_webp_whose_metadata_was_filled_up_is_told() {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    for (name, kind, metadata) in [
        ("EXIF", b"EXIF", EXIF),
        ("EXIF in the other order", b"EXIF", little),
        ("XMP", b"XMP ", XMP),
    ] {
        let file = webp(kind, metadata);
        let start = file.len() - metadata.len() - 8;
        assert_filled_is_told(name, &file, start..file.len());
        // What stands behind the file does not count.
        let behind = [&file[..], &[0xff; 300]].concat();
        assert_filled_is_told(name, &behind, file.len()..file.len() + 1);
    }
}

/// A WebP whose last chunk is EXIF, as writers have it; what it says decides how the picture lies.
#[test]
fn a_webp_that_lacks_its_orientation_is_cut() {
    let exif = EXIF;
    let file = webp(b"EXIF", exif);
    let params = |damaged| ResizeParams {
        format: Some(Format::Png),
        damaged,
        ..to(24, 40)
    };
    let whole = resized(&params(Damaged::Refuse), &file);
    assert_eq!((whole.width(), whole.height()), (24, 40));
    for missing in 1..=exif.len() {
        let end = file.len() - missing;
        refusal(&params(Damaged::Refuse), &file[..end]);
        super::resize(&params(Damaged::Accept), &file[..end]).unwrap();
        // The last six bytes are zeros by themselves.
        let filled = [&file[..end], &vec![0; missing]].concat();
        match super::resize(&params(Damaged::Refuse), &filled) {
            Ok(found) => assert_eq!(decode(&found.bytes), whole, "{missing}"),
            Err(error) => assert_eq!(error.code(), "image.undecodable", "{missing}"),
        }
    }
}
