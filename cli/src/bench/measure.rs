//! The phases of `ringwork bench`.
//!
//! One thread submits and collects, so that on two cores the pool's lane has one of its own.
//! Invariant: whatever ends a phase, an error included, nothing of it waits in the pool's queues
//! any more.

use super::super::exit::Failure;
use hdrhistogram::Histogram;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::id_of;
use ringwork_ring::format::words::Kind;
use ringwork_ring::lane::permits;
use ringwork_ring::{Codec, RingError};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longer latencies count as this.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// How long a wait may go on before it looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);
/// Spins between two readings of the clock.
const SPINS: u32 = 64;
/// How many of the oldest tasks are looked at in the open loop; beyond that it is a backlog anyway.
const LOOKED_AT: usize = 32;
/// Less than this much before a send is due the open loop does not sleep any more.
const NEAR: Duration = Duration::from_micros(100);
/// After its duration the open loop waits for what is in flight: a tenth of the duration, within
/// these.
const PATIENCE: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// What is in flight takes the pool's lanes so long, by the median of the round trips.
const BACKLOG: Duration = Duration::from_millis(100);
/// Tasks in flight for each lane at least, so that it has the next when it has ended one.
const EACH_LANE: u32 = 2;
/// The last tasks may be sent so much late, or 2 % of the time.
const GRACE: Duration = Duration::from_millis(20);
/// A rate counts as held from this share on.
const HELD: f64 = 0.98;

/// What the phases share.
pub(super) struct Bench<'c> {
    client: &'c Client,
    handler: &'c str,
    request: Vec<u8>,
    options: TaskOptions,
    echo: bool,
    sent: u64,
    // Most tasks in flight.
    window: usize,
    spins: Duration,
    stop: &'c AtomicBool,
}

/// Tasks a second with a window of tasks in flight.
#[derive(Debug, Serialize)]
pub(super) struct Throughput {
    pub(super) window: u32,
    pub(super) tasks: u64,
    pub(super) ops_per_s: f64,
}

/// The open loop.
pub(super) struct Tail {
    pub(super) rate: f64,
    pub(super) achieved: f64,
    /// Tasks that were due and not sent; their latencies are counted until the end.
    pub(super) unsent: u64,
    pub(super) times: Histogram<u64>,
}

impl Tail {
    pub(super) fn held(&self) -> bool {
        self.unsent == 0 && self.achieved >= HELD * self.rate
    }
}

/// A task on its way.
struct Flying<'c> {
    ticket: Ticket<'c>,
    number: u64,
    since: Instant,
}

/// The tasks on their way. What is left in it is withdrawn: queued tasks leave the queue, running
/// ones are asked to stop.
#[derive(Default)]
struct InFlight<'c>(VecDeque<Flying<'c>>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        // The youngest first: they are the last in the queue.
        while let Some(task) = self.0.pop_back() {
            let _ = task.ticket.cancel();
        }
    }
}

fn histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).map_err(|e| Failure::usage(e.to_string()))
}

fn record(times: &mut Histogram<u64>, took: Duration) {
    times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NS).max(1));
}

