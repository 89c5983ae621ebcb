//! The key line of a slot, and the buckets of keys that run or wait.

use super::Part;
use crate::format::layout::*;
use crate::format::words::{KeyPermitWord, Next, NextWord, TaskWord};
use crate::os::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Permits of a bucket. The models have fewer: each look at one is a step.
pub(crate) const PERMITS: usize = if cfg!(ringwork_model) {
    2
} else {
    BUCKET_PERMIT_COUNT
};

/// Places of a bucket for tasks that wait.
pub(crate) const PLACES: usize = if cfg!(ringwork_model) {
    2
} else {
    BUCKET_WAITING_COUNT
};

/// The key line of a slot: written by the client before it publishes the task, but for the word of
/// the task behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyLine<'s> {
    part: Part<'s, KEY_STRIDE>,
}

impl<'s> KeyLine<'s> {
    pub(crate) fn new(part: Part<'s, KEY_STRIDE>) -> Self {
        Self { part }
    }

    /// Hash of the key.
    pub(crate) fn hash(self) -> u64 {
        self.part.u64_at(KEY_HASH).load(Ordering::Relaxed)
    }

    /// The task before it.
    pub(crate) fn before(self) -> TaskWord {
        TaskWord(self.part.u64_at(KEY_BEFORE).load(Ordering::Relaxed))
    }

    /// Whether those behind it are not to run if it fails.
    pub(crate) fn fails(self) -> bool {
        self.part.u32_at(KEY_FLAGS).load(Ordering::Relaxed) & KEY_FAILS != 0
    }

    fn poisoned(self) -> &'s AtomicU32 {
        self.part.u32_at(KEY_POISONED)
    }

    /// Whether its client has noted that the task before it has failed.
    pub(crate) fn is_poisoned(self) -> bool {
        self.poisoned().load(Ordering::Relaxed) != 0
    }

    /// Notes that the task before it has failed; before the slot of that one is used again.
    pub(crate) fn poison(self) {
        self.poisoned().store(1, Ordering::Relaxed);
    }

    /// Writes the line of a task, relaxed: its published word orders it.
    pub(crate) fn fill(self, generation: u64, hash: u64, before: TaskWord, fails: bool) {
        let open = NextWord::new(generation, Next::Open);
        // pairs with the acquire of `next_acquire`: a lane that finds this task here sees what the
        // client has noted for the task behind the one before it in this slot.
        self.next_word().store(open.0, Ordering::Release);
        // pairs with the fence in `Keys::turn`: a lane that reads a flag of this task sees that the
        // line is its own.
        fence(Ordering::Release);
        self.part.u64_at(KEY_HASH).store(hash, Ordering::Relaxed);
        self.part
            .u64_at(KEY_BEFORE)
            .store(before.0, Ordering::Relaxed);
        let flags = if fails { KEY_FAILS } else { 0 };
        self.part.u32_at(KEY_FLAGS).store(flags, Ordering::Relaxed);
        self.poisoned().store(0, Ordering::Relaxed);
    }

    fn next_word(self) -> &'s AtomicU64 {
        self.part.u64_at(KEY_NEXT)
    }

    /// The word of the task behind it.
    pub(crate) fn next_acquire(self) -> NextWord {
        // pairs with the release of `link`.
        NextWord(self.next_word().load(Ordering::Acquire))
    }

    /// Changes what it says of the task behind it; `false` when that is another by now.
    pub(crate) fn set_next(self, generation: u64, from: Next, to: Next) -> bool {
        let word = |next| NextWord::new(generation, next).0;
        self.next_word()
            .compare_exchange(word(from), word(to), Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// A bucket of keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyBucket<'s> {
    part: Part<'s, BUCKET_STRIDE>,
}

impl<'s> KeyBucket<'s> {
    pub(crate) fn new(part: Part<'s, BUCKET_STRIDE>) -> Self {
        Self { part }
    }

    /// The word of a permit.
    pub(crate) fn permit(self, place: usize) -> &'s AtomicU64 {
        self.part.u64_at(BUCKET_PERMITS + 8 * place)
    }

    /// Its permits.
    pub(crate) fn permits(self) -> impl Iterator<Item = KeyPermitWord> + use<'s> {
        // pairs with the release of the lane that gives a permit back: its task has ended.
        (0..PERMITS).map(move |place| KeyPermitWord(self.permit(place).load(Ordering::Acquire)))
    }

    /// A place of a task that waits: slot index + 1, or 0.
    pub(crate) fn waiting(self, place: usize) -> &'s AtomicU32 {
        self.part.u32_at(BUCKET_WAITING + 4 * place)
    }

    /// 1 when more tasks wait than there are places.
    pub(crate) fn overflow(self) -> &'s AtomicU32 {
        self.part.u32_at(BUCKET_OVERFLOW)
    }
}
