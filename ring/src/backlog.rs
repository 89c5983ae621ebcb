//! How long a task would wait for what is queued before it: docs/adr/0010-deadlines-at-the-submit.md.
//!
//! Owned by a [`crate::client::Client`], under its table's lock, and asked about tasks that have a
//! deadline. It reads what the pool has anyway: the rings' heads and tails, the lanes' idle bits and
//! their histograms of run times. Invariant: it errs towards letting a task in; without a few run
//! times, beside a lane that is free, or where the queue moves faster than they say, it says nothing.

use crate::clock::now_ns;
use crate::entry::entry_state;
use crate::layout::*;
use crate::segment::Segment;
use crate::stats::{Histogram, bucket_floor};
use crate::sync::Ordering;
use crate::wait::any_waiting;
use std::time::Duration;

/// How soon it looks again after it has seen that there is no queue to speak of.
const LOOK_EVERY: u64 = 500_000;
/// How often it reads the histograms, at most.
const READ_EVERY: u64 = 50_000_000;
/// Run times that were read so long ago say nothing about what runs now.
const STALE_AFTER: u64 = 10_000_000_000;
/// The time over which the pace of the queue is measured, at most.
const LONGEST_WINDOW: u64 = 2_000_000_000;
/// One task in so long is let in although it would be refused, should the estimate be wrong.
const PROBE_EVERY: u64 = 1_000_000_000;
/// The fewest run times that make an estimate.
const ENOUGH: u64 = 8;

/// Why a task will not meet its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLate {
    /// How long it would wait.
    pub(crate) wait: Duration,
    /// How many tasks are before it.
    pub(crate) ahead: u64,
    /// The lanes that take them.
    pub(crate) lanes: u64,
}

/// What a client knows of the queue.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    next_look: u64,
    next_probe: u64,
    read_at: u64,
    // What was read when the present stretch of work, or of run times, began; none before.
    before: Option<Histogram>,
    // When, and how many hints had been taken then.
    window: (u64, u64),
    // Nanoseconds of processing for each hint, by the run times.
    cost: Option<f64>,
    // The pace at which hints were seen to be taken: the cost is no more than that.
    pace: Option<f64>,
    lanes: u64,
}

impl Backlog {
    /// Why a task would be too late that goes into the ring of `priority` and has so long; `None`
    /// if it may be in time.
    pub(crate) fn refusal(
        &mut self,
        segment: &Segment,
        priority: u32,
        left: Duration,
    ) -> Option<TooLate> {
        let now = now_ns();
        if now < self.next_look {
            return None;
        }
        if any_waiting(segment) {
            // What ran before says nothing about the next queue.
            self.before = None;
            self.cost = None;
            self.next_look = now + LOOK_EVERY;
            return None;
        }
        let (mut ahead, mut taken) = (0, 0_u64);
        for ring in 0..segment.geometry().priorities {
            let injector = segment.injector(ring);
            taken = taken.wrapping_add(injector.head());
            if ring <= priority {
                ahead += injector.depth();
            }
        }
        self.read(segment, now, taken);
        let left = left.as_nanos() as f64;
        let wait = self.wait_for(ahead);
        if wait <= left {
            if wait < LOOK_EVERY as f64 {
                self.next_look = now + LOOK_EVERY;
            }
            return None;
        }
        if lanes(segment).any(|at| segment.u32_at(at + LANE_CURRENT).load(Ordering::Relaxed) == 0) {
            return None;
        }
        // Without hints whose tasks were given up.
        let ahead = ahead.min(alive(segment).saturating_sub(self.lanes));
        let wait = self.wait_for(ahead);
        if wait <= left {
            return None;
        }
        if now >= self.next_probe {
            self.next_probe = now + PROBE_EVERY;
            return None;
        }
        Some(TooLate {
            wait: Duration::from_nanos(wait as u64),
            ahead,
            lanes: self.lanes,
        })
    }

    fn wait_for(&self, ahead: u64) -> f64 {
        let cost = self.cost.unwrap_or(0.0);
        ahead as f64 * self.pace.map_or(cost, |pace| pace.min(cost))
    }

    fn read(&mut self, segment: &Segment, now: u64, taken: u64) {
        let age = now.saturating_sub(self.read_at);
        if age < READ_EVERY && self.before.is_some() {
            return;
        }
        self.read_at = now;
        let mut latest = Histogram::default();
        self.lanes = 0;
        for at in lanes(segment) {
            self.lanes += 1;
            latest.add(segment, at + LANE_RUN_HISTOGRAM);
        }
        match self.before.take() {
            Some(before) if age < STALE_AFTER && self.lanes > 0 => {
                self.before = Some(self.learn_cost(before, latest));
                self.learn_pace(now, taken);
            }
            _ => {
                self.before = Some(latest);
                self.cost = None;
                self.pace = None;
                self.window = (now, taken);
            }
        }
    }

    /// The mean of the run times that were added, once they are enough. Returns what to compare with next.
    fn learn_cost(&mut self, before: Histogram, latest: Histogram) -> Histogram {
        let (mut samples, mut sum) = (0_u64, 0.0);
        for (bucket, (now, then)) in latest.0.iter().zip(&before.0).enumerate() {
            let Some(more) = now.checked_sub(*then) else {
                return latest; // a lane has gone
            };
            samples = samples.saturating_add(more);
            sum += more as f64 * bucket_floor(bucket) as f64;
        }
        if samples < ENOUGH {
            return before;
        }
        let each = sum / samples as f64 / self.lanes as f64;
        self.cost = Some(self.cost.map_or(each, |cost| (cost + each) / 2.0));
        latest
    }

