//! How long a task would wait for what is queued before it:
//! docs/decisions/0010-deadlines-at-the-submit.md.
//!
//! Owned by a [`crate::client::Client`], under its table's lock, and asked about tasks that have a
//! deadline. It reads what the pool has anyway: the lanes' idle bits, what they run how fast
//! ([`LanePace`]), and the rings with what they lead to ([`QueueAhead`]); and it knows what tasks
//! of each handler took ([`RunTimes`]). Invariant: it errs towards letting a task in; without a few
//! run times, beside as many lanes without work as tasks are queued, or where tasks start faster
//! than the run times say, it says nothing.

use crate::client::lane_pace::LanePace;
use crate::client::queue_ahead::{Before, QueueAhead};
use crate::client::run_times::{Handler, LEAST_MARGIN, MAX_MARGIN, RunTimes};
use crate::format::layout::HELD;
use crate::lane::permits::limit_of;
use crate::os::clock::now_ns;
use crate::queue::wait::waiting_lanes;
use crate::segment::Segment;
use std::time::Duration;

/// How soon it looks again after it has seen that there is no queue to speak of.
const LOOK_EVERY: u64 = 500_000;
/// It looks sooner when it has let in tasks that take the lanes so long, in nanoseconds.
const LOOK_AFTER: u64 = 5_000_000;
/// Of handlers whose tasks take less there can't come that many so soon.
const LONG_RUN: u64 = 100_000;
/// One task in so long is let in although it would be refused, should the estimate be wrong.
const PROBE_EVERY: u64 = 1_000_000_000;
/// Or in so many times as long as it takes: most probes come late, and are wasted work.
const PROBE_RUNS: u64 = 10;

/// Why a task will not meet its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLate {
    /// How long it would wait.
    pub(crate) wait: Duration,
    /// How long it would run, as it seems.
    pub(crate) run: Duration,
    /// How many tasks are before it.
    pub(crate) ahead: u64,
    /// The lanes that take them.
    pub(crate) lanes: u64,
}

/// What is thought of a task with a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no queue to speak of, or not enough is known.
    Unweighed,
    /// It seems that it will be in time behind what is queued.
    InTime,
    TooLate(TooLate),
}

/// What a client knows of the queue.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    next_look: u64,
    // How long what was let in since the last look takes the lanes.
    unseen: u64,
    next_probe: u64,
    pace: LanePace,
    /// What tasks of each handler took.
    pub(crate) run_times: RunTimes,
    // For each ring what is before a task that goes there, once that was asked for.
    queues: Vec<QueueAhead>,
    // The same of each limit of concurrency, for each ring.
    limited: Vec<QueueAhead>,
}

impl Backlog {
    /// Whether a task of a handler may be in time that goes into the ring of `priority` and has so
    /// long.
    pub(crate) fn weigh(
        &mut self,
        segment: &Segment,
        handler: u64,
        priority: u32,
        left: Duration,
    ) -> Verdict {
        let now = now_ns();
        let time = left.as_nanos().min(u64::MAX.into()) as u64;
        let permit = self.weigh_permit(segment, handler, priority, (now, time));
        if let Verdict::TooLate(_) = permit {
            return permit;
        }
        match self.weigh_rings(segment, handler, priority, (now, time)) {
            Verdict::Unweighed => permit,
            verdict => verdict,
        }
    }

    /// Weighs a task behind what is queued in its ring and in those before it.
    fn weigh_rings(
        &mut self,
        segment: &Segment,
        handler: u64,
        priority: u32,
        (now, time): (u64, u64),
    ) -> Verdict {
        if now < self.next_look && !self.much_unseen(handler) {
            return Verdict::Unweighed;
        }
        self.unseen = 0;
        let rings = segment.geometry().priorities;
        let (mut hints, mut taken) = (0, 0_u64);
        for ring in 0..rings {
            let injector = segment.injector(ring);
            taken = taken.wrapping_add(injector.head());
            if ring <= priority {
                hints += injector.depth();
            }
        }
        // They take as many tasks as they are at once, but they may have been woken, or wait for
        // the processor, while others are queued behind these.
        let waiting = u64::from(waiting_lanes(segment));
        if hints < waiting {
            // What ran before says nothing about the next queue.
            self.pace.forget();
            self.next_look = now + LOOK_EVERY;
            return Verdict::Unweighed;
        }
        self.pace.read(segment, now, taken);
        let left = time.saturating_sub(self.own_run(handler, time)) as f64;
        let (each, lanes) = (self.pace.each(), self.pace.lanes());
        let most = each.max(self.run_times.slowest() as f64 / lanes.max(1) as f64);
        if (hints + HELD as u64 * lanes) as f64 * most <= left {
            if hints as f64 * most < LOOK_EVERY as f64 {
                self.next_look = now + LOOK_EVERY;
            }
            return Verdict::Unweighed;
        }
        let priority = priority.min(rings - 1);
        self.queues.resize_with(rings as usize, QueueAhead::default);
        let queue = &mut self.queues[priority as usize];
        let before = Before {
            ring: priority,
            limit: None,
        };
        queue.look(segment, before, now, (each, lanes), &self.run_times);
        let (wait, ahead) = (queue.wait(now), queue.tasks());
        if ahead < waiting {
            self.pace.forget(); // as above, beside stale hints
            return Verdict::Unweighed;
        }
        self.judge(handler, (now, time), wait, (ahead, lanes))
    }

