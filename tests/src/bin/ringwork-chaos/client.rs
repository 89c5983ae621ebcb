//! The Rust client of `make chaos`: submits, checks and writes down, until told otherwise.
//!
//! Started by the driver; it may be killed or stopped at any time. A line on standard input has it
//! wait for all that is in flight and close its connection: with `reopen` it opens another, with
//! `hold` it says `held` and waits for `go`, with `stop` it leaves. The end of the input ends it at
//! once. `Chaos.java` does the same in a JVM. Invariant: a task is written down before its submit
//! and once its end is known.

use clap::Args;
use ringwork_ring::Status;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::{PoolDir, RingError};
use ringwork_tests::chaos::{
    ASKED, ECHO, End, HEADER, Journal, KeyOf, Mode, Order, Record, WAIT, WORK, id, key, matches,
    seeds,
};
use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Threads that submit.
const THREADS: u64 = 3;
/// Most tasks in flight of a thread.
const WINDOW: usize = 12;
/// A future that does not end within this is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(5);

/// Arguments of a client.
#[derive(Debug, Args)]
pub struct Options {
    /// The directory of the pool.
    dir: PathBuf,
    /// The file to append records to.
    journal: PathBuf,
    /// Number of this process among all clients.
    number: u64,
    /// Seed of the random choices.
    seed: u64,
}

struct State {
    journal: Journal,
    number: u64,
    next: AtomicU64,
    order: AtomicU8,
    /// Whether one of fifty tasks is submitted without the key that its id names: so that a test
    /// can see the driver find it.
    keyless: bool,
}

/// What the driver wants.
const WORK_ON: u8 = 0;
const REOPEN: u8 = 1;
const HOLD: u8 = 2;
const STOP: u8 = 3;

/// A task in flight.
struct Flying<'c> {
    id: u64,
    order: Option<Order>,
    request: Vec<u8>,
    attempts: u8,
    since: Instant,
    ticket: Ticket<'c>,
}

/// Runs a client.
pub fn run(options: &Options) -> Result<(), String> {
    let state = State {
        journal: Journal::append(&options.journal).map_err(|error| error.to_string())?,
        number: options.number,
        next: AtomicU64::new(0),
        order: AtomicU8::new(WORK_ON),
        keyless: std::env::var("RINGWORK_CHAOS_SABOTAGE").is_ok_and(|how| how == "keyless"),
    };
    let dir = PoolDir::at(&options.dir).map_err(|error| error.to_string())?;
    std::thread::scope(|scope| {
        scope.spawn(|| obey(&state));
        let (mut seed, mut held, mut connections) = (options.seed, false, 0);
        loop {
            match state.order.load(Ordering::Relaxed) {
                STOP => break,
                HOLD => {
                    if !std::mem::replace(&mut held, true) {
                        println!("held");
                    }
                }
                _ => {
                    held = false;
                    seed = seed.wrapping_add(THREADS);
                    // No pool, or no longer one: the supervisor is being replaced.
                    if let Ok(client) = Client::connect(&dir) {
                        work(&client, &state, seed, connections);
                        connections += 1;
                    }
                }
            }
            std::thread::sleep(PAUSE);
        }
        // The thread that reads the orders waits for a line that never comes.
        std::process::exit(0)
    })
}

/// Follows the orders on standard input.
fn obey(state: &State) {
    for line in std::io::stdin().lock().lines() {
        let order = match line.as_deref() {
            Ok("reopen") => REOPEN,
            Ok("hold") => HOLD,
            Ok("stop") => STOP,
            _ => WORK_ON,
        };
        state.order.store(order, Ordering::Relaxed);
    }
    // The driver is gone.
    std::process::exit(1)
}

