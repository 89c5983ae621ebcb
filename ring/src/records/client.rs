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
    pub(crate) fn fill(self, pid: u32, kind: ClientKind, name: &str, now_ns: u64) {
        self.part.put_padded(CLIENT_NAME, name, CLIENT_NAME_SIZE);
        self.set_waiting(false);
        self.part
            .u32_at(CLIENT_OVERFLOW)
            .store(0, Ordering::Relaxed);
        for (index, counter) in ClientCounter::ALL.iter().enumerate() {
            let now = self.counter(*counter).get();
            // pairs with the acquire load in `is_impossible`: the counter is at least that.
            self.base(index).store(now, Ordering::Release);
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

    /// Its name, for people only.
    #[must_use]
    pub fn name(self) -> String {
        self.part.get_padded(CLIENT_NAME, CLIENT_NAME_SIZE)
    }

    /// For the audit: whether it has a name that no client writes. One that is about to take the entry,
    /// or was killed while it did, may have written half of it.
    pub(crate) fn has_impossible_name(self) -> bool {
        let before = self.word_acquire();
        before.is_active()
            && !self.part.is_padded_text(CLIENT_NAME, CLIENT_NAME_SIZE)
            && self.word_acquire() == before
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

    /// How many of its tasks have not ended for it: each is counted as submitted once, and under one
    /// of its ends once.
    #[must_use]
    pub fn pending(self) -> u64 {
        // The ends first: what is submitted meanwhile is one too many, and not one too few.
        let ends = [
            ClientCounter::Completed,
            ClientCounter::Failed,
            ClientCounter::TimedOut,
            ClientCounter::Cancelled,
        ];
        let ended = ends
            .iter()
            .fold(0_u64, |sum, end| sum.wrapping_add(self.since_attach(*end)));
        let submitted = self.since_attach(ClientCounter::Submitted);
        // A task may end before it is counted as submitted.
        submitted.saturating_sub(ended)
    }

    /// Counts what has not ended for a client that is gone as cancelled. Called by the reaper, which
    /// alone writes then; a second call finds nothing left.
    pub(crate) fn cancel_pending(self) {
        let left = self.pending();
        self.counter(ClientCounter::Cancelled).bump_by(left);
    }

    fn base(self, index: usize) -> &'s AtomicU64 {
        self.part.u64_at(CLIENT_BASES + 8 * index)
    }

    /// What the client that has the entry now, or had it last, has counted: the counter goes on from
    /// one client to the next.
    #[must_use]
    pub fn since_attach(self, counter: ClientCounter) -> u64 {
        let index = ClientCounter::ALL.iter().position(|one| *one == counter);
        let base = index.map_or(0, |index| self.base(index).load(Ordering::Relaxed));
        self.counter(counter).get().saturating_sub(base)
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
        // A counter was what its base says when that was written, and only grows.
        let goes_back = |(index, counter): (usize, &ClientCounter)| {
            // pairs with the release store in `fill`.
            self.base(index).load(Ordering::Acquire) > self.counter(*counter).get()
        };
        life.state().is_err()
            || !flag(CLIENT_WAITING)
            || !flag(CLIENT_OVERFLOW)
            || ClientCounter::ALL.iter().enumerate().any(goes_back)
    }
}
