//! A claim by itself: a task that outlives the look that found it, and may move to another thread.
//!
//! A lane claims as ever and detaches the task: it is free for the next one then, and any number of
//! its claims may be open. The claim word names the lane until the task has ended, whichever thread
//! has the claim, so a death loses nothing. A [`Shard`] has the lane entry in which such tasks are
//! counted when they end, one at a time under its lock: each counter has one writer. Invariants: a
//! claim ends once, by its owner or when it is dropped; it frees its own permit and no other; what
//! `LANE_OPENED` and `LANE_CLOSED` of the lane leave is never less than the claims that stand in its
//! name beside the task that it runs (docs/decisions/0020-a-claim-by-itself.md).

use super::{Claimed, Failure, PayloadSpan};
use crate::error::{Result, RingError};
use crate::format::states::Codec;
use crate::format::words::Word;
use crate::lane::chunk::Chunk;
use crate::lane::core::{KeyPermit, LaneCore, Permit};
use crate::lane::search::Lane;
use crate::os::clock::now_ns;
use crate::os::sync::Ordering;
use crate::queue::arena::{self, BlockRef};
use crate::queue::events::NotPublished;
use crate::queue::topics::publish_by_lane;
use crate::queue::wait::{futex_wait, wake_word};
use crate::records::Slot;
use crate::segment::Segment;
use crate::segment::liveness::LivenessLock;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where claims by themselves end: a lane entry that finds no tasks. Each thread that ends many of
/// them has one of its own, so that its lock is free when it comes.
#[derive(Debug)]
pub struct Shard {
    segment: Arc<Segment>,
    index: u32,
    worker: u32,
    // The worker's proof of life: as long as a claim is open the worker has not left.
    _lock: Arc<LivenessLock>,
    core: Mutex<LaneCore>,
}

impl Shard {
    /// Makes a shard of a lane, which finds no tasks from now on.
    #[must_use]
    pub fn new(lane: Lane) -> Arc<Self> {
        let (mut core, lock) = lane.retire();
        (core.may_block, core.searches) = (false, false);
        Arc::new(Self {
            segment: Arc::clone(&core.segment),
            index: core.index,
            worker: core.worker,
            _lock: lock,
            core: Mutex::new(core),
        })
    }

    /// Index of its lane entry in the pool.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Index of its worker.
    #[must_use]
    pub fn worker(&self) -> u32 {
        self.worker
    }

    /// Publishes an event of its worker.
    ///
    /// # Errors
    /// [`NotPublished`].
    pub fn publish(
        &self,
        topic: &str,
        codec: Codec,
        bytes: &[u8],
    ) -> std::result::Result<(), NotPublished> {
        publish_by_lane(&self.segment, self.index, topic, codec, bytes)
    }

    /// Whether the client of a task of this worker has asked to give it up: a slot and a generation
    /// that [`Claim::slot`] and [`Claim::generation`] told.
    #[must_use]
    #[inline]
    pub fn is_cancelled(&self, slot: u32, generation: u64) -> bool {
        self.segment.slot(slot).cancel_requested(generation)
    }

    /// What the bell of its worker says now, if this is the worker's first shard: to be read before a
    /// look at what is [cancelled](Self::is_cancelled), and slept on after it.
    #[must_use]
    pub fn bell(&self) -> u32 {
        // pairs with the release addition in `wait::wake_word`.
        let wake = self.segment.lane(self.index).wake();
        wake.load(Ordering::Acquire)
    }

    /// Sleeps until the bell is not `seen` any more, or for so long.
    pub fn wait_for_bell(&self, seen: u32, timeout: Duration) {
        futex_wait(self.segment.lane(self.index).wake(), seen, timeout);
    }

    /// Rings the bell.
    pub fn ring(&self) {
        wake_word(self.segment.lane(self.index).wake());
    }

    /// Says that the thread which has this shard runs no part of a task now.
    #[inline]
    pub fn rests(&self) {
        self.segment.lane(self.index).set_current(None);
    }

    fn lock(&self) -> MutexGuard<'_, LaneCore> {
        // A panic leaves it sound: the task that was in hand has ended by its drop.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the result is to go, which was reserved.
#[derive(Debug, Clone, Copy)]
struct Room {
    len: u32,
    block: Option<BlockRef>,
}

/// How far a claim has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// A [`Claimed`] stands for it, and ends the task should it be dropped.
    InHand,
    Closed,
}

