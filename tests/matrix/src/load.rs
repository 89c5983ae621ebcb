//! Rounds of tasks of every kind, each of which must end once and right.

use crate::Random;
use ringwork_ring::Codec;
use ringwork_ring::RingError;
use ringwork_ring::client::{Client, OnFailure, Outcome, TaskOptions, Ticket};
use ringwork_ring::queue::events::{EventReader, NotPublished};
use ringwork_ring::queue::topics::{self, TopicFilter};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest that a task may take to end, whatever happens.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// How the tasks of a load ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Number of tasks, by how they ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// What must not be: wrong results, tasks without an end.
    pub wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, how: &'static str) {
        *self.ends.entry(how).or_default() += 1;
    }

    pub(crate) fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// How many ended in a way.
    #[must_use]
    pub fn count(&self, how: &str) -> u64 {
        self.ends.get(how).copied().unwrap_or(0)
    }

    /// Adds the tasks of another load of the same client.
    pub fn merge(&mut self, other: Self) {
        for (how, count) in other.ends {
            *self.ends.entry(how).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }

    /// Counts an end; `false` when the pool is closed.
    fn end(&mut self, outcome: Outcome, request: &[u8]) -> bool {
        match outcome {
            Outcome::Completed { bytes, .. } if bytes == flipped(request) => self.add("completed"),
            Outcome::Completed { bytes, .. } => {
                self.wrong
                    .push(format!("a wrong result of {} bytes", bytes.len()));
            }
            Outcome::Crashed { .. } => self.add("crashed"),
            Outcome::TimedOut { .. } => self.add("timed_out"),
            Outcome::Cancelled { .. } => self.add("cancelled"),
            Outcome::Closed { .. } => {
                self.add("closed");
                return false;
            }
            Outcome::Failed { code, .. } if code == "key.poisoned" => self.add("poisoned"),
            Outcome::Failed { code, message, .. } => {
                self.wrong.push(format!("failed: {code}: {message}"));
            }
        }
        true
    }

    fn refused(&mut self, error: &RingError) -> bool {
        match error {
            RingError::Closed { .. } => {
                self.add("refused");
                return false;
            }
            // Where a lane is dead or stopped, and no other replaces it.
            RingError::DeadlineUnreachable { .. } => self.add("timed_out"),
            RingError::QueueFull | RingError::SlotsTaken { .. } => self.add("rejected"),
            other => self.wrong.push(format!("not submitted: {other}")),
        }
        true
    }

    fn wait(&mut self, ticket: &Ticket<'_>, request: &[u8]) -> bool {
        match ticket.wait(Some(LIMIT)) {
            Ok(outcome) => self.end(outcome, request),
            Err(error) => {
                self.wrong.push(format!("a task did not end: {error}"));
                false
            }
        }
    }
}

/// A request: milliseconds to hold the task, then bytes of its own.
#[must_use]
pub fn request(random: &mut Random, milliseconds: u16, size: usize) -> Vec<u8> {
    let mut bytes = milliseconds.to_be_bytes().to_vec();
    bytes.resize_with(size.max(2), || random.bits() as u8);
    bytes
}

/// What the handlers make of a request.
#[must_use]
pub fn flipped(request: &[u8]) -> Vec<u8> {
    let mut result = vec![0; request.len()];
    flip(request, &mut result);
    result
}

/// Writes the result of a request.
pub fn flip(request: &[u8], result: &mut [u8]) {
    for (to, from) in result.iter_mut().zip(request) {
        *to = !from;
    }
}

fn options(attempts: u8, timeout: Option<u64>) -> TaskOptions {
    TaskOptions::default()
        .attempts(attempts)
        .timeout(timeout.map(Duration::from_millis))
}

/// Options of a task whose key others have, too, of this client and of others.
fn keyed(random: &mut Random, attempts: u8) -> TaskOptions {
    let key = [random.below(2) as u8];
    (options(attempts, None).key(key)).on_failure(OnFailure::FailKey)
}

/// An event that shows whether it is whole: a number and its complement.
#[must_use]
pub fn event(number: u64) -> Vec<u8> {
    [number, !number].map(u64::to_le_bytes).concat()
}

/// Publishes an event.
fn publish(client: &Client, random: &mut Random, tally: &mut Tally) {
    let (segment, own) = (client.segment(), client.publisher());
    let event = event(random.bits());
    match topics::publish(segment, own, "matrix.round", Codec::Bytes, &event) {
        // One that is stopped for long was perhaps taken for dead.
        Ok(_) | Err(NotPublished::Refused) => {}
        Err(error) => tally.wrong(format!("not published: {error}")),
    }
}

