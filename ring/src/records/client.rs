//! The entry of a client.

use super::{Counter, Part};
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::ClientKind;
use crate::format::words::EntryWord;
use crate::os::sync::{AtomicU32, AtomicU64, Ordering};

/// The entry of a client: written by the client itself, but for its wake words (lanes) and the end of its
/// life (the reaper).
#[derive(Debug, Clone, Copy)]
pub struct ClientRecord<'s> {
    part: Part<'s, CLIENT_STRIDE>,
}

impl<'s> ClientRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, CLIENT_STRIDE>) -> Self {
        Self { part }
    }

    /// The entry word itself, for the process that takes, reaps or frees the entry.
    pub(crate) fn life(self) -> &'s AtomicU64 {
        self.part.u64_at(CLIENT_WORD)
    }

    /// The entry word.
    #[must_use]
    pub fn word_acquire(self) -> EntryWord {
        EntryWord(self.life().load(Ordering::Acquire))
    }

    /// Fills the entry for a process that holds its lock; [`Self::store_word_release`] follows.
    pub(crate) fn fill(self, pid: u32, kind: ClientKind, now_ns: u64) {
        self.set_waiting(false);
        self.part
            .u32_at(CLIENT_OVERFLOW)
            .store(0, Ordering::Relaxed);
        for counter in ClientCounter::ALL {
            self.counter(*counter).clear();
        }
        self.part.u32_at(CLIENT_PID).store(pid, Ordering::Relaxed);
        self.part
            .u32_at(CLIENT_KIND)
            .store(kind.word(), Ordering::Relaxed);
        self.part
            .u64_at(CLIENT_ATTACHED_NS)
            .store(now_ns, Ordering::Relaxed);
    }

    /// Publishes what was filled, or what was cleared.
    pub(crate) fn store_word_release(self, word: EntryWord) {
        self.life().store(word.0, Ordering::Release);
    }

    /// Its process id, for people only.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.part.u32_at(CLIENT_PID).load(Ordering::Relaxed)
    }

    /// Which library it is.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that this version does not know.
    pub fn kind(self) -> Result<ClientKind, UnknownWord> {
        ClientKind::from_word(self.part.u32_at(CLIENT_KIND).load(Ordering::Relaxed))
    }

    /// When it attached, in CLOCK_MONOTONIC nanoseconds.
    #[must_use]
    pub fn attached_ns(self) -> u64 {
        self.part.u64_at(CLIENT_ATTACHED_NS).load(Ordering::Relaxed)
    }

    /// A counter.
    #[must_use]
    #[inline(always)]
    pub fn counter(self, counter: ClientCounter) -> Counter<'s> {
        self.part.counter(counter.offset())
    }

    /// Says whether its poller is parked, or about to park; a fence follows.
    pub(crate) fn set_waiting(self, waiting: bool) {
        self.part
            .u32_at(CLIENT_WAITING)
            .store(waiting.into(), Ordering::Relaxed);
    }

    /// Takes the duty to wake its poller: `true` for one of those that find it parked.
    #[inline(always)]
    pub(crate) fn take_waiting(self) -> bool {
        let waiting = self.part.u32_at(CLIENT_WAITING);
        waiting.load(Ordering::Relaxed) != 0
            && waiting
                .compare_exchange(1, 0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// The futex word of its poller.
    #[inline(always)]
    pub(crate) fn wake(self) -> &'s AtomicU32 {
        self.part.u32_at(CLIENT_WAKE)
    }

    /// Tells it to look at all its slots, since its completion ring was full.
    pub(crate) fn set_overflow_release(self) {
        // pairs with the CAS in `take_overflow`, before the client looks at its slots.
        self.part
            .u32_at(CLIENT_OVERFLOW)
            .store(1, Ordering::Release);
    }

    /// Whether it is to look at all its slots.
    pub(crate) fn has_overflow(self) -> bool {
        self.part.u32_at(CLIENT_OVERFLOW).load(Ordering::Relaxed) != 0
    }

    /// The same, and takes the duty.
    pub(crate) fn take_overflow(self) -> bool {
        let overflow = self.part.u32_at(CLIENT_OVERFLOW);
        overflow.load(Ordering::Relaxed) == 1
            && overflow
                .compare_exchange(1, 0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// For the audit: whether it has words that no process of ours stores.
    pub(crate) fn is_impossible(self) -> bool {
        let flag = |field: usize| self.part.u32_at(field).load(Ordering::Relaxed) <= 1;
        let life = EntryWord(self.life().load(Ordering::Relaxed));
        life.state().is_err() || !flag(CLIENT_WAITING) || !flag(CLIENT_OVERFLOW)
    }
}
