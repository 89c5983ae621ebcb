//! The entry of a worker.

use super::Part;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::Leave;
use crate::format::words::EntryWord;
use crate::os::sync::{AtomicU64, Ordering};

/// The entry of a worker: written by the worker itself, but for the leave word (the supervisor) and
/// the end of its life (the reaper).
#[derive(Debug, Clone, Copy)]
pub struct WorkerRecord<'s> {
    part: Part<'s, WORKER_STRIDE>,
}

impl<'s> WorkerRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, WORKER_STRIDE>) -> Self {
        Self { part }
    }

    /// The entry word itself, for the process that takes, reaps or frees the entry.
    pub(crate) fn life(self) -> &'s AtomicU64 {
        self.part.u64_at(WORKER_WORD)
    }

    /// The entry word.
    #[must_use]
    pub fn word_acquire(self) -> EntryWord {
        EntryWord(self.life().load(Ordering::Acquire))
    }

    /// Fills the entry for a process that holds its lock; [`Self::store_word_release`] follows.
    pub(crate) fn fill(self, pid: u32, program: &str, version: &str, now_ns: u64) {
        self.part.put_padded(WORKER_PROGRAM, program, PROGRAM_SIZE);
        self.part.put_padded(WORKER_VERSION, version, VERSION_SIZE);
        self.part.u32_at(WORKER_PID).store(pid, Ordering::Relaxed);
        self.part.u32_at(WORKER_LANES).store(0, Ordering::Relaxed);
        self.set_leave(Leave::Stay);
        self.part
            .u64_at(WORKER_STARTED_NS)
            .store(now_ns, Ordering::Relaxed);
    }

    /// Another version than that which it was filled with.
    pub(crate) fn set_version(self, version: &str) {
        self.part.put_padded(WORKER_VERSION, version, VERSION_SIZE);
    }

    /// Publishes what was filled, or what was cleared.
    pub(crate) fn store_word_release(self, word: EntryWord) {
        self.life().store(word.0, Ordering::Release);
    }

    /// Its process id, for people only.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.part.u32_at(WORKER_PID).load(Ordering::Relaxed)
    }

    /// File name of its program, for people only.
    #[must_use]
    pub fn program(self) -> String {
        self.part.get_padded(WORKER_PROGRAM, PROGRAM_SIZE)
    }

    /// The version of Ringwork that its program has, for people only.
    #[must_use]
    pub fn version(self) -> String {
        self.part.get_padded(WORKER_VERSION, VERSION_SIZE)
    }

    /// For the audit: whether it has a text that no worker writes; see
    /// [`super::ClientRecord::has_impossible_name`].
    pub(crate) fn has_impossible_texts(self) -> bool {
        let before = self.word_acquire();
        let texts = [
            (WORKER_PROGRAM, PROGRAM_SIZE),
            (WORKER_VERSION, VERSION_SIZE),
        ];
        before.is_active()
            && !texts
                .iter()
                .all(|(at, size)| self.part.is_padded_text(*at, *size))
            && self.word_acquire() == before
    }

    /// When it registered, in CLOCK_MONOTONIC nanoseconds.
    #[must_use]
    pub fn started_ns(self) -> u64 {
        self.part.u64_at(WORKER_STARTED_NS).load(Ordering::Relaxed)
    }

    /// How many lanes it has, once all are registered; 0 before.
    #[must_use]
    pub fn lanes(self) -> u32 {
        self.part.u32_at(WORKER_LANES).load(Ordering::Relaxed)
    }

    /// As [`Self::lanes`]; then the entries of its lanes are to be read.
    #[must_use]
    pub fn lanes_acquire(self) -> u32 {
        // pairs with the release store in `set_lanes_release`.
        self.part.u32_at(WORKER_LANES).load(Ordering::Acquire)
    }

    /// Says that so many lanes are registered.
    pub(crate) fn set_lanes_release(self, lanes: u32) {
        self.part
            .u32_at(WORKER_LANES)
            .store(lanes, Ordering::Release);
    }

    /// Whether it is to leave, and why.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that no process of ours stores.
    #[inline]
    pub fn leave(self) -> Result<Leave, UnknownWord> {
        Leave::from_word(self.part.u32_at(WORKER_LEAVE).load(Ordering::Relaxed))
    }

    /// Tells it whether to leave; it is to be woken then.
    pub fn set_leave(self, leave: Leave) {
        // pairs with the loads in `Lane::must_leave`, which need no order; a wake has its own.
        self.part
            .u32_at(WORKER_LEAVE)
            .store(leave.word(), Ordering::Relaxed);
    }
}
