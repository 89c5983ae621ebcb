//! A lane: one worker thread's side of the rings.
//!
//! Finds tasks (own hints, injector rings, the slot it expects next, other
//! lanes' held hints), claims them by CAS on the slot, and sleeps when there are
//! none. Invariants: a hint is in a ring or in `held[]` before the head moves past
//! it; a lane never sleeps without looking again after its idle bit is set.
//! What is done with a claimed task is [`crate::lane::claimed`]'s.

use crate::format::layout::{HELD, LaneCounter};
use crate::format::states::Leave;
use crate::format::words::{Kind, Word};
use crate::lane::claimed::Claimed;
use crate::lane::permits::{Permit, is_deferred, runnable};
use crate::os::clock::now_ns;
use crate::os::sync::{self, Ordering, fence, fence_after_rmw};
use crate::queue::arena::ArenaView;
use crate::queue::gather::Gather;
use crate::queue::hint_ring::CORRUPT_AFTER;
use crate::queue::wait::{
    self, Budget, QUIET_ROUNDS, any_idle, futex_wait, set_bit, wake_one_lane,
};
use crate::records::{LaneMask, LaneRecord, WorkerRecord};
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
    (16, 4)
};
/// One in so many rounds, this one, looks into the other lanes' `held[]`.
const STEAL_ROUNDS: u32 = 32;
const STEAL_ROUND: u32 = 1;
/// A yield that took longer than this let others run.
const LONG_YIELD_NS: u64 = 20_000;
/// A sleeping lane looks again this often, whatever happens.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// One worker thread's place in the pool.
#[derive(Debug)]
pub struct Lane {
    pub(crate) segment: Arc<Segment>,
    pub(crate) index: u32,
    // Where its entry is, and its worker's.
    at: usize,
    worker_at: usize,
    pub(crate) arena: ArenaView,
    // The worker's proof of life: a lane never outlives it.
    _lock: Arc<LivenessLock>,
    budget: Budget,
    // Hints taken in one go, by their place in held[]; those before `next_hint` are used.
    hints: [u32; HELD],
    hint_count: usize,
    next_hint: usize,
    picks: u32,
    searching: bool,
    // The slot served last: a client with one task in flight uses it again.
    expected: Option<u32>,
    // Handlers with a limit, and the permit for the task that runs.
    pub(crate) limits: Vec<u64>,
    pub(crate) permit: Option<Permit>,
    // Smoothed run time of sampled tasks.
    pub(crate) run_ns: u64,
    // The head of each client's completion ring as it was seen last; 0 before that, and never too
    // large.
    heads_seen: Box<[u64]>,
    gather: Gather,
}

impl Lane {
    pub(crate) fn new(
        segment: Arc<Segment>,
        index: u32,
        worker: u32,
        lock: Arc<LivenessLock>,
        budget: Budget,
    ) -> Self {
        let at = segment.geometry().lane_at(index);
        let worker_at = segment.geometry().worker_at(worker);
        let arena = ArenaView::new(&segment);
        let limits = Self::limited_handlers(&segment);
        let clients = segment.geometry().max_clients as usize;
        Self {
            segment,
            index,
            at,
            worker_at,
            arena,
            _lock: lock,
            budget,
            hints: [0; HELD],
            hint_count: 0,
            next_hint: 0,
            picks: 0,
            searching: false,
            expected: None,
            limits,
            permit: None,
            run_ns: u64::MAX,
            heads_seen: vec![0; clients].into(),
            gather: Gather::new(),
        }
    }

