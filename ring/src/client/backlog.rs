//! How long a task would wait for what is queued before it:
//! docs/decisions/0010-deadlines-at-the-submit.md.
//!
//! Owned by a [`crate::client::Client`], under its table's lock, and asked about tasks that have a
//! deadline. It reads what the pool has anyway: the lanes' idle bits, what they run how fast
//! ([`LanePace`]), and the rings with what they lead to ([`QueueAhead`]). Invariant: it errs
//! towards letting a task in; without a few run times, beside a lane that finds nothing to do, or
//! where tasks start faster than the run times say, it says nothing.

use crate::client::lane_pace::LanePace;
use crate::client::queue_ahead::QueueAhead;
use crate::format::layout::*;
use crate::os::clock::now_ns;
use crate::queue::wait::any_waiting;
use crate::segment::Segment;
use std::time::Duration;

/// How soon it looks again after it has seen that there is no queue to speak of.
const LOOK_EVERY: u64 = 500_000;
/// One task in so long is let in although it would be refused, should the estimate be wrong.
const PROBE_EVERY: u64 = 1_000_000_000;
/// What a wait is multiplied by. In a flood the queue is always as long as it may be, so one that
/// is held just too long would have all of its tasks come just too late.
const MARGIN: f64 = 1.1;

/// Why a task will not meet its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLate {
    /// How long it would wait.
    pub(crate) wait: Duration,
    /// How long it would run at least, as it seems.
    pub(crate) run: Duration,
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
    pace: LanePace,
    // For each ring what is before a task that goes there, once that was asked for.
    queues: Vec<QueueAhead>,
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
            self.pace.forget();
            self.next_look = now + LOOK_EVERY;
            return None;
        }
        let rings = segment.geometry().priorities;
        let (mut hints, mut taken) = (0, 0_u64);
        for ring in 0..rings {
            let injector = segment.injector(ring);
            taken = taken.wrapping_add(injector.head());
            if ring <= priority {
                hints += injector.depth();
            }
        }
        self.pace.read(segment, now, taken);
        let run = self.pace.shortest();
        let left = left.as_nanos() as f64 - run as f64;
        let each = self.pace.each();
        if (hints + HELD as u64 * self.pace.lanes()) as f64 * each <= left {
            if hints as f64 * each < LOOK_EVERY as f64 {
                self.next_look = now + LOOK_EVERY;
            }
            return None;
        }
        let priority = priority.min(rings - 1);
        self.queues.resize_with(rings as usize, QueueAhead::default);
        let queue = &mut self.queues[priority as usize];
        queue.look(segment, priority, now, each);
        let wait = queue.wait(now);
        if wait <= 0.0 || wait * MARGIN <= left {
            return None;
        }
        if now >= self.next_probe {
            self.next_probe = now + PROBE_EVERY;
            return None;
        }
        Some(TooLate {
            wait: Duration::from_nanos(wait as u64),
            run: Duration::from_nanos(run),
            ahead: queue.tasks(),
            lanes: self.pace.lanes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::client::{Client, TaskOptions, Ticket};
    use crate::error::RingError;
    use crate::format::layout::*;
    use crate::lane::claimed::Claimed;
    use crate::lane::search::Lane;
    use crate::os::sync::Ordering;
    use crate::segment::{Segment, SupervisorLocks};
    use crate::{PoolConfig, PoolDir, WaitStrategy, WorkerEntry};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// Where a lane counts the tasks that ran for about a second: 0.94 s, as `bucket_of` has it.
    const RAN_A_SECOND: usize = LANE_RUN_HISTOGRAM + 8 * 115;
    /// The same for 60 s.
    const RAN_A_MINUTE: usize = RAN_A_SECOND + 8 * 24;

    fn within(seconds: u64) -> TaskOptions {
        TaskOptions {
            timeout: Some(Duration::from_secs(seconds)),
            ..TaskOptions::default()
        }
    }

    fn soon() -> TaskOptions {
        within(5)
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

    /// A pool with a worker of two lanes, which run only what a test has them run.
    struct Fixture {
        _temp: tempfile::TempDir,
        pool: Segment,
        _locks: SupervisorLocks,
        _entry: WorkerEntry,
        client: Client,
        lanes: Vec<Lane>,
    }

    fn fixture() -> Fixture {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig {
            clients: 8,
            slots: 256,
            ..PoolConfig::default()
        };
        let (pool, locks) = Segment::create(&dir, &config).unwrap();
        pool.set_pool_state(POOL_SERVING);
        let attached = Arc::new(Segment::attach(&dir).unwrap());
        let entry = WorkerEntry::register(attached, None).unwrap();
        let lanes = entry.lanes(2, WaitStrategy::Adaptive).unwrap();
        Fixture {
            client: Client::connect(&dir).unwrap(),
            _temp: temp,
            pool,
            _locks: locks,
            _entry: entry,
            lanes,
        }
    }

    impl Fixture {
        fn submit(&self, count: u32, options: &TaskOptions) -> Vec<Ticket<'_>> {
            (0..count)
                .map(|_| self.client.submit("hash", b"", options).unwrap())
                .collect()
        }

        /// The first lane counts more.
        fn count(&self, counter: usize, more: u64) {
            let word = self.pool.u64_at(self.pool.lane_at(0) + counter);
            word.store(word.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        }
    }

    /// Each lane begins with a task.
    fn run(lanes: &mut [Lane]) -> Vec<Claimed<'_>> {
        let claimed = lanes.iter_mut().map(|lane| lane.try_next().unwrap());
        claimed.collect()
    }

    #[test]
    fn a_task_that_would_be_too_late_is_refused_and_no_other() {
        let mut lanes = Vec::new();
        let mut fixture = fixture();
        lanes.append(&mut fixture.lanes);
        let client = &fixture.client;
        let plain = TaskOptions::default();
        let flood = fixture.submit(102, &plain);
        let mut running = run(&mut lanes);
        // Nothing is known yet.
        for _ in 0..5 {
            drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        }
        fixture.count(RAN_A_SECOND, 8);
        let error = await_refusal(client, &soon(), true).unwrap();
        let text = error.to_string();
        for part in [
            "hash",
            "47.0s",
            "100 tasks",
            "2 lanes",
            "939.5ms",
            "admit_late",
        ] {
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
        // A lane between two tasks takes one of those that are queued.
        running.pop().unwrap().complete(b"", 0);
        for _ in 0..20 {
            await_refusal(client, &soon(), true);
        }
        let idle = fixture.pool.u64_at(H_IDLE);
        idle.fetch_or(1, Ordering::SeqCst);
        await_refusal(client, &soon(), false);
        drop(running);
        drop(flood);
    }

    #[test]
    fn tasks_that_will_have_expired_are_not_waited_for() {
        let mut lanes = Vec::new();
        let mut fixture = fixture();
        lanes.append(&mut fixture.lanes);
        let client = &fixture.client;
        let flood = fixture.submit(10, &TaskOptions::default());
        let running = run(&mut lanes);
        drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        fixture.count(RAN_A_MINUTE, 8);
        await_refusal(client, &soon(), true);
        let late = TaskOptions {
            admit_late: true,
            ..within(120)
        };
        let expiring = fixture.submit(100, &late);
        // Eight take four minutes; the others will have expired when a lane gets to them.
        await_refusal(client, &within(480), false);
        await_refusal(client, &within(180), true);
        await_refusal(client, &within(120), true);
        drop((running, expiring, flood));
    }

    #[test]
    fn hints_of_tasks_that_never_start_are_no_pace() {
        let mut lanes = Vec::new();
        let mut fixture = fixture();
        lanes.append(&mut fixture.lanes);
        let client = &fixture.client;
        let flood = fixture.submit(2, &TaskOptions::default());
        let running = run(&mut lanes);
        drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        fixture.count(RAN_A_SECOND, 8);
        let ring = fixture
            .pool
            .injector(TaskOptions::default().priority.into());
        // Whether, before long, a task is refused, or two are let in, while fifty hints are taken
        // in each round.
        let round = |started: u64, expired: u64| {
            while ring.dequeue().is_some() {}
            fixture.count(LANE_STARTED, started);
            fixture.count(LANE_EXPIRED, expired);
            let queued = fixture.submit(50, &TaskOptions::default());
            let refused = [0, 1].map(|_| {
                let task = client.submit("hash", b"", &soon());
                task.map(Ticket::cancel).is_err()
            });
            queued.into_iter().for_each(|task| drop(task.cancel()));
            std::thread::sleep(Duration::from_millis(2));
            refused
        };
        let start = Instant::now();
        let mut refused_in_a_row = 0;
        while refused_in_a_row < 100 {
            let refused = round(20, 20) != [false, false];
            refused_in_a_row = if refused { refused_in_a_row + 1 } else { 0 };
            assert!(start.elapsed() < Duration::from_secs(60), "none is refused");
        }
        while round(50, 0) != [false, false] {
            assert!(start.elapsed() < Duration::from_secs(90), "none is let in");
        }
        drop((running, flood));
    }
}
