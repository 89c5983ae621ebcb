//! Known answers, other makers' files, limits, and what is refused.

use super::*;

fn sample(len: usize) -> Vec<u8> {
    (0..)
        .flat_map(|i| format!("{:x}: line {i} of the sample; ", i * i).into_bytes())
        .take(len)
        .collect()
}

fn zstd_level(level: i32) -> CompressParams {
    CompressParams {
        level: Some(level),
        ..CompressParams::default()
    }
}

fn gzip_level(level: i32) -> CompressParams {
    CompressParams {
        format: Format::Gzip,
        level: Some(level),
    }
}

fn with_limit(limit: u64) -> DecompressParams {
    DecompressParams { limit: Some(limit) }
}

#[test]
fn every_level_comes_back() {
    let body = sample(50_000);
    for level in [-7, -1, 0, 1, 3, 6, 7, 19, 22] {
        let packed = compress(&zstd_level(level), &body).unwrap();
        assert!(packed.len() < body.len() / 2, "level {level}");
        let unpacked = decompress(&DecompressParams::default(), &packed).unwrap();
        assert_eq!(unpacked, body, "level {level}");
    }
}

#[test]
fn a_kept_context_takes_the_level_asked_for() {
    let body = sample(200_000);
    let size = |level| {
        compress(&zstd_level(level), &body)
            .map(|packed| packed.len())
            .unwrap()
    };
    let (strong, fast) = (size(6), size(-7));
    assert!(strong < fast, "{strong} < {fast}");
    assert_eq!((size(6), size(-7)), (strong, fast));
}

#[test]
fn the_empty_body_comes_back() {
    let packed = compress(&CompressParams::default(), b"").unwrap();
    for limit in [0, 1, DEFAULT_LIMIT] {
        assert_eq!(decompress(&with_limit(limit), &packed).unwrap(), b"");
    }
}

/// The three-byte frame of RFC 8878's grammar: magic, header with a
/// one-byte content size, one raw last block; written by hand.
#[test]
fn a_frame_of_another_maker_is_read() {
    let frame = [
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, b'a', b'b', b'c',
    ];
    assert_eq!(
        decompress(&DecompressParams::default(), &frame).unwrap(),
        b"abc"
    );
}

#[test]
fn levels_outside_the_range_are_refused() {
    for level in [-8, 23] {
        let error = compress(&zstd_level(level), b"x").unwrap_err();
        assert_eq!(error.code(), "compress.invalid_params");
        assert!(error.message().contains("-7..=22"), "{error}");
    }
}

#[test]
fn the_limit_is_exact() {
    let packed = compress(&CompressParams::default(), &sample(1000)).unwrap();
    assert_eq!(decompress(&with_limit(1000), &packed).unwrap().len(), 1000);
    let error = decompress(&with_limit(999), &packed).unwrap_err();
    assert_eq!(error.code(), "decompress.limit_exceeded");
    assert!(error.message().contains("999") && error.message().contains("1000"));
}

/// A stream's frame does not declare its size, so the limit acts while
/// it is unpacked.
#[test]
fn the_limit_holds_without_a_declared_size() {
    let bomb = vec![0; 32 << 20];
    let packed = ::zstd::stream::encode_all(&bomb[..], 3).unwrap();
    assert!(packed.len() < 10_000);
    assert_eq!(
        ::zstd::zstd_safe::get_frame_content_size(&packed).unwrap(),
        None
    );
    let error = decompress(&with_limit(1 << 20), &packed).unwrap_err();
    assert_eq!(error.code(), "decompress.limit_exceeded");
    let whole = decompress(&with_limit(32 << 20), &packed).unwrap();
    assert!(whole == bomb);
}

#[test]
fn the_limit_holds_over_several_frames() {
    let mut packed = Vec::new();
    for _ in 0..3 {
        packed.extend(compress(&CompressParams::default(), &sample(1000)).unwrap());
    }
    assert_eq!(decompress(&with_limit(3000), &packed).unwrap().len(), 3000);
    let error = decompress(&with_limit(2999), &packed).unwrap_err();
    assert_eq!(error.code(), "decompress.limit_exceeded");
}

/// A header that promises the whole limit sets aside no more than the
/// input could ever become.
#[test]
fn a_lying_header_sets_little_aside() {
    // Magic, single segment with an 8-byte content size of 1 GiB, one empty last block.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    frame.extend((1u64 << 30).to_le_bytes());
    frame.extend([1, 0, 0]);
    let limit = Limit {
        bytes: 1 << 30,
        pools: false,
    };
    let room = zstd::output_room(limit, &frame).unwrap();
    assert!(room <= 5 * (128 << 10), "{room}");
    let error = decompress(&with_limit(1 << 30), &frame).unwrap_err();
    assert_eq!(error.code(), "decompress.corrupt");
}

