//! Limits of concurrency: how many tasks of one handler run at a time, in all workers.
//!
//! Owned by the lanes; the supervisor sets the numbers, the reaper frees what the dead held. A
//! *permit* is a word that names the lane (with its generation) that has it: taken by CAS before a
//! task is claimed, freed when the task has ended. So no count can be left wrong by a death: what a
//! dead lane held bears its name. A task that finds no permit has its hint moved to the ring of its
//! limit; lanes take hints from there when they have a permit. No lane spins, none is blocked, and
//! the tasks of other handlers go past. Invariant: at most `max` lanes have a permit, and each
//! lane that runs a task of the handler has one (docs/internals/protocol.md section 13).

use crate::format::layout::id_of;
use crate::format::states::LaneKind;
use crate::format::words::{LaneWord, Word};
use crate::lane::core::{LaneCore, Permit};
use crate::os::sync::{AtomicU64, Ordering, fence};
use crate::queue::hint_ring::HintRing;
use crate::queue::hints::restore_hint;
use crate::queue::wait::{any_idle, wake_one_lane};
use crate::records::LimitRecord;
use crate::segment::Segment;
use crate::segment::tables::kind_of;

/// The number of a limit that lets no task run.
pub const PAUSED: u32 = u32::MAX;

/// One limit in the segment.
#[derive(Clone, Copy)]
struct Limit<'a> {
    segment: &'a Segment,
    index: u32,
}

impl<'a> Limit<'a> {
    fn all(segment: &'a Segment) -> impl Iterator<Item = Self> {
        (0..segment.geometry().limit_count).map(move |index| Self { segment, index })
    }

    fn record(self) -> LimitRecord<'a> {
        self.segment.limit(self.index)
    }

    fn handler(self) -> u64 {
        self.record().handler()
    }

    /// How many may run; the number of all lanes when there is no limit.
    fn max(self) -> u32 {
        let lanes = self.segment.geometry().max_lanes;
        match self.record().max() {
            0 => lanes,
            PAUSED => 0,
            max => max.min(lanes),
        }
    }

    fn permit(self, place: u32) -> &'a AtomicU64 {
        &self.record().permits()[place as usize]
    }

    /// Whether a permit is free, or belongs to a lane that is in use: a lane is freed only when it
    /// has none.
    fn permit_of_the_living(self, place: u32) -> bool {
        let permit = self.permit(place);
        let held = permit.load(Ordering::Acquire);
        let lane = (held & 0xffff) as u32;
        if held == 0 {
            return true;
        }
        if lane == 0 || lane > self.segment.geometry().max_lanes {
            return false;
        }
        // pairs with the release store that frees the lane, after its permit.
        let word = self.segment.lane(lane - 1).word_acquire();
        let in_use = !word.is_free() && word.generation() == held >> 16;
        // Given back, and perhaps taken by another, while the lane's word was read.
        in_use || permit.load(Ordering::Acquire) != held
    }

    fn ring(self) -> HintRing<'a> {
        self.segment.deferred_ring(self.index)
    }

    /// Whether any number may run. A permit is taken then as well where one is free: a lower limit
    /// that comes counts it.
    fn is_off(self) -> bool {
        self.record().max() == 0
    }

    fn has_permit(self) -> bool {
        self.is_off()
            || (0..self.max()).any(|place| self.permit(place).load(Ordering::Relaxed) == 0)
    }

    /// The lanes that its tasks are for: those of the handler as it is registered now, wherever
    /// their clients have queued them.
    fn kind(self) -> LaneKind {
        match self.segment.geometry().has_io_lanes() {
            true => kind_of(self.segment, self.handler()),
            false => LaneKind::Cpu,
        }
    }

    fn is_runnable(self, kind: LaneKind) -> bool {
        !self.ring().is_empty() && self.has_permit() && self.kind() == kind
    }
}

fn owner(lane: u32, generation: u64) -> u64 {
    generation << 16 | u64::from(lane + 1)
}

/// Whether the hint of a queued slot waits in the ring of its limit.
pub(crate) fn is_deferred(segment: &Segment, slot: u32) -> bool {
    let fields = segment.slot(slot);
    let waits = fields.queued();
    waits.is_some_and(|word| fields.is_deferred_acquire(word))
}

