//! The head of a chunk: how many requests, where what is, and how far it is.

use super::Part;
use crate::format::chunk::Cursor;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::Codec;
use crate::os::sync::Ordering;

/// The head of a chunk, in the block of its request. What the client wrote is read relaxed: the
/// acquire of the claim ordered it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkRecord<'s> {
    part: Part<'s, CHUNK_LENGTHS>,
}

impl<'s> ChunkRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, CHUNK_LENGTHS>) -> Self {
        Self { part }
    }

    fn small(self, field: usize) -> u32 {
        self.part.u32_at(field).load(Ordering::Relaxed)
    }

    fn byte(self, field: usize) -> u8 {
        self.part.u8_at(field).load(Ordering::Relaxed)
    }

    /// Requests.
    pub(crate) fn count(self) -> u32 {
        self.small(CHUNK_COUNT)
    }

    /// Where the heads of the results begin, from the chunk's beginning on.
    pub(crate) fn heads(self) -> usize {
        self.small(CHUNK_RESULTS) as usize
    }

    /// Bytes that are kept for each result.
    pub(crate) fn room(self) -> usize {
        self.small(CHUNK_ROOM) as usize
    }

    /// Codec of the requests.
    pub(crate) fn codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word(self.byte(CHUNK_CODEC))
    }

    /// Most attempts of each request, as the client wrote it.
    pub(crate) fn attempts(self) -> u8 {
        self.byte(CHUNK_ATTEMPTS)
    }

    /// The cursor's word.
    pub(crate) fn cursor(self) -> u64 {
        self.part.u64_at(CHUNK_CURSOR).load(Ordering::Relaxed)
    }

    /// Stores the cursor, after what it counts.
    #[inline(always)]
    pub(crate) fn set_cursor_release(self, cursor: Cursor) {
        // pairs with the acquire of the lane or client that reads it after this lane has died.
        self.part
            .u64_at(CHUNK_CURSOR)
            .store(cursor.word(), Ordering::Release);
    }
}
