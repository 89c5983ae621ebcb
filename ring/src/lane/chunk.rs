//! A chunk: many requests to one handler that travel as one task.
//!
//! Where a task costs more than its work, many of them share a slot, a hint and
//! a completion. Requests, results and the cursor are in the request's block,
//! which is the client's until it has read them (`docs/internals/protocol.md`, section 15).
//!
//! Invariant: the cursor is stored after what it counts, so whatever it says has
//! ended is there to read, and a lane that goes on after a death begins with the
//! one request that the dead lane had begun.

use crate::error::{Result, RingError};
use crate::format::chunk::{ALIGN, Cursor, HEAD_SIZE, head_of, padded, requests_at, results_at};
use crate::format::counted;
use crate::format::layout::{CHUNK_MAX, MAX_ATTEMPTS};
use crate::format::states::{Codec, Ending, Status};
use crate::segment::Segment;

pub use crate::format::chunk::{encode, results};

/// How many bytes before the last line that was taken the results are when others are taken.
const AHEAD: usize = 2 * ALIGN;
/// Lines taken at once.
const BURST: usize = 16;

/// Where in the segment a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// A chunk in its lane's hands. All offsets are the segment's, and were checked.
#[derive(Debug)]
pub(crate) struct Chunk {
    at: usize,
    count: u32,
    codec: Codec,
    attempts: u32,
    // Where the requests end, and the heads of the results begin.
    heads: usize,
    // The room for results, and what is kept of it for each.
    room: Span,
    kept: usize,
    // How many had ended when this lane came, how many have by now, and how many failed.
    first: u32,
    ended: u32,
    failed: u32,
    attempt: u32,
    // The next request, its length with the padding, and where its result goes.
    request: usize,
    request_len: usize,
    result: usize,
    // Up to where the lines of the room were taken.
    mine: usize,
}

impl Chunk {
    /// Reads the chunk in a block of which `len` bytes are the request.
    ///
    /// # Errors
    /// Says what is wrong with the block.
    pub(crate) fn read(segment: &Segment, at: usize, len: usize) -> Result<Self> {
        let wrong =
            |why: String| RingError::Corrupt(format!("a chunk of {} {why}", counted(len, "byte")));
        if len < HEAD_SIZE || !at.is_multiple_of(8) {
            return Err(wrong("has no head".into()));
        }
        // Each field is read once.
        let head = segment.chunk(at);
        let codec = head
            .codec()
            .map_err(|error| wrong(format!("says {error}")))?;
        let (count, results) = (head.count(), head.heads());
        if count == 0 || count > CHUNK_MAX {
            return Err(wrong(format!("says it has {}", counted(count, "request"))));
        }
        let requests = requests_at(count as usize);
        let room = results_at(results, count as usize);
        if !results.is_multiple_of(ALIGN) || results < requests || room > len {
            return Err(wrong(format!(
                "says that its results are at {results}: with {} there is no room",
                counted(count, "request")
            )));
        }
        let cursor = head.cursor();
        let Cursor {
            ended,
            attempt,
            used,
        } = Cursor::from_word(cursor);
        if ended > count || used > len - room {
            return Err(wrong(format!("has the impossible cursor {cursor:#x}")));
        }
        let mut chunk = Self {
            at,
            count,
            codec,
            attempts: u32::from(head.attempts()).clamp(1, MAX_ATTEMPTS),
            heads: at + results,
            room: Span {
                offset: at + room,
                len: len - room,
            },
            kept: head.room(),
            first: ended,
            ended: 0,
            failed: 0,
            attempt,
            request: at + requests,
            request_len: 0,
            result: at + room + used,
            mine: 0,
        };
        while chunk.ended < ended {
            chunk.request += padded(chunk.length(segment)?);
            chunk.ended += 1;
        }
        Ok(chunk)
    }

    /// Begins, or goes on where the lane before has died: the request that it ran ends as crashed
    /// if it has had its attempts. Returns its index then.
    ///
    /// # Errors
    /// When the length of that request is impossible.
    pub(crate) fn resume(&mut self, segment: &Segment) -> Result<Option<u32>> {
        if self.ended == self.count {
            return Ok(None);
        }
        if self.attempt < self.attempts {
            self.attempt += 1;
            self.store_cursor(segment);
            return Ok(None);
        }
        let crashed = self.ended;
        self.next(segment)?;
        self.end(segment, Status::Crashed.into(), Codec::Bytes, 0);
        self.first = self.ended;
        Ok(Some(crashed))
    }

