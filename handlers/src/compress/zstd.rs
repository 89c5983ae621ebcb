//! zstd: the contexts, and what a body that can't be read is.
//!
//! The contexts are kept per thread (0.2 to 5 MiB, by level and body), as making one costs more
//! than compressing a small body; a level above 6 gets a context of its own, which is freed at
//! once.

use ringwork_ring::format::counted;
use std::cell::RefCell;
use std::ops::RangeInclusive;

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx, get_error_name, zstd_sys};

use super::refusal::{Limit, corrupt, foreign, no_memory, trailing};
use ringwork_worker::TaskError;

/// The strongest needs up to about 0.8 GiB.
pub(super) const LEVELS: RangeInclusive<i32> = -7..=22;
/// Contexts at higher levels are big (tens of MiB and more) and not kept.
const REUSED_UP_TO_LEVEL: i32 = 6;
/// What each frame begins with that is not skippable.
const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// What one zstd block can hold at most, by the format (RFC 8878, 3.1.1.2).
const MAX_BLOCK_OUTPUT: u64 = 128 << 10;
/// The smallest block: a 3-byte header and the one byte of an RLE block.
const MIN_BLOCK_INPUT: u64 = 4;

thread_local! {
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// `body` as one frame with its content size and a checksum; the level is one of [`LEVELS`].
pub(super) fn compress(level: i32, body: &[u8]) -> Result<Vec<u8>, TaskError> {
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
                "zstd could not compress {} at level {level}: {name}; give the worker more memory or lower the level",
                counted(body.len(), "byte")
            ),
        )
    };
    context
        .set_parameter(CParameter::CompressionLevel(level))
        .map_err(failed)?;
    context
        .set_parameter(CParameter::ChecksumFlag(true))
        .map_err(failed)?;
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
    context.compress2(&mut out, body).map_err(failed)?;
    out.shrink_to_fit();
    Ok(out)
}

/// What the frames in `body` hold.
pub(super) fn decompress(limit: Limit, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let room = output_room(limit, body)?;
    let mut out = Vec::new();
    if out.try_reserve_exact(room).is_err() {
        return Err(no_memory(room));
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
                && room as u64 >= limit.bytes
            {
                limit.exceeded(None)
            } else {
                unreadable(body, code)
            }
        })
    })?;
    debug_assert_eq!(written, out.len());
    out.shrink_to_fit();
    Ok(out)
}

/// How many bytes to set aside for the output: as many as the one frame says,
/// otherwise as many as this much input could become, and never over the limit.
pub(super) fn output_room(limit: Limit, body: &[u8]) -> Result<usize, TaskError> {
    let first =
        zstd_safe::find_frame_compressed_size(body).map_err(|code| unreadable(body, code))?;
    let declared = zstd_safe::get_frame_content_size(body)
        .map_err(|_| corrupt("the header of the first zstd frame is damaged"))?;
    if let Some(size) = declared.filter(|size| *size > limit.bytes) {
        return Err(limit.exceeded(Some(size)));
    }
    let possible = (body.len() as u64 / MIN_BLOCK_INPUT + 1).saturating_mul(MAX_BLOCK_OUTPUT);
    let room = match declared {
        Some(size) if first == body.len() => size.min(possible),
        _ => possible,
    };
    Ok(usize::try_from(room.min(limit.bytes)).unwrap_or(usize::MAX))
}

fn error_code(code: zstd_sys::ZSTD_ErrorCode) -> usize {
    (code as usize).wrapping_neg()
}

/// Whether a frame begins here, a skippable one included.
fn is_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Looks for what is wrong with a body, frame by frame.
#[track_caller]
fn unreadable(body: &[u8], code: usize) -> TaskError {
    let reason = get_error_name(code);
    let mut at = 0;
    let mut frame = 0;
    while at < body.len() {
        frame += 1;
        let rest = &body[at..];
        if !is_frame(rest) {
            return corrupt(&match at {
                0 if !body.is_empty() && MAGIC.starts_with(body) => {
                    "the body begins as zstd and is cut off".to_owned()
                }
                0 => foreign(body),
                _ => trailing(body, at, "zstd frame"),
            });
        }
        // Of a skippable frame the function gives the variant.
        let dictionary = zstd_safe::get_dict_id_from_frame(rest);
        if let Some(id) = dictionary.filter(|_| rest.starts_with(MAGIC)) {
            return TaskError::new(
                "decompress.dictionary_needed",
                format!(
                    "zstd frame {frame} was made with the dictionary of id {id}, and this handler has none; compress without a dictionary, or decompress where the dictionary is"
                ),
            );
        }
        match zstd_safe::find_frame_compressed_size(rest) {
            Ok(len) => at += len.max(1),
            Err(code) if get_error_name(code).contains("memory") => {
                return corrupt(&format!(
                    "zstd frame {frame}, from byte {at} on, needs a window of more than 2 GiB; compress with a smaller one (--long=31 at most)"
                ));
            }
            Err(code) => {
                return corrupt(&format!(
                    "zstd frame {frame}, from byte {at} on, is cut off or damaged ({})",
                    get_error_name(code)
                ));
            }
        }
    }
    if body.is_empty() {
        return corrupt(&foreign(body));
    }
    corrupt(&format!(
        "the body is zstd and cannot be decompressed ({reason}): it is damaged, or was made with a dictionary without an id"
    ))
}
