//! The entry of a limit of concurrency: its handler, its number, its permits.

use super::Part;
use crate::format::layout::*;
use crate::os::sync::{AtomicU64, Ordering};

/// The entry of a limit. Its permits are behind it, one word a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimitRecord<'s> {
    part: Part<'s, LIMIT_PERMITS>,
    permits: &'s [AtomicU64],
}

impl<'s> LimitRecord<'s> {
    pub(crate) fn new(part: Part<'s, LIMIT_PERMITS>, permits: &'s [AtomicU64]) -> Self {
        Self { part, permits }
    }

    /// Id of the handler.
    pub(crate) fn handler(self) -> u64 {
        self.part.u64_at(LIMIT_HANDLER).load(Ordering::Relaxed)
    }

    /// How many of its tasks may run at a time; 0: any number.
    pub(crate) fn max(self) -> u32 {
        self.part.u32_at(LIMIT_MAX).load(Ordering::Relaxed)
    }

    pub(crate) fn set(self, handler: u64, max: u32) {
        self.part.u32_at(LIMIT_MAX).store(max, Ordering::Relaxed);
        self.part
            .u64_at(LIMIT_HANDLER)
            .store(handler, Ordering::Release);
    }

    /// The permits: 0, or the owner of each.
    pub(crate) fn permits(self) -> &'s [AtomicU64] {
        self.permits
    }
}
