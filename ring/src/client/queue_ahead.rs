//! What runs before a task that goes into a ring: the tasks that lanes hold, and those in its ring
//! and in the rings before it, by their hints. Of a handler with a limit of concurrency also what
//! waits for its permits, and only what is for the same handler.
//!
//! Owned by a [`crate::client::backlog::Backlog`]. Invariant: a slot counts once, and only while it
//! is QUEUED, and as much as tasks of its handler take ([`RunTimes::cost`]); a task whose deadline
//! will have passed when a lane gets to it counts nothing. The hints are followed one by one, but
//! only the new ones are between two fresh starts.

use crate::client::lane_pace::lanes;
use crate::client::run_times::RunTimes;
use crate::format::layout::HELD;
use crate::format::states::Codec;
use crate::os::clock::now_ns;
use crate::queue::hint_ring::HintRing;
use crate::segment::Segment;

/// All hints are followed again after this many nanoseconds at the latest; till then new ones.
const LONGEST: u64 = 5_000_000;
/// The pause until then is this many times as long as following all of them took.
const TIMES: u64 = 10;
/// A task counts nothing if its deadline passes in this part of the time until a lane gets to it.
/// By all of that time a queue in which each second task expires would look as if one more task
/// could just be in time, for ever.
const SURELY: f64 = 0.8;

/// Where those are that are before a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    /// The last of the rings.
    pub(crate) ring: u32,
    /// Only those of the handler of this id, and those that wait for a permit of its limit.
    pub(crate) limit: Option<(u64, u32)>,
}

/// What is before a task that goes into one ring.
#[derive(Debug, Default)]
pub(crate) struct QueueAhead {
    since: u64,
    pause: u64,
    each: f64,
    lanes: u64,
    // The handler that counts, if not all do.
    only: Option<u64>,
    work: f64,
    tasks: u64,
    // The position behind the last hint that was followed, for each ring.
    reached: Vec<u64>,
    // The slots that were counted, a bit each.
    counted: Vec<u64>,
}

impl QueueAhead {
    /// Looks at the hints of what is `before` a task, where one more task delays the next by `each`
    /// nanoseconds on the mean (0 if not known) and `lanes` run tasks.
    pub(crate) fn look(
        &mut self,
        segment: &Segment,
        before: Before,
        now: u64,
        (each, lanes): (f64, u64),
        times: &RunTimes,
    ) {
        let anew = each != self.each || now.saturating_sub(self.since) >= self.pause;
        if anew {
            self.lanes = lanes.max(1);
            self.begin(segment, before, now, each, times);
        }
        for (ring, place) in (0..=before.ring).zip(0..) {
            self.follow(segment, segment.injector(ring), place, times);
        }
        if let Some((_, limit)) = before.limit {
            let place = before.ring as usize + 1;
            self.follow(segment, segment.deferred_ring(limit), place, times);
        }
        if anew {
            self.pause = LONGEST.min(TIMES.saturating_mul(now_ns().saturating_sub(now)));
        }
    }

    /// Nanoseconds until a task would be started that comes `now`.
    pub(crate) fn wait(&self, now: u64) -> f64 {
        self.work - now.saturating_sub(self.since) as f64
    }

    /// How many tasks run before it.
    pub(crate) fn tasks(&self) -> u64 {
        self.tasks
    }

    fn begin(&mut self, segment: &Segment, before: Before, now: u64, each: f64, times: &RunTimes) {
        self.since = now;
        self.each = each;
        self.work = 0.0;
        self.tasks = 0;
        self.reached.clear();
        self.reached.resize(before.ring as usize + 2, 0);
        self.only = before.limit.map(|(handler, _)| handler);
        self.counted.clear();
        let slots = segment.geometry().total_slots() as usize;
        self.counted.resize(slots.div_ceil(64), 0);
        for lane in lanes(segment) {
            for slot in (0..HELD).filter_map(|place| lane.held_acquire(place)) {
                self.count(segment, slot, times);
            }
        }
    }

    fn follow(&mut self, segment: &Segment, ring: HintRing<'_>, place: usize, times: &RunTimes) {
        let tail = ring.tail();
        // Not more than a ring has, whatever a peer has written.
        let most = tail.saturating_sub(ring.capacity() as u64);
        let first = ring.head().max(self.reached[place]).max(most);
        for position in first..tail {
            self.count(segment, ring.hint_at(position), times);
        }
        self.reached[place] = tail;
    }

    fn count(&mut self, segment: &Segment, slot: u32, times: &RunTimes) {
        if slot >= segment.geometry().total_slots() {
            return;
        }
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        if self.counted[word] & bit != 0 || segment.slot(slot).queued().is_none() {
            return;
        }
        self.counted[word] |= bit;
        // Relaxed, all three: ordered by the acquire of the published word. If the slot was used
        // again since, they are of the next task.
        let fields = segment.slot(slot);
        let handler = fields.handler();
        if self.only.is_some_and(|only| only != handler) {
            return;
        }
        let deadline = fields.deadline_ns();
        if deadline.is_none_or(|at| at.saturating_sub(self.since) as f64 > self.work * SURELY) {
            let chunk = fields.published().codec() == Ok(Codec::Chunk);
            self.work += times.cost(handler, self.each, self.lanes, chunk);
            self.tasks += 1;
        }
    }
}
