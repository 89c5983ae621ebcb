//! A lane: one worker thread's side of the rings.
//!
//! Finds tasks (own hints, injector rings, the slot it expects next, other
//! lanes' held hints), claims them by CAS on the slot, and sleeps when there are
//! none. Invariants: a hint is in a ring or in `held[]` before the head moves past
//! it; a lane never sleeps without looking again after its idle bit is set.
//! What is done with a claimed task is [`crate::lane::claimed`]'s.

use crate::format::layout::{HELD, LaneCounter};
use crate::format::states::{LaneKind, Leave};
use crate::format::words::Word;
use crate::lane::claimed::Claimed;
use crate::lane::core::LaneCore;
use crate::lane::permits::{is_deferred, limited_handlers, runnable};
use crate::os::clock::now_ns;
use crate::os::sync::{self, Ordering, fence_after_rmw};
use crate::queue::gather::Gather;
use crate::queue::hints::restore_hint;
use crate::queue::keys::may_restore;
use crate::queue::wait::{Budget, QUIET_ROUNDS, any_idle, futex_wait, set_bit, wake_one_lane};
use crate::records::CORRUPT_AFTER;
use crate::records::{LaneMask, Waiting, WorkerRecord};
use crate::segment::Segment;
use crate::segment::liveness::LivenessLock;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Handlers shorter than this are worth taking several hints at once for.
const SHORT_NS: u64 = 2_000;
/// Rounds in which a lane with an expected slot looks at it in place of the processor's pause:
/// about ten microseconds. Pausing there would cost a client with one task in flight some
/// twenty nanoseconds a task.
const EAGER_ROUNDS: u32 = 256;
/// Looks at the expected slot in an eager round, about as long as a pause, and in another.
const LOOKS: (u32, u32) = if cfg!(ringwork_model) {
    (1, 1)
} else {
    (32, 4)
};
/// Looks at the expected slot before the first look at the rings: about as long as a client needs
/// that calls again at once.
const FIRST_LOOKS: u32 = if cfg!(ringwork_model) { 1 } else { 256 };
/// Tasks of the expected slot that a lane takes before it looks at the rings.
const IN_A_ROW: u32 = if cfg!(ringwork_model) { 1 } else { 8 };
/// One in so many rounds, this one, looks into the other lanes' `held[]`: not the first ones, for
/// that takes longer than most answers of a client with one task in flight.
const STEAL_ROUNDS: u32 = 32;
const STEAL_ROUND: u32 = 16;
/// A yield that took longer than this let others run.
const LONG_YIELD_NS: u64 = 20_000;
/// A sleeping lane looks again this often, whatever happens.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// One worker thread's place in the pool.
#[derive(Debug)]
pub struct Lane {
    pub(crate) core: LaneCore,
    // Where its worker's entry is.
    worker_at: usize,
    // The worker's proof of life: a lane never outlives it.
    lock: Arc<LivenessLock>,
    budget: Budget,
    // The first round that steals: before the lane sleeps it has done so.
    steal_round: u32,
    // Hints taken in one go, by their place in held[]; those before `next_hint` are used.
    hints: [u32; HELD],
    hint_count: usize,
    next_hint: usize,
    picks: u32,
    searching: bool,
    // The slot served last: a client with one task in flight uses it again.
    expected: Option<u32>,
    // Whether the last task was found there: then the next one may be, too.
    called_again: bool,
    // How many tasks of that slot it has taken without a look at the rings.
    in_a_row: u32,
    gather: Gather,
}

impl Lane {
    pub(crate) fn new(
        segment: Arc<Segment>,
        index: u32,
        worker: u32,
        lock: Arc<LivenessLock>,
        (kind, budget): (LaneKind, Budget),
    ) -> Self {
        let worker_at = segment.geometry().worker_at(worker);
        let limits = limited_handlers(&segment);
        Self {
            core: LaneCore::new(segment, (worker, index), kind, limits),
            worker_at,
            lock,
            budget,
            steal_round: STEAL_ROUND.min(budget.spins.saturating_add(budget.yields)),
            hints: [0; HELD],
            hint_count: 0,
            next_hint: 0,
            picks: 0,
            searching: false,
            expected: None,
            called_again: false,
            in_a_row: 0,
            gather: Gather::new(),
        }
    }