    /// Length of the next request. It and its padding are in front of the results.
    #[inline(always)]
    fn length(&self, segment: &Segment) -> Result<usize> {
        let len = segment.chunk_length(self.at, self.ended);
        if padded(len) > self.heads.saturating_sub(self.request) {
            return Err(self.too_long(len));
        }
        Ok(len)
    }

    #[cold]
    fn too_long(&self, len: usize) -> RingError {
        RingError::Corrupt(format!(
            "request {} of a chunk says it has {}, of {} that are left",
            self.ended,
            counted(len, "byte"),
            self.heads.saturating_sub(self.request)
        ))
    }

    /// The next request; `None` when all have ended.
    ///
    /// # Errors
    /// When its length is impossible.
    #[inline(always)]
    pub(crate) fn next(&mut self, segment: &Segment) -> Result<Option<Span>> {
        if self.ended == self.count {
            return Ok(None);
        }
        if self.result + AHEAD > self.mine {
            self.take_lines(segment);
        }
        let len = self.length(segment)?;
        self.request_len = padded(len);
        Ok(Some(Span {
            offset: self.request,
            len,
        }))
    }

    /// Takes the lines of the results to come away from the client, which has read them last: all
    /// at once, since the processor then has many of them under way. One by one, each would hold up
    /// all stores after it; and a prefetch leaves a line shared that is in the cache.
    #[inline(never)]
    fn take_lines(&mut self, segment: &Segment) {
        let end = self.room.offset + self.room.len;
        let from = self.mine.max(self.result.next_multiple_of(ALIGN));
        self.mine = (from + BURST * ALIGN).min(end);
        for line in (from..self.mine).step_by(ALIGN) {
            segment.take_line(line);
        }
        let after = self.count.min(self.ended + 2 * BURST as u32);
        for head in (self.ended + 1..after).step_by(ALIGN / 8) {
            segment.set_chunk_head(self.heads, head, 0);
        }
    }

    /// Room for the result of the next request.
    ///
    /// # Errors
    /// When so much is not left.
    #[inline(always)]
    pub(crate) fn room(&self, len: usize) -> Result<Span> {
        let left = self.left();
        if len > left {
            return Err(RingError::ChunkFull {
                size: len,
                left,
                request: self.ended,
            });
        }
        Ok(Span {
            offset: self.result,
            len,
        })
    }

    /// The room that the next result may take: not what is kept for those after it.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        let left = self.room.offset + self.room.len - self.result;
        let after = (self.count - self.ended).saturating_sub(1) as usize;
        left.saturating_sub(self.kept.saturating_mul(after))
    }

    /// Ends the request that [`Self::next`] gave with `len` bytes of [`Self::room`], and begins the
    /// one after it.
    #[inline(always)]
    pub(crate) fn end(&mut self, segment: &Segment, ending: Ending, codec: Codec, len: usize) {
        if self.ended == self.count {
            return; // there is none: the caller has not looked at `next`
        }
        segment.set_chunk_head(self.heads, self.ended, head_of(ending, codec, len));
        failpoint!("chunk.written");
        self.request += std::mem::take(&mut self.request_len);
        let after = self.room.offset + self.room.len;
        self.result = (self.result + padded(len)).min(after);
        self.ended += 1;
        self.attempt = u32::from(self.ended < self.count);
        self.store_cursor(segment);
        failpoint!("chunk.ended");
    }

    #[inline(always)]
    fn store_cursor(&self, segment: &Segment) {
        segment.chunk(self.at).set_cursor_release(Cursor {
            ended: self.ended,
            attempt: self.attempt,
            used: self.result - self.room.offset,
        });
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Notes that the next request fails.
    pub(crate) fn failing(&mut self) {
        self.failed += 1;
    }

    /// How many requests this lane has run, and how many of them failed.
    pub(crate) fn ran(&self) -> (u32, u32) {
        (self.ended - self.first, self.failed)
    }

    /// How many requests have ended, and how many there are.
    pub(crate) fn progress(&self) -> (u32, u32) {
        (self.ended, self.count)
    }

    /// The attempt of the next request, counted from 1, and how many there may be.
    pub(crate) fn attempt(&self) -> (u32, u32) {
        (self.attempt.max(1), self.attempts)
    }
}
