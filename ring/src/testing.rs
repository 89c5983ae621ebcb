//! Raw words of a segment, for tests that damage them and for tools that look at any word.
//!
//! No part of the interface: whatever needs a field for its work takes the accessor of its record.

use crate::Segment;
use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64};

/// The words of a segment by their offsets.
pub trait RawWords {
    /// The atomic u64 at an offset; panics when that is outside or not aligned.
    fn raw64(&self, offset: usize) -> &AtomicU64;

    /// The atomic u32 at an offset; panics when that is outside or not aligned.
    fn raw32(&self, offset: usize) -> &AtomicU32;

    /// The atomic byte at an offset; panics when that is outside.
    fn raw8(&self, offset: usize) -> &AtomicU8;
}

impl RawWords for Segment {
    fn raw64(&self, offset: usize) -> &AtomicU64 {
        self.u64_at(offset)
    }

    fn raw32(&self, offset: usize) -> &AtomicU32 {
        self.u32_at(offset)
    }

    fn raw8(&self, offset: usize) -> &AtomicU8 {
        self.u8_at(offset)
    }
}