    /// Weighs a task behind what will wait for a permit as it will, if its handler has a limit of concurrency:
    /// lanes may be idle beside such a queue.
    fn weigh_permit(
        &mut self,
        segment: &Segment,
        handler: u64,
        priority: u32,
        (now, time): (u64, u64),
    ) -> Verdict {
        let geometry = segment.geometry();
        if geometry.limit_count == 0 {
            return Verdict::Unweighed;
        }
        let (Some(own), Some((limit, most))) =
            (self.run_times.known(handler), limit_of(segment, handler))
        else {
            return Verdict::Unweighed;
        };
        let each = own.mean() as f64 / most.max(1) as f64;
        let ring = priority.min(geometry.priorities - 1);
        let queued = (0..=ring).map(|ring| segment.injector(ring).depth());
        let hints = queued.sum::<u64>() + segment.deferred_ring(limit).depth();
        let left = time.saturating_sub(self.own_run(handler, time));
        if hints as f64 * each <= left as f64 / MAX_MARGIN {
            return Verdict::Unweighed;
        }
        let all = geometry.limit_count * geometry.priorities;
        self.limited.resize_with(all as usize, QueueAhead::default);
        let queue = &mut self.limited[(limit * geometry.priorities + ring) as usize];
        let before = Before {
            ring,
            limit: Some((handler, limit)),
        };
        queue.look(segment, before, now, (each, most), &self.run_times);
        let (wait, ahead) = (queue.wait(now), queue.tasks());
        self.judge(handler, (now, time), wait, (ahead, most))
    }

    /// What is thought of a task that has so much `time` and would `wait` for so many tasks.
    fn judge(
        &mut self,
        handler: u64,
        (now, time): (u64, u64),
        wait: f64,
        (ahead, lanes): (u64, u64),
    ) -> Verdict {
        if wait <= 0.0 {
            return Verdict::Unweighed;
        }
        let run = self.own_run(handler, time);
        let own = self.run_times.known(handler);
        let margin = own.map_or(LEAST_MARGIN, |own| own.margin(now));
        if wait * margin <= time.saturating_sub(run) as f64 {
            self.run_times.let_in(handler, time);
            return Verdict::InTime;
        }
        if now >= self.next_probe {
            self.next_probe =
                now.saturating_add(PROBE_EVERY.max(PROBE_RUNS * run.min(PROBE_EVERY)));
            return Verdict::Unweighed;
        }
        Verdict::TooLate(TooLate {
            wait: Duration::from_nanos(wait as u64),
            run: Duration::from_nanos(run),
            ahead,
            lanes,
        })
    }

    /// Whether a look is due although the last one found no queue: since many tasks have come at
    /// once.
    fn much_unseen(&mut self, handler: u64) -> bool {
        let quarter = self.run_times.known(handler).map_or(0, Handler::quarter);
        if quarter >= LONG_RUN {
            self.unseen += quarter / self.pace.lanes().max(1);
        }
        self.unseen > LOOK_AFTER
    }

