//! The reaper: gives back what the dead held.
//!
//! Called by the supervisor for a process that is *proved* dead. Every step is
//! an idempotent CAS on a word judged just before, so a reaper may itself die or
//! pause anywhere and another may do it all again (docs/internals/protocol.md section 10).

pub mod audit;
pub mod crashing_task;

use crate::format::cause::Cause;
use crate::format::layout::{HELD, HandlerLoss, PoolCounter};
use crate::format::states::{EntryState, LaneKind};
use crate::format::words::{EntryWord, Kind, LaneWord, Publisher, Word};
use crate::lane::permits::{free_permits, limited_kind, may_restore, runnable};
use crate::os::sync::{AtomicU64, Ordering};
use crate::queue::arena;
use crate::queue::channels::upkeep;
use crate::queue::hint_ring::HintRing;
use crate::queue::hints::{publish_completion, restore_hint as hint};
use crate::queue::keys::{self, Turn};
use crate::queue::wait::{
    any_idle, ring_bell, set_bit, wake_client_after_publish, wake_one_lane, wake_word,
};
use crate::reaper::crashing_task::CrashingTask;
use crate::records::{LaneMask, LaneRecord};
use crate::segment::Segment;
use crate::segment::handler_totals::count_loss;
use crate::segment::liveness::{self, LivenessLock, LockFile};
use crate::segment::slices::Slices;
use std::cell::Cell;
use std::collections::HashMap;

/// What a reap gave back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Tasks queued again for another attempt.
    pub requeued: u64,
    /// Tasks ended as crashed.
    pub crashed: Vec<Crash>,
    /// Arena blocks freed.
    pub blocks: u64,
}

/// A task that was ended as crashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// Its slot.
    pub slot: u32,
    /// Handler id.
    pub handler: u64,
    /// How often it was started; each time its worker died.
    pub attempts: u32,
    /// The task id that the client gave it, or its own.
    pub task_id: u64,
    /// The lane that had claimed it last.
    pub lane: u32,
    /// What was noted of it before it ended.
    pub note: String,
}

