//! What of many words one look takes in.

use std::ops::Range;

/// The cells of rings that one look takes in, beside those at the heads.
pub(super) const CELLS_A_LOOK: usize = 16_384;

/// The part of many words, in tables one behind the other, that one look takes in.
pub(super) struct Slice {
    part: Range<usize>,
    // Words of the tables that were asked about.
    passed: usize,
}

impl Slice {
    pub(super) fn new(start: usize, most: usize) -> Self {
        Self {
            part: start..start + most,
            passed: 0,
        }
    }

    /// What of the next table, of so many words, belongs to it.
    pub(super) fn of(&mut self, count: usize) -> Range<usize> {
        let within = |at: usize| at.saturating_sub(self.passed).min(count);
        let indices = within(self.part.start)..within(self.part.end);
        self.passed += count;
        indices
    }

    /// Where the next look starts, after all tables: at the first word again behind the last.
    pub(super) fn next(&self) -> usize {
        if self.part.end < self.passed {
            self.part.end
        } else {
            0
        }
    }
}
