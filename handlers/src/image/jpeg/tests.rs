//! Files in unusual forms against the pixels of a reference decoder, and what becomes of damaged
//! ones. `testdata/README.md` says how the files were made.

use super::*;

/// The files, each with the reference's pixels.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name,
            include_bytes!(concat!("testdata/", $name, ".jpg")).as_slice(),
            include_bytes!(concat!("testdata/", $name, ".png")).as_slice(),
        )),*]
    };
}
const FILES: &[(&str, &[u8], &[u8])] = files![
    "arithmetic",
    "arithmetic-progressive",
    "baseline",
    "coarse-luma",
    "coarse-luma-cb-only",
    "coarse-luma-progressive",
    "coarse-luma-scans",
    "luma-1x4-progressive",
    "luma-3x1",
    "luma-4x2",
    "progressive",
    "restart",
    "scans-420",
    "scans-440",
    "scans-y-cbcr",
];
const EIGHTHS: [u8; 4] = [1, 2, 4, 8];

fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|file| file.0 == name).unwrap().1
}

fn decode(body: &[u8], accept: bool, eighths: u8) -> Result<Vec<u8>, String> {
    let jpeg = Jpeg::open(body, accept).map_err(Cow::into_owned)?;
    let raster = jpeg.decode(eighths).map_err(Cow::into_owned)?;
    Ok(raster.data)
}

fn mean_difference(left: &[u8], right: &[u8]) -> f64 {
    assert_eq!(left.len(), right.len());
    let sum: u32 = left
        .iter()
        .zip(right)
        .map(|(l, r)| u32::from(l.abs_diff(*r)))
        .sum();
    f64::from(sum) / left.len() as f64
}

#[test]
fn each_form_is_decoded_as_by_the_reference() {
    for (name, body, expected) in FILES {
        let expected = image::load_from_memory(expected).unwrap().into_rgb8();
        let found = decode(body, false, 8).unwrap_or_else(|error| panic!("{name}: {error}"));
        let difference = mean_difference(&found, &expected);
        assert!(difference < 0.01, "{name}: {difference}");
    }
}

/// A fifth and a tenth of the size, from a scaled decode and from the reference's pixels.
#[test]
fn each_form_shrinks_as_a_full_decode_does() {
    use super::super::{Fit, Format, ResizeParams, resize};
    for (name, body, expected) in FILES {
        for (width, height) in [(13, 9), (7, 5)] {
            let params = ResizeParams {
                width: Some(width),
                height: Some(height),
                fit: Fit::Fill,
                format: Some(Format::Png),
                ..ResizeParams::default()
            };
            let small = |body| {
                let made = resize(&params, body).unwrap().bytes;
                image::load_from_memory(&made).unwrap().into_rgb8()
            };
            let difference = mean_difference(&small(body), &small(expected));
            assert!(difference < 4.0, "{name} at {width}: {difference}");
        }
    }
}

/// Where the entropy-coded data of each scan lies.
fn scans(body: &[u8]) -> Vec<std::ops::Range<usize>> {
    let file = File::open(body).unwrap();
    let scans = file.segments.iter().filter(|s| s.scan.is_some());
    scans.map(|scan| scan.data.clone()).collect()
}

