//! A worker that misbehaves on request: the other end of every cross-process test.
//!
//! All stock handlers, and `test.*` ones that fail, crash, hang, or tell what
//! they see of their task. Both contract runners (Rust and Java) start pools of it;
//! the table of handlers is in tests/README.md.
//!
//! `RINGWORK_TEST_BOOT=crash|exit|hang` makes the process die by SIGSEGV, exit
//! with code 3, or hang before it registers with the pool. `stateless` leaves out a state that a
//! handler needs, `lane` has a state that no lane can make, `subscriber` sets a log of the program's own.
//! `RINGWORK_TEST_HANDLER=NAME` adds a handler of this name.

#![forbid(unsafe_code)]

use anyhow::Context;
use nix::sys::signal::{Signal, raise};
use ringwork_handlers::stock_worker;
use ringwork_tests::{forbidden, misbehaviour};
use ringwork_worker::{Builder, Cbor, Config, PerLane, State, TaskContext, TaskError, WorkerError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

type Outcome<R> = Result<R, TaskError>;

/// How often the waiting handlers look round.
const SLICE: Duration = Duration::from_millis(1);

/// The state that `test.state` needs.
struct Greeting(String);

/// What `test.calls` counts: the calls of its lane.
struct Calls(u32);

/// The section `[handler."test.config"]`.
#[derive(Deserialize)]
#[serde(default)]
struct Tone {
    tone: String,
}

impl Default for Tone {
    fn default() -> Self {
        let tone = "plain".to_owned();
        Self { tone }
    }
}

/// A state that `test.no_state` asks for and no worker has.
struct NotGiven;

#[derive(Deserialize)]
struct Order {
    id: u64,
    name: String,
    prices: Vec<f64>,
    note: Option<String>,
}

/// Bytes, and maps with keys that are no text in Rust.
#[derive(Serialize, Deserialize)]
struct Kinds {
    bytes: Vec<u8>,
    array: [u8; 3],
    flags: BTreeMap<bool, i32>,
    letters: BTreeMap<char, i32>,
    colours: BTreeMap<Colour, i32>,
    numbers: BTreeMap<i64, i32>,
    unsigned: BTreeMap<u64, i32>,
    wide: BTreeMap<u128, i32>,
    addresses: BTreeMap<Ipv4Addr, i32>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "UPPERCASE")]
enum Colour {
    Red,
    Green,
}

#[derive(Serialize)]
struct Receipt {
    id: u64,
    name: String,
    paid: bool,
    total: f64,
    note: Option<String>,
}

fn main() -> Result<(), WorkerError> {
    misbehave_at_start();
    let worker = match std::env::var("RINGWORK_TEST_BOOT").as_deref() {
        Ok("stateless") => stock_worker(),
        _ => stock_worker().state(Greeting("state of the test worker".to_owned())),
    };
    let worker = match std::env::var("RINGWORK_TEST_BOOT").as_deref() {
        Ok("lane") => worker.per_lane("calls", || Err::<Calls, _>("it was told to fail")),
        _ => worker.per_lane("calls", || Outcome::Ok(Calls(0))),
    };
    let mut worker = misbehaviour::handlers(deadly(typed(telling(failing(worker)))));
    if let Ok(name) = std::env::var("RINGWORK_TEST_HANDLER") {
        worker = worker.task(&name, |_: &TaskContext<'_>, (): ()| Outcome::Ok(1_u32));
    }
    forbidden::handlers(worker).run()
}

fn misbehave_at_start() {
    match std::env::var("RINGWORK_TEST_BOOT").as_deref() {
        Ok("crash") => die_of(Signal::SIGSEGV),
        Ok("exit") => {
            eprintln!("the test worker was told to exit at its start");
            std::process::exit(3)
        }
        Ok("thread") => drop(std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        })),
        Ok("subscriber") => tracing_subscriber::fmt()
            .with_thread_names(true)
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .init(),
        Ok("hang") => loop {
            std::thread::park();
        },
        _ => {}
    }
}

