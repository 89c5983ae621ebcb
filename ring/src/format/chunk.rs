//! The bytes of a chunk: head, lengths, requests, heads of results, results. How it is run is in
//! [`crate::lane::chunk`].

use crate::error::{Result, RingError};
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::{Codec, Ending, Status};

/// Where requests, heads and results begin: multiples of a cache line.
pub(crate) const ALIGN: usize = 64;

/// Bytes of the head, before the lengths of the requests.
pub(crate) const HEAD_SIZE: usize = CHUNK_LENGTHS;

/// The room of a request or a result of `len` bytes.
#[inline(always)]
pub(crate) const fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

/// Where the requests begin, from the chunk's beginning on.
pub(crate) const fn requests_at(count: usize) -> usize {
    (CHUNK_LENGTHS + 4 * count).next_multiple_of(ALIGN)
}

/// Where the results begin, when their heads begin at `heads`.
pub(crate) const fn results_at(heads: usize, count: usize) -> usize {
    (heads + 8 * count).next_multiple_of(ALIGN)
}

/// Offset of the length of a request of the chunk at an offset.
#[inline(always)]
pub(crate) const fn length_at(at: usize, request: u32) -> usize {
    at + CHUNK_LENGTHS + 4 * request as usize
}

/// Offset of the head of a result, when the heads begin at `heads`.
#[inline(always)]
pub(crate) const fn head_at(heads: usize, request: u32) -> usize {
    heads + 8 * request as usize
}

/// The head of a result: how its request ended, and the length and codec of its bytes.
#[inline(always)]
pub(crate) const fn head_of(ending: Ending, codec: Codec, len: usize) -> u64 {
    len as u64
        | (ending.word() as u64) << CHUNK_HEAD_STATUS_SHIFT
        | (codec.word() as u64) << CHUNK_HEAD_CODEC_SHIFT
}

/// How far a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Requests that have ended.
    pub(crate) ended: u32,
    /// The attempt of the next request, counted from 1; 0: it has not begun.
    pub(crate) attempt: u32,
    /// Bytes of the results.
    pub(crate) used: usize,
}

impl Cursor {
    /// The cursor of a stored word.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self {
            ended: (word & CURSOR_ENDED_MASK) as u32,
            attempt: (word >> CURSOR_ATTEMPT_SHIFT & CURSOR_ATTEMPT_MASK) as u32,
            used: ((word >> CURSOR_BYTES_SHIFT) as usize).saturating_mul(8),
        }
    }

    /// The word that is stored for it.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        (self.used as u64 / 8) << CURSOR_BYTES_SHIFT
            | (self.attempt as u64) << CURSOR_ATTEMPT_SHIFT
            | self.ended as u64
    }
}

/// A chunk as clients write it, to be submitted in [`Codec::Chunk`] with [`MAX_ATTEMPTS`]: its
/// requests in `codec`, `room` bytes for each result, and `attempts` for each request.
///
/// # Panics
/// With no request, more than [`CHUNK_MAX`], or 4 GiB of them.
#[must_use]
pub fn encode(requests: &[&[u8]], codec: Codec, attempts: u8, room: usize) -> Vec<u8> {
    assert!((1..=CHUNK_MAX as usize).contains(&requests.len()));
    let small = |value: usize| u32::try_from(value).expect("less than 4 GiB").to_le_bytes();
    let mut chunk = vec![0; requests_at(requests.len())];
    for (at, request) in (CHUNK_LENGTHS..).step_by(4).zip(requests) {
        chunk[at..at + 4].copy_from_slice(&small(request.len()));
        chunk.extend_from_slice(request);
        chunk.resize(padded(chunk.len()), 0);
    }
    let results = chunk.len().next_multiple_of(ALIGN);
    let rooms = results_at(results, requests.len());
    chunk.resize(rooms + padded(room) * requests.len(), 0);
    for (at, value) in [
        (CHUNK_COUNT, requests.len()),
        (CHUNK_RESULTS, results),
        (CHUNK_ROOM, padded(room)),
    ] {
        chunk[at..at + 4].copy_from_slice(&small(value));
    }
    chunk[CHUNK_CODEC] = codec.word();
    chunk[CHUNK_ATTEMPTS] = attempts;
    chunk
}

/// How one request of a chunk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartEnd {
    /// The status, and whether the handler was certainly not started.
    pub ending: Ending,
    /// Codec of the bytes.
    pub codec: Codec,
    /// A result, or a failure record.
    pub bytes: Vec<u8>,
}

/// What a chunk's block tells of its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Those that have ended.
    pub ended: Vec<PartEnd>,
    /// The attempt of the one that was next, counted from 1; 0: it had not begun.
    pub attempt: u32,
    /// Most attempts of each.
    pub attempts: u32,
}

/// What became of the requests of a chunk, from a copy of its block.
///
/// # Errors
/// When no chunk has such bytes.
pub fn parts(chunk: &[u8]) -> Result<Parts> {
    let wrong = || RingError::Corrupt("a chunk that ends before its results".into());
    let word = |at: usize| -> Result<u64> {
        let bytes = chunk.get(at..at.saturating_add(8)).ok_or_else(wrong)?;
        Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| wrong())?))
    };
    let count = word(CHUNK_COUNT)? as u32 as usize;
    let heads = word(CHUNK_RESULTS)? as u32 as usize;
    let cursor = Cursor::from_word(word(CHUNK_CURSOR)?);
    let attempts = *chunk.get(CHUNK_ATTEMPTS).ok_or_else(wrong)?;
    let mut from = results_at(heads, count);
    let mut ended = Vec::new();
    let unknown = |error: UnknownWord| RingError::Corrupt(error.to_string());
    for head in (heads..).step_by(8).take(count.min(cursor.ended as usize)) {
        let head = word(head)?;
        let len = head as u32 as usize;
        let bytes = chunk.get(from..from + len).ok_or_else(wrong)?;
        let ending = Ending::from_word((head >> CHUNK_HEAD_STATUS_SHIFT) as u32 & 0xffff);
        let codec = Codec::from_word((head >> CHUNK_HEAD_CODEC_SHIFT) as u8);
        ended.push(PartEnd {
            ending: ending.map_err(unknown)?,
            codec: codec.map_err(unknown)?,
            bytes: bytes.to_vec(),
        });
        from += padded(len);
    }
    Ok(Parts {
        ended,
        attempt: cursor.attempt,
        attempts: u32::from(attempts).clamp(1, MAX_ATTEMPTS),
    })
}

/// Status and bytes of the requests of a chunk that have ended, as [`parts`].
///
/// # Errors
/// As [`parts`].
pub fn results(chunk: &[u8]) -> Result<Vec<(Status, Vec<u8>)>> {
    let ended = parts(chunk)?.ended.into_iter();
    Ok(ended.map(|part| (part.ending.status, part.bytes)).collect())
}
