//! `compress` and `decompress`: zstd in one piece.
//!
//! Both work from buffer to buffer, so `decompress` needs no window of its own:
//! the output is the window, and its limit bounds all the memory that a hostile
//! body can ask for. The zstd contexts are kept per thread (0.2 to 5 MiB, by
//! level and body), as making one costs more than compressing a small body; a
//! level above 6 gets a context of its own, which is freed at once.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use zstd::zstd_safe::{CCtx, CParameter, DCtx, get_error_name, zstd_sys};

use crate::error::TaskError;

/// The fastest level that `compress` accepts.
pub const MIN_LEVEL: i32 = -7;
/// The strongest level that `compress` accepts; it needs up to about 0.8 GiB.
pub const MAX_LEVEL: i32 = 22;
/// The default of [`DecompressParams::limit`], in bytes: 64 MiB.
pub const DEFAULT_LIMIT: u64 = 64 << 20;
/// Contexts at higher levels are big (tens of MiB and more) and not kept.
const REUSED_UP_TO_LEVEL: i32 = 6;
/// What one zstd block can hold at most, by the format (RFC 8878, 3.1.1.2).
const MAX_BLOCK_OUTPUT: u64 = 128 << 10;
/// The smallest block: a 3-byte header and the one byte of an RLE block.
const MIN_BLOCK_INPUT: u64 = 4;

/// The parameters of `compress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressParams {
    /// The zstd level, -7..=22; 0 is zstd's own default; default 3.
    pub level: i32,
}

impl Default for CompressParams {
    fn default() -> Self {
        Self { level: 3 }
    }
}

/// The parameters of `decompress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecompressParams {
    /// The largest output in bytes; default 64 MiB ([`DEFAULT_LIMIT`]).
    pub limit: u64,
}

impl Default for DecompressParams {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
        }
    }
}

thread_local! {
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// `body` as one zstd frame with its content size and a checksum.
///
/// # Errors
///
/// - `compress.invalid_params`: the level is outside -7..=22.
/// - `compress.failed`: zstd failed, in practice for want of memory.
pub fn compress(params: &CompressParams, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let level = params.level;
    if !(MIN_LEVEL..=MAX_LEVEL).contains(&level) {
        return Err(TaskError::new(
            "compress.invalid_params",
            format!(
                "level {level} is outside {MIN_LEVEL}..={MAX_LEVEL}; 3 is the default, lower is faster, higher is smaller"
            ),
        ));
    }
    if level > REUSED_UP_TO_LEVEL {
        return compress_in(&mut new_compressor()?, level, body);
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let context = match kept {
            Some(context) => context,
            None => kept.insert(new_compressor()?),
        };
        compress_in(context, level, body)
    })
}

fn new_compressor() -> Result<CCtx<'static>, TaskError> {
    CCtx::try_create().ok_or_else(|| {
        TaskError::new(
            "compress.failed",
            "zstd could not allocate its context; give the worker more memory",
        )
    })
}

fn compress_in(context: &mut CCtx<'static>, level: i32, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let failed = |code| {
        let name = get_error_name(code);
        TaskError::new(
            "compress.failed",
            format!(
                "zstd could not compress {} bytes at level {level}: {name}; give the worker more memory or lower the level",
                body.len()
            ),
        )
    };
    context
        .set_parameter(CParameter::CompressionLevel(level))
        .map_err(failed)?;
    context
        .set_parameter(CParameter::ChecksumFlag(true))
        .map_err(failed)?;
    let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(body.len()));
    context.compress2(&mut out, body).map_err(failed)?;
    out.shrink_to_fit();
    Ok(out)
}

/// What the zstd frames in `body` hold: one frame or several in a row,
/// skippable ones between them included, of any level and window.
///
/// Never allocates more than [`DecompressParams::limit`] for the output.
///
/// # Errors
///
/// - `decompress.limit_exceeded`: the output is larger than the limit.
/// - `decompress.corrupt`: the body is not zstd, is cut off, or was damaged.
pub fn decompress(params: &DecompressParams, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let room = output_room(params.limit, body)?;
    let mut out = Vec::new();
    if out.try_reserve_exact(room).is_err() {
        return Err(TaskError::new(
            "decompress.failed",
            format!("no memory for {room} bytes of output; lower `limit` or give the worker more"),
        ));
    }
    let written = DECOMPRESSOR.with_borrow_mut(|kept| {
        let context = match kept {
            Some(context) => context,
            None => kept.insert(DCtx::try_create().ok_or_else(|| {
                TaskError::new(
                    "decompress.failed",
                    "zstd could not allocate its context; give the worker more memory",
                )
            })?),
        };
        context.decompress(&mut out, body).map_err(|code| {
            if code == error_code(zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall)
                && room as u64 >= params.limit
            {
                limit_exceeded(params.limit, None)
            } else {
                corrupt(body, get_error_name(code))
            }
        })
    })?;
    debug_assert_eq!(written, out.len());
    out.shrink_to_fit();
    Ok(out)
}