/// Handlers that end in an error, late, or not at all.
fn failing(worker: Builder) -> Builder {
    worker
        .task("test.fail", |_: &TaskContext<'_>, message: String| {
            Err::<(), _>(TaskError::new("test.failed", message))
        })
        .task("test.anyhow", |_: &TaskContext<'_>, text: String| {
            let number: i64 = text.parse().with_context(|| format!("reading {text:?}"))?;
            anyhow::Ok(number)
        })
        .task("test.io_error", |_: &TaskContext<'_>, path: String| {
            std::fs::read_to_string(path)
        })
        .task("test.question_mark", |_: &TaskContext<'_>, text: String| {
            Outcome::Ok(text.parse::<i64>()?) // the only such line of this file
        })
        .task("test.no_state", |context: &TaskContext<'_>, (): ()| {
            let _: &NotGiven = context.state();
            Outcome::Ok(u32::from(context.try_state::<NotGiven>().is_none()))
        })
        .task(
            "test.panic",
            |_: &TaskContext<'_>, message: String| -> Outcome<()> { panic!("{message}") },
        )
        .task("test.never", |_: &TaskContext<'_>, (): ()| -> Outcome<()> {
            loop {
                std::thread::sleep(black_box(SLICE));
            }
        })
        .task("test.until_cancelled", until_cancelled)
        .task(
            "test.publish",
            |context: &TaskContext<'_>, text: String| -> Outcome<()> {
                context.publish("test.published", text)
            },
        )
        .task("test.spell", spell)
        .task("test.sleep", |_: &TaskContext<'_>, milliseconds: u64| {
            std::thread::sleep(Duration::from_millis(milliseconds));
            Outcome::Ok(milliseconds)
        })
        .task("test.big_result", |_: &TaskContext<'_>, size: usize| {
            Outcome::Ok((0..size).map(|i| (i % 251) as u8).collect::<Vec<u8>>())
        })
        .task("test.alloc", |_: &TaskContext<'_>, size: usize| {
            let memory: Vec<u8> = black_box(Vec::with_capacity(size));
            Outcome::Ok(memory.capacity())
        })
}

/// Handlers that tell what a task knows of itself.
fn telling(worker: Builder) -> Builder {
    worker
        .task("test.count", count)
        .task("test.attempt", |context: &TaskContext<'_>, (): ()| {
            Outcome::Ok(context.attempt())
        })
        .task("test.has_deadline", |context: &TaskContext<'_>, (): ()| {
            Outcome::Ok(i64::from(context.remaining().is_some()))
        })
        .task("test.traceparent", |context: &TaskContext<'_>, (): ()| {
            let bytes = context.traceparent().unwrap_or_default();
            Outcome::Ok(
                bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>(),
            )
        })
        .task("test.progress", |context: &TaskContext<'_>, steps: u32| {
            for step in 1..=steps {
                context.progress(step, steps);
            }
            Outcome::Ok(steps)
        })
        .task("test.state", |State(greeting): State<Greeting>, (): ()| {
            greeting.0.clone()
        })
        .task("test.config", |tone: Config<Tone>, (): ()| {
            tone.tone.clone()
        })
        .task("test.calls", |mut calls: PerLane<Calls>, (): ()| {
            calls.0 += 1;
            calls.0
        })
        .task("test.log", |_: &TaskContext<'_>, text: String| {
            tracing::debug!("{text} at debug");
            tracing::info!("{text} at info");
            tracing::warn!("{text} at warn");
            Outcome::Ok(())
        })
        .task("test.version", |_: &TaskContext<'_>, (): ()| {
            Outcome::Ok(std::env::var("RINGWORK_TEST_VERSION").unwrap_or_default())
        })
        .task("test.pid", |_: &TaskContext<'_>, (): ()| {
            Outcome::Ok(std::process::id())
        })
}

/// Handlers whose requests are values, not bytes.
fn typed(worker: Builder) -> Builder {
    worker
        .task("test.i64_double", |_: &TaskContext<'_>, value: i64| {
            value
                .checked_mul(2)
                .ok_or_else(|| TaskError::new("test.overflow", format!("{value} is too large")))
        })
        .task(
            "test.cbor",
            |_: &TaskContext<'_>, value: Cbor<serde_json::Value>| Outcome::Ok(value),
        )
        .task("test.kinds", |_: &TaskContext<'_>, kinds: Cbor<Kinds>| {
            Outcome::Ok(kinds)
        })
        .task(
            "test.order",
            |_: &TaskContext<'_>, Cbor(order): Cbor<Order>| {
                Outcome::Ok(Cbor(Receipt {
                    id: order.id,
                    name: order.name,
                    paid: true,
                    total: order.prices.iter().sum(),
                    note: order.note,
                }))
            },
        )
}