#[test]
fn what_is_damaged_or_foreign_is_corrupt() {
    let packed = compress(&CompressParams::default(), &sample(5000)).unwrap();
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    let mut trailing = packed.clone();
    trailing.extend(b"junk!");
    for (body, clue) in [
        (&packed[..packed.len() - 1], "cut off"),
        (&packed[..5], "cut off"),
        (&flipped[..], "damaged"),
        (&trailing[..], "5 bytes of something else follow"),
        (&packed[..3], "begins as zstd"),
        (&b"hello, this is text"[..], "neither zstd nor gzip"),
        (&[0x78, 0x9c, 3, 0, 0, 0, 0, 1][..], "zlib"),
        (&b"\xfd7zXZ\0rest"[..], "xz"),
        (&b"BZh9rest"[..], "bzip2"),
        (&b"PK\x03\x04rest"[..], "ZIP"),
        (&b"\x04\x22\x4d\x18rest"[..], "LZ4"),
        (&b"\x27\xb5\x2f\xfdrest"[..], "before 0.8"),
        (&b""[..], "empty"),
    ] {
        let error = decompress(&DecompressParams::default(), body).unwrap_err();
        assert_eq!(error.code(), "decompress.corrupt", "{error}");
        assert!(error.message().contains(clue), "{error}");
    }
}

/// Of Python's zstandard 0.25: a frame without a content size, and one of a trained dictionary
/// with the id 4711.
#[test]
fn a_frame_of_a_dictionary_names_its_id() {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x22];
    frame.extend(4711u16.to_le_bytes());
    frame.extend([3, 0x19, 0, 0, b'a', b'b', b'c']);
    assert_eq!(
        ::zstd::zstd_safe::get_dict_id_from_frame(&frame).map(|id| id.get()),
        Some(4711)
    );
    let mut second = compress(&CompressParams::default(), b"first").unwrap();
    second.extend(&frame);
    for (body, which) in [(&frame, "frame 1"), (&second, "frame 2")] {
        let error = decompress(&DecompressParams::default(), body).unwrap_err();
        assert_eq!(error.code(), "decompress.dictionary_needed", "{error}");
        assert!(error.message().contains("id 4711"), "{error}");
        assert!(error.message().contains(which), "{error}");
    }
}

#[test]
fn skippable_frames_are_skipped() {
    let packed = compress(&CompressParams::default(), &sample(3000)).unwrap();
    let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let plain = DecompressParams::default();
    let before = [&skippable[..], &packed].concat();
    let between = [&packed[..], &skippable, &skippable, &packed].concat();
    assert_eq!(decompress(&plain, &before).unwrap(), sample(3000));
    assert_eq!(decompress(&plain, &between).unwrap().len(), 6000);
    assert_eq!(decompress(&plain, &skippable).unwrap(), b"");
    let error = decompress(&plain, &before[..before.len() - 1]).unwrap_err();
    assert!(error.message().contains("frame 2, from byte 11"), "{error}");
    let error = decompress(&plain, &skippable[..10]).unwrap_err();
    assert_eq!(error.code(), "decompress.corrupt", "{error}");
}

#[test]
fn every_gzip_level_comes_back() {
    let body = sample(50_000);
    for level in 0..=9 {
        let packed = compress(&gzip_level(level), &body).unwrap();
        let most = if level == 0 {
            body.len() + 100
        } else {
            body.len() / 2
        };
        assert!(packed.len() < most, "level {level}: {}", packed.len());
        let unpacked = decompress(&DecompressParams::default(), &packed).unwrap();
        assert_eq!(unpacked, body, "level {level}");
        // Another implementation's reader.
        let mut theirs = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut theirs)
            .unwrap();
        assert_eq!(theirs, body, "level {level}");
    }
    for level in [-1, 10] {
        let error = compress(&gzip_level(level), b"x").unwrap_err();
        assert_eq!(error.code(), "compress.invalid_params");
        assert!(error.message().contains("0..=9"), "{error}");
    }
}

#[test]
fn gzip_is_right_at_the_edges_of_its_buffers() {
    // Of bytes without a pattern, which do not shrink.
    let mut state = 1u32;
    let noise: Vec<u8> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for len in [
        0, 1, 2, 100, 16_383, 16_384, 16_385, 65_535, 65_536, 200_000,
    ] {
        for level in [0, 1, 6, 9] {
            let packed = compress(&gzip_level(level), &noise[..len]).unwrap();
            for limit in [len as u64, len as u64 + 1, DEFAULT_LIMIT] {
                let unpacked = decompress(&with_limit(limit), &packed).unwrap();
                assert!(unpacked == noise[..len], "{len} bytes at level {level}");
            }
            if len > 0 {
                let error = decompress(&with_limit(len as u64 - 1), &packed).unwrap_err();
                assert_eq!(error.code(), "decompress.limit_exceeded", "{error}");
            }
        }
    }
}

