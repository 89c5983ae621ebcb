//! Suite `recovery`: how soon what a killed process held is given back.
//!
//! A pool of its own under load, with the worker of `make chaos`, which writes down what it
//! starts. Workers are killed at random moments, and the slots that they held are watched; then
//! clients, and their entries are. Times count from before the signal, so they contain its
//! delivery and the death itself; the watcher looks every 50 µs.

use crate::cases::CaseId::{ClientKill, Kill};
use crate::programs::Programs;
use crate::summary::{Record, Summary};
use crate::targets::Subject;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::{Kind, Word};
use ringwork_ring::{PoolDir, Segment};
use ringwork_tests::chaos::{self, Mode, Order, RECORD, STARTS_VARIABLE, WORK};
use ringwork_tests::{Pool, Serve, wait_for};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// All cases of the suite.
#[cfg(test)]
pub const CASES: [crate::cases::CaseId; 2] = [Kill, ClientKill];
/// Rounds, and kills in each.
const ROUNDS: usize = 5;
const KILLS: usize = 60;
/// Client threads, and tasks in flight of each.
const THREADS: u64 = 2;
const WINDOW: usize = 8;
/// Between two looks.
const LOOK: Duration = Duration::from_micros(50);
/// What must happen, happens within this.
const PATIENCE: Duration = Duration::from_secs(30);
const PERCENTILES: [(&str, f64); 3] = [("p50_us", 0.5), ("p99_us", 0.99), ("max_us", 1.0)];

/// What is measured, in microseconds, by round.
#[derive(Default)]
struct Times(Vec<Vec<f64>>);

impl Times {
    fn add(&mut self, round: usize, took: Duration) {
        self.0.resize_with(ROUNDS.max(round + 1), Vec::new);
        self.0[round].push(took.as_nanos() as f64 / 1e3);
    }

    /// Percentiles over all kills; the spread is that of the rounds' own.
    fn record(&self, case: &str, prefix: &str, summary: &mut Summary) -> Vec<f64> {
        let all: Vec<f64> = self.0.iter().flatten().copied().collect();
        let mut values = Vec::new();
        for (metric, at) in PERCENTILES {
            let rounds: Vec<f64> = self
                .0
                .iter()
                .filter(|times| !times.is_empty())
                .map(|times| percentile(times, at))
                .collect();
            if all.is_empty() {
                continue;
            }
            let value = percentile(&all, at);
            summary.records.push(Record {
                suite: "recovery".into(),
                case: case.to_owned(),
                metric: format!("{prefix}{metric}"),
                value: (value * 10.0).round() / 10.0,
                rounds: rounds.len(),
                min: rounds.iter().copied().fold(f64::INFINITY, f64::min),
                max: rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            });
            values.push(value);
        }
        values
    }
}

fn percentile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * at).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}

fn serve(ringwork: &Path, worker: &Path, starts: &Path) -> Pool {
    Serve::new("recovery")
        .program(ringwork)
        .option("worker", &worker.display().to_string())
        .option("workers", "3")
        // The load of chaos has tasks with keys.
        .option("keys", "true")
        .option("restart-backoff-max", "10ms")
        .option("crash-storm", "off")
        .env(STARTS_VARIABLE, &starts.display().to_string())
        .start()
}

