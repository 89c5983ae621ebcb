//! The owner word of a payload block: which task it serves, or 0.

use super::Part;
use crate::format::words::Owner;
use crate::os::sync::{AtomicU64, Ordering};

/// Bytes of an owner word.
pub(crate) const OWNER_SIZE: usize = size_of::<u64>();

/// The owner word of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnerRecord<'s> {
    part: Part<'s, OWNER_SIZE>,
}

impl<'s> OwnerRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, OWNER_SIZE>) -> Self {
        Self { part }
    }

    #[inline(always)]
    fn word(self) -> &'s AtomicU64 {
        self.part.u64_at(0)
    }

    /// Which task the block serves.
    #[inline(always)]
    pub(crate) fn get(self) -> Owner {
        Owner(self.word().load(Ordering::Relaxed))
    }

    /// As [`Self::get`], before the task's slot is read.
    #[inline(always)]
    pub(crate) fn get_acquire(self) -> Owner {
        // pairs with the AcqRel exchange in `take`.
        Owner(self.word().load(Ordering::Acquire))
    }

    /// Takes a block that is free.
    #[inline(always)]
    pub(crate) fn take(self, owner: Owner) -> bool {
        // pairs with the release in `free`: the last user is done with the bytes.
        self.word()
            .compare_exchange(0, owner.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Frees a block of `owner`; does nothing when it belongs to another by now.
    #[inline(always)]
    pub(crate) fn free(self, owner: Owner) -> bool {
        // pairs with the acquire in `take`.
        self.word()
            .compare_exchange(owner.0, 0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}