/// Works with one connection until it breaks or is to be closed.
fn work(client: &Client, state: &State, seed: u64, connection: u64) {
    let _ = state
        .order
        .compare_exchange(REOPEN, WORK_ON, Ordering::Relaxed, Ordering::Relaxed);
    let broken = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let random = fastrand::Rng::with_seed(seed.wrapping_add(thread));
            let broken = &broken;
            let of = (connection, thread);
            scope.spawn(move || submit_and_settle(client, state, broken, (random, of)));
        }
    });
}

fn submit_and_settle(
    client: &Client,
    state: &State,
    broken: &AtomicBool,
    (mut random, of): (fastrand::Rng, (u64, u64)),
) {
    let mut flying = VecDeque::new();
    loop {
        let over = broken.load(Ordering::Relaxed) || state.order.load(Ordering::Relaxed) != WORK_ON;
        let window = random.usize(1..=WINDOW);
        while !over && flying.len() < window {
            flying.extend(submit(client, state, broken, (&mut random, of)));
            if broken.load(Ordering::Relaxed) {
                break;
            }
        }
        match flying.pop_front() {
            Some(task) => settle(state, task, broken, &mut random),
            None if over => return,
            None => {}
        }
    }
}

/// A request of random length: an order, where it is long enough for one.
fn request(id: u64, random: &mut fastrand::Rng) -> (Option<Order>, Vec<u8>) {
    let len = length(random);
    if len < HEADER {
        let mut request = id.to_le_bytes().repeat(2);
        request.truncate(len);
        return (None, request);
    }
    let order = Order {
        id,
        result: u32::try_from(length(random)).unwrap_or(u32::MAX),
        micros: random.u32(0..3000) * random.u32(0..2),
        mode: match random.u32(0..500) {
            0 => Mode::Panic,
            1..5 => Mode::Fail,
            _ => Mode::Answer,
        },
    };
    let mut request = vec![0; len];
    order.write(&mut request);
    (Some(order), request)
}

fn submit<'c>(
    client: &'c Client,
    state: &State,
    broken: &AtomicBool,
    (random, (connection, thread)): (&mut fastrand::Rng, (u64, u64)),
) -> Option<Flying<'c>> {
    let of = match random.u8(0..10) {
        0..3 => KeyOf::Thread,
        3 => KeyOf::All,
        _ => KeyOf::Nobody,
    };
    let number = state.next.fetch_add(1, Ordering::Relaxed);
    let id = id(state.number, number, of, connection, thread);
    let (order, request) = request(id, random);
    let handler = match &order {
        Some(_) if random.u8(0..4) == 0 => WAIT,
        Some(_) => WORK,
        None => ECHO,
    };
    let attempts = [1, 1, 1, 2, 3][random.usize(0..5)];
    let options = TaskOptions::default()
        .timeout((random.u32(0..10) == 0).then(|| Duration::from_micros(random.u64(100..20_000))))
        .priority(random.u8(0..3))
        .attempts(attempts)
        .task_id(id);
    let options = match key(id).filter(|_| !state.keyless || id % 50 != 49) {
        Some(keyed) => options.key(keyed.key.to_le_bytes()),
        None => options,
    };
    note(
        state,
        Record::Submit(id, if order.is_some() { attempts } else { 0 }),
    );
    let since = Instant::now();
    match client.submit(handler, &request, &options) {
        Ok(ticket) => Some(Flying {
            id,
            order,
            request,
            attempts,
            since,
            ticket,
        }),
        Err(
            RingError::SlotsTaken { .. }
            | RingError::DeadlineUnreachable { .. }
            | RingError::QueueFull
            | RingError::ArenaExhausted { .. },
        ) => {
            note(
                state,
                Record::Ended(id, End::Rejected, false, micros(since)),
            );
            std::thread::sleep(Duration::from_millis(1));
            None
        }
        Err(error) => {
            let end = if matches!(error, RingError::Closed { .. }) {
                End::Closed
            } else {
                eprintln!("task {id:#x}: {error}");
                End::Wrong
            };
            broken.store(true, Ordering::Relaxed);
            note(state, Record::Ended(id, end, false, micros(since)));
            None
        }
    }
}

