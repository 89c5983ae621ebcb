//! Lanes with long tasks give way to threads that wait for events.
//!
//! A thread that wakes, an event loop's say, waits for the slice of one that computes to end, a few
//! milliseconds, where both weigh the same. So a lane whose tasks compute for long becomes nice
//! ([`lower_priority`]), once and for good, for a nice value can't be lowered again. One whose
//! tasks are short, or sleep, stays as it is: its callers wait for it as for their own threads.
//!
//! That decides which thread runs when the kernel asks; it asks when a thread wakes, and else at its ticks,
//! 4 ms apart with 250 Hz. A thread that woke while a third one ran is passed over for a lane, as
//! often as not, when that third one goes to sleep, and waits for a tick. So a nice lane asks by
//! itself, between two tasks.

use ringwork_ring::lane::search::Lane;
use ringwork_ring::os::clock::thread_time;
use ringwork_ring::os::scheduling::{Scheduling, lower_priority};
use std::time::{Duration, Instant};

/// A task that runs for so long is long: some hundred times what it costs to hand it over, and
/// still short beside a slice of the kernel's.
const LONG: Duration = Duration::from_micros(100);

/// How many tasks in a row must have been long: the first one of a worker meets cold caches.
const PROOF: u32 = 16;

/// A nice lane yields after a task when it has not for so long: half a tick of an event loop that
/// ticks each millisecond. After each task of 0.15 ms it would cost a fifth of the throughput
/// (docs/lab/2026-11-event-loops.md).
const YIELD_EVERY: Duration = Duration::from_micros(500);

/// What a lane has seen of its tasks.
pub(crate) struct Niceness {
    adaptive: bool,
    /// When it has yielded last; `None` until it is nice.
    yielded: Option<Instant>,
    long: u32,
    /// Whether the next task counts.
    counts: bool,
    /// The processor time of the thread when the task began; `None` if it does not count.
    began: Option<Duration>,
    /// What the long tasks in a row have taken of it. What the lane takes between two tasks, as it
    /// looks for the next one, is no task's.
    taken: Duration,
}

impl Niceness {
    pub(crate) fn new(policy: Scheduling) -> Self {
        Self {
            adaptive: policy == Scheduling::Adaptive,
            yielded: None,
            long: 0,
            counts: false,
            began: None,
            taken: Duration::ZERO,
        }
    }

    /// Before each task. The processor's time is asked for only where tasks are long by the clock,
    /// for it is a system call.
    #[inline]
    pub(crate) fn before_task(&mut self) {
        self.began = self.counts.then(thread_time);
    }

    /// After each task.
    #[inline]
    pub(crate) fn after_task(&mut self, lane: &Lane) {
        if let Some(yielded) = &mut self.yielded {
            if is_due(yielded, Instant::now()) {
                std::thread::yield_now();
            }
        } else if self.adaptive && lane.mean_run().is_some_and(|mean| mean >= LONG) {
            self.after_long_task(lane);
        } else {
            self.counts = false;
            self.long = 0;
        }
    }

    #[cold]
    fn after_long_task(&mut self, lane: &Lane) {
        let Some(began) = self.began else {
            self.counts = true; // from the next task on
            return;
        };
        if self.long == 0 {
            self.taken = Duration::ZERO;
        }
        self.taken += thread_time().saturating_sub(began);
        self.long += 1;
        if self.long < PROOF {
            return;
        }
        self.long = 0;
        // Tasks that sleep or wait take no processor time.
        if self.taken < LONG * PROOF {
            return;
        }
        self.counts = false;
        self.yielded = Some(Instant::now());
        match lower_priority() {
            Ok(()) => tracing::debug!(
                event = "lane.nice", lane = lane.index(),
                mean_run = ?lane.mean_run().unwrap_or_default(),
                "its tasks are long: the lane is nice from now on"
            ),
            Err(refused) => {
                tracing::warn!(event = "lane.not_nice", %refused, lane = lane.index(), "the lane can't become nice");
            }
        }
    }
}

/// Whether it is time to yield; if so the time begins anew.
fn is_due(yielded: &mut Instant, now: Instant) -> bool {
    let due = now.saturating_duration_since(*yielded) >= YIELD_EVERY;
    if due {
        *yielded = now;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tasks_share_a_yield_and_each_long_one_has_its_own() {
        let yields = |task: Duration, tasks: u32| {
            let mut now = Instant::now();
            let mut yielded = now;
            (0..tasks)
                .filter(|_| {
                    now += task;
                    is_due(&mut yielded, now)
                })
                .count()
        };
        assert_eq!(yields(LONG, 100), 20);
        assert_eq!(yields(YIELD_EVERY - Duration::from_nanos(1), 100), 50);
        assert_eq!(yields(YIELD_EVERY, 100), 100);
        assert_eq!(yields(Duration::from_secs(1), 100), 100);
    }
}