/// Handlers that take the process along.
fn deadly(worker: Builder) -> Builder {
    worker
        .task("test.segv", |_: &TaskContext<'_>, (): ()| -> Outcome<()> {
            die_of(Signal::SIGSEGV)
        })
        .task("test.abort", |_: &TaskContext<'_>, (): ()| -> Outcome<()> {
            std::process::abort()
        })
        .task(
            "test.exit",
            |_: &TaskContext<'_>, code: i32| -> Outcome<()> { std::process::exit(code) },
        )
        .task("test.fragile", fragile)
        .task("test.overflow", |_: &TaskContext<'_>, (): ()| {
            Outcome::Ok(misbehaviour::descend(0))
        })
        .task(
            "test.corrupt",
            |_: &TaskContext<'_>, request: String| -> Outcome<()> { corrupt(&request) },
        )
        .task(
            "test.kill_self_once",
            |context: &TaskContext<'_>, (): ()| {
                if context.attempt() == 1 {
                    die_of(Signal::SIGKILL);
                }
                Outcome::Ok(context.attempt())
            },
        )
}

/// Notes in a file that a task has begun, and that it ends; what it is told in between: `PATH NAME
/// MILLISECONDS END`, where END is `ok`, `fail`, or `die`, which ends the process of the first attempt.
fn spell(context: &TaskContext<'_>, request: String) -> Outcome<u32> {
    let parts: Vec<&str> = request.split(' ').collect();
    let [path, name, milliseconds, end] = parts[..] else {
        return Err(TaskError::new("test.spell", "PATH NAME MILLISECONDS END"));
    };
    append(path, &format!("begin {name}"))?;
    std::thread::sleep(Duration::from_millis(milliseconds.parse()?));
    match end {
        "die" if context.attempt() == 1 => die_of(Signal::SIGKILL),
        "fail" => {
            append(path, &format!("fail {name}"))?;
            Err(TaskError::new("test.failed", name))
        }
        _ => {
            append(path, &format!("end {name}"))?;
            Ok(context.attempt())
        }
    }
}

/// Answers with the attempt, unless the request says: 1 to 9 end the process in so many attempts,
/// others below 0 are an error, above 9 a panic; the path, if any, is noted before.
fn fragile(context: &TaskContext<'_>, request: String) -> Outcome<u32> {
    let (number, path) = request.split_once(' ').unwrap_or((&request, ""));
    append(path, number)?;
    match number.parse::<i64>() {
        Ok(deaths @ 1..=9) if i64::from(context.attempt()) <= deaths => die_of(Signal::SIGKILL),
        Ok(0..=9) => Ok(context.attempt()),
        Ok(10..) => panic!("{number} is too large"),
        _ => Err(TaskError::new(
            "test.negative",
            format!("{number} is negative"),
        )),
    }
}

/// Writes wrong words all over the segment of this worker's own pool.
fn corrupt(request: &str) -> Outcome<()> {
    let written = ringwork_tests::corruption::run_in_own_pool(request);
    written.map_err(|why| TaskError::new("test.corrupt", why))
}

/// Rust's own handler of SIGSEGV steps aside at the first signal that is no
/// stack overflow and trusts the fault to come again: so it is raised again.
fn die_of(signal: Signal) -> ! {
    loop {
        let _ = raise(signal);
    }
}

/// Waits for the caller to give up. The request is the path of a marker file,
/// or empty: a line `started`, later a line `cancelled` or `deadline`.
fn until_cancelled(context: &TaskContext<'_>, marker: String) -> Outcome<String> {
    append(&marker, "started")?;
    while !context.cancelled() {
        std::thread::sleep(SLICE);
    }
    let late = context.remaining().is_some_and(|left| left.is_zero());
    let which = if late { "deadline" } else { "cancelled" };
    append(&marker, which)?;
    Ok(which.to_owned())
}

/// Notes that the task ran. The request is a path, or a path, a newline and the
/// text to note; without a text the task id is noted.
fn count(context: &TaskContext<'_>, request: String) -> Outcome<u32> {
    match request.split_once('\n') {
        Some((path, text)) => append(path, text)?,
        None => append(&request, &context.task_id().to_string())?,
    }
    Ok(context.attempt())
}

/// Appends a line by one write, so that lines of several processes never mix.
fn append(path: &str, line: &str) -> Outcome<()> {
    if !path.is_empty() {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}