/// All size classes, the small ones more often.
fn length(random: &mut fastrand::Rng) -> usize {
    let limit = match random.u32(0..100) {
        0..5 => HEADER,
        5..45 => 64,
        45..75 => 1 << 10,
        75..92 => 16 << 10,
        92..98 => 128 << 10,
        _ => 1 << 20,
    };
    match random.u32(0..8) {
        0 => limit,
        _ => random.usize(0..=limit),
    }
}

fn settle(state: &State, task: Flying<'_>, broken: &AtomicBool, random: &mut fastrand::Rng) {
    let Flying { id, since, .. } = task;
    match random.u32(0..100) {
        0..2 => {
            drop(task.ticket);
            return note(
                state,
                Record::Ended(id, End::Abandoned, true, micros(since)),
            );
        }
        2..6 => {
            let outcome = task.ticket.cancel();
            let (end, may_have_run) = judge(&outcome, id, task.order, &task.request, task.attempts);
            return note(state, Record::Ended(id, end, may_have_run, micros(since)));
        }
        _ => {}
    }
    match task.ticket.wait(Some(PATIENCE)) {
        Ok(outcome) => {
            if matches!(outcome, Outcome::Closed { .. }) {
                broken.store(true, Ordering::Relaxed);
            }
            let (end, may_have_run) = judge(&outcome, id, task.order, &task.request, task.attempts);
            note(state, Record::Ended(id, end, may_have_run, micros(since)));
        }
        // No end is written down: it is lost.
        Err(error) => eprintln!("task {id:#x} in slot {}: {error}", task.ticket.slot()),
    }
}

/// What an outcome is, and whether it says that the task may have run.
fn judge(
    outcome: &Outcome,
    id: u64,
    order: Option<Order>,
    request: &[u8],
    attempts: u8,
) -> (End, bool) {
    let verdict = match outcome {
        Outcome::Completed { bytes, .. } => match order {
            None if bytes == request => Some((End::Completed, true)),
            Some(order)
                if order.mode == Mode::Answer
                    && bytes.len() == order.result as usize
                    && matches(seeds(id).1, bytes) =>
            {
                Some((End::Completed, true))
            }
            _ => None,
        },
        Outcome::Failed {
            status,
            may_have_run,
            code,
            ..
        } => match (*status, order) {
            (Status::ArenaExhausted, _) => Some((End::Rejected, *may_have_run)),
            (Status::Cancelled, _) => Some((End::Cancelled, *may_have_run)),
            (
                Status::Failed,
                Some(Order {
                    mode: Mode::Fail, ..
                }),
            ) if code == ASKED => Some((End::Failed, *may_have_run)),
            (
                Status::Panicked,
                Some(Order {
                    mode: Mode::Panic, ..
                }),
            ) => Some((End::Failed, *may_have_run)),
            _ => None,
        },
        Outcome::Crashed { attempts: made, .. } => {
            (*made == u32::from(attempts)).then_some((End::Crashed, true))
        }
        Outcome::TimedOut { may_have_run } => Some((End::TimedOut, *may_have_run)),
        Outcome::Cancelled { may_have_run } => Some((End::Cancelled, *may_have_run)),
        Outcome::Closed { .. } => Some((End::Closed, true)),
    };
    verdict.unwrap_or_else(|| {
        let what = match outcome {
            Outcome::Completed { bytes, .. } => format!("a wrong result of {} bytes", bytes.len()),
            other => format!("{other:?}"),
        };
        eprintln!("task {id:#x}, {order:?}, {attempts} attempts: {what}");
        (End::Wrong, true)
    })
}

fn micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// Without its journal a client proves nothing: it ends.
fn note(state: &State, record: Record) {
    if let Err(error) = state.journal.note(record) {
        eprintln!("cannot write the journal: {error}");
        std::process::exit(2);
    }
}