/// A task that was claimed, by itself: made by [`Claimed::detach`]. Dropped without an end, it fails
/// as `worker.dropped`.
#[derive(Debug)]
pub struct Claim {
    shard: Arc<Shard>,
    word: Word,
    handler: u64,
    deadline_ns: Option<NonZeroU64>,
    // 0: not timed.
    claimed_ns: u64,
    chunk: Option<Box<Chunk>>,
    request: std::result::Result<(usize, usize), Box<str>>,
    room: Option<Room>,
    permit: Option<Permit>,
    key: Option<KeyPermit>,
    slot: u32,
    requests: u32,
    attempts: u8,
    request_codec: Codec,
    stage: Stage,
}

impl Claimed<'_> {
    /// Makes the task a claim by itself, which ends in the books of a shard of the same worker. The
    /// lane is free for the next task.
    ///
    /// # Panics
    /// When the shard is another worker's: should one of the two die, the other would go on with a
    /// task that the reaper has given to a third.
    #[must_use]
    pub fn detach(mut self, shard: &Arc<Shard>) -> Claim {
        assert!(
            Arc::ptr_eq(&self.lane.segment, &shard.segment) && self.lane.worker == shard.worker,
            "the shard is another worker's: make one of a lane of this worker"
        );
        let entry = self.lane.entry();
        entry.open_claim();
        failpoint!("claim.opened");
        entry.set_current(None);
        let mut claim = Claim {
            shard: Arc::clone(shard),
            word: self.word,
            handler: self.handler,
            // 0 is in the past as well as 1.
            deadline_ns: (self.deadline_ns).map(|ns| NonZeroU64::MIN.saturating_add(ns.max(1) - 1)),
            claimed_ns: self.claimed_ns,
            chunk: None,
            request: Ok((0, 0)),
            room: None,
            permit: self.lane.permit.take(),
            key: self.lane.key.take(),
            slot: self.slot,
            requests: self.requests,
            attempts: self.attempts as u8,
            request_codec: self.request_codec,
            stage: Stage::Open,
        };
        claim.keep(&mut self);
        claim
    }
}

impl Claim {
    /// Takes what a step may have changed out of the task in hand, which is over then.
    fn keep(&mut self, task: &mut Claimed<'_>) {
        task.ended = true;
        self.chunk = task.chunk.take();
        let request = std::mem::replace(&mut task.request, Err(String::new()));
        self.request = request
            .map(|span| (span.offset, span.len))
            .map_err(String::into_boxed_str);
        self.room = task.result.take().map(|span| Room {
            len: span.len as u32,
            block: span.block,
        });
        self.requests = task.requests;
        self.request_codec = task.request_codec;
    }