/// Which limit a handler has, and how many of its tasks run at a time; `None` if all lanes may, and
/// while it is paused: nothing tells how long its tasks will wait.
pub(crate) fn limit_of(segment: &Segment, handler: u64) -> Option<(u32, u64)> {
    let limit = Limit::all(segment).find(|limit| limit.handler() == handler)?;
    let max = limit.max();
    let bounds = max > 0 && max < segment.geometry().max_lanes;
    bounds.then_some((limit.index, u64::from(max)))
}

/// Sets the limits of a new segment, by handler name; 0 for none, [`PAUSED`] lets no task run.
/// Before any worker starts, or, for the same handlers in the same order, at any time. Others may
/// follow them, as many as the segment has entries for: lanes that were made before do not heed
/// those.
pub fn set(segment: &Segment, limits: &[(&str, u32)]) {
    let spare = segment.geometry().limit_count as usize - limits.len();
    let declared = limits.iter().map(|(name, max)| (id_of(name), *max));
    let declared = declared.chain(std::iter::repeat_n((0, 0), spare));
    segment.declare_limits(declared.collect());
    for (limit, (handler, max)) in Limit::all(segment).zip(limits) {
        limit.record().set(id_of(handler), *max);
    }
    // A higher number lets more of those run that wait.
    fence(Ordering::SeqCst);
    for kind in segment.geometry().lane_kinds() {
        while runnable(segment, *kind) && wake_one_lane(segment, *kind) {}
    }
}

/// Whether a task for lanes of a kind waits for a permit that is free.
#[must_use]
pub fn runnable(segment: &Segment, kind: LaneKind) -> bool {
    Limit::all(segment).any(|limit| limit.is_runnable(kind))
}

/// A limit as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Id of the handler.
    pub handler: u64,
    /// Most tasks that run at a time; 0: any number; [`PAUSED`]: none.
    pub max: u32,
    /// Permits that are taken.
    pub running: u32,
    /// Hints of tasks that wait for one, stale ones included.
    pub waiting: u64,
}

/// All limits; entries that have no handler yet are left out.
#[must_use]
pub fn usage(segment: &Segment) -> Vec<Usage> {
    let lanes = segment.geometry().max_lanes;
    Limit::all(segment)
        .filter(|limit| limit.handler() != 0)
        .map(|limit| Usage {
            handler: limit.handler(),
            max: limit.record().max(),
            running: (0..lanes)
                .filter(|place| limit.permit(*place).load(Ordering::Relaxed) != 0)
                .count() as u32,
            waiting: limit.ring().depth(),
        })
        .collect()
}

/// Frees the permits of dead lanes; the reaper's. Words of their names belong to no other lane.
pub(crate) fn free_permits(segment: &Segment, lanes: &[(u32, LaneWord)]) {
    for limit in Limit::all(segment) {
        for place in 0..segment.geometry().max_lanes {
            let permit = limit.permit(place);
            let held = permit.load(Ordering::Acquire);
            let dead = lanes
                .iter()
                .any(|(lane, word)| held == owner(*lane, word.generation()));
            if held != 0 && dead {
                let _ = permit.compare_exchange(held, 0, Ordering::AcqRel, Ordering::Relaxed);
                failpoint!("reap.permit_freed");
            }
        }
    }
}

/// The lanes that the tasks of a queued slot's handler are for, if it has a limit.
pub(crate) fn limited_kind(segment: &Segment, slot: u32) -> Option<LaneKind> {
    let handler = handler_of(segment, slot);
    let limit = Limit::all(segment).find(|limit| limit.handler() == handler)?;
    Some(limit.kind())
}

/// Whether the hint of a queued slot may be put into its injector ring again: not while its
/// handler has no permit to give. Otherwise what says that it is in the other ring is cleared, for
/// that hint may be lost; a second one does no harm.
pub(crate) fn may_restore(segment: &Segment, slot: u32) -> bool {
    let handler = handler_of(segment, slot);
    match Limit::all(segment).find(|limit| limit.handler() == handler) {
        Some(limit) if !limit.has_permit() => false,
        Some(_) => {
            segment.slot(slot).unmark_deferred();
            true
        }
        None => true,
    }
}

