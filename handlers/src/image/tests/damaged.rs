//! Files that are cut off, of the formats whose rows come one after the other (JPEG and WebP have
//! such tests of their own): refused whatever follows the cut, and with `damaged` as `accept` the
//! rows in front of it are right and the rest is empty.

use super::*;
use formats::{find_chunk, png_chunk};

const WIDTH: u32 = 48;
const HEIGHT: u32 = 200;

struct Sample {
    name: &'static str,
    body: Vec<u8>,
    /// Where the pixels' data begins and ends.
    data: std::ops::Range<usize>,
    /// What a whole file ends with.
    end: Vec<u8>,
    /// Whether zeros behind the cut can be told from data.
    zeros_show: bool,
    /// Rows that come and go together.
    strip: u32,
    /// The parts of the picture (left, top, width, height) that come one after the other, each with
    /// its place in the file.
    pieces: Vec<([u32; 4], std::ops::Range<usize>)>,
}

/// Noise, which no compression makes much smaller: where a file is cut tells which rows it has.
fn noise(channels: u32) -> Vec<u8> {
    let mut seed = 12u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u8 | 1
    };
    (0..WIDTH * HEIGHT * channels).map(|_| random()).collect()
}

fn pngs() -> Vec<Sample> {
    let sample = |name, color, channels| {
        let body = png_of(&noise(channels), WIDTH, HEIGHT, color);
        let data = find_chunk(&body, b"IDAT").0 + 8..find_chunk(&body, b"IEND").0 - 4;
        Sample {
            name,
            end: body[data.end + 4..].to_vec(),
            body,
            data,
            zeros_show: true,
            strip: 1,
            pieces: Vec::new(),
        }
    };
    // The same data in many chunks, as most writers have it.
    let whole = sample("PNG in one chunk", ExtendedColorType::Rgb8, 3);
    let packed = &whole.body[whole.data.clone()];
    let chunks = packed.chunks(1000).map(|part| png_chunk(b"IDAT", part));
    let header = &whole.body[..whole.data.start - 8];
    let body = [header, &chunks.collect::<Vec<_>>().concat(), &whole.end].concat();
    let chunks = Sample {
        name: "PNG in chunks",
        data: whole.data.start..body.len() - whole.end.len() - 4,
        body,
        ..sample("", ExtendedColorType::Rgb8, 3)
    };
    vec![
        whole,
        chunks,
        sample("grey PNG", ExtendedColorType::L8, 1),
        sample("RGBA PNG", ExtendedColorType::Rgba8, 4),
        sample("PNG of 16 bits", ExtendedColorType::L16, 2),
    ]
}

fn gif() -> Sample {
    let mut body = Vec::new();
    let palette: Vec<u8> = (0..=255).flat_map(|n: u8| [n, 255 - n, n | 1]).collect();
    let mut encoder =
        ::gif::Encoder::new(&mut body, WIDTH as u16, HEIGHT as u16, &palette).unwrap();
    let frame = ::gif::Frame {
        width: WIDTH as u16,
        height: HEIGHT as u16,
        buffer: noise(1).into(),
        ..::gif::Frame::default()
    };
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    // Behind the screen, the palette, and a frame's descriptor.
    let start = body[781..].iter().position(|byte| *byte == b',').unwrap() + 781 + 11;
    Sample {
        name: "GIF",
        data: start..body.len() - 2,
        end: vec![0, b';'],
        body,
        zeros_show: true,
        strip: 1,
        pieces: Vec::new(),
    }
}

/// How a TIFF's picture is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// Into strips of so many rows.
    Strips(u32),
    /// Into tiles of this width and height; those at the edge are full as well.
    Tiles(u32, u32),
}

