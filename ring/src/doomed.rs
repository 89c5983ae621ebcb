//! A task whose last attempt has died with its worker, before it is ended.
//!
//! Made by the reaper for whoever wants to note what the task was. Between the
//! death and the end of the task its request is nobody's to change, but a peer
//! that breaks the protocol may all the same: every field is read once and
//! checked, and the bytes are copied before anybody looks at them.

use crate::arena;
use crate::error::{Result, RingError};
use crate::layout::*;
use crate::segment::Segment;
use crate::state::{Owner, Word};
use crate::sync::Ordering;

/// Bytes of a request that are looked at in one go.
const CHUNK: usize = 64 << 10;

/// A task that is about to end as crashed.
#[derive(Debug)]
pub struct Doomed<'s> {
    segment: &'s Segment,
    slot: u32,
    word: Word,
    len: usize,
}

impl<'s> Doomed<'s> {
    pub(crate) fn new(segment: &'s Segment, slot: u32, word: Word) -> Self {
        let at = segment.slot_at(slot) + SLOT_REQUEST_LEN;
        Self {
            segment,
            slot,
            word,
            len: segment.u32_at(at).load(Ordering::Relaxed) as usize,
        }
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
        let start = self.place()?;
        let mut buffer = vec![0; self.len.min(CHUNK)];
        let mut done = 0;
        while done < self.len {
            let count = (self.len - done).min(CHUNK);
            let from = self.segment.bytes_at(start + done, count);
            crate::sync::reads(from, count);
            // SAFETY: `from` is in bounds by `bytes_at`, the buffer is as long as the longest
            // piece, and private memory never overlaps the segment.
            unsafe { std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), count) };
            look(&buffer[..count]);
            done += count;
        }
        Ok(())
    }

    fn place(&self) -> Result<usize> {
        let (segment, at) = (self.segment, self.segment.slot_at(self.slot));
        match segment
            .u64_at(at + SLOT_REQUEST_REF)
            .load(Ordering::Relaxed)
        {
            0 if self.len <= INLINE => Ok(at + SLOT_REQUEST),
            0 => Err(RingError::Corrupt(format!(
                "an inline request of {} bytes",
                self.len
            ))),
            reference => {
                let block = arena::check_ref(segment, reference, self.len)?;
                let owner = Owner::request(self.slot, self.word.generation());
                let block = arena::check_owner(segment, block, owner)?;
                Ok(arena::offset(segment, block))
            }
        }
    }
}
