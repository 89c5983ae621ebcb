//! A task whose last attempt has died with its worker, before it is ended.
//!
//! Made by the reaper for code that notes what the task was. Between the death and the end of the
//! task no process may change its request, but a peer that breaks the protocol may all the same:
//! every field is read once and checked, and the bytes are copied before any code looks at them.

use crate::error::Result;
use crate::format::states::Codec;
use crate::format::words::{Owner, Place, Word};
use crate::lane::chunk::{Chunk, Span};
use crate::queue::arena;
use crate::segment::Segment;

/// Bytes of a request that are looked at in one go.
const PIECE: usize = 64 << 10;

/// A task that is about to end as crashed.
#[derive(Debug)]
pub struct CrashingTask<'s> {
    segment: &'s Segment,
    slot: u32,
    word: Word,
    len: usize,
    codec: Codec,
    // Of a chunk, the request that ran: which, and where.
    running: Option<(u32, Span)>,
}

impl<'s> CrashingTask<'s> {
    pub(crate) fn new(segment: &'s Segment, slot: u32, word: Word) -> Self {
        let fields = segment.slot(slot);
        let (len, codec) = (fields.request().len(), fields.published().codec());
        let mut task = Self {
            segment,
            slot,
            word,
            len,
            codec: codec.unwrap_or(Codec::Bytes),
            running: None,
        };
        if codec == Ok(Codec::Chunk)
            && let Ok(start) = task.place()
            && let Ok(mut chunk) = Chunk::read(segment, start, task.len)
            && let Ok(Some(span)) = chunk.next(segment)
        {
            task.running = Some((chunk.progress().0, span));
            task.len = span.len;
            task.codec = chunk.codec();
        }
        task
    }

    /// Which request ran last, counted from 0, if the task is a chunk; the others are not meant.
    #[must_use]
    pub fn request_of_chunk(&self) -> Option<u32> {
        self.running.map(|(index, _)| index)
    }

    /// Id of its handler.
    #[must_use]
    pub fn handler(&self) -> u64 {
        self.segment.slot(self.slot).handler()
    }

    /// At how many attempts it has lost its worker, this one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.word.attempt() + 1
    }

    /// The codec of the request.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Length of the request in bytes.
    #[must_use]
    pub fn request_len(&self) -> usize {
        self.len
    }

    /// Passes the request on, piece by piece.
    ///
    /// # Errors
    /// When its place is outside of where a request of this task may be.
    pub fn request(&self, look: &mut dyn FnMut(&[u8])) -> Result<()> {
        let start = match self.running {
            Some((_, span)) => span.offset,
            None => self.place()?,
        };
        let mut buffer = vec![0; self.len.min(PIECE)];
        let mut done = 0;
        while done < self.len {
            let count = (self.len - done).min(PIECE);
            let from = self.segment.bytes_at(start + done, count);
            crate::os::sync::reads(from, count);
            // SAFETY: `from` is in bounds by `bytes_at`, the buffer is as long as the longest
            // piece, and private memory never overlaps the segment.
            unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), count) };
            look(&buffer[..count]);
            done += count;
        }
        Ok(())
    }

    fn place(&self) -> Result<usize> {
        let segment = self.segment;
        let fields = segment.slot(self.slot);
        let owner = Owner::request(self.slot, self.word.generation());
        // The length that was read first: it is read once.
        let place = Place::new(fields.request().reference(), self.len as u32);
        let block = arena::check_place(segment, place, owner, "request")?;
        Ok(block.map_or(fields.inline_request(), |block| {
            arena::offset(segment, block)
        }))
    }
}