/// Runs the suite.
pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let bin = programs
        .ringwork
        .parent()
        .ok_or("no directory of the binary")?;
    let starts = programs.out.join("recovery-starts");
    let _ = std::fs::remove_file(&starts);
    let worker = bin.join("ringwork-chaos-worker");
    let pool = serve(&programs.ringwork, &worker, &starts);
    let client = pool.client();
    let load = Load::default();
    let times = std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, load) = (&client, &load);
            scope.spawn(move || load.run(client, thread));
        }
        let times = kill_workers(&pool);
        load.stop.store(true, Ordering::Relaxed);
        times
    });
    let requeued = times
        .requeued
        .record(Kill.name(), "detect_to_requeue_", summary);
    times
        .completed
        .record(Kill.name(), "completed_elsewhere_", summary);
    times.replaced.record(Kill.name(), "replaced_", summary);
    let duplicated = duplicated(&starts)?;
    let lost = load.lost.load(Ordering::Relaxed);
    summary.record("recovery", Kill.name(), "lost", &[lost as f64]);
    summary.record("recovery", Kill.name(), "duplicated", &[duplicated as f64]);
    let mut freed = Times::default();
    kill_clients(
        &pool,
        &bin.join("ringwork-chaos"),
        &programs.out,
        &mut freed,
    )?;
    freed.record(ClientKill.name(), "freed_", summary);
    let _ = std::fs::remove_file(&starts);
    summary.note(format!(
        "recovery: 3 workers of one lane, {} tasks in flight of up to 3 ms, {} kills of workers, {} of clients; \
         {} tasks; percentiles over all kills, the spread is the rounds'; \
         completed_elsewhere contains the task's own run time",
        THREADS as usize * WINDOW,
        ROUNDS * KILLS,
        freed.0.iter().map(Vec::len).sum::<usize>(),
        load.next.load(Ordering::Relaxed),
    ));
    summary.figure(Subject::Figure(Kill, "lost"), &[lost as f64]);
    summary.figure(Subject::Figure(Kill, "duplicated"), &[duplicated as f64]);
    if let [_, p99, _] = requeued[..] {
        summary.figure(
            Subject::Figure(Kill, "detect_to_requeue_p99, ms"),
            &[p99 / 1e3],
        );
    }
    Ok(usize::from(lost + duplicated > 0 || requeued.is_empty()))
}

// ---- the load

/// What the client threads share.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    next: AtomicU64,
    lost: AtomicU64,
}

impl Load {
    fn run(&self, client: &Client, thread: u64) {
        let mut random = fastrand::Rng::with_seed(thread);
        let mut flying: VecDeque<(Order, Ticket<'_>)> = VecDeque::new();
        while !self.stop.load(Ordering::Relaxed) || !flying.is_empty() {
            while flying.len() < WINDOW && !self.stop.load(Ordering::Relaxed) {
                flying.extend(self.submit(client, &mut random));
            }
            if let Some((order, ticket)) = flying.pop_front() {
                self.check(&order, &ticket);
            }
        }
    }

    fn submit<'c>(
        &self,
        client: &'c Client,
        random: &mut fastrand::Rng,
    ) -> Option<(Order, Ticket<'c>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let order = Order {
            // Even numbers may run once, odd ones three times.
            id: number,
            result: random.u32(0..2000),
            micros: random.u32(100..3000),
            mode: Mode::Answer,
        };
        let mut request = vec![0; random.usize(chaos::HEADER..2000)];
        order.write(&mut request);
        let options = TaskOptions::default().attempts(if number.is_multiple_of(2) { 1 } else { 3 });
        client
            .submit(WORK, &request, &options)
            .ok()
            .map(|ticket| (order, ticket))
    }

    fn check(&self, order: &Order, ticket: &Ticket<'_>) {
        let good = match ticket.wait(Some(PATIENCE)) {
            Ok(Outcome::Completed { bytes, .. }) => {
                bytes.len() == order.result as usize
                    && chaos::matches(chaos::seeds(order.id).1, &bytes)
            }
            Ok(Outcome::Crashed { .. }) => true,
            _ => false,
        };
        self.lost.fetch_add(u64::from(!good), Ordering::Relaxed);
    }
}

/// Tasks that may run once and were started more often.
fn duplicated(starts: &Path) -> std::io::Result<u64> {
    let bytes = std::fs::read(starts)?;
    let mut seen = HashSet::new();
    let mut duplicated = 0;
    for record in bytes.as_chunks::<RECORD>().0 {
        if let Some(chaos::Record::Start(id, ..)) = chaos::Record::read(record) {
            duplicated += u64::from(id.is_multiple_of(2) && !seen.insert(id));
        }
    }
    Ok(duplicated)
}

// ---- kills of workers

#[derive(Default)]
struct WorkerTimes {
    requeued: Times,
    completed: Times,
    replaced: Times,
}

fn kill_workers(pool: &Pool) -> WorkerTimes {
    let mut times = WorkerTimes::default();
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..ROUNDS {
        super::rounds::say(&format!("recovery round {}", round + 1));
        let mut samples = 0;
        while samples < KILLS {
            let workers = pool.wait_workers(3);
            std::thread::sleep(Duration::from_micros(random.u64(2_000..30_000)));
            let (index, pid) = workers[random.usize(..workers.len())];
            samples += usize::from(kill_worker(pool.segment(), index, pid, round, &mut times));
        }
    }
    times
}

