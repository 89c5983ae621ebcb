//! Suite `client`: the Rust client. A round trip beside that of the low-level client, what pending
//! tasks cost, and how soon they end with their pool.

use super::rounds::{PERCENTILES, ROUNDS, Series, keep, pairs, percentiles, say, values};
use crate::cases::CaseId::{self, ClientBlocking, ClientFuture, ClientPending, TicketWait};
use crate::party::cpu_time;
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use hdrhistogram::Histogram;
use ringwork::{Ringwork, Task, TaskType, WaitStrategy, block_on, join_all};
use ringwork_ring::PoolDir;
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_tests::{Pool, Serve};
use rustix::process::{Pid, Signal, kill_process};
use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// All cases of the suite.
#[cfg(test)]
pub const CASES: [CaseId; 4] = [TicketWait, ClientBlocking, ClientFuture, ClientPending];

const ECHO: TaskType<[u8], Vec<u8>> = TaskType::new("echo");
const NEVER: TaskType<(), ()> = TaskType::new("test.never");
/// Bytes of a request.
const SIZE: usize = 64;
/// How long a case is measured in a round.
const SPAN: Duration = Duration::from_millis(500);
/// Tasks that are pending at once.
const PENDING: u32 = 65_536;
/// How long their processor time is measured.
const WAITS: Duration = Duration::from_secs(5);
/// Rounds of those.
const PENDING_ROUNDS: usize = 3;

type Found<T> = Result<T, Box<dyn Error>>;

/// Runs the suite.
pub fn run(programs: &Programs, summary: &mut Summary) -> Found<usize> {
    round_trips(programs, summary)?;
    pending(programs, summary)?;
    summary.note(
        "client: one thread, 64 bytes, one task in flight, a pool of one lane that spins; all waits of the clients at \
         their defaults. Pending: bytes are what the process grew by from before it attached, whole tables and the \
         vector of tasks included; processor time is the client's alone",
    );
    Ok(0)
}

fn round_trips(programs: &Programs, summary: &mut Summary) -> Found<()> {
    let pool = serve(programs, "client")?.option("wait", "spin").start();
    let low = Client::connect(pool.dir())?;
    let rw = Ringwork::builder("x").dir(pool.dir().clone());
    let rw = rw.wait(WaitStrategy::Adaptive).connect_blocking()?;
    let request = [7; SIZE];
    let options = TaskOptions::default();
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("client round {}", round + 1));
        summary.watch.look();
        let ticket = timed(|| match low.call("echo", &request, &options) {
            Ok(Outcome::Completed { bytes, .. }) => bytes == request,
            _ => false,
        })?;
        let blocking = timed(|| is_echo(rw.call(ECHO, &request[..]).wait(), &request))?;
        let future = timed(|| is_echo(block_on(rw.call(ECHO, &request[..])), &request))?;
        for (case, histogram) in [
            (TicketWait, ticket),
            (ClientBlocking, blocking),
            (ClientFuture, future),
        ] {
            keep(&mut series, case.name(), round, percentiles(&histogram));
        }
    }
    for case in [TicketWait, ClientBlocking, ClientFuture].map(CaseId::name) {
        for (metric, _) in PERCENTILES {
            summary.record("client", case, metric, &values(&series, case, metric));
        }
    }
    let (client, ticket) = (ClientBlocking, TicketWait);
    let (above, below) = pairs(&series, client.name(), ticket.name(), "p50_ns");
    summary.compare(Subject::RoundTrip(client, ticket), &above, &below);
    Ok(())
}

fn is_echo(found: ringwork::Result<Vec<u8>>, request: &[u8]) -> bool {
    found.is_ok_and(|bytes| bytes == request)
}

/// Calls until the time is over, after a tenth of it that does not count.
fn timed(mut call: impl FnMut() -> bool) -> Found<Histogram<u64>> {
    let warm = Instant::now();
    while warm.elapsed() < SPAN / 10 {
        call();
    }
    let mut histogram = Histogram::new(3)?;
    let start = Instant::now();
    while start.elapsed() < SPAN {
        let before = Instant::now();
        if !call() {
            return Err("a wrong answer, or none".into());
        }
        histogram.record(before.elapsed().as_nanos() as u64)?;
    }
    Ok(histogram)
}

