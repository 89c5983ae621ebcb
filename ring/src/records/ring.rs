//! The head and the tail of a hint ring; its cells are behind them.

use super::Part;
use crate::format::layout::*;
use crate::os::sync::AtomicU64;

/// The words before a hint ring's cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingRecord<'s> {
    part: Part<'s, RING_CELLS>,
}

impl<'s> RingRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, RING_CELLS>) -> Self {
        Self { part }
    }

    /// Head and tail.
    #[inline(always)]
    pub(crate) fn ends(self) -> (&'s AtomicU64, &'s AtomicU64) {
        (self.part.u64_at(RING_HEAD), self.part.u64_at(RING_TAIL))
    }
}