impl Cut {
    /// The parts, each with the pixels that its data has.
    fn pieces(self, pixels: &[u8]) -> Vec<([u32; 4], Vec<u8>)> {
        let (across, down, full) = match self {
            Self::Strips(rows) => (WIDTH, rows, false),
            Self::Tiles(across, down) => (across, down, true),
        };
        let mut pieces = Vec::new();
        for top in (0..HEIGHT).step_by(down as usize) {
            for left in (0..WIDTH).step_by(across as usize) {
                let inside = [left, top, across.min(WIDTH - left), down.min(HEIGHT - top)];
                let (wide, high) = if full {
                    (across, down)
                } else {
                    (inside[2], inside[3])
                };
                let mut data = Vec::new();
                for y in top..top + high {
                    for x in left..left + wide {
                        // Outside of the picture is some other noise.
                        let at = 3 * ((y * WIDTH + x) as usize % (pixels.len() / 3));
                        data.extend(&pixels[at..at + 3]);
                    }
                }
                pieces.push((inside, data));
            }
        }
        pieces
    }
}

/// A TIFF whose directory stands in front of its strips, as some writers have it: with it at the end
/// a cut leaves nothing.
fn tiff(name: &'static str, compression: u16, predictor: u16, cut: Cut) -> Sample {
    let row = 3 * match cut {
        Cut::Strips(_) => WIDTH as usize,
        Cut::Tiles(across, _) => across as usize,
    };
    let pack = |rows: &[u8]| -> Vec<u8> {
        let mut rows = rows.to_vec();
        if predictor == 2 {
            for row in rows.chunks_exact_mut(row) {
                for at in (3..row.len()).rev() {
                    row[at] = row[at].wrapping_sub(row[at - 3]);
                }
            }
        }
        match compression {
            8 => {
                let level = flate2::Compression::default();
                let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), level);
                std::io::Write::write_all(&mut packed, &rows).unwrap();
                packed.finish().unwrap()
            }
            5 => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
                .encode(&rows)
                .unwrap(),
            // Literals only.
            32773 => rows
                .chunks(128)
                .flat_map(|part| [&[(part.len() - 1) as u8], part].concat())
                .collect(),
            _ => rows,
        }
    };
    let (parts, strips): (Vec<[u32; 4]>, Vec<Vec<u8>>) = cut
        .pieces(&noise(3))
        .into_iter()
        .map(|(part, pixels)| (part, pack(&pixels)))
        .unzip();
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let tags = match cut {
        Cut::Strips(_) => 11,
        Cut::Tiles(..) => 12,
    };
    let values = 8 + 2 + 12 * tags + 4;
    let count = strips.len() as u32;
    let list = |place: u32| if count == 1 { None } else { Some(place) };
    let start = values as u32 + 6 + 8 * count;
    let mut at = start;
    let mut offsets = Vec::new();
    for strip in &strips {
        offsets.push(at);
        at += strip.len() as u32;
    }
    let lengths: Vec<u32> = strips.iter().map(|strip| strip.len() as u32).collect();
    let bits_at = values as u32;
    let places = list(bits_at + 6).unwrap_or(offsets[0]);
    let sizes = list(bits_at + 6 + 4 * count).unwrap_or(lengths[0]);
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, LONG, 1, WIDTH),
        (257, LONG, 1, HEIGHT),
        (258, SHORT, 3, bits_at),
        (259, SHORT, 1, compression.into()),
        (262, SHORT, 1, 2),
        (277, SHORT, 1, 3),
        (284, SHORT, 1, 1),
        (317, SHORT, 1, predictor.into()),
    ];
    entries.extend(match cut {
        Cut::Strips(rows) => vec![
            (273, LONG, count, places),
            (278, LONG, 1, rows),
            (279, LONG, count, sizes),
        ],
        Cut::Tiles(across, down) => vec![
            (322, LONG, 1, across),
            (323, LONG, 1, down),
            (324, LONG, count, places),
            (325, LONG, count, sizes),
        ],
    });
    entries.sort_unstable();
    assert_eq!(entries.len(), tags);
    let mut body = b"II*\0\x08\0\0\0".to_vec();
    body.extend((tags as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        body.extend([tag, kind].map(u16::to_le_bytes).concat());
        body.extend([count, value].map(u32::to_le_bytes).concat());
    }
    body.extend([0, 0, 0, 0, 8, 0, 8, 0, 8, 0]);
    for number in offsets.iter().chain(&lengths) {
        body.extend(number.to_le_bytes());
    }
    assert_eq!(body.len(), start as usize);
    body.extend(strips.concat());
    let ranges = offsets.iter().zip(&lengths);
    let ranges = ranges.map(|(at, length)| *at as usize..(at + length) as usize);
    Sample {
        name,
        pieces: parts.into_iter().zip(ranges).collect(),
        data: start as usize..body.len(),
        end: Vec::new(),
        body,
        // Of plain pixels no cut can be told from black ones.
        zeros_show: compression != 1,
        strip: 1,
    }
}

