//! `compress` and `decompress`: zstd and gzip in one piece.
//!
//! Both work from buffer to buffer: the output is the window, and its limit bounds all the memory
//! that a hostile body can ask for.

mod gzip;
mod zstd;

use ringwork_ring::format::counted;
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
    /// payload that its segment carries is a limit, too: 16 MiB in one of 60 MiB.
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

/// The most bytes of output, and whether the pool sets it, not the request.
#[derive(Clone, Copy)]
struct Limit {
    bytes: u64,
    pools: bool,
}

impl Limit {
    /// The output would have `found` bytes, or more than the limit.
    #[track_caller]
    fn exceeded(self, found: Option<u64>) -> TaskError {
        let limit = self.bytes;
        let remedy = found
            .and_then(|size| usize::try_from(size).ok())
            .and_then(ringwork_ring::format::config::segment_for)
            .map_or_else(
                || "a larger --segment-size".to_owned(),
                |segment| format!("--segment-size {}MiB or more", segment >> 20),
            );
        let found = found.map_or_else(|| "more than that".to_owned(), |size| counted(size, "byte"));
        let bytes = counted(limit, "byte");
        let message = if self.pools {
            format!(
                "the largest payload of this pool has {bytes}, whatever `limit` says, and the body holds {found}; give the pool {remedy} (embedded: LaunchConfig.segmentSize), or send it in parts"
            )
        } else {
            format!(
                "the output may have {bytes} and the body holds {found}; raise `limit` if you trust the sender"
            )
        };
        TaskError::new("decompress.limit_exceeded", message)
    }
}

#[track_caller]
fn corrupt(found: &str) -> TaskError {
    TaskError::new(
        "decompress.corrupt",
        format!(
            "{found}; send whole zstd frames or gzip members, as `compress` or the tools zstd and gzip make them"
        ),
    )
}

#[track_caller]
fn no_memory(bytes: usize) -> TaskError {
    TaskError::new(
        "decompress.failed",
        format!("no memory for {bytes} bytes of output; lower `limit` or give the worker more"),
    )
}

/// What begins with other bytes than zstd's and gzip's.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x04\x22\x4d\x18", "an LZ4 frame"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"LZIP", "lzip"),
    (b"\x1f\x9d", "made by the tool compress (.Z)"),
    (b"\xff\x06\0\0sNaPpY", "framed Snappy"),
    (b"\x78\x01", "zlib (deflate without gzip's header)"),
    (b"\x78\x5e", "zlib (deflate without gzip's header)"),
    (b"\x78\x9c", "zlib (deflate without gzip's header)"),
    (b"\x78\xda", "zlib (deflate without gzip's header)"),
    (b"\x1e\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x22\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x23\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x24\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x25\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x26\xb5\x2f\xfd", "zstd of a version before 0.8"),
    (b"\x27\xb5\x2f\xfd", "zstd of a version before 0.8"),
];

/// Names a body that begins neither as zstd nor as gzip.
fn foreign(body: &[u8]) -> String {
    if body.is_empty() {
        return "the body is empty".to_owned();
    }
    match OTHERS.iter().find(|(magic, _)| body.starts_with(magic)) {
        Some((_, what)) => format!("the body is {what}, neither zstd nor gzip"),
        None => "the body is neither zstd nor gzip".to_owned(),
    }
}

/// Names what follows the end at byte `at`.
fn trailing(body: &[u8], at: usize, after: &str) -> String {
    let rest = body.len() - at;
    let follow = if rest == 1 { "follows" } else { "follow" };
    format!(
        "{} of something else {follow} the last {after}, from byte {at} on; cut them off",
        counted(rest, "byte")
    )
}

#[cfg(test)]
mod tests;