/// Tells the task that a lane runs to give up, since its handler's soft limit has passed. Of a
/// chunk, of which so many requests have ended, the next one is told and no other.
///
/// Nothing is written to the slot: its cancel word is the client's, and holds for every attempt,
/// while a soft limit is over for this one only.
pub fn give_up(segment: &Segment, lane: u32, slot: u32, word: Word, ended: Option<u32>) {
    segment
        .lane(lane)
        .tell_to_give_up_release(slot, word, ended.unwrap_or(0));
}

fn handler_of(segment: &Segment, slot: u32) -> u64 {
    // Relaxed: the acquire of the published word ordered it.
    segment.slot(slot).handler()
}

impl LaneCore {
    /// Whether the lane may claim a slot that it saw QUEUED: with a permit, if its handler has a
    /// limit. Should the claim fail, the permit goes back.
    pub(crate) fn admit(&mut self, slot: u32) -> bool {
        if self.limits.is_empty() || self.permit.is_some() {
            return true;
        }
        self.over_limit = false;
        // Of the task that is claimed: the claim's CAS proves that the slot was not used for
        // another since its word was read.
        let handler = handler_of(&self.segment, slot);
        match self.limits.iter().position(|id| *id == handler) {
            Some(limit) => self.take_permit(limit as u32),
            None => true,
        }
    }