/// Listens until `stop` is true, asleep while nothing is published.
pub fn listen(client: &Client, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let segment = client.segment();
    let ring = segment.events().expect("the pool keeps events");
    let mut filter = TopicFilter::new("matrix.*").expect("a pattern");
    let mut reader = EventReader::from_now(ring);
    let first = reader.position();
    while !stop.load(Ordering::Relaxed) {
        while let Some(found) = reader.next(ring) {
            let (words, _) = found.bytes().as_chunks::<8>();
            let whole = match words {
                [number, complement] => {
                    u64::from_le_bytes(*number) == !u64::from_le_bytes(*complement)
                }
                _ => false,
            };
            if filter.wanted(segment, found.topic).is_some() && !whole {
                tally.wrong(format!("a torn event: {:?}", found.bytes()));
            }
        }
        ring.wait(&reader, Duration::from_millis(20));
    }
    let passed = reader.passed();
    if passed.received + passed.lost + passed.skipped != reader.position() - first {
        tally.wrong(format!(
            "events are not accounted for: {passed:?} of {}",
            reader.position() - first
        ));
    }
    tally
}

/// A window of ten tasks and their ends; `false` when the pool is closed.
pub fn round(client: &Client, random: &mut Random, tally: &mut Tally) -> bool {
    let mut open = true;
    let mut waiting = Vec::new();
    publish(client, random, tally);
    for n in 0..14 {
        let size = if n % 3 == 0 {
            300 + random.below(3_000) as usize
        } else {
            12 + random.below(50) as usize
        };
        let (handler, hold, options) = match n {
            0..=2 => ("flip", 0, options(3, None)),
            3 => ("flip", 0, options(1, Some(150))),
            4 => ("hold", 3, options(3, None)),
            5 => ("hold", 1, options(1, None)),
            6 => ("hold", 40, options(1, None)),
            7 => ("wait", 3, options(3, None)),
            8 => ("wait", 20, options(1, Some(150))),
            10 => ("hold", 2, keyed(random, 1)),
            11 => ("wait", 1, keyed(random, 3)),
            12 | 13 => ("flip", 0, keyed(random, 3)),
            _ => ("flip", 0, options(1, None)),
        };
        let request = request(random, hold, size);
        let ticket = match client.submit(handler, &request, &options) {
            Ok(ticket) => ticket,
            Err(error) => {
                open &= tally.refused(&error);
                continue;
            }
        };
        if n == 5 || n == 6 || n == 12 {
            // One most likely while it is queued, one while it runs, and one in mid-chain.
            std::thread::sleep(Duration::from_millis(u64::from(n == 6)));
            open &= tally.end(ticket.cancel(), &request);
        } else {
            waiting.push((ticket, request));
        }
    }
    for (ticket, request) in &waiting {
        open &= tally.wait(ticket, request);
    }
    std::thread::sleep(Duration::from_millis(2 + random.below(4)));
    open
}

/// Some calls one after another, with pauses in which all sides go to sleep.
pub fn call_some(client: &Client, random: &mut Random, tally: &mut Tally) -> bool {
    let mut open = true;
    for n in 0..8 {
        // Of every second the caller looks for the end itself, and goes to sleep before it comes.
        let watched = n % 2 == 0;
        let request = request(random, if watched { 2 } else { 0 }, 16);
        open &= if watched {
            match client.call("hold", &request, &options(3, None)) {
                Ok(outcome) => tally.end(outcome, &request),
                Err(error) => tally.refused(&error),
            }
        } else {
            match client.submit("flip", &request, &options(3, None)) {
                Ok(ticket) => tally.wait(&ticket, &request),
                Err(error) => tally.refused(&error),
            }
        };
        std::thread::sleep(Duration::from_micros(1_500));
    }
    open
}

/// Submits, again while a queue is full of stale hints, or a burst of before holds the slots.
fn submit<'c>(client: &'c Client, request: &[u8]) -> Result<Ticket<'c>, RingError> {
    let give_up = Instant::now() + LIMIT;
    loop {
        match client.submit("flip", request, &options(1, None)) {
            Err(RingError::QueueFull | RingError::SlotsTaken { .. })
                if Instant::now() < give_up =>
            {
                client.collect(); // futures without a waiter
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}

/// Tasks that must all complete.
///
/// # Errors
/// What was wrong with the first that did not.
pub fn serve(client: &Client, count: u64) -> Result<(), String> {
    let mut random = Random::new(count);
    let (mut left, mut tally) = (count, Tally::default());
    while left > 0 {
        let window = left.min(32);
        left -= window;
        let tickets: Vec<_> = (0..window)
            .map(|n| {
                let size = if n % 8 == 0 { 200 } else { 16 };
                let request = request(&mut random, 0, size);
                let ticket = submit(client, &request)
                    .map_err(|error| format!("of {count} more tasks, one was refused: {error}"))?;
                Ok((ticket, request))
            })
            .collect::<Result<_, String>>()?;
        // The first that does not end is enough: each of the others would take as long.
        if !tickets
            .iter()
            .all(|(ticket, request)| tally.wait(ticket, request))
        {
            break;
        }
    }
    if tally.count("completed") == count {
        Ok(())
    } else {
        Err(format!(
            "of {count} more tasks not all completed: {tally:?}"
        ))
    }
}
