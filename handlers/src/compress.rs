//! `compress` and `decompress`: zstd and gzip in one piece.
//!
//! Both work from buffer to buffer: the output is the window, and its limit bounds all the memory
//! that a hostile body can ask for.

mod gzip;
mod refusal;
mod zstd;

use self::refusal::Limit;
use serde::{Deserialize, Serialize};

use ringwork_worker::TaskError;

/// The default of [`DecompressParams::limit`], in bytes: 64 MiB.
pub const DEFAULT_LIMIT: u64 = 64 << 20;

/// What [`compress`] writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One zstd frame (RFC 8878) with its content size and a checksum; levels -7..=22, default 3.
    #[default]
    Zstd,
    /// One gzip member (RFC 1952) without name and time; levels 0..=9, default 6; 0 stores.
    Gzip,
}

impl Format {
    /// The levels, and the default.
    fn levels(self) -> (std::ops::RangeInclusive<i32>, i32) {
        match self {
            Self::Zstd => (zstd::LEVELS, 3),
            Self::Gzip => (0..=9, 6),
        }
    }
}

/// The parameters of `compress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CompressParams {
    /// The format; default `zstd`.
    pub format: Format,
    /// The level, by the format; zstd's 0 is zstd's own default, which is 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
}

crate::withers::withers! {
    CompressParams { format: Format; level?: i32 }
}

/// The parameters of `decompress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DecompressParams {
    /// The largest output in bytes; default 64 MiB ([`DEFAULT_LIMIT`]). In a pool the largest
    /// payload that its segment carries is a limit, too: 16 MiB in one of 62 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

crate::withers::withers! {
    DecompressParams { ; limit?: u64 }
}

/// `body` as one zstd frame, or one gzip member.
///
/// # Errors
///
/// - `compress.invalid_params`: the format does not have the level.
/// - `compress.failed`: in practice for want of memory.
pub fn compress(params: &CompressParams, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let (levels, default) = params.format.levels();
    let level = params.level.unwrap_or(default);
    if !levels.contains(&level) {
        return Err(TaskError::new(
            "compress.invalid_params",
            format!(
                "level {level} is outside {}..={}; {default} is the default, lower is faster, higher is smaller",
                levels.start(),
                levels.end()
            ),
        ));
    }
    match params.format {
        Format::Zstd => zstd::compress(level, body),
        Format::Gzip => gzip::compress(level.unsigned_abs(), body),
    }
}

/// What `body` holds: zstd frames (skippable ones, too), of any level and window, or gzip members,
/// one or several in a row. Its first bytes tell which.
///
/// Never allocates more than [`DecompressParams::limit`] for the output.
///
/// # Errors
///
/// - `decompress.limit_exceeded`: the output is larger than the limit.
/// - `decompress.dictionary_needed`: a zstd frame names the dictionary that it was made with.
/// - `decompress.corrupt`: the body is neither, is cut off, was damaged, or has something else
///   behind its end. Zeros behind gzip are padding, as for the gzip tool.
/// - `decompress.failed`: no memory.
pub fn decompress(params: &DecompressParams, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    decompress_within(params, body, u64::MAX)
}

/// As [`decompress`], in a pool whose largest payload has `largest` bytes.
pub(super) fn decompress_within(
    params: &DecompressParams,
    body: &[u8],
    largest: u64,
) -> Result<Vec<u8>, TaskError> {
    let asked = params.limit.unwrap_or(DEFAULT_LIMIT);
    let limit = Limit {
        bytes: asked.min(largest),
        pools: asked > largest,
    };
    if body.starts_with(gzip::MAGIC) {
        gzip::decompress(limit, body)
    } else {
        zstd::decompress(limit, body)
    }
}

#[cfg(test)]
mod tests;
