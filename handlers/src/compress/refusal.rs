//! What `decompress` refuses, and in which words.

use ringwork_ring::format::counted;
use ringwork_worker::TaskError;

/// The most bytes of output, and whether the pool sets it, not the request.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) bytes: u64,
    pub(super) pools: bool,
}

impl Limit {
    /// The output would have `found` bytes, or more than the limit.
    #[track_caller]
    pub(super) fn exceeded(self, found: Option<u64>) -> TaskError {
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
pub(super) fn corrupt(found: &str) -> TaskError {
    TaskError::new(
        "decompress.corrupt",
        format!(
            "{found}; send whole zstd frames or gzip members, as `compress` or the tools zstd and gzip make them"
        ),
    )
}

#[track_caller]
pub(super) fn no_memory(bytes: usize) -> TaskError {
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
pub(super) fn foreign(body: &[u8]) -> String {
    if body.is_empty() {
        return "the body is empty".to_owned();
    }
    match OTHERS.iter().find(|(magic, _)| body.starts_with(magic)) {
        Some((_, what)) => format!("the body is {what}, neither zstd nor gzip"),
        None => "the body is neither zstd nor gzip".to_owned(),
    }
}

/// Names what follows the end at byte `at`.
pub(super) fn trailing(body: &[u8], at: usize, after: &str) -> String {
    let rest = body.len() - at;
    let follow = if rest == 1 { "follows" } else { "follow" };
    format!(
        "{} of something else {follow} the last {after}, from byte {at} on; cut them off",
        counted(rest, "byte")
    )
}
