//! The cases `waiting_*` of the suite `idle`: what a pool costs while async tasks wait in one worker.
//!
//! A pool of its own with the worker of the tests, whose handler `io.sleep` waits for a timer. The client
//! is this process, with one thread that waits for the first of the tasks.

use super::rounds::say;
use crate::cases::CaseId::{self, Waiting1000, Waiting65536};
use crate::machine::cpu_time_of_tree;
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use ringwork_ring::Codec;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_tests::{Pool, Serve, wait_for};
use std::error::Error;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const SPAN: Duration = Duration::from_secs(5);
/// Longer than all rounds.
const SLEEP_MS: i64 = 600_000;

/// Runs both cases.
pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let mut failed = 0;
    for (case, tasks) in [(Waiting1000, 1000), (Waiting65536, 65_536)] {
        if let Err(error) = waiting(programs, summary, case, tasks) {
            summary.skip(case.name(), error.to_string());
            failed += 1;
        }
    }
    failed
}

fn waiting(
    programs: &Programs,
    summary: &mut Summary,
    case: CaseId,
    tasks: u64,
) -> Result<(), Box<dyn Error>> {
    let pool = serve(programs, tasks.next_power_of_two(), 0)?;
    let client = pool.client();
    let pid = pool.wait_workers(1)[0].1;
    let own = size_of_future(&client)?;
    let before = private_memory(pid)?;
    // A sixteenth of the slots is kept for tasks of the first priority.
    let options = TaskOptions::default().codec(Codec::I64).priority(0);
    let begun = Instant::now();
    let tickets = (0..tasks)
        .map(|_| client.submit("io.sleep", &SLEEP_MS.to_le_bytes(), &options))
        .collect::<Result<Vec<Ticket<'_>>, _>>()?;
    wait_for("all tasks are in flight", || {
        (in_flight(&pool) == tasks).then_some(())
    });
    let took = begun.elapsed();
    let each = (private_memory(pid)?.saturating_sub(before)) as f64 / tasks as f64 - own;
    let mut percents = Vec::new();
    std::thread::scope(|scope| {
        let first = &tickets[0];
        let waiter = scope.spawn(move || first.wait(Some(SPAN * (ROUNDS as u32 + 1))));
        for round in 1..=ROUNDS {
            say(&format!("{} round {round}, {SPAN:?}", case.name()));
            let used = || -> u64 {
                let times = cpu_time_of_tree(std::process::id());
                times.values().map(|(_, time)| *time).sum()
            };
            let (start, before) = (Instant::now(), used());
            std::thread::sleep(SPAN);
            let span = start.elapsed().as_nanos() as f64;
            percents.push(100.0 * used().saturating_sub(before) as f64 / span);
        }
        drop(waiter);
    });
    let bytes = [each];
    summary.record("idle", case.name(), "cpu_percent", &percents);
    summary.record("idle", case.name(), "bytes_per_task", &bytes);
    summary.note(format!(
        "{}: {tasks} tasks in flight after {took:.1?}; percent of one core, supervisor, worker and client summed; \
         bytes are the worker's private memory for each task, without the {own} of the handler's own future",
        case.name()
    ));
    summary.figure(Subject::Figure(case, "cpu_percent"), &percents);
    summary.figure(Subject::Figure(case, "bytes_per_task"), &bytes);
    Ok(())
}

/// The bytes of the handler's own future, its timer among them.
fn size_of_future(client: &Client) -> Result<f64, Box<dyn Error>> {
    let size = match client.call("io.sleep.size", b"", &TaskOptions::default())? {
        Outcome::Completed { bytes, .. } => bytes.as_slice().try_into().map(u64::from_le_bytes)?,
        other => return Err(format!("io.sleep.size: {other:?}").into()),
    };
    Ok(size as f64)
}

/// A pool of one worker, with one lane, and so many I/O workers, for one client with so many slots.
pub fn serve(programs: &Programs, slots: u64, io_workers: u32) -> Result<Pool, Box<dyn Error>> {
    Ok(described(programs, slots, io_workers)?.start())
}

/// The same before it is started.
pub fn described(
    programs: &Programs,
    slots: u64,
    io_workers: u32,
) -> Result<Serve, Box<dyn Error>> {
    let bin = programs
        .ringwork
        .parent()
        .ok_or("no directory of the binary")?;
    let worker = bin.join("ringwork-test-io-worker");
    let size = if slots > 4096 { "256MiB" } else { "32MiB" };
    Ok(Serve::new("waiting")
        .program(&programs.ringwork)
        .option("worker", &worker.display().to_string())
        .option("workers", "1")
        .option("io-workers", &io_workers.to_string())
        .option("clients", "1")
        .option("slots", &slots.to_string())
        .option("segment-size", size))
}

/// How many claims of lanes go on by themselves.
pub fn in_flight(pool: &Pool) -> u64 {
    pool.segment().lanes().map(|lane| lane.open_claims()).sum()
}

/// Memory that a process shares with no other, in bytes.
fn private_memory(pid: i32) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(1024 * kib.ok_or("no RssAnon")?.parse::<u64>()?)
}