/// How many bytes to set aside for the output: as many as the one frame says,
/// otherwise as many as this much input could become, and never over the limit.
fn output_room(limit: u64, body: &[u8]) -> Result<usize, TaskError> {
    let first = zstd::zstd_safe::find_frame_compressed_size(body)
        .map_err(|code| corrupt(body, get_error_name(code)))?;
    let declared = zstd::zstd_safe::get_frame_content_size(body)
        .map_err(|_| corrupt(body, "the frame header is damaged"))?;
    if let Some(size) = declared.filter(|size| *size > limit) {
        return Err(limit_exceeded(limit, Some(size)));
    }
    let possible = (body.len() as u64 / MIN_BLOCK_INPUT + 1).saturating_mul(MAX_BLOCK_OUTPUT);
    let room = match declared {
        Some(size) if first == body.len() => size.min(possible),
        _ => possible,
    };
    Ok(usize::try_from(room.min(limit)).unwrap_or(usize::MAX))
}

fn error_code(code: zstd_sys::ZSTD_ErrorCode) -> usize {
    (code as usize).wrapping_neg()
}

#[track_caller]
fn limit_exceeded(limit: u64, declared: Option<u64>) -> TaskError {
    let found = declared.map_or_else(
        || "more than that".to_owned(),
        |size| format!("{size} bytes"),
    );
    TaskError::new(
        "decompress.limit_exceeded",
        format!(
            "the output may have {limit} bytes and the body holds {found}; raise `limit` if you trust the sender"
        ),
    )
}

#[track_caller]
fn corrupt(body: &[u8], reason: &str) -> TaskError {
    let what = match body {
        [] => "the body is empty".to_owned(),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => format!(
            "the body begins as zstd but cannot be decompressed ({reason}): it is cut off or damaged"
        ),
        [0x1f, 0x8b, ..] => "the body is gzip, not zstd".to_owned(),
        _ => format!("the body is not a zstd frame ({reason})"),
    };
    TaskError::new(
        "decompress.corrupt",
        format!("{what}; send whole zstd frames, as `compress` or the zstd tool makes them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(len: usize) -> Vec<u8> {
        (0..)
            .flat_map(|i| format!("{:x}: line {i} of the sample; ", i * i).into_bytes())
            .take(len)
            .collect()
    }

    fn with_limit(limit: u64) -> DecompressParams {
        DecompressParams { limit }
    }

    #[test]
    fn every_level_comes_back() {
        let body = sample(50_000);
        for level in [-7, -1, 0, 1, 3, 6, 7, 19, 22] {
            let packed = compress(&CompressParams { level }, &body).unwrap();
            assert!(packed.len() < body.len() / 2, "level {level}");
            let unpacked = decompress(&DecompressParams::default(), &packed).unwrap();
            assert_eq!(unpacked, body, "level {level}");
        }
    }

    #[test]
    fn a_kept_context_takes_the_level_asked_for() {
        let body = sample(200_000);
        let size = |level| {
            compress(&CompressParams { level }, &body)
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
            let error = compress(&CompressParams { level }, b"x").unwrap_err();
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
        let packed = zstd::stream::encode_all(&bomb[..], 3).unwrap();
        assert!(packed.len() < 10_000);
        assert_eq!(
            zstd::zstd_safe::get_frame_content_size(&packed).unwrap(),
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
        let room = output_room(1 << 30, &frame).unwrap();
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
        let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
        for (body, clue) in [
            (&packed[..packed.len() - 1], "cut off"),
            (&packed[..5], "cut off"),
            (&flipped[..], "damaged"),
            (&trailing[..], "damaged"),
            (&b"hello, this is text"[..], "not a zstd frame"),
            (&gzip[..], "gzip"),
            (&b""[..], "empty"),
        ] {
            let error = decompress(&DecompressParams::default(), body).unwrap_err();
            assert_eq!(error.code(), "decompress.corrupt", "{error}");
            assert!(error.message().contains(clue), "{error}");
        }
    }
}