/// Kills one and watches; whether a task was requeued.
fn kill_worker(
    segment: &Segment,
    index: u32,
    pid: i32,
    round: usize,
    times: &mut WorkerTimes,
) -> bool {
    let entry = segment.worker(index);
    let life = entry.word_acquire();
    let Some(pidfd) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
    else {
        return false;
    };
    let start = Instant::now();
    if pidfd_send_signal(&pidfd, Signal::KILL).is_err() {
        return false;
    }
    let held: Vec<(u32, Word)> = held_by(segment, index);
    let (mut requeued, mut completed, mut replaced) = (None, None, None);
    let done =
        |seen: Option<Duration>, is_so: bool| seen.or_else(|| is_so.then(|| start.elapsed()));
    while start.elapsed() < PATIENCE {
        let (mut all_back, mut all_over, mut any) = (true, true, false);
        for (slot, word) in &held {
            let now = segment.word(*slot);
            let same_task = now.generation() == word.generation();
            // Back in the queue, or gone further from there. DONE in the same attempt: the
            // worker was faster than its death.
            any |= same_task && now.attempt() > word.attempt();
            all_back &=
                !(same_task && now.attempt() == word.attempt() && now.kind() == Kind::Claimed);
            all_over &= !(same_task && matches!(now.kind(), Kind::Claimed | Kind::Queued));
        }
        if any || requeued.is_some() {
            requeued = done(requeued, all_back);
            completed = done(completed, all_over);
        }
        let now = entry.word_acquire();
        let ready = now.is_active() && entry.lanes_acquire() > 0;
        replaced = done(replaced, now.generation() != life.generation() && ready);
        if replaced.is_some() && (requeued.is_none() || completed.is_some()) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    for (times, took) in [
        (&mut times.requeued, requeued),
        (&mut times.completed, completed),
        (&mut times.replaced, replaced),
    ] {
        if let Some(took) = took {
            times.add(round, took);
        }
    }
    requeued.is_some()
}

/// The tasks that a worker runs and that may run again.
fn held_by(segment: &Segment, worker: u32) -> Vec<(u32, Word)> {
    let lanes: HashMap<u16, u32> = (0..)
        .zip(segment.lanes().map(|lane| lane.word_acquire()))
        .filter(|(_, word)| !word.is_free() && word.worker() == worker)
        .filter_map(|(lane, _)| Some((u16::try_from(lane).ok()?, lane)))
        .collect();
    (0..segment.geometry().total_slots())
        .map(|slot| (slot, segment.word(slot)))
        .filter(|(slot, word)| {
            word.kind() == Kind::Claimed
                && lanes.contains_key(&word.owner())
                && word.attempt() + 1 < segment.slot(*slot).published().attempts()
        })
        .collect()
}

// ---- kills of clients

/// A client process of `make chaos`, killed when dropped.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill_clients(
    pool: &Pool,
    program: &Path,
    out: &Path,
    freed: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let mut random = fastrand::Rng::with_seed(2);
    let segment = pool.segment();
    let journal = out.join("recovery-client");
    for number in 0..ROUNDS * KILLS {
        let mut other = Other(start_client(pool.dir(), program, &journal, number)?);
        let pid = other.0.id();
        let (entry, word) = wait_for("the client has submitted", || {
            (0..segment.geometry().max_clients)
                .map(|client| segment.client(client))
                .find(|client| {
                    client.pid() == pid && client.since_attach(ClientCounter::Submitted) > 20
                })
                .map(|client| (client, client.word_acquire()))
        });
        std::thread::sleep(Duration::from_micros(random.u64(..50_000)));
        let start = Instant::now();
        other.0.kill()?;
        while start.elapsed() < PATIENCE {
            let now = entry.word_acquire();
            if now.generation() != word.generation() || now.is_free() {
                freed.add(number / KILLS, start.elapsed());
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
    let _ = std::fs::remove_file(&journal);
    Ok(())
}

fn start_client(
    dir: &PoolDir,
    program: &Path,
    journal: &Path,
    number: usize,
) -> std::io::Result<Child> {
    Command::new(program)
        .arg("client")
        .args([dir.path(), journal])
        .args([number.to_string(), number.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
}