    /// Lanes that begin at the same time take as many hints at once: these are not counted.
    fn learn_pace(&mut self, now: u64, taken: u64) {
        let elapsed = now.saturating_sub(self.window.0);
        let moved = taken.wrapping_sub(self.window.1);
        let seen = (moved > 2 * self.lanes).then(|| elapsed as f64 / (moved - self.lanes) as f64);
        if moved > 8 * self.lanes || elapsed > LONGEST_WINDOW {
            self.pace = seen;
            self.window = (now, taken);
        } else if let Some(seen) = seen {
            self.pace = Some(self.pace.map_or(seen, |pace| pace.min(seen)));
        }
    }
}

/// Where the entries of the lanes are that are in use.
fn lanes(segment: &Segment) -> impl Iterator<Item = usize> {
    (0..segment.geometry().max_lanes)
        .map(|lane| segment.lane_at(lane))
        .filter(|at| is_active(segment, at + LANE_WORD))
}

fn is_active(segment: &Segment, word: usize) -> bool {
    // Relaxed: what is read of the entry is a number that may be a little old.
    entry_state(segment.u64_at(word).load(Ordering::Relaxed)) == ENTRY_ACTIVE
}

/// The tasks of all clients that are queued or run, by their counters.
fn alive(segment: &Segment) -> u64 {
    (0..segment.geometry().max_clients)
        .map(|client| segment.client_at(client))
        .filter(|at| is_active(segment, at + CLIENT_WORD))
        .map(|at| {
            let count = |field: usize| segment.u64_at(at + field).load(Ordering::Relaxed);
            [
                CLIENT_COMPLETED,
                CLIENT_FAILED,
                CLIENT_TIMED_OUT,
                CLIENT_CANCELLED,
            ]
            .iter()
            .fold(count(CLIENT_SUBMITTED), |alive, ended| {
                alive.saturating_sub(count(*ended))
            })
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use crate::client::{Client, TaskOptions, Ticket};
    use crate::error::RingError;
    use crate::layout::*;
    use crate::segment::Segment;
    use crate::sync::Ordering;
    use crate::{PoolConfig, PoolDir, WaitStrategy, WorkerEntry};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// 0.94 s, as `bucket_of` has it.
    const ABOUT_A_SECOND: usize = 115;

    fn soon() -> TaskOptions {
        TaskOptions {
            timeout: Some(Duration::from_secs(5)),
            ..TaskOptions::default()
        }
    }

    /// Submits until the answer is as wanted: a refusal, or two in a row that are let in, of which
    /// a probe is but one.
    fn await_refusal(client: &Client, options: &TaskOptions, wanted: bool) -> Option<RingError> {
        let start = Instant::now();
        let mut let_in = 0;
        while start.elapsed() < Duration::from_secs(30) {
            match client.submit("hash", b"", options).map(Ticket::cancel) {
                Ok(_) => let_in += 1,
                Err(error) if wanted => return Some(error),
                Err(_) => let_in = 0,
            }
            if !wanted && let_in == 2 {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("waited in vain for {wanted}");
    }

    #[test]
    fn a_task_that_would_be_too_late_is_refused_and_no_other() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig {
            clients: 8,
            slots: 256,
            ..PoolConfig::default()
        };
        let (pool, _locks) = Segment::create(&dir, &config).unwrap();
        pool.set_pool_state(POOL_SERVING);
        let attached = Arc::new(Segment::attach(&dir).unwrap());
        let entry = WorkerEntry::register(attached, None).unwrap();
        let mut lanes = entry.lanes(2, WaitStrategy::Adaptive).unwrap();
        let client = Client::connect(&dir).unwrap();
        let plain = TaskOptions::default();
        let flood: Vec<_> = (0..102)
            .map(|_| client.submit("hash", b"", &plain).unwrap())
            .collect();
        let mut running: Vec<_> = lanes
            .iter_mut()
            .map(|lane| lane.try_next().unwrap())
            .collect();
        // Nothing is known yet.
        for _ in 0..5 {
            drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        }
        let ran = pool.u64_at(pool.lane_at(0) + LANE_RUN_HISTOGRAM + 8 * ABOUT_A_SECOND);
        ran.store(8, Ordering::Relaxed);
        let error = await_refusal(&client, &soon(), true).unwrap();
        let text = error.to_string();
        for part in ["hash", "47.0s", "100 tasks", "2 lanes", "admit_late"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let late = TaskOptions {
            admit_late: true,
            ..soon()
        };
        let urgent = TaskOptions {
            priority: 0,
            ..soon()
        };
        let patient = TaskOptions {
            timeout: Some(Duration::from_secs(100)),
            ..soon()
        };
        for options in [&late, &urgent, &patient, &plain] {
            for _ in 0..3 {
                drop(client.submit("hash", b"", options).unwrap().cancel());
            }
        }
        let task = running.pop().unwrap();
        // Refused again, and let in as soon as a lane is free.
        await_refusal(&client, &soon(), true);
        task.complete(b"", 0);
        await_refusal(&client, &soon(), false);
        drop(running);
        drop(flood);
    }
}
