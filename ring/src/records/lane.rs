//! The entry of a lane.

use super::histogram::bucket_of;
use super::{Counter, Histogram, Part};
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::LaneKind;
use crate::format::words::{LaneWord, Word};
use crate::os::sync::{AtomicU32, Ordering, fence};

/// The entry of a lane: written by the lane itself, but for its wake word, what tells it to give a task
/// up (the supervisor), and the end of its life (the reaper).
#[derive(Debug, Clone, Copy)]
pub struct LaneRecord<'s> {
    part: Part<'s, LANE_STRIDE>,
}

/// Names a task for [`LaneRecord::tell_to_give_up_release`]: its slot, and which use of it.
fn task_word(slot: u32, word: Word) -> u64 {
    word.generation() << 24 | u64::from(slot + 1)
}

/// The bits of it that hold the slot's index + 1.
const TASK_SLOT_MASK: u64 = (1 << 24) - 1;

impl<'s> LaneRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, LANE_STRIDE>) -> Self {
        Self { part }
    }

    /// The entry word.
    #[must_use]
    #[inline]
    pub fn word_acquire(self) -> LaneWord {
        LaneWord(self.part.u64_at(LANE_WORD).load(Ordering::Acquire))
    }

    /// The entry word, where what follows from it may be a little old.
    #[must_use]
    #[inline]
    pub fn word(self) -> LaneWord {
        LaneWord(self.part.u64_at(LANE_WORD).load(Ordering::Relaxed))
    }

    /// Takes the entry by CAS; `false` when it has changed.
    pub(crate) fn take(self, seen: LaneWord, taken: LaneWord) -> bool {
        self.part
            .u64_at(LANE_WORD)
            .compare_exchange(seen.0, taken.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Stores the entry word.
    pub(crate) fn store_word_release(self, word: LaneWord) {
        self.part.u64_at(LANE_WORD).store(word.0, Ordering::Release);
    }

    /// The lane's futex word.
    #[inline(always)]
    pub(crate) fn wake(self) -> &'s AtomicU32 {
        self.part.u32_at(LANE_WAKE)
    }

    #[inline(always)]
    fn held(self, index: usize) -> &'s AtomicU32 {
        self.part.u32_at(LANE_HELD + 4 * index)
    }

    /// The slot in place `index` of the hints that the lane took and has not finished with.
    #[must_use]
    #[inline(always)]
    pub fn held_acquire(self, index: usize) -> Option<u32> {
        // pairs with the release store in `hold_release`.
        self.held(index).load(Ordering::Acquire).checked_sub(1)
    }

    /// Notes a hint that is about to be taken.
    #[inline(always)]
    pub(crate) fn hold_release(self, index: usize, slot: u32) {
        self.held(index)
            .store(slot.wrapping_add(1), Ordering::Release);
    }

    /// Done with a hint.
    #[inline(always)]
    pub(crate) fn unhold_release(self, index: usize) {
        self.held(index).store(0, Ordering::Release);
    }

    /// Clears what a dead lane held and ran, before its entry is freed.
    pub(crate) fn clear_work(self) {
        for index in 0..HELD {
            self.held(index).store(0, Ordering::Relaxed);
        }
        self.set_current(None);
    }

    /// The slot of the task that runs.
    #[must_use]
    #[inline(always)]
    pub fn current(self) -> Option<u32> {
        self.part
            .u32_at(LANE_CURRENT)
            .load(Ordering::Relaxed)
            .checked_sub(1)
    }

    /// Says which task runs.
    #[inline(always)]
    pub(crate) fn set_current(self, slot: Option<u32>) {
        let word = slot.map_or(0, |slot| slot + 1);
        self.part
            .u32_at(LANE_CURRENT)
            .store(word, Ordering::Relaxed);
    }

    /// Tells a task that runs to give up; of a chunk, of which so many requests have `ended`, the next one.
    pub(crate) fn tell_to_give_up_release(self, slot: u32, word: Word, ended: u32) {
        self.part
            .u32_at(LANE_OVER_ENDED)
            .store(ended, Ordering::Relaxed);
        // Release: pairs with the acquire in `told_to_give_up_acquire`.
        self.part
            .u64_at(LANE_OVER)
            .store(task_word(slot, word), Ordering::Release);
    }

    /// Whether a task was told to give up: how many requests of it had ended then.
    #[inline(always)]
    pub(crate) fn told_to_give_up_acquire(self, slot: u32, word: Word) -> Option<u32> {
        // Acquire: pairs with the release in `tell_to_give_up_release`.
        let told = self.part.u64_at(LANE_OVER).load(Ordering::Acquire);
        let ended = self.part.u32_at(LANE_OVER_ENDED);
        (told == task_word(slot, word)).then(|| ended.load(Ordering::Relaxed))
    }

    /// Notes which task the supervisor sees it run, unless that is noted already.
    pub(crate) fn note_running(self, slot: u32, word: Word, now_ns: u64) {
        let seen = self.part.u64_at(LANE_SEEN_TASK);
        let task = task_word(slot, word);
        if seen.load(Ordering::Relaxed) != task {
            self.part
                .u64_at(LANE_SEEN_NS)
                .store(now_ns, Ordering::Relaxed);
            // pairs with the acquire load in `seen_running_acquire`.
            seen.store(task, Ordering::Release);
        }
    }

    /// When the supervisor first saw it run this task, in CLOCK_MONOTONIC nanoseconds.
    pub(crate) fn seen_running_acquire(self, slot: u32, word: Word) -> Option<u64> {
        // pairs with the release store in `note_running`.
        let seen = self.part.u64_at(LANE_SEEN_TASK).load(Ordering::Acquire);
        let since = self.part.u64_at(LANE_SEEN_NS);
        (seen == task_word(slot, word)).then(|| since.load(Ordering::Relaxed))
    }

    /// Counts a claim of this lane that goes on by itself; only the lane, before it does anything else.
    pub(crate) fn open_claim(self) {
        self.counter(LaneCounter::Opened).bump();
        // pairs with the acquire loads of the audit: the lane's other counters go on after this.
        fence(Ordering::Release);
    }

    /// Counts that one has ended; whichever thread has ended it.
    pub(crate) fn close_claim_release(self) {
        // pairs with the acquire load of the audit: the end of the task comes first.
        self.part
            .u64_at(LaneCounter::Closed.offset())
            .fetch_add(1, Ordering::Release);
    }

    /// How many claims of its name go on by themselves; too many by those that end just now.
    #[must_use]
    pub fn open_claims(self) -> u64 {
        let closed = self.counter(LaneCounter::Closed).get_acquire();
        self.counter(LaneCounter::Opened).get().wrapping_sub(closed)
    }

    /// Counts those as ended that the lane's life before has left: the reaper has ended them.
    pub(crate) fn forget_claims(self) {
        let opened = self.counter(LaneCounter::Opened).get();
        self.part
            .u64_at(LaneCounter::Closed.offset())
            .store(opened, Ordering::Relaxed);
    }

    /// The lane whose wake word is rung for its claims that go on by themselves.
    #[must_use]
    pub fn bell(self) -> Option<u32> {
        // Relaxed: stored before the lane's first claim, which a caller has read with acquire.
        let bell = self.part.u32_at(LANE_BELL).load(Ordering::Relaxed);
        bell.checked_sub(1)
    }

    /// Says which one that is; only its worker, before the lane claims anything.
    pub(crate) fn set_bell(self, lane: Option<u32>) {
        let word = lane.map_or(0, |lane| lane + 1);
        self.part.u32_at(LANE_BELL).store(word, Ordering::Relaxed);
    }

    /// Which tasks it looks for.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that no worker stores.
    pub fn kind(self) -> Result<LaneKind, UnknownWord> {
        // Relaxed: for people, and for the audit; the lane itself keeps what it is.
        LaneKind::from_word(self.part.u32_at(LANE_KIND).load(Ordering::Relaxed))
    }

    /// Says so; only its worker, before the lane looks for any.
    pub(crate) fn set_kind(self, kind: LaneKind) {
        self.part
            .u32_at(LANE_KIND)
            .store(kind.word(), Ordering::Relaxed);
    }

    /// Forgets what the lane's life before was told.
    pub(crate) fn forget_give_up(self) {
        self.part.u64_at(LANE_OVER).store(0, Ordering::Relaxed);
    }

    /// A counter.
    #[must_use]
    #[inline(always)]
    pub fn counter(self, counter: LaneCounter) -> Counter<'s> {
        self.part.counter(counter.offset())
    }

    /// Adds a sample of the time that a task ran; only the lane itself.
    pub(crate) fn ran(self, ns: u64) {
        self.part
            .counter(LANE_RUN_HISTOGRAM + 8 * bucket_of(ns))
            .bump();
    }

    /// Adds the histogram of the times that its tasks ran to another.
    pub fn add_run_times_to(self, sum: &mut Histogram) {
        for (bucket, count) in sum.0.iter_mut().enumerate() {
            let more = self.part.counter(LANE_RUN_HISTOGRAM + 8 * bucket).get();
            *count = count.saturating_add(more);
        }
    }

    /// For the audit: whether it has words that no process of ours stores, in a pool of so many
    /// `slots`, `workers` and `lanes`.
    pub(crate) fn is_impossible(self, slots: u32, workers: u32, lanes: u32) -> bool {
        let word = self.word();
        let task = |field: usize| self.part.u64_at(field).load(Ordering::Relaxed);
        let mut hints = (0..HELD).map(|index| self.held(index).load(Ordering::Relaxed));
        word.state().is_err()
            || word.worker() >= workers
            || hints.any(|hint| hint > slots)
            || self.current().is_some_and(|slot| slot >= slots)
            || self.bell().is_some_and(|lane| lane >= lanes)
            || self.kind().is_err()
            // Set by the supervisor only, of a task that runs.
            || task(LANE_OVER) & TASK_SLOT_MASK > slots.into()
            || task(LANE_SEEN_TASK) & TASK_SLOT_MASK > slots.into()
    }
}
