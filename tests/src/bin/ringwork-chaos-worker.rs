//! The worker of `make chaos`: it writes down that a handler was started before
//! the handler does anything, so that the driver knows what really ran.
//!
//! Invariant: a task whose start is not in the journal has had no effect.
//!
//! `RINGWORK_CHAOS_SABOTAGE=twice|wrong|silent` has one task of fifty run twice, answer wrongly, or
//! run unwritten: so that a test can see the driver find it. (`keyless` is the Rust client's.)

#![forbid(unsafe_code)]

use ringwork_tests::chaos::{
    ASKED, DAMAGED, ECHO, Journal, Mode, Order, Record, STARTS_VARIABLE, WAIT, WORK, fill, seeds,
};
use ringwork_worker::ring::format::states::Codec;
use ringwork_worker::{Answer, AsyncContext, RawTask, TaskContext, TaskError, Worker, WorkerError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Environment variable: what is done wrong on purpose.
const SABOTAGE_VARIABLE: &str = "RINGWORK_CHAOS_SABOTAGE";

/// What the handlers share.
#[derive(Clone)]
struct Shared(Arc<Log>);

/// What is written down, and what is done wrong.
struct Log {
    journal: Journal,
    sabotage: String,
    /// The supervisor's process: another pool has another one.
    pool: u32,
}

/// A handler that runs. Dropped, it is over, which is written down; its worker's death drops none.
struct Run {
    log: Arc<Log>,
    order: Order,
    attempt: u8,
}

impl Drop for Run {
    fn drop(&mut self) {
        let (log, id) = (&self.log, self.order.id);
        if !log.sabotages(&self.order, "silent") {
            // What can't be written down would be taken for the worker's death: the task is told of
            // the next error of that kind, at its start.
            let _ = log.journal.note(Record::Finish(id, self.attempt, log.pool));
        }
    }
}

impl Log {
    fn sabotages(&self, order: &Order, what: &str) -> bool {
        self.sabotage == what && order.id % 50 == 49
    }
}

/// Handlers that take longer sleep, the others keep their core busy.
const SPIN: Duration = Duration::from_micros(200);

fn main() -> Result<(), WorkerError> {
    let path = std::env::var_os(STARTS_VARIABLE)
        .ok_or_else(|| WorkerError::Setup(format!("{STARTS_VARIABLE} is not set")))?;
    let journal = Journal::append(Path::new(&path))?;
    Worker::builder()
        .state(Shared(Arc::new(Log {
            journal,
            sabotage: std::env::var(SABOTAGE_VARIABLE).unwrap_or_default(),
            pool: std::os::unix::process::parent_id(),
        })))
        .raw_task(WORK, Codec::Bytes, Codec::Bytes, work)
        .async_task(WAIT, wait)
        .task(ECHO, |_: &TaskContext<'_>, bytes: Vec<u8>| {
            Ok::<_, TaskError>(bytes)
        })
        .run()
}

/// Reads an order, notes its start, and does what it asks but for the answer.
fn begin(Shared(log): &Shared, request: &[u8], attempt: u32) -> Result<Run, TaskError> {
    let order = Order::read(request)
        .ok_or_else(|| TaskError::new(DAMAGED, "the request is not what a client wrote"))?;
    let attempt = u8::try_from(attempt).unwrap_or(u8::MAX);
    let starts = if log.sabotages(&order, "silent") {
        0
    } else {
        1 + u32::from(log.sabotages(&order, "twice"))
    };
    for _ in 0..starts {
        let start = Record::Start(order.id, attempt, log.pool);
        log.journal.note(start)?;
    }
    let run = Run {
        log: Arc::clone(log),
        order,
        attempt,
    };
    match order.mode {
        Mode::Answer => Ok(run),
        Mode::Fail => Err(TaskError::new(ASKED, "as the request asked")),
        Mode::Panic => panic!("as the request asked"),
    }
}

/// As [`work`], without a lane: deaths strike while thousands of these wait.
async fn wait(
    shared: Arc<Shared>,
    task: AsyncContext,
    request: Vec<u8>,
) -> Result<Vec<u8>, TaskError> {
    let run = begin(&shared, &request, task.attempt())?;
    let order = run.order;
    // Some are ready in their first poll.
    if order.micros > 0 {
        tokio::time::sleep(Duration::from_micros(u64::from(order.micros))).await;
    }
    let mut answer = vec![0; order.result as usize];
    fill(seeds(order.id).1, 0, &mut answer);
    if let Some(last) = answer
        .last_mut()
        .filter(|_| run.log.sabotages(&order, "wrong"))
    {
        *last ^= 1;
    }
    Ok(answer)
}

fn work(task: &mut RawTask<'_, '_>) -> Result<Answer, TaskError> {
    let context = task.context();
    let run = begin(
        context.state::<Shared>(),
        task.request()?,
        context.attempt(),
    )?;
    let order = run.order;
    let wrong = run.log.sabotages(&order, "wrong");
    let time = Duration::from_micros(u64::from(order.micros));
    // Deaths strike before, amid and after the writing of the result.
    take(time / 2);
    let len = order.result as usize;
    let (_, seed) = seeds(order.id);
    let room = task.reserve(len)?;
    let half = len / 16 * 8;
    let (first, second) = room.split_at_mut(half);
    fill(seed, 0, first);
    take(time / 2);
    fill(seed, half as u64 / 8, second);
    if let Some(last) = second.last_mut().filter(|_| wrong) {
        *last ^= 1;
    }
    Ok(Answer::InPlace {
        len,
        codec: Codec::Bytes,
    })
}

fn take(time: Duration) {
    if time > SPIN {
        return std::thread::sleep(time);
    }
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
