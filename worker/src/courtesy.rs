//! Lanes with long tasks give way to threads that wait for events.
//!
//! A thread that wakes, an event loop's say, waits for the slice of one that computes to end, a few
//! milliseconds, where both weigh the same. So a lane whose tasks compute for long becomes nice
//! ([`give_way`]), once and for good, for a nice value can't be lowered again. One whose
//! tasks are short, or sleep, stays as it is: its callers wait for it as for their own threads.

use ringwork_ring::clock::thread_time;
use ringwork_ring::kernel::{Scheduling, give_way};
use ringwork_ring::lane::Lane;
use std::time::Duration;

/// A task that runs for so long is long: some hundred times what it costs to hand it over, and
/// still short beside a slice of the kernel's.
const LONG: Duration = Duration::from_micros(100);

/// So many tasks in a row must have been long: the first one of a worker meets cold caches.
const PROOF: u32 = 16;

/// What a lane has seen of its tasks.
pub(crate) struct Courtesy {
    undecided: bool,
    long: u32,
    /// The processor time of the thread when the first of these had ended.
    since: Duration,
}

impl Courtesy {
    pub(crate) fn new(policy: Scheduling) -> Self {
        Self {
            undecided: policy == Scheduling::Adaptive,
            long: 0,
            since: Duration::ZERO,
        }
    }

    /// After each task.
    #[inline]
    pub(crate) fn after_task(&mut self, lane: &Lane) {
        if self.undecided && lane.mean_run().is_some_and(|mean| mean >= LONG) {
            self.after_long_task(lane);
        } else {
            self.long = 0;
        }
    }

    #[cold]
    fn after_long_task(&mut self, lane: &Lane) {
        if self.long == 0 {
            self.since = thread_time();
        }
        self.long += 1;
        if self.long <= PROOF {
            return;
        }
        self.long = 0;
        // Asked last, for it is a system call: tasks that sleep or wait take nobody's processor.
        if thread_time().saturating_sub(self.since) < LONG * PROOF {
            return;
        }
        self.undecided = false;
        match give_way() {
            Ok(()) => tracing::debug!(
                lane = lane.index(),
                mean_run = ?lane.mean_run().unwrap_or_default(),
                "its tasks are long: the lane is nice from now on"
            ),
            Err(refused) => {
                tracing::warn!(%refused, lane = lane.index(), "the lane can't become nice");
            }
        }
    }
}