    /// The task in hand: until it has ended, or [`Self::keep`] takes it back.
    fn take<'l>(&mut self, core: &'l mut LaneCore) -> Claimed<'l> {
        self.stage = Stage::InHand;
        core.permit = self.permit.take();
        core.key = self.key.take();
        let fields = self.shard.segment.slot(self.slot);
        let request = std::mem::replace(&mut self.request, Ok((0, 0)));
        let room = self.room.take();
        Claimed {
            slot: self.slot,
            word: self.word,
            handler: self.handler,
            request: request.map(span).map_err(str::into_string),
            request_codec: self.request_codec,
            attempts: self.attempts.into(),
            deadline_ns: self.deadline_ns.map(NonZeroU64::get),
            claimed_ns: self.claimed_ns,
            submitted_ns: match self.claimed_ns {
                0 => 0,
                _ => fields.submitted_ns(),
            },
            // No task follows in whose claim its lane would look what is asked: its end is told.
            watched: false,
            result: room.map(|room| PayloadSpan {
                offset: room.block.map_or(fields.inline_result(), |block| {
                    arena::offset(&self.shard.segment, block)
                }),
                len: room.len as usize,
                block: room.block,
            }),
            chunk: self.chunk.take(),
            requests: self.requests,
            ended: false,
            lane: core,
        }
    }

    /// Does something with the task as a lane does, under the shard's lock: a short step, such as
    /// one request of a chunk. It must not use other claims of the shard. Nothing that it calls
    /// waits: without room for a result it fails at once. `None` when the task has ended in a step before.
    pub fn step<R>(&mut self, step: impl FnOnce(&mut Claimed<'_>) -> R) -> Option<R> {
        if self.stage != Stage::Open {
            return None;
        }
        let shard = Arc::clone(&self.shard);
        let mut core = shard.lock();
        let mut task = self.take(&mut core);
        let result = step(&mut task);
        if task.ended {
            drop(task);
            self.close();
        } else {
            self.keep(&mut task);
            drop(task);
            self.permit = core.permit.take();
            self.key = core.key.take();
            self.stage = Stage::Open;
        }
        Some(result)
    }

    /// The task has ended: it stands in the lane's name no more.
    fn close(&mut self) {
        self.stage = Stage::Closed;
        let lane = u32::from(self.word.owner());
        self.shard.segment.lane(lane).close_claim_release();
        failpoint!("claim.closed");
    }

    fn fields(&self) -> Slot<'_> {
        self.shard.segment.slot(self.slot)
    }

    /// Its slot, for tests and logs.
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Which use of the slot it is, for [`Shard::is_cancelled`].
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.word.generation()
    }

    /// Says that the thread which has the shard runs a part of this task now, such as one poll of a
    /// future, until [`Shard::rests`]: the time limits of its handler are those of each part.
    #[inline]
    pub fn runs(&self) {
        let shard = &self.shard;
        shard.segment.lane(shard.index).set_current(Some(self.slot));
    }

    /// Whether the supervisor has asked to give it up, since a part of it has run beyond its
    /// handler's soft limit.
    #[must_use]
    pub fn over_soft_limit(&self) -> bool {
        let lane = self.shard.segment.lane(self.shard.index);
        let told = lane.told_to_give_up_acquire(self.slot, self.word);
        told.is_some()
    }

    /// Reports progress, as [`Claimed::progress`].
    pub fn progress(&self, done: u32, total: u32) {
        if self.stage == Stage::Open && self.chunk.is_none() {
            self.fields().set_progress(done, total);
        }
    }

    /// Id of the handler asked for: [`id_of`](crate::id_of) its name.
    #[must_use]
    pub fn handler(&self) -> u64 {
        self.handler
    }

    /// The task id that the client gave it; else one that no other task of the pool has.
    #[must_use]
    pub fn task_id(&self) -> u64 {
        self.fields().task_id(self.slot, self.word)
    }

    /// The deadline in CLOCK_MONOTONIC nanoseconds, if there is one.
    #[must_use]
    pub fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns.map(NonZeroU64::get)
    }

    /// Whether the deadline has passed.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.deadline_ns().is_some_and(|at| now_ns() >= at)
    }

    /// Whether its client has asked to give the task up.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.fields().cancel_requested(self.word.generation())
    }

    /// Codec of the request, as [`Claimed::request_codec`].
    #[must_use]
    pub fn request_codec(&self) -> Codec {
        self.request_codec
    }

    /// The request, in place, as [`Claimed::request`].
    ///
    /// # Errors
    /// When the request is none, and when the task has ended in a step: it is its client's then.
    pub fn request(&self) -> Result<&[u8]> {
        match &self.request {
            Ok(_) if self.stage != Stage::Open => Err(over()),
            Ok(place) => {
                let place = span(*place);
                // SAFETY: as in `Claimed::request`; the segment lives as long as the shard, which
                // this claim holds.
                Ok(unsafe { place.read(&self.shard.segment) })
            }
            Err(why) => Err(RingError::Corrupt(why.to_string())),
        }
    }

    /// Room for a result of up to `len` bytes, as [`Claimed::try_reserve`].
    ///
    /// # Errors
    /// [`RingError::ArenaExhausted`] at once where there is none now.
    pub fn try_reserve(&mut self, len: usize) -> Result<&mut [u8]> {
        let place = self.step(|task| task.find_room(len));
        let place = place.unwrap_or_else(|| Err(over()))?;
        // SAFETY: as in `Claimed::reserve`.
        Ok(unsafe { place.write(&self.shard.segment) })
    }

    /// Ends the task with the first `len` bytes of the room reserved last, as [`Claimed::finish`].
    pub fn finish(mut self, len: usize, codec: Codec) {
        self.step(|task| task.finish_request(len, codec));
    }

    /// Ends the task with a copy of `bytes`, as [`Claimed::complete`]; without room for them it
    /// fails at once.
    pub fn complete(mut self, bytes: &[u8], codec: Codec) {
        self.step(|task| task.complete_request(bytes, codec));
    }

    /// Ends the task as failed.
    pub fn fail(mut self, failure: &Failure<'_>) {
        self.step(|task| task.fail_request(failure));
    }
}

/// A request by its offset and its length.
fn span((offset, len): (usize, usize)) -> PayloadSpan {
    PayloadSpan {
        offset,
        len,
        block: None,
    }
}

fn over() -> RingError {
    RingError::Corrupt("a task was used after its end: a bug in the worker".into())
}

impl Drop for Claim {
    fn drop(&mut self) {
        match self.stage {
            Stage::Open => {
                let shard = Arc::clone(&self.shard);
                let mut core = shard.lock();
                // Its drop ends it.
                drop(self.take(&mut core));
                self.close();
            }
            // A step has panicked, and the drop of what it had in hand has ended the task.
            Stage::InHand => self.close(),
            Stage::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests;