/// A pool of one lane with the worker of the tests.
pub(super) fn serve(programs: &Programs, name: &str) -> Found<Serve> {
    let bin = programs.ringwork.parent();
    let worker = bin.ok_or("no directory of the binary")?;
    let worker = worker.join("ringwork-test-worker");
    let pool = Serve::new(name).program(&programs.ringwork);
    let pool = pool.option("worker", &worker.display().to_string());
    Ok(pool.option("workers", "1"))
}

fn large_pool(programs: &Programs) -> Found<Pool> {
    let pool = serve(programs, "pending")?.option("clients", "2");
    let pool = pool.option("slots", &PENDING.to_string());
    Ok(pool.option("segment-size", "128MiB").start())
}

fn pending(programs: &Programs, summary: &mut Summary) -> Found<()> {
    let (mut bytes, mut percents, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..PENDING_ROUNDS {
        say(&format!("client pending round {}", round + 1));
        let pool = large_pool(programs)?;
        let waits = Command::new(std::env::current_exe()?)
            .arg("client-waits")
            .arg(pool.dir().path())
            .output()?;
        let told = String::from_utf8(waits.stdout)?;
        let told: Vec<f64> = told
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [each, percent] = told[..] else {
            let why = String::from_utf8_lossy(&waits.stderr).into_owned();
            return Err(format!("the waiting client has failed: {why}").into());
        };
        bytes.push(each);
        percents.push(percent);
        drop(pool);
        ends.push(end_with_the_pool(programs)?);
    }
    let case = ClientPending;
    for (metric, values) in [
        ("bytes_per_task", &bytes),
        ("cpu_percent", &percents),
        ("end_ms", &ends),
    ] {
        summary.record("client", case.name(), metric, values);
        summary.figure(Subject::Figure(case, metric), values);
    }
    Ok(())
}

/// As many tasks as there are slots.
fn all_pending(rw: &Ringwork) -> ringwork::Result<Vec<Task<()>>> {
    // One by one: a list of results is larger than one of tasks.
    let mut tasks = Vec::with_capacity(PENDING as usize);
    for _ in 0..PENDING {
        tasks.push(rw.call(NEVER, &()).priority(0).submit()?);
    }
    Ok(tasks)
}

/// Milliseconds from the death of a pool until all tasks have ended for their owner.
fn end_with_the_pool(programs: &Programs) -> Found<f64> {
    let mut pool = large_pool(programs)?;
    let supervisor = Pid::from_raw(pool.pid()).ok_or("no supervisor")?;
    let rw = Ringwork::builder("x").dir(pool.dir().clone());
    let rw = rw.connect_blocking()?;
    let tasks = all_pending(&rw)?;
    let start = Instant::now();
    kill_process(supervisor, Signal::KILL)?;
    let ends = block_on(join_all(tasks));
    let took = start.elapsed();
    pool.wait_exit();
    if ends.iter().any(Result::is_ok) {
        return Err("a task of a dead pool has a result".into());
    }
    Ok(took.as_nanos() as f64 / 1e6)
}

/// A client of its own process whose tasks only wait: bytes of each, and percent of a core.
pub fn waits(dir: &std::path::Path) -> Found<()> {
    let before = resident()?;
    let rw = Ringwork::builder("x").dir(PoolDir::at(dir)?);
    let rw = rw.connect_blocking()?;
    let mut tasks = all_pending(&rw)?;
    let mut context = Context::from_waker(Waker::noop());
    for task in &mut tasks {
        if Pin::new(task).poll(&mut context).is_ready() {
            return Err("a task that never ends has ended".into());
        }
    }
    // What the client has mapped of the pool is the pool's memory.
    let each = (resident()? - before) / f64::from(PENDING);
    let cpu = cpu_time();
    std::thread::sleep(WAITS);
    let percent = 100.0 * (cpu_time() - cpu) / WAITS.as_secs_f64();
    println!("{each} {percent}");
    Ok(())
}

/// Bytes of private memory of this process.
fn resident() -> Found<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.ok_or("no RssAnon in /proc/self/status")?.parse()?;
    Ok(kib * 1024.0)
}