    /// What the task itself will take, in nanoseconds. Tasks are refused for what is queued before
    /// them, and not since their own handler is slow: half of the time that is `left`, at most,
    /// counts for it, unless it never took less.
    fn own_run(&self, handler: u64, left: u64) -> u64 {
        match self.run_times.known(handler) {
            None => self.pace.shortest(),
            Some(own) => own.shortest().max(own.mean().min(left / 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::client::{Client, TaskOptions, Ticket};
    use crate::error::RingError;
    use crate::format::layout::*;
    use crate::format::states::{Codec, PoolState};
    use crate::lane::claimed::Claimed;
    use crate::lane::permits;
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
            limits: 1,
            ..PoolConfig::default()
        };
        let (pool, locks) = Segment::create(&dir, &config).unwrap();
        permits::set(&pool, &[("one", 1)]);
        pool.set_pool_state(PoolState::Serving);
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
            let word = self.pool.u64_at(self.pool.geometry().lane_at(0) + counter);
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
        running.pop().unwrap().complete(b"", Codec::Bytes);
        for _ in 0..20 {
            await_refusal(client, &soon(), true);
        }
        // A lane that was just woken, or waits for the processor, does not run a hundred at once.
        let idle = fixture.pool.u64_at(H_IDLE);
        idle.fetch_or(1, Ordering::SeqCst);
        await_refusal(client, &soon(), true);
        let ring = fixture.pool.injector(plain.priority.into());
        while ring.dequeue().is_some() {}
        // A submit takes the bit, for it wakes the lane.
        std::thread::sleep(Duration::from_millis(1)); // beyond `LOOK_EVERY`, if there was a look
        idle.fetch_or(1, Ordering::SeqCst);
        drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        // What ran before says nothing about the next queue.
        let next = fixture.submit(100, &plain);
        for _ in 0..5 {
            drop(client.submit("hash", b"", &soon()).unwrap().cancel());
        }
        drop((running, next));
        drop(flood);
    }

    /// A task that takes so long is submitted and run.
    fn run_one(client: &Client, lane: &mut Lane, ms: u64) {
        run_one_of("hash", client, lane, ms);
    }

    fn run_one_of(handler: &str, client: &Client, lane: &mut Lane, ms: u64) {
        let task = client
            .submit(handler, b"", &TaskOptions::default())
            .unwrap();
        let claimed = lane.try_next().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        claimed.complete(b"", Codec::Bytes);
        let _outcome = task.wait(Some(Duration::from_secs(30))).unwrap();
    }

    #[test]
    fn a_burst_is_weighed_by_what_its_handlers_tasks_took() {
        let mut fixture = fixture();
        let mut lanes = std::mem::take(&mut fixture.lanes);
        let client = &fixture.client;
        let burst = |handler: &str, options: &TaskOptions| {
            let all = (0..100).map(|_| client.submit(handler, b"", options).ok());
            let let_in: Vec<_> = all.flatten().collect();
            let count = let_in.len();
            let_in.into_iter().for_each(|task| drop(task.cancel()));
            count
        };
        (0..2).for_each(|_| run_one(client, &mut lanes[0], 300));
        assert_eq!(
            burst("hash", &within(2)),
            100,
            "of too few nothing is known"
        );
        run_one(client, &mut lanes[0], 300);
        // At most eleven of 0.3 s on two lanes, and a probe.
        fixture.pool.u64_at(H_IDLE).store(3, Ordering::SeqCst);
        let let_in = burst("hash", &within(2));
        assert!((1..=12).contains(&let_in), "{let_in}");
        assert_eq!(burst("other", &within(2)), 100, "that never ran");
    }

    #[test]
    fn tasks_that_wait_for_a_permit_are_waited_for_by_their_kind() {
        let mut fixture = fixture();
        let mut lanes = std::mem::take(&mut fixture.lanes);
        let client = &fixture.client;
        (0..3).for_each(|_| run_one_of("one", client, &mut lanes[0], 100));
        let plain = TaskOptions::default();
        let submit = |options: &TaskOptions| client.submit("one", b"", options);
        let flood: Vec<_> = (0..50).map(|_| submit(&plain).unwrap()).collect();
        let (first, second) = lanes.split_at_mut(1);
        let running = first[0].try_next().unwrap();
        while fixture.pool.injector(plain.priority.into()).depth() > 0 {
            assert!(second[0].try_next().is_none(), "there is one permit");
        }
        // A lane is idle beside the queue, and yet it takes five seconds.
        fixture.pool.u64_at(H_IDLE).store(2, Ordering::SeqCst);
        let start = Instant::now();
        while submit(&within(2)).map(Ticket::cancel).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(30), "none is refused");
        }
        drop(submit(&within(600)).unwrap().cancel());
        for _ in 0..3 {
            let other = client.submit("hash", b"", &within(1));
            drop(other.unwrap().cancel());
        }
        // Those that were given up are not waited for.
        flood.into_iter().for_each(|task| drop(task.cancel()));
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(6)); // all hints are followed again
            drop(submit(&within(2)).unwrap().cancel());
        }
        drop(running);
    }

    #[test]
    fn the_margin_grows_while_tasks_that_were_let_in_come_too_late() {
        let mut fixture = fixture();
        let mut lanes = std::mem::take(&mut fixture.lanes);
        let client = &fixture.client;
        (0..3).for_each(|_| run_one(client, &mut lanes[0], 20));
        let start = Instant::now();
        let soon = TaskOptions {
            timeout: Some(Duration::from_millis(200)),
            ..TaskOptions::default()
        };
        let margin = || client.margin("hash").unwrap();
        while margin() <= crate::client::run_times::LEAST_MARGIN {
            let tasks: Vec<_> = (0..20).map(|_| client.submit("hash", b"", &soon)).collect();
            for task in tasks.into_iter().flatten() {
                let _late = task.wait(Some(Duration::from_secs(30))).unwrap(); // no lane takes it
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "it does not grow"
            );
        }
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
