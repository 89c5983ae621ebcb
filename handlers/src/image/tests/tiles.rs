//! TIFFs in tiles whose pixels are in JPEG or by a fax code, cut off and filled up: `damaged` has
//! the compressions that lose nothing of colours.

use super::formats::refusal;
use super::*;

const WIDTH: u32 = 80;
const HEIGHT: u32 = 100;
const TILE: u32 = 32;
const ACROSS: u32 = WIDTH.div_ceil(TILE);

/// The coded tiles, those at the edge as full as all others, and their place in the file.
struct Sample {
    name: &'static str,
    body: Vec<u8>,
    tiles: Vec<std::ops::Range<usize>>,
}

fn random(seed: u64) -> impl FnMut() -> u8 {
    let mut seed = seed;
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u8
    }
}

fn jpeg_tile(seed: u64) -> Vec<u8> {
    let mut random = random(seed);
    let data: Vec<u8> = (0..TILE * TILE * 3).map(|_| random()).collect();
    let mut out = Vec::new();
    let side = TILE as u16;
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, 80);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder
        .encode(&data, side, side, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    out
}

fn fax_tile(seed: u64) -> Vec<u8> {
    let mut random = random(seed);
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for _ in 0..TILE {
        let pixels = (0..TILE).map(|_| match random() & 1 {
            0 => fax::Color::Black,
            _ => fax::Color::White,
        });
        encoder.encode_line(pixels, TILE as u16).unwrap();
    }
    encoder.finish().unwrap().finish()
}

/// Of one dimension: the runs of each row, white first, each row on whole bytes.
fn huffman_tile(seed: u64) -> Vec<u8> {
    let mut random = random(seed);
    let mut out = Vec::new();
    for _ in 0..TILE {
        let (mut bits, mut count) = (0u128, 0usize);
        for _ in 0..TILE / 8 {
            // Eight pixels: runs of 2 (white 0111, black 11), or of 1 and 3 (000111, 10).
            let (code, length) = match random() & 1 {
                0 => (0b0111_1101_1111, 12),
                _ => (0b0001_1110_0001_1110, 16),
            };
            bits = bits << length | code;
            count += length;
        }
        let row = (bits << (128 - count)).to_be_bytes();
        out.extend_from_slice(&row[..count.div_ceil(8)]);
    }
    out
}

fn sample(name: &'static str, compression: u16, tile: fn(u64) -> Vec<u8>) -> Sample {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let count = ACROSS * HEIGHT.div_ceil(TILE);
    let coded: Vec<Vec<u8>> = (0..count).map(|index| tile(index.into())).collect();
    let (samples, photometric) = if compression == 7 { (3, 6) } else { (1, 0) };
    let lists = 8 + 2 + 12 * 11 + 4;
    let start = lists + 6 + 8 * count;
    let bits = if samples == 3 { lists } else { 1 };
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, SHORT, 1, WIDTH),
        (257, SHORT, 1, HEIGHT),
        (258, SHORT, samples, bits),
        (259, SHORT, 1, compression.into()),
        (262, SHORT, 1, photometric),
        (277, SHORT, 1, samples),
        (322, SHORT, 1, TILE),
        (323, SHORT, 1, TILE),
        (324, LONG, count, lists + 6),
        (325, LONG, count, lists + 6 + 4 * count),
        (530, SHORT, 2, 0x1_0001),
    ];
    let mut body = b"II*\0\x08\0\0\0\x0b\0".to_vec();
    for (tag, kind, count, value) in entries {
        body.extend([tag, kind].map(u16::to_le_bytes).concat());
        body.extend([count, value].map(u32::to_le_bytes).concat());
    }
    body.extend([0, 0, 0, 0, 8, 0, 8, 0, 8, 0]);
    let mut tiles = Vec::new();
    let mut at = start as usize;
    for tile in &coded {
        tiles.push(at..at + tile.len());
        at += tile.len();
    }
    let places = tiles.iter().map(|tile| tile.start as u32);
    let lengths = coded.iter().map(|tile| tile.len() as u32);
    body.extend(places.chain(lengths).flat_map(u32::to_le_bytes));
    assert_eq!(body.len(), start as usize);
    body.extend(coded.concat());
    Sample { name, body, tiles }
}

fn params(damaged: Damaged) -> ResizeParams {
    ResizeParams {
        format: Some(Format::Png),
        palette: Palette::Never,
        damaged,
        ..to(WIDTH, HEIGHT)
    }
}

#[test]
fn a_cut_tile_in_jpeg_or_by_a_fax_code_is_refused_whatever_follows() {
    for sample in [
        sample("JPEG", 7, jpeg_tile),
        sample("group 4", 4, fax_tile),
        sample("modified Huffman", 2, huffman_tile),
    ] {
        let Sample { name, body, tiles } = &sample;
        let whole = resized(&params(Damaged::Refuse), body);
        let black = whole.pixels().filter(|pixel| pixel[0] < 128).count();
        assert!((2000..6000).contains(&black), "{name}: {black}");
        for (index, tile) in tiles.iter().enumerate() {
            for permille in [30, 300, 500, 800] {
                let cut = tile.start + tile.len() * permille / 1000;
                let missing = body.len() - cut;
                let mut other = random(99);
                let noise = (0..missing).map(|_| other()).collect();
                for (what, tail) in [
                    ("nothing", vec![]),
                    ("some zeros", vec![0; missing / 3]),
                    ("zeros", vec![0; missing]),
                    ("ones", vec![0xff; missing]),
                    ("more ones", vec![0xff; missing + 300]),
                    ("letters", vec![b'Z'; missing]),
                    ("noise", noise),
                    ("other tiles", body[tiles[0].start..][..missing].to_vec()),
                ] {
                    let case = format!("{name}, tile {index}, {permille}: {what}");
                    let filled = [&body[..cut], &tail].concat();
                    let found = super::resize(&params(Damaged::Refuse), &filled).map(|_| ());
                    assert!(found.is_err(), "{case}");
                    refusal(&params(Damaged::Refuse), &filled);
                    // The tiles in front of the cut are as they are in the whole picture.
                    let Ok(found) = super::resize(&params(Damaged::Accept), &filled) else {
                        assert_eq!(index, 0, "{case}");
                        continue;
                    };
                    let found = decode(&found.bytes);
                    let in_front = |x: u32, y: u32| y / TILE * ACROSS + x / TILE < index as u32;
                    let differs = found
                        .enumerate_pixels()
                        .any(|(x, y, pixel)| in_front(x, y) && pixel != whole.get_pixel(x, y));
                    assert!(!differs, "{case}");
                }
            }
        }
    }
}