    /// The lane's own entry.
    #[inline(always)]
    pub(crate) fn entry(&self) -> LaneRecord<'_> {
        LaneRecord::new(self.segment.part(self.at))
    }

    #[inline(always)]
    fn worker(&self) -> WorkerRecord<'_> {
        WorkerRecord::new(self.segment.part(self.worker_at))
    }

    /// The lane's index in the pool.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// How long its tasks run, smoothed over a sample of them; `None` before the first.
    #[must_use]
    #[inline]
    pub fn mean_run(&self) -> Option<Duration> {
        (self.run_ns != u64::MAX).then(|| Duration::from_nanos(self.run_ns))
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
        let (slot, word) = self.try_claim(STEAL_ROUND)?;
        Some(self.begin(slot, word))
    }

    #[inline]
    fn begin(&mut self, slot: u32, word: Word) -> Claimed<'_> {
        self.expected = Some(slot);
        self.wake_another_if_needed();
        Claimed::new(self, slot, word)
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
            if let Some(found) = self.try_claim(round) {
                self.set_searching(false);
                return Some(found);
            }
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
            || self.segment.is_over()
            || self.worker().leave() != Ok(Leave::Stay)
    }

    /// One look at every source of work.
    #[inline]
    pub(crate) fn try_claim(&mut self, round: u32) -> Option<(u32, Word)> {
        loop {
            while self.next_hint < self.hint_count {
                let index = self.next_hint;
                self.next_hint += 1;
                let claimed = self.claim(self.hints[index]);
                if claimed.is_none() {
                    self.defer(self.hints[index]);
                }
                self.entry().unhold_release(index);
                failpoint!("claim.unheld");
                if claimed.is_some() {
                    return claimed;
                }
            }
            if !self.limits.is_empty()
                && let Some(claimed) = self.take_deferred()
            {
                return Some(claimed);
            }
            if !self.take_hints() {
                break;
            }
        }
        if let Some(slot) = self.expected {
            let eager = round < EAGER_ROUNDS;
            for _ in 0..if eager { LOOKS.0 } else { LOOKS.1 } {
                let word = self.segment.word(slot);
                if word.kind() == Kind::Queued {
                    let claimed = self.claim_seen(slot, word);
                    if claimed.is_some() || self.limits.is_empty() {
                        return claimed;
                    }
                    break; // perhaps over its limit: look elsewhere, too
                }
            }
        }
        if round % STEAL_ROUNDS == STEAL_ROUND {
            self.steal()
        } else {
            None
        }
    }

    /// Claims a slot that a hint named.
    #[inline]
    fn claim(&mut self, slot: u32) -> Option<(u32, Word)> {
        if slot >= self.segment.geometry().total_slots() {
            return None; // No process of ours writes that; drop it.
        }
        let word = self.segment.word(slot);
        if word.kind() != Kind::Queued {
            return None;
        }
        self.claim_seen(slot, word)
    }

    /// Claims a slot that was seen QUEUED, if its handler's limit lets the lane.
    #[inline]
    fn claim_seen(&mut self, slot: u32, word: Word) -> Option<(u32, Word)> {
        if !self.admit(slot) {
            return None;
        }
        let claimed = self.cas_claim(slot, word);
        if claimed.is_none() {
            self.give_permit_back();
        }
        claimed
    }

    #[inline]
    pub(crate) fn cas_claim(&self, slot: u32, word: Word) -> Option<(u32, Word)> {
        // The CAS is a barrier: what is asked for before it comes while it waits for its own line.
        self.segment.slot(slot).prefetch_payload();
        let claimed = word.claimed_by(self.index as u16);
        failpoint!("claim.seen");
        if !self.segment.transition(slot, word, claimed) {
            return None;
        }
        failpoint!("claim.claimed");
        Some((slot, claimed))
    }

    /// Moves hints from a ring to `held[]`; `true` when there are some now.
    #[inline]
    fn take_hints(&mut self) -> bool {
        let priorities = self.segment.geometry().priorities;
        self.picks = self.picks.wrapping_add(1);
        // Anti-starvation: mostly the most urgent first; every 16th pick begins one
        // lower, every 64th two lower, so that each ring gets its share of any load.
        let first = match self.picks {
            n if n.is_multiple_of(64) => 2,
            n if n.is_multiple_of(16) => 1,
            _ => 0,
        };
        for step in 0..priorities {
            let ring = self.segment.injector((first + step) % priorities);
            let mut out = [0; HELD];
            for _ in 0..CORRUPT_AFTER {
                let peeked = ring.peek(&mut out[..1]);
                if peeked.count == 0 {
                    break;
                }
                let peeked = if self.run_ns < SHORT_NS && self.gather.takes_several(&ring) {
                    ring.peek(&mut out)
                } else {
                    peeked
                };
                // In held[] before the head moves: never in neither place.
                for (index, slot) in out[..peeked.count].iter().enumerate() {
                    self.entry().hold_release(index, *slot);
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
                        let mut next = [0; HELD];
                        let count = ring.peek_behind(peeked, &mut next);
                        self.ask_for(&next[..count]);
                    }
                    self.hints = out;
                    self.hint_count = peeked.count;
                    self.next_hint = 0;
                    return true;
                }
                for index in 0..peeked.count {
                    self.entry().unhold_release(index);
                }
            }
        }
        false
    }

    /// Prefetches several slots' cache lines in parallel: later they would come one after the
    /// other, as each claim is a barrier.
    fn ask_for(&self, slots: &[u32]) {
        let total = self.segment.geometry().total_slots();
        for slot in slots.iter().filter(|slot| **slot < total) {
            self.segment.slot(*slot).prefetch_all();
        }
    }

    /// Puts hints that were taken and not used back into their rings.
    fn give_hints_back(&mut self) {
        while self.next_hint < self.hint_count {
            let index = self.next_hint;
            self.next_hint += 1;
            let slot = self.hints[index];
            if slot < self.segment.geometry().total_slots() {
                // A full ring has hints enough to make lanes look; the sweep restores this one.
                restore_hint(&self.segment, slot);
                failpoint!("lane.hint_returned");
            }
            self.entry().unhold_release(index);
        }
    }

    /// Claims what another lane has taken a hint of and not begun.
    fn steal(&mut self) -> Option<(u32, Word)> {
        for other in 0..self.segment.geometry().max_lanes {
            if other == self.index || self.segment.lane(other).word().is_free() {
                continue;
            }
            for index in 0..HELD {
                let Some(hint) = self.segment.lane(other).held_acquire(index) else {
                    continue;
                };
                let claimed = self.claim(hint);
                if claimed.is_none() {
                    // Over its handler's limit: it waits where a permit finds it, and keeps no lane
                    // awake.
                    self.defer(hint);
                }
                if let Some(claimed) = claimed {
                    self.entry().counter(LaneCounter::Stolen).bump();
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
            set_bit(&self.segment, LaneMask::Searching, self.index, on);
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
        if any_idle(&self.segment) && (holds_more || !self.rings_are_empty()) {
            wake_one_lane(&self.segment);
        }
    }

    #[inline]
    fn rings_are_empty(&self) -> bool {
        (0..self.segment.geometry().priorities)
            .all(|priority| self.segment.injector(priority).is_empty())
            && (self.limits.is_empty() || !runnable(&self.segment))
    }

    /// Sleeps until woken, unless there is something to do.
    fn park(&mut self, leave: &AtomicBool) {
        let wake = self.entry().wake();
        let seen = wake.load(Ordering::Acquire);
        set_bit(&self.segment, LaneMask::Idle, self.index, true);
        failpoint!("lane.idle");
        // pairs with the fence in `wait::wake_after_publish`: either the submitter sees the bit,
        // or this look at the rings sees its hint.
        fence_after_rmw();
        let stolen_from = self.anything_held();
        if self.rings_are_empty() && !stolen_from && !self.must_leave(leave) {
            self.entry().counter(LaneCounter::Parked).bump();
            failpoint!("lane.parking");
            futex_wait(self.entry().wake(), seen, LONGEST_SLEEP);
        }
        failpoint!("lane.woken");
        set_bit(&self.segment, LaneMask::Idle, self.index, false);
        failpoint!("lane.awake");
    }

    /// Whether another lane holds a hint of a task that waits.
    fn anything_held(&self) -> bool {
        let segment = &self.segment;
        (0..segment.geometry().max_lanes)
            .filter(|other| *other != self.index)
            .any(|other| {
                let lane = segment.lane(other);
                let waits = |slot: u32| {
                    slot < segment.geometry().total_slots()
                        && segment.word(slot).kind() == Kind::Queued
                        && (self.limits.is_empty() || !is_deferred(segment, slot))
                };
                !lane.word().is_free()
                    && (0..HELD).any(|index| lane.held_acquire(index).is_some_and(waits))
            })
    }

    /// After a task: its completion hint, and the client's poller.
    #[inline]
    pub(crate) fn announce(&mut self, slot: u32) {
        let client = slot / self.segment.geometry().slots_per_client;
        let head_seen = &mut self.heads_seen[client as usize];
        publish_completion_knowing(&self.segment, client, slot, head_seen);
        failpoint!("complete.hinted");
        wait::wake_client_after_hint(&self.segment, client);
    }
}

/// Puts a queued slot's hint into the ring of its priority; `false` when that is full.
pub(crate) fn restore_hint(segment: &Segment, slot: u32) -> bool {
    let priority = segment.slot(slot).priority();
    segment.injector(priority).enqueue(slot).is_ok()
}

/// Puts a completion hint in the client's ring; full: sets its overflow word instead.
pub(crate) fn publish_completion(segment: &Segment, client: u32, slot: u32) {
    let mut head_seen = segment.completion_ring(client).head();
    publish_completion_knowing(segment, client, slot, &mut head_seen);
}

#[inline]
fn publish_completion_knowing(segment: &Segment, client: u32, slot: u32, head_seen: &mut u64) {
    let ring = segment.completion_ring(client);
    if ring.enqueue_knowing(slot, head_seen).is_err() {
        segment.client(client).set_overflow_release();
        // pairs with the fence of the poller before its look at the word: no CAS publishes it.
        fence(Ordering::SeqCst);
        failpoint!("complete.overflow");
    }
}
