//! Suite `async`: what an async handler costs beside an ordinary one, how soon it is stopped, and how
//! soon what a killed worker had in flight is given back.
//!
//! A pool of its own with one worker and one lane; the client is this process. The cases of a round
//! trip take turns, so their ratios are of one run. All but the aborts are measured again with an I/O
//! worker beside it: cases with `_io`.

use super::rounds::say;
use super::waiting::{described, in_flight, serve};
use crate::numbers::median;
use crate::programs::Programs;
use crate::summary::Summary;
use ringwork_ring::Codec;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::PoolCounter;
use ringwork_tests::{Pool, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// Round trips of a case in a round, without a pause and from rest.
const CALLS: usize = 5_000;
const RESTED_CALLS: usize = 200;
/// Longer than a lane spins.
const REST: Duration = Duration::from_millis(2);
const KILLS: usize = 3;
const SLEEP_MS: i64 = 600_000;

/// The handlers of the round trips: the same work on a lane, ready at the first poll, and pending once.
const ROUND_TRIPS: [(&str, &str); 3] = [
    ("sync", "cpu.echo"),
    ("ready", "io.echo"),
    ("spawned", "io.yields"),
];

/// Runs the suite.
pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let pool = serve(programs, 2048, 0)?;
    let client = pool.client();
    round_trips(&client, "", summary);
    aborts(&pool, &client, summary)?;
    drop(client);
    drop(pool);
    let pool = serve(programs, 2048, 1)?;
    round_trips(&pool.client(), "_io", summary);
    drop(pool);
    blocked(programs, summary)?;
    kills(programs, 0, "", summary)?;
    kills(programs, 1, "_io", summary)?;
    Ok(0)
}

fn round_trips(client: &Client, arm: &str, summary: &mut Summary) {
    let mut times = [const { (Vec::new(), Vec::new()) }; ROUND_TRIPS.len()];
    let options = TaskOptions::default().codec(Codec::Utf8);
    let call = |handler: &str| {
        let start = Instant::now();
        let outcome = client.call(handler, b"tea", &options);
        (start.elapsed().as_nanos() as f64 / 1e3, outcome.is_ok())
    };
    for round in 1..=ROUNDS {
        say(&format!("async{arm} round trips, round {round}"));
        for ((_, handler), (steady, rested)) in ROUND_TRIPS.iter().zip(&mut times) {
            let took: Vec<f64> = (0..CALLS).map(|_| call(handler).0).collect();
            steady.push(median(&took));
            let took: Vec<f64> = (0..RESTED_CALLS)
                .map(|_| {
                    std::thread::sleep(REST);
                    call(handler).0
                })
                .collect();
            rested.push(median(&took));
        }
    }
    for ((case, _), (steady, rested)) in ROUND_TRIPS.iter().zip(&times) {
        let case = format!("{case}{arm}");
        summary.record("async", &case, "p50_us", steady);
        summary.record("async", &case, "rested_p50_us", rested);
    }
    let [sync, ready, spawned] = &times;
    let ratio = |above: &[f64], below: &[f64]| median(above) / median(below);
    summary.note(format!(
        "async{arm}, to sync: ready at once {:.2}, pending once {:.2}; from rest {:.2} and {:.2}",
        ratio(&ready.0, &sync.0),
        ratio(&spawned.0, &sync.0),
        ratio(&ready.1, &sync.1),
        ratio(&spawned.1, &sync.1),
    ));
}

/// From the caller's cancel until the task's claim is gone.
fn aborts(pool: &Pool, client: &Client, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    let options = TaskOptions::default().codec(Codec::I64);
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        say(&format!("async aborts, round {round}"));
        let mut took = Vec::new();
        for _ in 0..20 {
            let ticket = client.submit("io.sleep", &SLEEP_MS.to_le_bytes(), &options)?;
            wait_for("it is in flight", || (in_flight(pool) == 1).then_some(()));
            std::thread::sleep(Duration::from_millis(5));
            let start = Instant::now();
            let _ = ticket.cancel();
            while in_flight(pool) > 0 {
                std::hint::spin_loop();
            }
            took.push(start.elapsed().as_nanos() as f64 / 1e3);
        }
        rounds.push(median(&took));
    }
    summary.record("async", "abort", "p50_us", &rounds);
    Ok(())
}

/// What tasks of one I/O thread wait for while a handler blocks the other one for a second.
fn blocked(programs: &Programs, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    let serve = described(programs, 2048, 0)?;
    let pool = serve.option("io-threads", "2").start();
    let client = pool.client();
    let options = TaskOptions::default();
    let (number, text) = (
        options.clone().codec(Codec::I64),
        options.codec(Codec::Utf8),
    );
    let (mut medians, mut longest) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        say(&format!("async blocked thread, round {round}"));
        let blocks = client.submit("io.blocks", &1_000_i64.to_le_bytes(), &number)?;
        wait_for("it is in flight", || (in_flight(&pool) >= 1).then_some(()));
        let mut took = Vec::new();
        // All of it is while the other thread is blocked.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(900) {
            let start = Instant::now();
            client.call("io.yields", b"tea", &text)?;
            took.push(start.elapsed().as_nanos() as f64 / 1e3);
        }
        blocks.wait(None)?;
        medians.push(median(&took));
        longest.push(took.iter().copied().fold(0.0, f64::max));
    }
    summary.record("async", "beside_blocked", "p50_us", &medians);
    summary.record("async", "beside_blocked", "max_us", &longest);
    Ok(())
}

/// From the signal until all tasks in flight are queued again.
fn kills(
    programs: &Programs,
    io_workers: u32,
    arm: &str,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    let (mut requeued, mut rates) = (Vec::new(), Vec::new());
    for round in 1..=KILLS {
        say(&format!("async{arm} kill, round {round}"));
        let tasks = 65_536_u64;
        let pool = serve(programs, tasks, io_workers)?;
        let client = pool.client();
        let options = TaskOptions::default()
            .codec(Codec::I64)
            .attempts(2)
            .priority(0);
        let worker = pid_of_io(&client)?;
        let start = Instant::now();
        let tickets = (0..tasks)
            .map(|_| client.submit("io.sleep", &SLEEP_MS.to_le_bytes(), &options))
            .collect::<Result<Vec<Ticket<'_>>, _>>()?;
        wait_for("all are in flight", || {
            (in_flight(&pool) == tasks).then_some(())
        });
        rates.push(tasks as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        kill_process(worker, Signal::KILL)?;
        while pool.counter(PoolCounter::TasksRequeued) < tasks {
            std::hint::spin_loop();
            if start.elapsed() > Duration::from_secs(30) {
                return Err("the tasks were not queued again".into());
            }
        }
        requeued.push(start.elapsed().as_nanos() as f64 / 1e6);
        drop(tickets);
    }
    let case = |name: &str| format!("{name}{arm}");
    summary.record("async", &case("kill_65536"), "requeued_ms", &requeued);
    summary.record("async", &case("submit_65536"), "tasks_per_s", &rates);
    Ok(())
}

/// The process that runs async handlers.
fn pid_of_io(client: &Client) -> Result<Pid, Box<dyn Error>> {
    let bytes = match client.call("io.pid", b"", &TaskOptions::default())? {
        Outcome::Completed { bytes, .. } => bytes.as_slice().try_into().map(u64::from_le_bytes)?,
        other => return Err(format!("io.pid: {other:?}").into()),
    };
    Pid::from_raw(bytes as i32).ok_or_else(|| "no process id".into())
}