    fn take_permit(&mut self, index: u32) -> bool {
        let segment = &self.segment;
        let limit = Limit { segment, index };
        let own = owner(self.index, self.entry().word().generation());
        let taken = (0..limit.max()).find(|place| {
            let permit = limit.permit(*place);
            permit.load(Ordering::Relaxed) == 0
                && permit
                    .compare_exchange(0, own, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
        });
        if taken.is_some() {
            failpoint!("limit.permit_taken");
        }
        self.over_limit = taken.is_none();
        self.permit = taken.map(|place| Permit {
            limit: index as u16,
            place: place as u16,
        });
        taken.is_some() || limit.is_off()
    }

    /// Gives the permit back, if the lane has one, and wakes a lane that can use it.
    pub(crate) fn give_permit_back(&mut self) {
        let Some(Permit { limit, place }) = self.permit.take() else {
            return;
        };
        let segment = &self.segment;
        let limit = Limit {
            segment,
            index: limit.into(),
        };
        limit.permit(place.into()).store(0, Ordering::Release);
        failpoint!("limit.permit_freed");
        // pairs with the fence in `defer`, and with that between the idle bit and the look at the
        // rings in `Lane::park`: a lane that moved a hint before sees the permit, or its hint is
        // seen here.
        fence(Ordering::SeqCst);
        if !limit.ring().is_empty() {
            let kind = limit.kind();
            if any_idle(segment, kind) {
                wake_one_lane(segment, kind);
            }
        }
    }

    /// Moves the hint of a queued task that found no permit to the ring of its limit. Called while
    /// the hint is in `held[]`: it is never nowhere.
    pub(crate) fn defer(&mut self, slot: u32) {
        let segment = &self.segment;
        if self.limits.is_empty() || slot >= segment.geometry().total_slots() {
            return;
        }
        let fields = segment.slot(slot);
        let word = fields.queued();
        let handler = handler_of(segment, slot);
        let limit = self.limits.iter().position(|id| *id == handler);
        let (Some(word), Some(index)) = (word, limit) else {
            return; // stale, or another lane's by now
        };
        if fields.published().lane_kind() != self.kind {
            return; // stale: the task of today has its hint in the ring of other lanes
        }
        if fields.is_deferred_acquire(word) {
            return; // it waits there already: this hint is a second one
        }
        if fields.published().is_keyed() && !self.over_limit {
            return; // it waits for its turn, or in the bucket of its key
        }
        let index = index as u32;
        if (Limit { segment, index }).ring().enqueue(slot).is_err() {
            restore_hint(segment, slot); // full of stale hints: it comes round again
            return;
        }
        failpoint!("limit.hinted");
        // After the hint: a death in between leaves a second hint, not a lost one.
        fields.mark_deferred_release(word);
        failpoint!("limit.marked");
        // pairs with the fence in `give_permit_back`.
        fence(Ordering::SeqCst);
        let limit = Limit { segment, index };
        let kind = limit.kind();
        // A client that did not know the handler has queued it for this lane, which looks at the
        // ring once more only if it serves the limit.
        if kind != self.kind && limit.has_permit() && any_idle(segment, kind) {
            wake_one_lane(segment, kind);
        }
    }

    /// Claims a task that waited for a permit, where there is one.
    pub(crate) fn take_deferred(&mut self) -> Option<(u32, Word)> {
        for index in 0..self.limits.len() as u32 {
            if self.deferred_is_empty(index) || !self.serves(index) || !self.take_permit(index) {
                continue;
            }
            while let Some(slot) = self.next_deferred(index) {
                let waiting = self.segment.slot(slot).waiting();
                let fits = handler_of(&self.segment, slot) == self.limits[index as usize];
                let waiting = waiting.filter(|_| fits);
                let keyed = waiting.is_some_and(|waiting| waiting.is_keyed());
                let claimed = waiting.and_then(|waiting| match keyed {
                    true => self.claim_keyed(slot, waiting),
                    false => self.cas_claim(slot, waiting),
                });
                self.entry().unhold_release(0);
                if claimed.is_some() {
                    return claimed;
                }
                // One that was skipped has given the permit back.
                if keyed && self.permit.is_none() && !self.take_permit(index) {
                    break;
                }
            }
            self.give_permit_back();
        }
        None
    }

    /// Whether the tasks of a limit are for lanes of this kind.
    fn serves(&self, index: u32) -> bool {
        let segment = &self.segment;
        (Limit { segment, index }).kind() == self.kind
    }

    fn deferred_is_empty(&self, index: u32) -> bool {
        self.segment.deferred_ring(index).is_empty()
    }

    /// Takes a hint from the ring of a limit, by way of `held[0]`, which is free then.
    fn next_deferred(&self, index: u32) -> Option<u32> {
        let ring = self.segment.deferred_ring(index);
        let mut out = [0];
        loop {
            let peeked = ring.peek(&mut out);
            if peeked.count == 0 {
                return None;
            }
            let slot = out[0];
            self.entry().hold_release(0, slot);
            failpoint!("limit.held");
            let known = slot < self.segment.geometry().total_slots();
            if known {
                // Before the head moves: a hint given back by the reaper is to be moved here again.
                self.segment.slot(slot).unmark_deferred_release();
                failpoint!("limit.unmarked");
            }
            if ring.take(peeked) && known {
                failpoint!("limit.taken");
                return Some(slot);
            }
            self.entry().unhold_release(0);
        }
    }
}

/// The handlers with a limit, in the order of the segment; none while all entries are spare.
pub(crate) fn limited_handlers(segment: &Segment) -> Vec<u64> {
    let mut all: Vec<u64> = Limit::all(segment).map(Limit::handler).collect();
    let used = all.iter().rposition(|handler| *handler != 0);
    all.truncate(used.map_or(0, |last| last + 1));
    all
}

/// Whether every permit that is taken belongs to a lane that is in use; for tests.
pub(crate) fn of_the_living(segment: &Segment) -> bool {
    Limit::all(segment).all(|limit| {
        (0..segment.geometry().max_lanes).all(|place| limit.permit_of_the_living(place))
    })
}

/// The supervisor's look at the words of this section.
///
/// # Errors
/// What no process of ours can have left.
pub(crate) fn audit(segment: &Segment) -> Result<(), String> {
    for (limit, (handler, max)) in Limit::all(segment).zip(&*segment.declared_limits()) {
        if (limit.handler(), limit.record().max()) != (*handler, *max) {
            return Err(format!(
                "limit {}: its handler or its number was overwritten",
                limit.index
            ));
        }
        for place in 0..segment.geometry().max_lanes {
            if !limit.permit_of_the_living(place) {
                return Err(format!(
                    "limit {}: permit {place} belongs to no lane that is in use",
                    limit.index
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