/// Clears a worker that is dead of `cause`; `note` is asked for a note of each task that
/// is about to end as crashed: afterwards its client may reuse the memory. Its lanes and its entry
/// are free for others when this returns. Does nothing while its lock is held.
pub fn reap_worker_noting(
    segment: &Segment,
    worker: u32,
    cause: Cause,
    note: &mut dyn FnMut(&CrashingTask<'_>) -> String,
) -> Reaped {
    let entry = segment.worker(worker).life();
    let lock = segment.dir().worker_lock(segment.epoch(), worker);
    let Some(reaping) = begin(entry, &lock) else {
        return Reaped::default();
    };
    let lanes = lanes_of(segment, worker);
    failpoint!("reap.worker_begun");
    forget_events(segment, Publisher::Worker(worker));
    for (lane, word) in &lanes {
        let reaping = LaneWord::new(word.generation(), worker, EntryState::Reaping);
        segment.lane(*lane).store_word_release(reaping);
        failpoint!("reap.lane_marked");
        for mask in LaneMask::ALL {
            set_bit(segment, mask, *lane, false);
        }
    }
    let generations: HashMap<u16, u64> = lanes
        .iter()
        .map(|(lane, word)| (*lane as u16, word.generation()))
        .collect();
    restore_held(segment, &lanes);
    failpoint!("reap.held_restored");
    free_permits(segment, &lanes);
    if let Some(keys) = segment.keys() {
        keys.free_permits(&lanes);
    }
    let mut reaped = Reaped::default();
    for slot in 0..segment.geometry().total_slots() {
        reap_slot(
            segment,
            slot,
            worker,
            &generations,
            (cause, &mut *note),
            &mut reaped,
        );
    }
    failpoint!("reap.slots_done");
    reaped.blocks = arena::free_orphans(segment);
    failpoint!("reap.blocks_freed");
    segment.count(PoolCounter::TasksRequeued, reaped.requeued);
    segment.count(PoolCounter::TasksCrashed, reaped.crashed.len() as u64);
    segment.count(PoolCounter::BlocksRecovered, reaped.blocks);
    wake_everyone_needed(segment);
    failpoint!("reap.woken");
    for (lane, word) in lanes {
        let record = segment.lane(lane);
        record.clear_work();
        failpoint!("reap.held_cleared");
        // Only now may the lane be taken again.
        record.store_word_release(LaneWord::new(word.generation(), 0, EntryState::Free));
        failpoint!("reap.lane_free");
    }
    reaping.end(entry);
    failpoint!("reap.worker_free");
    reaped
}

/// What a dead process was publishing will not come.
fn forget_events(segment: &Segment, dead: Publisher) {
    if let Some(ring) = segment.events() {
        ring.forget(dead);
    }
}

/// The right to reap an entry: the lock of the dead, held by one reaper at a time.
struct Reaping {
    word: EntryWord,
    held: LivenessLock,
}

/// ACTIVE → REAPING for an entry whose process is dead; `None` when there is nothing to reap.
///
/// The proof is made here again, since an entry may have a new owner by the time the caller comes:
/// the word first, then the lock, then a CAS from the very word that was judged. The lock is kept:
/// a second reaper, or one that was paused in the middle of its work, can't meet the next owner's
/// words, and the kernel drops it should this reaper die.
fn begin(entry: &AtomicU64, lock: &std::path::Path) -> Option<Reaping> {
    let seen = EntryWord(entry.load(Ordering::Acquire));
    if seen.is_free() {
        return None;
    }
    let held = LivenessLock::try_acquire(lock).ok()??;
    failpoint!("reap.locked");
    let word = seen.with(EntryState::Reaping);
    entry
        .compare_exchange(seen.0, word.0, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
        .then_some(Reaping { word, held })
}

impl Reaping {
    /// REAPING → FREE; `false` when another reaper was faster.
    fn end(self, entry: &AtomicU64) -> bool {
        // The lock first: with FREE in the word it is free. All that can't be done twice is done;
        // the word itself goes by CAS, since another reaper, and a new owner, may be here by now.
        drop(self.held);
        failpoint!("reap.unlocked");
        let free = self.word.with(EntryState::Free);
        entry
            // pairs with the acquire load in `take_entry`.
            .compare_exchange(self.word.0, free.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

fn lanes_of(segment: &Segment, worker: u32) -> Vec<(u32, LaneWord)> {
    (0..)
        .zip(segment.lanes().map(LaneRecord::word_acquire))
        .filter(|(_, word)| !word.is_free() && word.worker() == worker)
        .collect()
}

/// Puts the hints that the dead lanes had taken back into their rings.
fn restore_held(segment: &Segment, lanes: &[(u32, LaneWord)]) {
    for (lane, _) in lanes {
        for index in 0..HELD {
            let held = segment.lane(*lane).held_acquire(index);
            if let Some(slot) = held.filter(|slot| *slot < segment.geometry().total_slots()) {
                hint(segment, slot);
            }
        }
    }
}

fn reap_slot(
    segment: &Segment,
    slot: u32,
    worker: u32,
    generations: &HashMap<u16, u64>,
    (cause, note): (Cause, &mut dyn FnMut(&CrashingTask<'_>) -> String),
    reaped: &mut Reaped,
) {
    let fields = segment.slot(slot);
    let word = fields.word();
    match word.kind() {
        // Its hint may have died with the lane that ended it. The claim still names that lane.
        Kind::Done => {
            if generations.contains_key(&fields.claim_acquire().owner()) {
                announce(segment, slot);
                hint_next_of_key(segment, slot, word);
            }
        }
        // Only this reaper, or one before it that died on its way, makes such a word.
        Kind::Crashed => finish_crash(segment, slot, word),
        Kind::Queued => {
            // `held[]` has given back the hints that died with the lane; all others are put in
            // again only while there is ample room, lest doubled hints crowd out submits.
            let ring = queue_of(segment, slot);
            if let Some(keys) = segment.keys()
                && keys::is_queued_with_key(segment, slot)
            {
                // Its hint may have waited for a permit that a dead lane had, or the dead lane was
                // to write it.
                if keys.turn(slot) != Turn::Before {
                    hint(segment, slot);
                    failpoint!("reap.key_hinted");
                }
            } else if ring.depth() < ring.capacity() as u64 / 2 {
                hint(segment, slot);
            }
        }
        Kind::Claimed => {
            let Some(generation) = generations.get(&word.owner()) else {
                return;
            };
            // The lane's word again, after the slot's: still the dead one's, or this reaper was
            // paused, the lane has a new life, and the claim is the living's.
            let lane = segment.lane(word.owner().into()).word_acquire();
            if lane != LaneWord::new(*generation, worker, EntryState::Reaping) {
                return;
            }
            let handler = fields.handler();
            if word.attempt() + 1 < fields.published().attempts() {
                if fields.requeue(word) {
                    failpoint!("reap.requeued");
                    reaped.requeued += 1;
                    count_loss(segment, handler, HandlerLoss::Retried);
                    hint(segment, slot);
                }
                return;
            }
            let note = note(&CrashingTask::new(segment, slot, word));
            if let Some(crashed) = fields.begin_crash(word, cause) {
                failpoint!("reap.crashing");
                let attempts = word.attempt() + 1;
                count_loss(segment, handler, HandlerLoss::Crashed);
                reaped.crashed.push(Crash {
                    slot,
                    handler,
                    attempts,
                    task_id: fields.task_id(slot, word),
                    lane: word.owner().into(),
                    note,
                });
                segment.count(PoolCounter::TasksQuarantined, u64::from(attempts > 1));
                finish_crash(segment, slot, crashed);
            }
        }
        Kind::Free | Kind::Corrupt => {}
    }
}

/// Ends a task whose claim word says CRASHED; where its client knows that already, the hint is one
/// too many.
fn finish_crash(segment: &Segment, slot: u32, crashed: Word) {
    segment.slot(slot).finish_crash(crashed);
    failpoint!("reap.crashed");
    announce(segment, slot);
    hint_next_of_key(segment, slot, crashed);
}

/// Hints the task of the same key behind one that has ended, where its lane may not have done so.
fn hint_next_of_key(segment: &Segment, slot: u32, end: Word) {
    if let Some(keys) = segment.keys()
        && segment.slot(slot).published().is_keyed()
    {
        keys.hint_next(slot, end.generation());
    }
}

fn announce(segment: &Segment, slot: u32) {
    let client = slot / segment.geometry().slots_per_client;
    publish_completion(segment, client, slot);
    failpoint!("reap.announced");
    wake_client_after_publish(segment, client);
}

fn wake_everyone_needed(segment: &Segment) {
    crate::os::sync::fence(Ordering::SeqCst);
    for kind in segment.geometry().lane_kinds() {
        wake_one_lane(segment, *kind);
    }
    for client in 0..segment.geometry().max_clients {
        wake_client_after_publish(segment, client);
    }
}

/// Clears a client that is dead, as far as it can be now: slots that still run get
/// the cancel word and are cleared by a later call. `true` when the entry is free, or
/// its process lives.
pub fn reap_client(segment: &Segment, client: u32) -> bool {
    let entry = segment.client(client).life();
    let lock = segment.dir().client_lock(segment.epoch(), client);
    let Some(reaping) = begin(entry, &lock) else {
        return true;
    };
    failpoint!("reap.client_begun");
    forget_events(segment, Publisher::Client(client));
    upkeep::forget(segment, Publisher::Client(client));
    let mut dropped = 0;
    let mut busy = false;
    let own = segment.geometry().slots_of(client);
    drop_keyed(segment, own.clone(), &mut dropped);
    for slot in own {
        let word = segment.word(slot);
        match word.kind() {
            Kind::Claimed => {
                segment.slot(slot).request_cancel(word.generation());
                ring_bell(segment, slot);
                failpoint!("reap.client_cancelled");
                busy = true;
            }
            // A task taken but not submitted may hold a block: a later generation orphans it.
            Kind::Free | Kind::Done | Kind::Crashed | Kind::Corrupt => segment.slot(slot).retire(),
            Kind::Queued if keys::is_queued_with_key(segment, slot) => busy = true,
            Kind::Queued => {
                let handler = segment.slot(slot).handler();
                let gone = segment.slot(slot).withdraw(word);
                failpoint!("reap.client_dropped");
                if gone {
                    count_loss(segment, handler, HandlerLoss::Cancelled);
                    segment.slot(slot).retire();
                }
                dropped += u64::from(gone);
                busy |= !gone; // a lane was faster
            }
        }
    }
    failpoint!("reap.client_slots");
    segment.count(PoolCounter::TasksDropped, dropped);
    if busy {
        return false;
    }
    segment.count(PoolCounter::BlocksRecovered, arena::free_orphans(segment));
    failpoint!("reap.client_blocks");
    segment.client(client).cancel_pending();
    segment.count(PoolCounter::ClientsReaped, u64::from(reaping.end(entry)));
    failpoint!("reap.client_free");
    true
}

/// Takes back the queued tasks of a dead client that have keys: in any order, since each of them is
/// asked for before the first is gone, so none runs beside a task before it. Their lines are not
/// looked at: what a client has forged there, say two that wait for each other, holds up nothing.
fn drop_keyed(segment: &Segment, slots: std::ops::Range<u32>, dropped: &mut u64) {
    let queued = |slot: &u32| keys::is_queued_with_key(segment, *slot);
    let waiting: Vec<u32> = slots.filter(queued).collect();
    // First, so that a lane that claims one of them leaves it out.
    for slot in &waiting {
        if let Some(word) = segment.slot(*slot).queued() {
            segment.slot(*slot).request_cancel(word.generation());
            failpoint!("reap.key_cancelled");
        }
    }
    for slot in waiting {
        let fields = segment.slot(slot);
        let gone = fields.queued().is_some_and(|word| fields.withdraw(word));
        failpoint!("reap.key_dropped");
        if gone {
            count_loss(segment, fields.handler(), HandlerLoss::Cancelled);
            fields.retire();
            *dropped += 1;
        }
    }
}

/// Which are dead: the entries that are not FREE while no process holds their lock. Keeps the lock
/// files open, so that a probe is one system call.
#[derive(Debug)]
pub struct DeadOwners {
    clients: Vec<LockFile>,
    workers: Vec<LockFile>,
    // Which of them are looked at next.
    turn: Cell<u32>,
}

/// In so many calls of [`DeadOwners::lost_in_turn`] each lock file is looked at: two system calls for
/// each of a hundred files, ten times a second, took most of the time of an idle pool's supervisor.
const TURNS: u32 = 10;

impl DeadOwners {
    /// Opens all lock files of the segment.
    pub fn new(segment: &Segment) -> crate::error::Result<Self> {
        let (dir, epoch, g) = (segment.dir(), segment.epoch(), segment.geometry());
        let open = |path: std::path::PathBuf| liveness::open_lock_file(&path, false);
        Ok(Self {
            clients: (0..g.max_clients)
                .map(|i| open(dir.client_lock(epoch, i)))
                .collect::<Result<_, _>>()?,
            workers: (0..g.max_workers)
                .map(|i| open(dir.worker_lock(epoch, i)))
                .collect::<Result<_, _>>()?,
            turn: Cell::new(0),
        })
    }

    /// What has become of the lock files, if one is not there any more, or another one: without it
    /// an entry can't be taken, and the death of its holder is never proved.
    #[must_use]
    pub fn lost(&self, segment: &Segment) -> Option<String> {
        self.lost_among(segment, |_| true)
    }

    /// The same for a tenth of the files, the next ones at each call.
    #[must_use]
    pub fn lost_in_turn(&self, segment: &Segment) -> Option<String> {
        let turn = self.turn.replace((self.turn.get() + 1) % TURNS);
        self.lost_among(segment, |index| index % TURNS == turn)
    }

    fn lost_among(&self, segment: &Segment, among: impl Fn(u32) -> bool) -> Option<String> {
        let (dir, epoch) = (segment.dir(), segment.epoch());
        let lost = |file: &LockFile, path: &std::path::Path| {
            liveness::lost(path, liveness::identity(&file.metadata().ok()?))
        };
        let among = |(index, _): &(u32, &LockFile)| among(*index);
        let mut clients = (0..).zip(&self.clients).filter(among);
        let mut workers = (0..).zip(&self.workers).filter(among);
        clients
            .find_map(|(index, file)| lost(file, &dir.client_lock(epoch, index)))
            .or_else(|| {
                workers.find_map(|(index, file)| lost(file, &dir.worker_lock(epoch, index)))
            })
    }

    /// Clients proved dead, or gone without clearing up.
    #[must_use]
    pub fn dead_clients(&self, segment: &Segment) -> Vec<u32> {
        dead(&self.clients, |index| segment.client(index).word_acquire())
    }

    /// Workers proved dead.
    #[must_use]
    pub fn dead_workers(&self, segment: &Segment) -> Vec<u32> {
        dead(&self.workers, |index| segment.worker(index).word_acquire())
    }
}

/// The word first, the lock second: ACTIVE is stored after the lock is taken, so
/// this order can't take a newcomer for dead.
fn dead(locks: &[LockFile], word: impl Fn(u32) -> EntryWord) -> Vec<u32> {
    (0..locks.len() as u32)
        .filter(|index| !word(*index).is_free())
        .filter(|index| liveness::is_held(&locks[*index as usize]).is_ok_and(|held| !held))
        .collect()
}

/// The cheap look of the supervisor's tick: does work wait without a lane that comes for it?
#[derive(Debug, Default)]
pub struct LostWakeCheck {
    heads: Vec<(LaneKind, u64)>,
}

impl LostWakeCheck {
    /// Wakes a lane when work waits while one sleeps. When a ring has not moved since the look
    /// before, the bits themselves may be wrong (a waker that died or was stopped between clearing
    /// a bit and its wake): then every lane without a task is woken, whatever its bit says. `true`
    /// when a lane was woken.
    pub fn look(&mut self, segment: &Segment) -> bool {
        // A ring at rest counts as moving.
        let heads: Vec<(LaneKind, u64)> = queues(segment)
            .map(|(kind, ring)| match ring.is_empty() {
                true => (kind, u64::MAX),
                false => (kind, ring.head()),
            })
            .collect();
        let stuck = heads
            .iter()
            .zip(&self.heads)
            .any(|(now, before)| now == before && now.1 != u64::MAX);
        let waiting = |kind: LaneKind| {
            heads
                .iter()
                .any(|(of, head)| *of == kind && *head != u64::MAX)
                || runnable(segment, kind)
        };
        let mut woken = false;
        if stuck {
            woken = wake_lanes_without_task(segment);
        } else {
            for kind in segment.geometry().lane_kinds() {
                woken |= waiting(*kind) && wake_one_lane(segment, *kind);
            }
        }
        self.heads = heads;
        woken
    }
}

/// The rings in which lanes look for tasks, with the kind of these.
fn queues(segment: &Segment) -> impl Iterator<Item = (LaneKind, HintRing<'_>)> {
    let g = segment.geometry();
    g.lane_kinds().iter().flat_map(move |kind| {
        (0..g.priorities).map(move |priority| (*kind, segment.queue(*kind, priority)))
    })
}

/// Whether a hint waits in any of them.
#[must_use]
pub fn has_backlog(segment: &Segment) -> bool {
    queues(segment).any(|(_, ring)| !ring.is_empty())
}

/// Wakes a lane for a client that can't: when a task waits and a lane sleeps. `true` when it was
/// woken.
pub fn wake_for_work(segment: &Segment) -> bool {
    let mut woken = false;
    for kind in segment.geometry().lane_kinds() {
        let waits = queues(segment).any(|(of, ring)| of == *kind && !ring.is_empty());
        woken |= waits && wake_one_lane(segment, *kind);
    }
    woken
}

fn wake_lanes_without_task(segment: &Segment) -> bool {
    let mut woken = false;
    for lane in resting_lanes(segment) {
        wake_word(lane.wake());
        woken = true;
    }
    woken
}

fn resting_lanes(segment: &Segment) -> impl Iterator<Item = LaneRecord<'_>> {
    segment
        .lanes()
        .filter(|lane| lane.word_acquire().is_active() && lane.current().is_none())
}

/// Whether a lane runs no task: then it looks for one, sleeps, or was stopped on its way to either.
#[must_use]
pub fn has_resting_lane(segment: &Segment) -> bool {
    resting_lanes(segment).next().is_some()
}

/// The slow look: what stands unchanged since the look before gets its hint again.
#[derive(Debug, Default)]
pub struct Sweeper {
    // By slot: one entry for each of the segment.
    seen: Vec<Seen>,
    slices: Slices,
}

/// A task that waits, as it was first seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// 0 where none waits.
    word: u64,
    /// Where its injector ring ended then. Once the ring's head is there, its hint has been taken, or
    /// never was there.
    tail: u64,
}

/// A task that runs past its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// Its slot.
    pub slot: u32,
    /// The lane that runs it.
    pub lane: u32,
    /// The worker of that lane.
    pub worker: u32,
    /// Nanoseconds since the deadline.
    pub late_ns: u64,
    /// Handler id.
    pub handler: u64,
    /// The task id that the client gave it, or its own.
    pub task_id: u64,
    /// The attempt, counted from 1.
    pub attempt: u32,
}

impl Sweeper {
    /// Looks at the slots of all clients, a slice each time; returns those of their tasks that run
    /// past their deadline. What has ended without a hint is the business of its client, which looks
    /// itself.
    pub fn sweep(&mut self, segment: &Segment, now_ns: u64) -> Vec<Overdue> {
        let g = segment.geometry();
        self.seen.resize(g.total_slots() as usize, Seen::default());
        let mut overdue = Vec::new();
        let mut restored = 0;
        let is_there = |client| !segment.client(client).word_acquire().is_free();
        let slices = (self.slices).of_clients(g.max_clients, g.slots_per_client, is_there);
        for slot in slices.into_iter().flatten() {
            if let Some(word) = segment.slot(slot).queued() {
                restored += self.look_at_queued(segment, slot, word);
            } else {
                self.seen[slot as usize].word = 0;
                overdue.extend(overdue_task(segment, slot, now_ns));
            }
        }
        segment.count(PoolCounter::HintsRestored, restored);
        overdue
    }

    /// Restores the hint of a task that waits, where it is lost; how many were restored.
    fn look_at_queued(&mut self, segment: &Segment, slot: u32, word: Word) -> u64 {
        let seen = &mut self.seen[slot as usize];
        if seen.word == word.0 && !is_lost(segment, slot, seen.tail) {
            return 0;
        }
        let again = seen.word == word.0;
        let restored = again && hint(segment, slot);
        if again {
            failpoint!("sweep.hinted");
            wake_one_lane(segment, segment.slot(slot).published().lane_kind());
        }
        *seen = Seen {
            word: word.0,
            tail: queue_of(segment, slot).tail(),
        };
        u64::from(restored)
    }
}

/// Whether the hint of a task that has been QUEUED since its ring ended at `tail` is gone. All that
/// were in the ring then have been taken; a lane may still hold it, so this may lead to a second
/// hint, but never to a third before the second is taken.
fn is_lost(segment: &Segment, slot: u32, tail: u64) -> bool {
    let passed = queue_of(segment, slot).head().wrapping_sub(tail) as i64 >= 0;
    // Hints of a handler with a limit wait in a ring of their own, whatever that one's head says.
    let waits_there = |kind| !any_idle(segment, kind);
    passed
        && keys::may_restore(segment, slot)
        && !limited_kind(segment, slot).is_some_and(waits_there)
        && may_restore(segment, slot)
}

/// The ring that the hint of a slot's task belongs into.
fn queue_of(segment: &Segment, slot: u32) -> HintRing<'_> {
    segment.queue_of(segment.slot(slot).published())
}

fn overdue_task(segment: &Segment, slot: u32, now_ns: u64) -> Option<Overdue> {
    let fields = segment.slot(slot);
    let deadline = fields.deadline_ns().filter(|deadline| now_ns > *deadline)?;
    let word = fields.word();
    let handler = fields.handler();
    let task_id = fields.task_id(slot, word);
    let lane = u32::from(word.owner());
    // The word again, after the fields: they are of this task.
    if word.kind() != Kind::Claimed
        || lane >= segment.geometry().max_lanes
        || fields.deadline_ns() != Some(deadline)
        || fields.word() != word
    {
        return None;
    }
    let worker = segment.lane(lane).word_acquire().worker();
    Some(Overdue {
        slot,
        lane,
        worker,
        late_ns: now_ns - deadline,
        handler,
        task_id,
        attempt: word.attempt() + 1,
    })
}