#[test]
fn a_cut_file_is_refused_whatever_follows_the_cut() {
    let trailer = b"SEFH\x01 a maker's trailer, with some text in it SEFT".repeat(3);
    let tails: [(&str, Vec<u8>); 7] = [
        ("nothing", vec![]),
        ("an end", EOI.to_vec()),
        ("zeros", vec![0; 5000]),
        ("zeros and an end", [vec![0; 5000], EOI.to_vec()].concat()),
        ("ones and an end", [vec![0xff; 5000], EOI.to_vec()].concat()),
        ("a trailer", trailer),
        ("a picture", file("baseline").to_vec()),
    ];
    for (name, body, _) in FILES
        .iter()
        .filter(|file| !file.0.starts_with("arithmetic"))
    {
        for (number, scan) in scans(body).iter().enumerate() {
            for permille in [5, 300, 600, 900] {
                let cut = scan.start + scan.len() * permille / 1000;
                if scan.end - cut < 4 {
                    continue; // the last bits can be padding
                }
                for (tail_name, tail) in &tails {
                    if permille == 900 && tail_name.contains("zeros") {
                        continue; // a zero byte can stand for several units: too few to tell
                    }
                    let cut = [&body[..cut], tail].concat();
                    for eighths in EIGHTHS {
                        let found = decode(&cut, false, eighths);
                        let case = format!("{name}, scan {number} to {permille}, {tail_name}");
                        assert!(found.is_err(), "{case}, {eighths}/8");
                        assert_eq!(decode(&cut, true, eighths).err(), None, "{case} {found:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_file_without_its_last_scans_is_refused() {
    for (name, body, _) in FILES {
        let scans = scans(body);
        for scan in &scans[..scans.len() - 1] {
            let cut = [&body[..scan.end], EOI].concat();
            // With all but the last bit of each value it is a picture.
            if File::open(&cut).unwrap().has_all_scans() {
                assert!(name.contains("progressive"), "{name}");
                for eighths in EIGHTHS {
                    assert_eq!(decode(&cut, false, eighths).err(), None, "{name}");
                }
                continue;
            }
            let error = decode(&cut, false, 8).unwrap_err();
            assert!(error.contains("scans are missing"), "{name}: {error}");
            decode(&cut, true, 8).unwrap();
        }
    }
}

#[test]
fn only_the_end_marker_is_missing() {
    for (name, body, _) in FILES {
        let whole = decode(body, false, 8).unwrap();
        let body = body.strip_suffix(EOI).unwrap();
        for tail in [&b""[..], b"SEFH and a trailer", &[0; 300]] {
            let body = [body, tail].concat();
            let error = decode(&body, false, 8).unwrap_err();
            assert!(
                error.contains("end-of-image marker is missing"),
                "{name}: {error}"
            );
            let difference = mean_difference(&decode(&body, true, 8).unwrap(), &whole);
            // A trailer may be taken for more of the last unit's bits.
            assert!(difference < 0.2, "{name}: {difference}");
        }
    }
}

#[test]
fn what_harms_nothing_is_no_reason_to_refuse() {
    for (name, body, _) in FILES {
        let whole = decode(body, false, 8).unwrap();
        let without_end = body.strip_suffix(EOI).unwrap();
        let last = scans(body).last().unwrap().clone();
        let kinds: [(&str, Vec<u8>); 8] = [
            ("padding", [without_end, &[0; 1000], EOI].concat()),
            (
                "few bytes left",
                [
                    without_end,
                    b"\x17\x2a\x99\x01\x55\x77\x13\x37\x22\x44",
                    EOI,
                ]
                .concat(),
            ),
            ("fill bytes", [without_end, &[0xff; 9], EOI].concat()),
            ("a trailer", [body, &b"anything"[..]].concat()),
            ("two pictures", [*body, *body].concat()),
            (
                "bytes between segments",
                [&body[..2], b"\x12\x34", &body[2..]].concat(),
            ),
            (
                "metadata without a length",
                [&body[..2], b"\xff\xe5\0\0", &body[2..]].concat(),
            ),
            (
                "a comment behind the last scan",
                [&body[..last.end], b"\xff\xfe\0\x04hi", EOI].concat(),
            ),
        ];
        for (kind, body) in kinds {
            if name.starts_with("arithmetic") && matches!(kind, "padding" | "few bytes left") {
                continue; // its decoder can't tell them from data
            }
            let found = decode(&body, false, 8);
            assert!(
                found.as_ref() == Ok(&whole),
                "{name}, {kind}: {:?}",
                found.err()
            );
        }
    }
}

#[test]
fn surplus_data_is_a_sign_of_damage() {
    let body = file("baseline");
    let noise: Vec<u8> = (0..500u32).map(|i| (i * 37 % 251) as u8).collect();
    let body = [body.strip_suffix(EOI).unwrap(), &noise, EOI].concat();
    let error = decode(&body, false, 8).unwrap_err();
    assert!(error.contains("left over"), "{error}");
    decode(&body, true, 8).unwrap();
}

#[test]
fn variants_are_named_by_what_they_are() {
    let body = file("baseline");
    let frame = body
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let with = |offset: usize, value: u8| {
        let mut body = body.to_vec();
        body[frame + offset] = value;
        body
    };
    for (body, expected) in [
        (with(1, 0xc3), "lossless"),
        (with(1, 0xc5), "hierarchical"),
        (with(1, 0xcb), "lossless JPEG with arithmetic"),
        (with(4, 12), "12 bits a sample"),
        (with(9, 2), "2 colour components"),
        (with(11, 0x51), "5 x 1"),
        ([&body[..frame], EOI].concat(), "no picture data"),
        (body[..frame].to_vec(), "cut off before its picture data"),
    ] {
        let error = decode(&body, true, 8).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let mut flat = body.to_vec();
    flat[frame + 5..frame + 7].fill(0);
    assert!(decode(&flat, false, 8).unwrap_err().contains("DNL"));
}

#[test]
fn scans_are_limited_at_every_size() {
    let body = file("progressive");
    let last = scans(body).last().unwrap().clone();
    let is_scan = |&at: &usize| body[at..at + 2] == [0xff, 0xda];
    let header = (0..last.start - 1).rev().find(is_scan).unwrap();
    let mut bomb = body[..last.end].to_vec();
    for _ in 0..segments::MAX_SCANS {
        bomb.extend(&body[header..last.end]);
    }
    bomb.extend(EOI);
    for accept in [false, true] {
        for eighths in EIGHTHS {
            let error = decode(&bomb, accept, eighths).unwrap_err();
            assert!(error.contains("more than 100 scans"), "{error}");
        }
    }
}

/// No panic, and one verdict at every size.
#[test]
fn flipped_bits() {
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    for (_, body, _) in FILES {
        for _ in 0..150 {
            let mut body = body.to_vec();
            let at = 2 + random() % (body.len() - 2);
            body[at] ^= 1 << (random() % 8);
            let verdicts = EIGHTHS.map(|eighths| decode(&body, false, eighths).err());
            assert!(
                verdicts.iter().all(|verdict| *verdict == verdicts[0]),
                "{verdicts:?}"
            );
            let accepted = EIGHTHS.map(|eighths| decode(&body, true, eighths).is_ok());
            assert!(accepted.iter().all(|verdict| *verdict == accepted[0]));
        }
    }
}

#[test]
fn what_is_encoded_can_be_decoded() {
    let expected = image::load_from_memory(FILES[2].2).unwrap().into_rgb8();
    for (quality, progressive, most) in [(80, false, 6.0), (80, true, 6.0), (95, false, 2.0)] {
        let mut out = b"before".to_vec();
        let profile = Some(&b"a profile"[..]);
        let encoding = Encoding {
            grey: false,
            quality,
            progressive,
            profile,
        };
        encode(&expected, (67, 45), &encoding, &mut out).unwrap();
        let body = out.strip_prefix(b"before").unwrap();
        assert_eq!(
            body.windows(2).any(|pair| pair == [0xff, 0xc2]),
            progressive
        );
        let difference = mean_difference(&decode(body, false, 8).unwrap(), &expected);
        assert!(difference < most, "{quality}: {difference}");
    }
}
