//! What a lane shares with the task in its hands: segment, entry, arena, permit, what it has learned.
//!
//! Owned by [`crate::lane::search`], which finds tasks; borrowed by [`crate::lane::claimed`] until
//! the task has ended. Invariant: the permit belongs to the task that runs, or to the claim that is
//! being tried.

use crate::format::layout::LaneCounter;
use crate::format::states::LaneKind;
use crate::format::words::Word;
use crate::lane::handler_counts::HandlerCounts;
use crate::os::sync::{Ordering, fence, fence_after_rmw};
use crate::queue::arena::ArenaView;
use crate::queue::hints::publish_completion_knowing;
use crate::queue::wait;
use crate::records::{LaneRecord, Waiting};
use crate::segment::Segment;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A permit that a lane has: which one, of which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permit {
    // Narrow, for a claim by itself has one: there are at most 64 limits, and 256 lanes.
    pub(crate) limit: u16,
    pub(crate) place: u16,
}

/// The permit of a key that a lane has: of which bucket, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyPermit(NonZeroU32);

impl KeyPermit {
    pub(crate) fn new(bucket: u32, place: usize) -> Self {
        // A claim by itself has one: the fewer bytes the better. There are at most 2^18 buckets.
        let word = bucket << 3 | place as u32;
        Self(NonZeroU32::MIN.saturating_add(word))
    }

    pub(crate) fn bucket(self) -> u32 {
        (self.0.get() - 1) >> 3
    }

    pub(crate) fn place(self) -> usize {
        (self.0.get() - 1) as usize & 7
    }
}

/// The part of a lane that a claimed task borrows.
#[derive(Debug)]
pub(crate) struct LaneCore {
    pub(crate) segment: Arc<Segment>,
    pub(crate) index: u32,
    // Whose it is; its entry says so, too, but there others may write.
    pub(crate) worker: u32,
    // Which tasks it looks for.
    pub(crate) kind: LaneKind,
    // Where its entry is.
    at: usize,
    pub(crate) arena: ArenaView,
    // Handlers with a limit, and the permit for the task that runs.
    pub(crate) limits: Vec<u64>,
    pub(crate) permit: Option<Permit>,
    // Whether the last task that was not admitted found no permit.
    pub(crate) over_limit: bool,
    // The permit of its key, if it has one.
    pub(crate) key: Option<KeyPermit>,
    // Whether it looks for the next task when this one has ended: not a shard.
    pub(crate) searches: bool,
    // Whether a result may wait for a block.
    pub(crate) may_block: bool,
    // Smoothed run time of sampled tasks.
    pub(crate) run_ns: u64,
    // What it counts by handler.
    pub(crate) counts: HandlerCounts,
    // The task that ended last, if its client watched it: whether that has asked for its hint is
    // still to be looked at.
    unannounced: Option<(u32, u64)>,
    // The head of each client's completion ring as it was seen last; 0 before that, and never too
    // large.
    heads_seen: Box<[u64]>,
}

impl LaneCore {
    pub(crate) fn new(
        segment: Arc<Segment>,
        (worker, index): (u32, u32),
        kind: LaneKind,
        limits: Vec<u64>,
    ) -> Self {
        let clients = segment.geometry().max_clients as usize;
        Self {
            index,
            worker,
            kind,
            at: segment.geometry().lane_at(index),
            arena: ArenaView::new(&segment),
            limits,
            permit: None,
            over_limit: false,
            key: None,
            searches: true,
            may_block: true,
            run_ns: u64::MAX,
            counts: HandlerCounts::new(&segment, index),
            unannounced: None,
            heads_seen: vec![0; clients].into(),
            segment,
        }
    }

    /// The lane's own entry.
    #[inline(always)]
    pub(crate) fn entry(&self) -> LaneRecord<'_> {
        LaneRecord::new(self.segment.part(self.at))
    }

    /// Counts what has become of a task, of the lane and of its handler.
    #[inline(always)]
    pub(crate) fn count(&mut self, handler: u64, counter: LaneCounter, by: u64) {
        self.entry().counter(counter).bump_by(by);
        self.counts.count(&self.segment, handler, counter, by);
    }

    /// Counts a task that failed since no worker could run it.
    #[cold]
    pub(crate) fn count_refused(&mut self, handler: u64) {
        self.counts.refused(&self.segment, handler);
    }

    #[inline]
    pub(crate) fn cas_claim(&self, slot: u32, waiting: Waiting) -> Option<(u32, Word)> {
        // The CAS is a barrier: what is asked for before it comes meanwhile.
        let fields = self.segment.slot(slot);
        fields.prefetch_payload();
        failpoint!("claim.seen");
        let claimed = fields.claim(waiting, self.index as u16)?;
        failpoint!("claim.claimed");
        Some((slot, claimed))
    }

    /// After a task that its client watches: no hint, unless [`Self::tell_if_asked`] finds that it
    /// asks for one.
    #[inline(always)]
    pub(crate) fn keep_to_itself(&mut self, slot: u32, ended: Word) {
        self.unannounced = Some((slot, ended.generation()));
    }

    /// Announces the end of the last task if its client watched it and has asked for the hint. To be
    /// called after a locked instruction behind that end: the claim of the next task, or a fence.
    #[inline(always)]
    pub(crate) fn tell_if_asked(&mut self) {
        if let Some((slot, generation)) = self.unannounced {
            self.unannounced = None;
            // pairs with the order of `Slot::request_hint` and the client's look behind it: it sees
            // the end, or this look sees what it asks.
            fence_after_rmw();
            if self.segment.slot(slot).wants_hint(generation) {
                failpoint!("complete.asked");
                self.announce(slot);
            }
        }
    }

    /// As [`Self::tell_if_asked`], where no locked instruction stands before.
    #[inline(always)]
    pub(crate) fn tell_if_asked_now(&mut self) {
        if self.unannounced.is_some() {
            self.fence_and_tell();
        }
    }

    #[cold]
    fn fence_and_tell(&mut self) {
        fence(Ordering::SeqCst);
        self.tell_if_asked();
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

impl Drop for LaneCore {
    fn drop(&mut self) {
        self.tell_if_asked_now();
    }
}
