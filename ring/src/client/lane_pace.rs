//! How fast the lanes run tasks, by their histograms of run times and counters of started tasks.
//!
//! Owned by a [`crate::client::backlog::Backlog`]. Invariant: only what was added in this stretch
//! of work counts, and nothing is known before a few run times were.

use crate::format::layout::LaneCounter;
use crate::format::states::LaneKind;
use crate::records::{Histogram, LaneRecord, bucket_floor};
use crate::segment::Segment;

/// How often the lanes are read, at most.
const READ_EVERY: u64 = 50_000_000;
/// Run times that were read so long ago say nothing about what runs now.
const STALE_AFTER: u64 = 10_000_000_000;
/// The time over which the pace is measured, at most.
const LONGEST_WINDOW: u64 = 2_000_000_000;
/// The fewest run times that make an estimate.
const ENOUGH: u64 = 8;

/// Where and when a measurement of the pace began.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    start: u64,
    taken: u64,
    started: u64,
}

/// What is known of the lanes.
#[derive(Debug, Default)]
pub(crate) struct LanePace {
    lanes: u64,
    read_at: u64,
    // What was read when the present stretch of work, or of run times, began; none before.
    before: Option<Histogram>,
    started: u64,
    window: Window,
    // Nanoseconds of processing for each hint by the run times, each of which counts as the lower
    // end of its bucket, and as the upper one.
    cost: Option<(f64, f64)>,
    // The shortest run time of late. It grows slowly, so that one kind of short tasks among long
    // ones is remembered.
    shortest: u64,
    // The pace at which tasks were seen to start: exact where all lanes always had work.
    pace: Option<f64>,
}

impl LanePace {
    /// What one more task before it delays a task by, in nanoseconds; 0 if not known.
    pub(crate) fn each(&self) -> f64 {
        match (self.cost, self.pace) {
            (None, _) => 0.0,
            (Some((least, _)), None) => least,
            (Some((_, most)), Some(pace)) => pace.min(most),
        }
    }

    /// What a task takes at least, as it seems, in nanoseconds.
    pub(crate) fn shortest(&self) -> u64 {
        self.shortest
    }

    /// The lanes in use.
    pub(crate) fn lanes(&self) -> u64 {
        self.lanes
    }

    /// A lane has nothing to do: what ran before says nothing about the next queue.
    pub(crate) fn forget(&mut self) {
        self.before = None;
        self.cost = None;
    }

    /// Reads the lanes, if it is time to. So many hints have been `taken` out of the rings.
    pub(crate) fn read(&mut self, segment: &Segment, now: u64, taken: u64) {
        let age = now.saturating_sub(self.read_at);
        if age < READ_EVERY && self.before.is_some() {
            return;
        }
        self.read_at = now;
        let mut latest = Histogram::default();
        self.lanes = 0;
        self.started = 0;
        for lane in lanes(segment) {
            let count = |counter: LaneCounter| lane.counter(counter).get();
            self.lanes += 1;
            // Those that came too late, or gave up, took less time than a task does.
            let started = count(LaneCounter::Started)
                .wrapping_sub(count(LaneCounter::Expired))
                .wrapping_sub(count(LaneCounter::Cancelled));
            self.started = self.started.wrapping_add(started);
            lane.add_run_times_to(&mut latest);
        }
        match self.before.take() {
            Some(before) if age < STALE_AFTER && self.lanes > 0 => {
                self.before = Some(self.learn_cost(before, latest));
                self.learn_pace(now, taken);
            }
            _ => {
                self.before = Some(latest);
                self.cost = None;
                self.shortest = 0;
                self.begin_window(now, taken, None);
            }
        }
    }

    /// The mean of the run times that were added, once they are enough. Returns what to compare
    /// with next.
    fn learn_cost(&mut self, before: Histogram, latest: Histogram) -> Histogram {
        let mut lowest = u64::MAX;
        let (mut samples, mut floors, mut ceilings) = (0_u64, 0.0, 0.0);
        for (bucket, (now, then)) in latest.0.iter().zip(&before.0).enumerate() {
            let Some(more) = now.checked_sub(*then) else {
                return latest; // a lane has gone
            };
            if more > 0 {
                lowest = lowest.min(bucket_floor(bucket));
            }
            samples = samples.saturating_add(more);
            floors += more as f64 * bucket_floor(bucket) as f64;
            ceilings += more as f64 * bucket_floor(bucket + 1) as f64;
        }
        if samples < ENOUGH {
            return before;
        }
        self.shortest = match self.shortest {
            0 => lowest,
            known => lowest.min(known.saturating_mul(2)),
        };
        let tasks = samples as f64 * self.lanes as f64;
        let (least, most) = (floors / tasks, ceilings / tasks);
        let known = self.cost.unwrap_or((least, most));
        self.cost = Some(((known.0 + least) / 2.0, (known.1 + most) / 2.0));
        latest
    }

    /// Hints of tasks that were given up or have expired are taken and never started; a chunk is
    /// one hint and many starts: the smaller number counts. Lanes that begin at the same time start
    /// as many tasks at once: these do not count.
    fn learn_pace(&mut self, now: u64, taken: u64) {
        let started = self.started.wrapping_sub(self.window.started);
        if started > u64::MAX / 2 {
            return self.begin_window(now, taken, self.pace); // a lane has gone
        }
        let moved = taken.wrapping_sub(self.window.taken).min(started);
        let elapsed = now.saturating_sub(self.window.start);
        let seen = (moved > 2 * self.lanes).then(|| elapsed as f64 / (moved - self.lanes) as f64);
        if moved > 8 * self.lanes || elapsed > LONGEST_WINDOW {
            self.begin_window(now, taken, seen);
        } else if let Some(seen) = seen {
            self.pace = Some(self.pace.map_or(seen, |pace| pace.min(seen)));
        }
    }

    fn begin_window(&mut self, now: u64, taken: u64, known: Option<f64>) {
        self.pace = known;
        self.window = Window {
            start: now,
            taken,
            started: self.started,
        };
    }
}

/// The lanes that are in use and run tasks to their end.
pub(crate) fn lanes(segment: &Segment) -> impl Iterator<Item = LaneRecord<'_>> {
    // Relaxed: what is read of the entry is a number that may be a little old.
    let runs = |lane: &LaneRecord<'_>| lane.word().is_active() && lane.kind() == Ok(LaneKind::Cpu);
    segment.lanes().filter(runs)
}
