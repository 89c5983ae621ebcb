//! Suite `keyed`: what a key costs a round trip, and how many tasks of one key a lane runs.
//!
//! A pool of its own with one worker and one lane; the client is this process. The cases take turns,
//! so their ratios are of one run.

use super::client::serve;
use super::rounds::say;
use crate::numbers::median;
use crate::programs::Programs;
use crate::summary::Summary;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// Round trips of a case in a round.
const CALLS: usize = 20_000;
/// How long a rate is measured in a round, and how many tasks are in flight meanwhile.
const SPAN: Duration = Duration::from_millis(500);
const WINDOW: usize = 512;
/// Bytes of a request.
const SIZE: usize = 64;

/// The options of the task of a number.
type Options = fn(u64) -> TaskOptions;

/// Which key the task of a number has, by the name of its case.
const CASES: [(&str, Options); 3] = [
    ("plain", |_| TaskOptions::default()),
    ("keyed", |n| TaskOptions::default().key(n.to_le_bytes())),
    ("hot", |_| TaskOptions::default().key("hot")),
];

/// Runs the suite.
pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let pool = serve(programs, "keyed")?;
    let pool = pool.option("wait", "spin").option("slots", "2048");
    let pool = pool
        .option("segment-size", "32MiB")
        .option("keys", "true")
        .start();
    let client = Client::connect(pool.dir())?;
    let mut times = [const { (Vec::new(), Vec::new()) }; CASES.len()];
    for round in 1..=ROUNDS {
        say(&format!("keyed round {round}"));
        summary.watch.look();
        for ((_, options), (trips, rates)) in CASES.iter().zip(&mut times) {
            trips.push(round_trip(&client, *options)?);
            rates.push(rate(&client, *options)?);
        }
    }
    for ((case, _), (trips, rates)) in CASES.iter().zip(&times) {
        summary.record("keyed", case, "p50_ns", trips);
        summary.record("keyed", case, "tasks_per_s", rates);
    }
    let [plain, keyed, hot] = &times;
    let ratio = |above: &[f64], below: &[f64]| median(above) / median(below);
    summary.note(format!(
        "keyed: a round trip with a key of its own is {:.2} of one without (target 1.15), with the \
         key of the one before {:.2}; tasks of one key {:.2} M/s (target 1), of a key each {:.2}, \
         without {:.2}",
        ratio(&keyed.0, &plain.0),
        ratio(&hot.0, &plain.0),
        median(&hot.1) / 1e6,
        median(&keyed.1) / 1e6,
        median(&plain.1) / 1e6,
    ));
    Ok(0)
}

/// The median of round trips one after the other, in nanoseconds.
fn round_trip(client: &Client, options: Options) -> Result<f64, Box<dyn Error>> {
    let request = [7; SIZE];
    let mut took = Vec::with_capacity(CALLS);
    for n in 0..CALLS as u64 {
        let options = options(n);
        let start = Instant::now();
        let outcome = client.call("echo", &request, &options)?;
        took.push(start.elapsed().as_nanos() as f64);
        if !matches!(outcome, Outcome::Completed { .. }) {
            return Err(format!("an echo ended as {outcome:?}").into());
        }
    }
    Ok(median(&took))
}

/// Tasks a second with many in flight.
fn rate(client: &Client, options: Options) -> Result<f64, Box<dyn Error>> {
    let request = [7; SIZE];
    let mut open: VecDeque<Ticket<'_>> = VecDeque::new();
    let (start, mut ended) = (Instant::now(), 0_u64);
    for n in 0.. {
        if open.len() == WINDOW
            && let Some(first) = open.pop_front()
        {
            first.wait(None)?;
            ended += 1;
            if ended.is_multiple_of(256) && start.elapsed() >= SPAN {
                break;
            }
        }
        open.push_back(client.submit("echo", &request, &options(n))?);
    }
    let took = start.elapsed().as_secs_f64();
    for ticket in open {
        ticket.wait(None)?;
    }
    Ok(ended as f64 / took)
}