impl<'c> Bench<'c> {
    pub(super) fn new(
        client: &'c Client,
        handler: &'c str,
        codec: Codec,
        request: Vec<u8>,
        spins: Duration,
        stop: &'c AtomicBool,
    ) -> Self {
        Self {
            client,
            handler,
            request,
            options: TaskOptions::default().codec(codec),
            echo: handler == "echo",
            sent: 0,
            window: 1,
            spins,
            stop,
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn warm_up(&mut self, time: Duration) -> Result<(), Failure> {
        self.round_trips(time.min(Duration::from_secs(1))).map(drop)
    }

    /// One task in flight.
    pub(super) fn round_trips(&mut self, time: Duration) -> Result<Histogram<u64>, Failure> {
        let mut times = histogram()?;
        let end = Instant::now() + time;
        let mut flying = InFlight::default();
        while !self.stopped() && Instant::now() < end {
            flying.0.push_back(self.submit(Instant::now())?);
            let Some(task) = flying.0.front() else { break };
            let outcome = self.wait(&task.ticket, end)?;
            let took = task.since.elapsed();
            match outcome {
                Some(outcome) => self.check(task.number, outcome)?,
                None => break, // interrupted, or at the end of the phase
            }
            flying.0.pop_front();
            record(&mut times, took);
        }
        Ok(times)
    }

    /// Bounds the tasks in flight from now on: at most `window`, and no more than the lanes work
    /// off in a moment, since a backlog would delay the tasks of others.
    pub(super) fn bound(&mut self, window: u32, round_trip: Duration) {
        let segment = self.client.segment();
        let each = BACKLOG.as_nanos() / round_trip.as_nanos().max(1);
        let each = u32::try_from(each).unwrap_or(u32::MAX).max(EACH_LANE);
        let most = self.lanes().saturating_mul(each);
        let window = window.min(segment.geometry().slots_per_client).min(most);
        self.window = window.max(1) as usize;
    }

    /// How many tasks of the handler the pool runs at a time.
    fn lanes(&self) -> u32 {
        let segment = self.client.segment();
        let words = segment.lanes().map(|lane| lane.word_acquire());
        let lanes = words.filter(|word| word.is_active()).count() as u32;
        let limit = permits::usage(segment)
            .into_iter()
            .find(|usage| usage.handler == id_of(self.handler) && usage.max > 0);
        limit.map_or(lanes, |limit| lanes.min(limit.max)).max(1)
    }

    /// As many tasks in flight as [`Self::bound`] allows; `None` when none has ended.
    pub(super) fn throughput(&mut self, time: Duration) -> Result<Option<Throughput>, Failure> {
        let mut flying = InFlight::default();
        let start = Instant::now();
        let end = start + time;
        let (mut tasks, mut most) = (0_u64, 0);
        let (mut timed, mut last) = (0_u64, start);
        while !self.stopped() && last < end {
            while flying.0.len() < self.window {
                match self.try_submit(start, flying.0.is_empty())? {
                    Some(task) => flying.0.push_back(task),
                    None => break, // the queue or the arena is full: the window is smaller then
                }
            }
            most = most.max(flying.0.len());
            let Some(task) = flying.0.front() else {
                break;
            };
            let Some(outcome) = self.wait(&task.ticket, end)? else {
                break;
            };
            self.check(task.number, outcome)?;
            flying.0.pop_front();
            tasks += 1;
            if tasks < 16 || tasks.is_multiple_of(16) || flying.0.len() < 16 {
                (timed, last) = (tasks, Instant::now());
            }
        }
        // Of slow tasks the last ones are cut off by the end: the time until the last that ended
        // counts.
        let took = last.duration_since(start).as_secs_f64();
        Ok((tasks > 0).then(|| Throughput {
            window: u32::try_from(most).unwrap_or(u32::MAX),
            tasks,
            ops_per_s: timed as f64 / took,
        }))
    }

    /// Sends at a fixed rate, whatever comes back; a task's time counts from when it was due. What
    /// finds no place among the tasks in flight is sent late.
    pub(super) fn tail(&mut self, time: Duration, rate: f64) -> Result<Option<Tail>, Failure> {
        let mut times = histogram()?;
        let mut in_flight = InFlight::default();
        let flying = &mut in_flight.0;
        let start = Instant::now();
        let wanted = (time.as_secs_f64() * rate).ceil() as u64;
        let due = |number: u64| start + Duration::from_secs_f64(number as f64 / rate);
        let grace = (time / 50).max(GRACE);
        let patience = (time / 10).clamp(PATIENCE[0], PATIENCE[1]);
        let mut sent = 0;
        let mut last = start;
        while !self.stopped() && (sent < wanted || !flying.is_empty()) {
            let now = Instant::now();
            if now >= start + time + patience {
                break;
            }
            let mut back = false;
            if sent == wanted {
                back = self.pause(flying, &mut times, LOOK)?;
            } else if now >= start + time + grace {
                break; // behind: what is not sent by now counts as unsent
            } else if now >= due(sent) && flying.len() >= self.window {
                back = self.pause(flying, &mut times, LOOK)?;
            } else if now >= due(sent) {
                if let Some(task) = self.try_submit(due(sent), flying.is_empty())? {
                    flying.push_back(task);
                    sent += 1;
                }
            } else {
                back = self.pause(flying, &mut times, due(sent) - now)?;
            }
            if back | self.collect(flying, &mut times)? {
                last = Instant::now();
            }
        }
        let end = Instant::now();
        // They were due and are not back: their time goes on, this much is certain.
        let unsent = (sent..wanted).take_while(|number| due(*number) <= end);
        let behind = unsent.clone().count() as u64;
        if !self.stopped() {
            unsent.for_each(|number| record(&mut times, end - due(number)));
            flying
                .iter()
                .for_each(|task| record(&mut times, end - task.since));
        }
        let done = sent - flying.len() as u64;
        let span = (last - start)
            .as_secs_f64()
            .max(wanted.min(sent) as f64 / rate);
        Ok((done > 0).then(|| Tail {
            rate,
            achieved: done as f64 / span,
            unsent: if self.stopped() { 0 } else { behind },
            times,
        }))
    }

    /// Sleeps until shortly before the next send, or until the oldest task is back; whether it is.
    fn pause(
        &self,
        flying: &mut VecDeque<Flying<'_>>,
        times: &mut Histogram<u64>,
        gap: Duration,
    ) -> Result<bool, Failure> {
        let gap = gap.saturating_sub(NEAR).min(LOOK);
        if self.spins == Duration::MAX || gap.is_zero() {
            return Ok(false);
        }
        match flying.front() {
            None => std::thread::sleep(gap),
            Some(task) if task.since.elapsed() >= self.spins => match task.ticket.wait(Some(gap)) {
                Ok(outcome) => {
                    record(times, task.since.elapsed());
                    self.check(task.number, outcome)?;
                    flying.pop_front();
                    return Ok(true);
                }
                Err(RingError::Timeout(_)) => {}
                Err(error) => return Err(error.into()),
            },
            Some(_) => {}
        }
        Ok(false)
    }

    /// Takes what is done among the oldest; whether anything was.
    fn collect(
        &self,
        flying: &mut VecDeque<Flying<'_>>,
        times: &mut Histogram<u64>,
    ) -> Result<bool, Failure> {
        let mut at = 0;
        let mut any = false;
        while at < flying.len().min(LOOKED_AT) {
            if !self.is_done(&flying[at].ticket) {
                at += 1;
                continue;
            }
            let Some(task) = flying.remove(at) else { break };
            let took = task.since.elapsed();
            if let Ok(outcome) = task.ticket.wait(None) {
                self.check(task.number, outcome)?;
                record(times, took);
                any = true;
            }
        }
        Ok(any)
    }

    // ---- one task

    fn submit(&mut self, since: Instant) -> Result<Flying<'c>, Failure> {
        match self.try_submit(since, true)? {
            Some(task) => Ok(task),
            None => Err(Failure::usage("no room")),
        }
    }

    /// `None`: no room now, which is an error when nothing of ours is in flight.
    fn try_submit(&mut self, since: Instant, alone: bool) -> Result<Option<Flying<'c>>, Failure> {
        if !alone && !self.client.has_slot(&self.options) {
            return Ok(None);
        }
        let number = self.sent;
        if self.echo
            && let Some(start) = self.request.first_chunk_mut::<8>()
        {
            *start = number.to_le_bytes();
        }
        match self
            .client
            .submit(self.handler, &self.request, &self.options)
        {
            Ok(ticket) => {
                self.sent += 1;
                Ok(Some(Flying {
                    ticket,
                    number,
                    since,
                }))
            }
            Err(
                RingError::SlotsTaken { .. }
                | RingError::QueueFull
                | RingError::ArenaExhausted { .. },
            ) if !alone => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn is_done(&self, ticket: &Ticket<'_>) -> bool {
        let kind = self.client.segment().word(ticket.slot()).kind();
        !matches!(kind, Kind::Queued | Kind::Claimed)
    }

    /// The outcome; `None` when interrupted before, or at `end`.
    fn wait(&self, ticket: &Ticket<'_>, end: Instant) -> Result<Option<Outcome>, Failure> {
        let start = Instant::now();
        let mut spun = 0_u32;
        while self.spins > Duration::ZERO && !self.is_done(ticket) {
            spun += 1;
            if spun.is_multiple_of(SPINS) {
                let passed = start.elapsed();
                if passed > self.spins || passed > LOOK {
                    break; // the wait below looks whether the pool lives
                }
            }
            std::hint::spin_loop();
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match ticket.wait(Some(LOOK.min(left))) {
                Ok(outcome) => return Ok(Some(outcome)),
                Err(RingError::Timeout(_)) if self.stopped() || left.is_zero() => return Ok(None),
                Err(RingError::Timeout(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn check(&self, number: u64, outcome: Outcome) -> Result<(), Failure> {
        let Outcome::Completed { bytes, .. } = outcome else {
            return Err(crate::submit::failure(outcome));
        };
        if !self.echo {
            return Ok(());
        }
        let stamp = number.to_le_bytes();
        let head = bytes.len().min(8);
        let right = bytes.len() == self.request.len()
            && (head < 8 || bytes[..8] == stamp)
            && bytes[head..] == self.request[head..];
        if right {
            Ok(())
        } else {
            Err(Failure::new(
                super::super::exit::FAILED,
                format!("the answer of task {number} is not its request"),
            ))
        }
    }
}