fn samples() -> Vec<Sample> {
    let mut samples = pngs();
    samples.push(gif());
    for cut in [10, 64, HEIGHT].map(Cut::Strips).into_iter().chain(tiles()) {
        samples.extend(tiffs(cut));
    }
    samples
}

/// Tiles that fill the picture in one direction, ones that go beyond it in both, and a single one.
fn tiles() -> [Cut; 4] {
    [
        Cut::Tiles(16, 40),
        Cut::Tiles(16, 16),
        Cut::Tiles(32, 64),
        Cut::Tiles(64, 208),
    ]
}

/// By each compression that does not lose anything.
fn tiffs(cut: Cut) -> [Sample; 6] {
    [
        ("plain TIFF", 1, 1),
        ("TIFF by Deflate", 8, 1),
        ("TIFF by Deflate with differences", 8, 2),
        ("TIFF by LZW", 5, 1),
        ("TIFF by LZW with differences", 5, 2),
        ("TIFF by PackBits", 32773, 1),
    ]
    .map(|(name, compression, predictor)| tiff(name, compression, predictor, cut))
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
fn a_cut_file_is_refused_whatever_follows_and_has_its_rows_when_asked() {
    for sample in samples() {
        let Sample {
            name, body, data, ..
        } = &sample;
        let whole = resized(&params(Damaged::Refuse), body);
        for permille in [1, 40, 200, 500, 800, 970] {
            let cut = data.start + data.len() * permille / 1000;
            let missing = data.end - cut;
            let zeros = vec![0; missing];
            let noise_to_the_end = &noise(8)[..missing];
            let tails: [(&str, Vec<u8>, bool); 8] = [
                ("nothing", vec![], true),
                ("an end", sample.end.clone(), true),
                ("zeros", vec![0; missing / 3], true),
                (
                    "zeros to the end",
                    [&zeros, &body[data.end..]].concat(),
                    sample.zeros_show,
                ),
                (
                    "noise and an end",
                    [&noise(4)[..missing / 3], &sample.end].concat(),
                    true,
                ),
                (
                    "noise to the end",
                    [noise_to_the_end, &body[data.end..]].concat(),
                    !name.contains("GIF") && !name.starts_with("plain"),
                ),
                (
                    "other data to the end",
                    [&body[data.start..][..missing], &body[data.end..]].concat(),
                    // Of literals alone, these are as good as those that they stand for.
                    !name.contains("GIF") && !name.starts_with("plain") && !name.contains("Bits"),
                ),
                ("a picture", png_quarters(8, 8), true),
            ];
            for (tail, bytes, shows) in tails {
                let case = format!("{name}, {permille} of 1000, then {tail}");
                let cut_body = [&body[..cut], &bytes].concat();
                // Another picture can be as long as what is missing of plain pixels.
                let enough = name.starts_with("plain") && bytes.len() >= missing;
                if shows && !enough {
                    let error = super::resize(&params(Damaged::Refuse), &cut_body).map(|_| ());
                    let error = error.expect_err(&case);
                    assert_eq!(error.code(), "image.undecodable", "{case}");
                }
                let found = super::resize(&params(Damaged::Accept), &cut_body);
                if !sample.pieces.is_empty() {
                    let shown = found.as_ref().ok().map(|found| decode(&found.bytes));
                    assert_pieces(
                        shown.as_ref(),
                        &whole,
                        cut,
                        tail == "nothing",
                        &sample,
                        &case,
                    );
                    continue;
                }
                if tail != "nothing" {
                    // What is no data can cost rows that a decoder holds back.
                    continue;
                }
                let Ok(found) = found else {
                    // With less than a row or strip there is nothing to show.
                    assert!(permille <= 40, "{case}: {}", found.unwrap_err());
                    continue;
                };
                assert_rows(&decode(&found.bytes), &whole, permille, &sample, &case);
            }
        }
    }
}

/// Strips and tiles in front of the cut are right; where nothing follows, so are the first rows of
/// the one that is cut, and what is behind is empty.
fn assert_pieces(
    found: Option<&RgbaImage>,
    whole: &RgbaImage,
    cut: usize,
    nothing_follows: bool,
    sample: &Sample,
    case: &str,
) {
    let mut shows_something = false;
    for ([left, top, width, height], place) in &sample.pieces {
        let case = format!("{case}, the part at {left}, {top}");
        let there = cut.clamp(place.start, place.end) - place.start;
        let Some(found) = found else {
            assert!(there < place.len(), "{case}: {cut} is behind {place:?}");
            continue;
        };
        shows_something |= there > 0;
        let row = |image: &RgbaImage, y: u32| -> Vec<image::Rgba<u8>> {
            (*left..left + width)
                .map(|x| *image.get_pixel(x, y))
                .collect()
        };
        let rows = *top..top + height;
        let right = rows
            .clone()
            .take_while(|y| row(found, *y) == row(whole, *y));
        let right = right.count() as u32;
        if there == place.len() {
            assert_eq!(right, *height, "{case}");
        }
        if !nothing_follows {
            continue;
        }
        // A decoder may hold some rows back, of what it has.
        let high = match sample.pieces.first() {
            Some((_, first)) if there < place.len() => {
                // Noise is as large everywhere.
                let full = first.len().max(place.len()) as u64;
                let tall = sample.pieces[0].0[3].max(*height);
                (u64::from(tall) * there as u64 / full) as u32
            }
            _ => *height,
        };
        assert!(
            right >= (high.saturating_sub(3)).min(*height),
            "{case}: {right} of {high} rows"
        );
        let rest = rows.skip(right as usize + 1).flat_map(|y| row(found, y));
        let mut rest = rest.map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        assert!(
            rest.all(|pixel| pixel == [0; 3]),
            "{case}: behind row {right}"
        );
    }
    assert!(
        !nothing_follows || found.is_none() || shows_something,
        "{case}: nothing to show"
    );
}

fn assert_rows(found: &RgbaImage, whole: &RgbaImage, permille: usize, sample: &Sample, case: &str) {
    let right = found
        .rows()
        .zip(whole.rows())
        .take_while(|(f, w)| f.clone().eq(w.clone()));
    let right = u32::try_from(right.count()).unwrap();
    // A decoder may hold some rows back; of strips the last one is lost.
    let there = HEIGHT * permille as u32 / 1000;
    let least = (there.saturating_sub(3) / sample.strip * sample.strip).min(there * 9 / 10);
    assert!(right >= least, "{case}: {right} of {there} rows");
    let rest = found.rows().skip(right as usize + 1);
    let empty = |pixel: &image::Rgba<u8>| pixel.0[..3] == [0; 3];
    assert!(rest.flatten().all(empty), "{case}: behind row {right}");
}

/// Interlaced ones have something of all rows.
#[test]
fn interlaced_files_are_accepted_in_part() {
    let mut gif = Vec::new();
    let palette: Vec<u8> = (0..=255).flat_map(|n: u8| [n, 255 - n, n | 1]).collect();
    let mut encoder = ::gif::Encoder::new(&mut gif, WIDTH as u16, HEIGHT as u16, &palette).unwrap();
    let mut frame = ::gif::Frame {
        width: WIDTH as u16,
        height: HEIGHT as u16,
        interlaced: true,
        ..::gif::Frame::default()
    };
    // Rows in the order of the file.
    frame.buffer = noise(1).into();
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let whole = resized(&params(Damaged::Refuse), &gif);
    let start = 13 + 768 + 20;
    for permille in [300, 600, 900] {
        let cut = &gif[..start + (gif.len() - start) * permille / 1000];
        assert!(super::resize(&params(Damaged::Refuse), cut).is_err());
        let found = resized(&params(Damaged::Accept), cut);
        let same = found.pixels().zip(whole.pixels()).filter(|(f, w)| f == w);
        let least = (WIDTH * HEIGHT) as usize * permille / 1000 * 9 / 10;
        assert!(same.count() >= least, "{permille}");
    }
}

/// A tile at the edge is as full as all others: where it ends early it is cut, though the rows of the
/// picture may be there, and what fills the cut up may take their place.
#[test]
fn a_tile_at_the_edge_has_to_be_whole() {
    for cut in [Cut::Tiles(32, 64), Cut::Tiles(64, 208), Cut::Tiles(16, 16)] {
        for sample in tiffs(cut) {
            let whole = resized(&params(Damaged::Refuse), &sample.body);
            let ([left, top, ..], last) = sample.pieces.last().unwrap().clone();
            // Within the rows of the picture, at their end, and among those outside of it.
            for permille in [0, 20, 60, 120, 300, 600, 900, 999] {
                let at = last.start + last.len() * permille / 1000;
                let missing = sample.data.end - at;
                for (tail, bytes) in [
                    ("nothing", vec![]),
                    ("some zeros", vec![0; missing / 2]),
                    ("zeros to the end", vec![0; missing]),
                ] {
                    let case = format!("{}, {left}, {top}: {permille}, {tail}", sample.name);
                    if bytes.len() == missing && !sample.zeros_show {
                        continue;
                    }
                    let cut_body = [&sample.body[..at], &bytes].concat();
                    match super::resize(&params(Damaged::Refuse), &cut_body) {
                        Err(error) => assert_eq!(error.code(), "image.undecodable", "{case}"),
                        // Zeros in place of noise outside of the picture: no pixel shows them.
                        Ok(found) => assert!(
                            tail.ends_with("the end") && decode(&found.bytes) == whole,
                            "{case}: accepted"
                        ),
                    }
                    let accepted = super::resize(&params(Damaged::Accept), &cut_body);
                    let shown = accepted.ok().map(|found| decode(&found.bytes));
                    let nothing = tail == "nothing";
                    assert_pieces(shown.as_ref(), &whole, at, nothing, &sample, &case);
                }
            }
        }
    }
}

/// What stands behind the end of a strip does not count; what it lacks, or has too much, does.
#[test]
fn the_end_of_a_strip_counts() {
    for (name, compression, predictor) in [("Deflate", 8, 1), ("LZW", 5, 2), ("PackBits", 32773, 1)]
    {
        let sample = tiff(name, compression, predictor, Cut::Strips(HEIGHT));
        let whole = resized(&params(Damaged::Refuse), &sample.body);
        // More bytes than were announced.
        let behind = [&sample.body[..], &noise(1)].concat();
        assert!(
            resized(&params(Damaged::Refuse), &behind) == whole,
            "{name}"
        );
        // The height is less than what the strip has: it is not its picture.
        let mut lower = sample.body.clone();
        let height = lower.windows(2).position(|two| two == [1, 1]).unwrap();
        assert_eq!(lower[height + 8..height + 10], [HEIGHT as u8, 0]);
        lower[height + 8] = HEIGHT as u8 / 2;
        let found = super::resize(&params(Damaged::Refuse), &lower);
        // A checksum says that all of it is there.
        assert_eq!(found.is_ok(), name == "Deflate", "{name}");
        for missing in [1, 2, 4, 5, 6, 9] {
            let short = &sample.body[..sample.data.end - missing];
            let found = super::resize(&params(Damaged::Refuse), short);
            assert!(found.is_err(), "{name}, {missing} bytes less");
            let accepted = resized(&params(Damaged::Accept), short);
            assert_eq!(
                accepted.get_pixel(3, 150),
                whole.get_pixel(3, 150),
                "{name}"
            );
        }
    }
}