    #[inline(always)]
    fn worker(&self) -> WorkerRecord<'_> {
        WorkerRecord::new(self.core.segment.part(self.worker_at))
    }

    /// Gives up the search for tasks; the entry stays the worker's.
    pub(crate) fn retire(mut self) -> (LaneCore, Arc<LivenessLock>) {
        self.give_hints_back();
        self.core.tell_if_asked_now();
        (self.core, self.lock)
    }

    /// The lane's index in the pool.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.core.index
    }

    /// How long its tasks run, smoothed over a sample of them; `None` before the first.
    #[must_use]
    #[inline]
    pub fn mean_run(&self) -> Option<Duration> {
        (self.core.run_ns != u64::MAX).then(|| Duration::from_nanos(self.core.run_ns))
    }

    /// The next task, claimed; waits for one. `None` when it is time to leave:
    /// `leave` is set, the worker is asked to, or the pool is closed.
    #[inline]
    pub fn next(&mut self, leave: &AtomicBool) -> Option<Claimed<'_>> {
        let (slot, word) = self.find(leave)?;
        Some(self.begin(slot, word))
    }

    /// The next task, claimed, if there is one now: in the rings, in the slot served last, or held
    /// by another lane. Never waits, and takes tasks whatever the pool's state is.
    pub fn try_next(&mut self) -> Option<Claimed<'_>> {
        let Some((slot, word)) = self.look() else {
            self.core.tell_if_asked_now();
            return None;
        };
        Some(self.begin(slot, word))
    }

    #[inline]
    fn begin(&mut self, slot: u32, word: Word) -> Claimed<'_> {
        self.core.tell_if_asked(); // the claim was a locked instruction
        self.expected = Some(slot);
        self.wake_another_if_needed();
        Claimed::new(&mut self.core, slot, word)
    }

    #[inline]
    fn find(&mut self, leave: &AtomicBool) -> Option<(u32, Word)> {
        let mut round: u32 = 0;
        loop {
            // First, so that a lane leaves after its task however much is queued.
            if round.is_multiple_of(16) && self.must_leave(leave) {
                self.set_searching(false);
                self.give_hints_back();
                // A wake that was meant for a task goes on to a lane that stays.
                self.wake_another_if_needed();
                return None;
            }
            if round == 0
                && let Some(found) = self.claim_expected()
            {
                return Some(found);
            }
            if let Some(found) = self.try_claim(round) {
                self.set_searching(false);
                return Some(found);
            }
            self.core.tell_if_asked_now();
            if round == QUIET_ROUNDS && round < self.budget.spins {
                self.set_searching(true);
            }
            if round < self.budget.spins {
                if round >= EAGER_ROUNDS || self.expected.is_none() {
                    sync::spin_loop();
                }
            } else if round - self.budget.spins < self.budget.yields {
                // Off the core for an unknown time: submitters must not count on this lane.
                self.set_searching(false);
                self.gather.rest();
                let before = now_ns();
                sync::yield_now();
                if now_ns().saturating_sub(before) > LONG_YIELD_NS {
                    // Others had the core, and may want it again: a sleeping thread is woken sooner
                    // than a yielding one is scheduled.
                    round = self.budget.spins + self.budget.yields - 1;
                }
            } else {
                self.set_searching(false);
                self.park(leave);
                round = 0;
                continue;
            }
            // Spinning for ever stays in the searching rounds.
            round = if round == u32::MAX - 1 {
                QUIET_ROUNDS + 1
            } else {
                round + 1
            };
        }
    }

    #[inline]
    fn must_leave(&self, leave: &AtomicBool) -> bool {
        leave.load(Ordering::Relaxed)
            || self.core.segment.is_over()
            || self.worker().leave() != Ok(Leave::Stay)
    }

    /// The next task of the client whose task it was that ran last, if that comes soon: a client that
    /// calls time and again is answered without a look at the rings. Only where tasks are short, and
    /// only some in a row, so that no task in a ring waits longer for it than for a long one.
    #[inline(always)]
    fn claim_expected(&mut self) -> Option<(u32, Word)> {
        let slot = self.expected?;
        if !self.called_again
            || self.in_a_row >= IN_A_ROW
            || self.core.run_ns >= SHORT_NS
            || self.budget.spins <= QUIET_ROUNDS
            || self.next_hint < self.hint_count
            || !self.core.limits.is_empty()
        {
            self.in_a_row = 0;
            return None;
        }
        let Some(waiting) = self.core.segment.slot(slot).watch(FIRST_LOOKS) else {
            self.called_again = false;
            return None;
        };
        if waiting.kind() != self.core.kind {
            self.called_again = false;
            return None;
        }
        self.in_a_row += 1;
        if waiting.is_keyed() {
            return self.claim_keyed(slot, waiting);
        }
        self.core.cas_claim(slot, waiting)
    }

    /// One look at every source of work, the hints that others hold among them.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Option<(u32, Word)> {
        self.try_claim(self.steal_round)
    }

    /// One look at the sources of work that have their turn in a round.
    #[inline]
    fn try_claim(&mut self, round: u32) -> Option<(u32, Word)> {
        loop {
            while self.next_hint < self.hint_count {
                let index = self.next_hint;
                self.next_hint += 1;
                let claimed = self.claim(self.hints[index]);
                if claimed.is_none() {
                    self.core.defer(self.hints[index]);
                }
                self.core.entry().unhold_release(index);
                failpoint!("claim.unheld");
                if claimed.is_some() {
                    self.called_again = false;
                    return claimed;
                }
            }
            if !self.core.limits.is_empty()
                && let Some(claimed) = self.core.take_deferred()
            {
                return Some(claimed);
            }
            if !self.take_hints() {
                break;
            }
        }
        if let Some(slot) = self.expected {
            let eager = round < EAGER_ROUNDS;
            let looks = if eager { LOOKS.0 } else { LOOKS.1 };
            if let Some(waiting) = self.core.segment.slot(slot).watch(looks) {
                let claimed = self.claim_seen(slot, waiting);
                self.called_again = claimed.is_some();
                if claimed.is_some() || self.core.limits.is_empty() && !waiting.is_keyed() {
                    return claimed;
                }
                // Perhaps over its limit, or its key is busy: look elsewhere, too.
            }
        }
        if round % STEAL_ROUNDS == self.steal_round {
            self.steal()
        } else {
            None
        }
    }

    /// Claims a slot that a hint named.
    #[inline(always)]
    fn claim(&mut self, slot: u32) -> Option<(u32, Word)> {
        if slot >= self.core.segment.geometry().total_slots() {
            return None; // No process of ours writes that; drop it.
        }
        let waiting = self.core.segment.slot(slot).waiting()?;
        self.claim_seen(slot, waiting)
    }

    /// Claims a slot that was seen QUEUED, if it is for lanes of this kind and its handler's limit
    /// lets the lane.
    #[inline(always)]
    fn claim_seen(&mut self, slot: u32, waiting: Waiting) -> Option<(u32, Word)> {
        if waiting.is_keyed() {
            return self.claim_keyed(slot, waiting);
        }
        if waiting.kind() != self.core.kind || !self.core.admit(slot) {
            return None;
        }
        let claimed = self.core.cas_claim(slot, waiting);
        if claimed.is_none() {
            self.core.give_permit_back();
        }
        claimed
    }

    /// As [`Self::claim_seen`], of a task that has a key. By itself, so that a task without one pays
    /// nothing but the look at a bit.
    #[cold]
    #[inline(never)]
    fn claim_keyed(&mut self, slot: u32, waiting: Waiting) -> Option<(u32, Word)> {
        if waiting.kind() != self.core.kind || !self.core.admit(slot) {
            return None;
        }
        let claimed = self.core.claim_keyed(slot, waiting);
        if claimed.is_none() {
            self.core.give_permit_back();
        }
        claimed
    }

    /// Moves hints from a ring to `held[]`; `true` when there are some now.
    #[inline]
    fn take_hints(&mut self) -> bool {
        let priorities = self.core.segment.geometry().priorities;
        self.picks = self.picks.wrapping_add(1);
        // Anti-starvation: mostly the most urgent first; every 16th pick begins one
        // lower, every 64th two lower, so that each ring gets its share of any load.
        let first = match self.picks {
            n if n.is_multiple_of(64) && priorities > 2 => 2,
            n if n.is_multiple_of(16) && priorities > 1 => 1,
            _ => 0,
        };
        for priority in (first..priorities).chain(0..first) {
            let ring = self.core.segment.queue(self.core.kind, priority);
            for _ in 0..CORRUPT_AFTER {
                let mut next = [0];
                let peeked = ring.peek(&mut next);
                if peeked.count == 0 {
                    break;
                }
                let mut out = [0; HELD];
                out[0] = next[0];
                let peeked = if self.core.run_ns < SHORT_NS && self.gather.takes_several(&ring) {
                    ring.peek(&mut out)
                } else {
                    peeked
                };
                // In held[] before the head moves: never in neither place.
                for (index, slot) in out[..peeked.count].iter().enumerate() {
                    self.core.entry().hold_release(index, *slot);
                }
                failpoint!("lane.held");
                if peeked.count > 0 && ring.take(peeked) {
                    failpoint!("lane.taken");
                    if peeked.count > 1 {
                        self.ask_for(&out[..peeked.count]);
                    }
                    if peeked.count == HELD {
                        // Where so many wait the next ones are this lane's, too, as a rule: their
                        // lines come while these run.
                        let mut behind = [0; HELD];
                        let count = ring.peek_behind(peeked, &mut behind);
                        self.ask_for(&behind[..count]);
                    }
                    self.hints = out;
                    self.hint_count = peeked.count;
                    self.next_hint = 0;
                    return true;
                }
                for index in 0..peeked.count {
                    self.core.entry().unhold_release(index);
                }
            }
        }
        false
    }

    /// Prefetches several slots' cache lines in parallel: later they would come one after the
    /// other, as each claim is a barrier.
    fn ask_for(&self, slots: &[u32]) {
        let total = self.core.segment.geometry().total_slots();
        for slot in slots.iter().filter(|slot| **slot < total) {
            self.core.segment.slot(*slot).prefetch_all();
        }
    }

    /// Puts hints that were taken and not used back into their rings.
    fn give_hints_back(&mut self) {
        while self.next_hint < self.hint_count {
            let index = self.next_hint;
            self.next_hint += 1;
            let slot = self.hints[index];
            if slot < self.core.segment.geometry().total_slots() {
                // A full ring has hints enough to make lanes look; the sweep restores this one.
                restore_hint(&self.core.segment, slot);
                failpoint!("lane.hint_returned");
            }
            self.core.entry().unhold_release(index);
        }
    }

    /// Claims what another lane has taken a hint of and not begun.
    fn steal(&mut self) -> Option<(u32, Word)> {
        for other in 0..self.core.segment.geometry().max_lanes {
            if other == self.core.index || self.core.segment.lane(other).word().is_free() {
                continue;
            }
            for index in 0..HELD {
                let Some(hint) = self.core.segment.lane(other).held_acquire(index) else {
                    continue;
                };
                let claimed = self.claim(hint);
                if claimed.is_none() {
                    // Over its handler's limit: it waits where a permit finds it, and keeps no lane
                    // awake.
                    self.core.defer(hint);
                }
                if let Some(claimed) = claimed {
                    self.core.entry().counter(LaneCounter::Stolen).bump();
                    failpoint!("claim.stolen");
                    return Some(claimed);
                }
            }
        }
        None
    }

    fn set_searching(&mut self, on: bool) {
        if self.searching != on {
            self.searching = on;
            let mask = LaneMask::searching(self.core.kind);
            set_bit(&self.core.segment, mask, self.core.index, on);
            failpoint!("lane.searching");
            // pairs with the fence in `wait::wake_after_publish`: a submitter that skipped its wake
            // because of the bit has its hint seen by the look at the rings that follows.
            fence_after_rmw();
        }
    }

    /// A lane that sees more work than it takes wakes the next.
    #[inline]
    fn wake_another_if_needed(&self) {
        let holds_more = self.next_hint < self.hint_count;
        if holds_more {
            // pairs with the fence in `park`: held[] is written, then the idle bits are read. The
            // head's CAS and the claim's stand between.
            fence_after_rmw();
        }
        let kind = self.core.kind;
        if any_idle(&self.core.segment, kind) && (holds_more || !self.rings_are_empty()) {
            wake_one_lane(&self.core.segment, kind);
        }
    }

    #[inline]
    fn rings_are_empty(&self) -> bool {
        (0..self.core.segment.geometry().priorities)
            .all(|priority| self.core.segment.queue(self.core.kind, priority).is_empty())
            && (self.core.limits.is_empty() || !runnable(&self.core.segment, self.core.kind))
    }

    /// Sleeps until woken, unless there is something to do.
    fn park(&mut self, leave: &AtomicBool) {
        let wake = self.core.entry().wake();
        let seen = wake.load(Ordering::Acquire);
        let mask = LaneMask::idle(self.core.kind);
        set_bit(&self.core.segment, mask, self.core.index, true);
        failpoint!("lane.idle");
        // pairs with the fence in `wait::wake_after_publish`: either the submitter sees the bit,
        // or this look at the rings sees its hint.
        fence_after_rmw();
        let stolen_from = self.anything_held();
        if self.rings_are_empty() && !stolen_from && !self.must_leave(leave) {
            self.core.entry().counter(LaneCounter::Parked).bump();
            failpoint!("lane.parking");
            futex_wait(self.core.entry().wake(), seen, LONGEST_SLEEP);
        }
        failpoint!("lane.woken");
        set_bit(&self.core.segment, mask, self.core.index, false);
        failpoint!("lane.awake");
    }

    /// Whether another lane holds a hint of a task that waits.
    fn anything_held(&self) -> bool {
        let segment = &self.core.segment;
        (0..segment.geometry().max_lanes)
            .filter(|other| *other != self.core.index)
            .any(|other| {
                let lane = segment.lane(other);
                let waits = |slot: u32| {
                    slot < segment.geometry().total_slots()
                        && (segment.slot(slot).waiting())
                            .is_some_and(|waiting| waiting.kind() == self.core.kind)
                        && (self.core.limits.is_empty() || !is_deferred(segment, slot))
                        && may_restore(segment, slot)
                };
                !lane.word().is_free()
                    && (0..HELD).any(|index| lane.held_acquire(index).is_some_and(waits))
            })
    }
}

#[cfg(all(test, not(ringwork_model)))]
mod tests;