/// Written by hand after RFC 1952: a stored block of "abc", with each optional field.
fn member_of_all_fields() -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 2, 3];
    member.extend([3, 0, b'x', b'y', b'z']);
    member.extend(b"name.txt\0a comment\0");
    let mut crc = flate2::Crc::new();
    crc.update(&member);
    member.extend((crc.sum() as u16).to_le_bytes());
    member.extend([1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c']);
    member.extend(0x3524_41c2u32.to_le_bytes());
    member.extend(3u32.to_le_bytes());
    member
}

#[test]
fn gzip_headers_of_all_fields_are_read_and_checked() {
    let member = member_of_all_fields();
    let plain = DecompressParams::default();
    assert_eq!(decompress(&plain, &member).unwrap(), b"abc");
    // Cut anywhere, it is refused.
    for len in 2..member.len() {
        let error = decompress(&plain, &member[..len]).unwrap_err();
        assert_eq!(error.code(), "decompress.corrupt", "{len} bytes: {error}");
        assert!(error.message().contains("cut off"), "{len} bytes: {error}");
    }
    for (at, clue) in [
        (2, "another method"),
        (3, "reserves"),
        (16, "damaged header"),
        (member.len() - 9, "checksum of its content"),
        (member.len() - 8, "checksum of its content"),
        (member.len() - 1, "checksum of its content"),
        (member.len() - 12, "deflate stream is wrong"),
    ] {
        let mut damaged = member.clone();
        damaged[at] ^= 0x80;
        let error = decompress(&plain, &damaged).unwrap_err();
        assert_eq!(error.code(), "decompress.corrupt", "{error}");
        assert!(error.message().contains(clue), "byte {at}: {error}");
    }
}

#[test]
fn gzip_members_in_a_row_are_one_content() {
    let plain = DecompressParams::default();
    let one = compress(&gzip_level(6), &sample(2000)).unwrap();
    let empty = compress(&gzip_level(6), b"").unwrap();
    let all = [&one[..], &empty, &member_of_all_fields(), &one].concat();
    let content = decompress(&plain, &all).unwrap();
    assert_eq!(
        content,
        [sample(2000), b"abc".to_vec(), sample(2000)].concat()
    );
    // Zeros are padding; anything else is named, with its place.
    let padded = [&all[..], &[0; 512]].concat();
    assert_eq!(decompress(&plain, &padded).unwrap(), content);
    let zstd = compress(&CompressParams::default(), b"zstd").unwrap();
    for junk in [&b"junk!"[..], &[0, 0, 1], &zstd] {
        let error = decompress(&plain, &[&all[..], junk].concat()).unwrap_err();
        let says = format!(
            "{} bytes of something else follow the last gzip member, from byte {}",
            junk.len(),
            all.len()
        );
        assert!(error.message().contains(&says), "{error}");
    }
    // A member that begins and is cut off is no junk.
    let error = decompress(&plain, &[&all[..], &one[..20]].concat()).unwrap_err();
    assert!(error.message().contains("gzip member 5"), "{error}");
    assert!(error.message().contains("cut off"), "{error}");
    assert_eq!(decompress(&with_limit(4003), &all).unwrap().len(), 4003);
    let error = decompress(&with_limit(4002), &all).unwrap_err();
    assert_eq!(error.code(), "decompress.limit_exceeded");
}

/// The length at the end is a hint and no promise: it neither costs memory nor hides a bomb.
#[test]
fn a_gzip_bomb_is_refused_at_the_limit() {
    let bomb = compress(&gzip_level(9), &vec![0; 32 << 20]).unwrap();
    assert!(bomb.len() < 40_000, "{}", bomb.len());
    let mut modest = bomb.clone();
    let len = modest.len();
    modest[len - 4..].copy_from_slice(&[1, 0, 0, 0]);
    for body in [&bomb, &modest] {
        let error = decompress(&with_limit(1 << 20), body).unwrap_err();
        assert_eq!(error.code(), "decompress.limit_exceeded");
    }
    let mut small = compress(&gzip_level(9), b"small").unwrap();
    let len = small.len();
    small[len - 4..].copy_from_slice(&[0xff; 4]);
    let error = decompress(&with_limit(u64::MAX), &small).unwrap_err();
    assert!(error.message().contains("checksum"), "{error}");
}

/// The limit that is meant is the pool's, where that is the smaller one.
#[test]
fn the_pools_largest_payload_is_a_limit() {
    for params in [CompressParams::default(), gzip_level(6)] {
        let packed = compress(&params, &sample(2000)).unwrap();
        let within = |limit, largest| {
            decompress_within(&DecompressParams { limit }, &packed, largest)
                .map(|content| content.len())
        };
        assert_eq!(within(None, 2000).unwrap(), 2000);
        assert_eq!(within(Some(u64::MAX), 2000).unwrap(), 2000);
        for limit in [None, Some(1 << 30)] {
            let error = within(limit, 1999).unwrap_err();
            assert_eq!(error.code(), "decompress.limit_exceeded");
            assert!(error.message().contains("--segment-size"), "{error}");
            assert!(error.message().contains("1999"), "{error}");
            assert!(error.message().contains("holds 2000 bytes"), "{error}");
        }
        let error = within(Some(1999), 1999).unwrap_err();
        assert!(error.message().contains("raise `limit`"), "{error}");
    }
}
