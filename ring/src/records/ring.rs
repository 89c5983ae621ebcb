//! The head and the tail of a hint ring; its cells are behind them.

use super::Part;
use crate::format::layout::*;
use crate::os::sync::AtomicU64;

/// The words of a hint ring: head and tail, and the cells behind them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingRecord<'s> {
    part: Part<'s, RING_CELLS>,
    cells: &'s [AtomicU64],
}

impl<'s> RingRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, RING_CELLS>, cells: &'s [AtomicU64]) -> Self {
        Self { part, cells }
    }

    /// The cells.
    #[inline(always)]
    pub(crate) fn cells(self) -> &'s [AtomicU64] {
        self.cells
    }

    /// Head and tail.
    #[inline(always)]
    pub(crate) fn ends(self) -> (&'s AtomicU64, &'s AtomicU64) {
        (self.part.u64_at(RING_HEAD), self.part.u64_at(RING_TAIL))
    }
}
