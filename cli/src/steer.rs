//! `ringwork drain`, `resume`, `pause` and `scale`, and a reload that is waited for: what is asked of a
//! supervisor by its control socket.

use super::exit::{FAILED, Failure, NO_POOL, TIMED_OUT};
use super::stop::{LOOK, Limit, embedded};
use super::view;
use clap::Args;
use ringwork_ring::lane::permits;
use ringwork_ring::{PoolDir, Segment};
use ringwork_supervisor::control::{Answer, AskError, Request, Status, ask};
use ringwork_supervisor::heartbeat;
use std::time::{Duration, Instant};

/// How long a supervisor has for an answer: it looks at each tick, a tenth of a second at most.
const PATIENCE: Duration = Duration::from_secs(5);

macro_rules! exit_codes {
    ($($done:literal)+) => {
        concat!($($done,)+ "\n\nExit codes: 0 it is done, or with --wait: it has taken effect; 1 its supervisor refuses, or \
                 can't be asked; 2 wrong usage; 3 there is no such pool, or it is over; 4 not in time.")
    };
}

/// Have a pool take no new tasks; it finishes the others and stays.
#[derive(Debug, Args)]
#[command(after_help = exit_codes!(
    "New tasks are refused as by a pool that is stopped, and `stat NAME --ready` and /readyz say no. What is queued is \
     finished. `ringwork resume` takes tasks again."
))]
pub(super) struct Drain {
    /// Name of the pool.
    name: String,

    /// Wait until no task is queued or runs, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// Have a drained pool take tasks again, or run those of a paused handler.
#[derive(Debug, Args)]
#[command(after_help = exit_codes!(
    "It takes effect at once; --wait is there for scripts that give it to each command. What was not drained or paused \
     is left as it is."
))]
pub(super) struct Resume {
    /// Name of the pool.
    name: String,

    /// A handler that was paused [default: the pool, which was drained].
    handler: Option<String>,

    /// Nothing is to be waited for.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// Keep the tasks of a handler queued.
#[derive(Debug, Args)]
#[command(after_help = exit_codes!(
    "They are taken as before and wait; those that run are finished, and one whose deadline passes meanwhile ends as any \
     other would. A handler without a limit of concurrency is paused once each worker has been replaced by another that \
     knows of it, which loses no task; --wait waits for that, too. A restart of the pool forgets it."
))]
pub(super) struct Pause {
    /// Name of the pool.
    name: String,

    /// The handler.
    handler: String,

    /// Wait until no task of it runs, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// Have another number of workers.
#[derive(Debug, Args)]
#[command(after_help = exit_codes!(
    "As `workers = N` of the configuration, until the next reload, which reads that again. Workers that are too many \
     finish their tasks before they leave."
))]
pub(super) struct Scale {
    /// Name of the pool.
    name: String,

    /// How many workers.
    workers: u32,

    /// Wait until so many are ready and the others have left, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// A pool whose supervisor is asked.
pub(super) struct Steered {
    segment: Segment,
    name: String,
    since: Instant,
}

impl Steered {
    pub(super) fn open(name: &str) -> Result<Self, Failure> {
        let since = Instant::now();
        let segment = Segment::attach(&PoolDir::new(name)?)?;
        embedded(&segment)?;
        Ok(Self {
            segment,
            name: name.to_owned(),
            since,
        })
    }

    /// Asks for something; what is refused is a failure.
    pub(super) fn ask(&self, request: &Request) -> Result<Status, Failure> {
        let fail = |code, why| Failure::new(code, format!("the pool {}: {why}", self.name));
        match ask(self.segment.dir(), request, PATIENCE) {
            Ok(Answer::Status(status)) => Ok(status),
            Ok(Answer::Refused(why)) => Err(fail(FAILED, why)),
            Err(_) if !self.segment.supervisor_lives()? => Err(Failure::new(NO_POOL, view::DEAD)),
            Err(error @ AskError::Silent) => {
                let pid = self.segment.header().supervisor_pid();
                let why = heartbeat::supervisor_problem(&self.segment, pid);
                Err(fail(TIMED_OUT, why.unwrap_or_else(|| error.to_string())))
            }
            Err(error) => Err(fail(FAILED, error.to_string())),
        }
    }

    /// Waits until it is so; `late` says what is missing when the time is over.
    pub(super) fn wait(
        &self,
        limit: Option<Limit>,
        mut status: Status,
        is_so: impl Fn(&Status) -> bool,
        late: impl Fn(&Status) -> String,
    ) -> Result<Status, Failure> {
        let Some(Limit(limit)) = limit else {
            return Ok(status);
        };
        while !is_so(&status) {
            if limit.is_some_and(|limit| self.since.elapsed() >= limit) {
                let text = format!("the pool {}: {}", self.name, late(&status));
                return Err(Failure::new(TIMED_OUT, text));
            }
            std::thread::sleep(LOOK);
            status = self.ask(&Request::Status)?;
        }
        Ok(status)
    }

    /// How many tasks of a handler run, where it has an entry for its limit.
    fn running(&self, handler: &str) -> u32 {
        let id = ringwork_ring::format::layout::id_of(handler);
        let usage = permits::usage(&self.segment);
        let own = usage.iter().find(|usage| usage.handler == id);
        own.map_or(0, |usage| usage.running)
    }
}

/// Runs `drain`.
pub(super) fn drain(drain: &Drain) -> Result<(), Failure> {
    let pool = Steered::open(&drain.name)?;
    let status = pool.ask(&Request::Drain)?;
    let late = |status: &Status| {
        format!(
            "{} not over yet: `ringwork tasks {}` shows them",
            counted_are(status.unfinished, "task"),
            drain.name
        )
    };
    pool.wait(drain.wait, status, |status| status.unfinished == 0, late)?;
    Ok(())
}

/// Runs `resume`.
pub(super) fn resume(resume: &Resume) -> Result<(), Failure> {
    let request = match resume.handler.clone() {
        Some(handler) => Request::ResumeHandler { handler },
        None => Request::Resume,
    };
    Steered::open(&resume.name)?.ask(&request)?;
    Ok(())
}

/// Runs `pause`.
pub(super) fn pause(pause: &Pause) -> Result<(), Failure> {
    let pool = Steered::open(&pause.name)?;
    let handler = pause.handler.clone();
    let status = pool.ask(&Request::Pause { handler })?;
    let is_so = |status: &Status| {
        !status.renewing && status.leaving == 0 && pool.running(&pause.handler) == 0
    };
    let late = |status: &Status| match status.renewing || status.leaving > 0 {
        true => "workers that do not know of the pause have not left yet: they finish their tasks"
            .to_owned(),
        false => format!(
            "tasks of {} run yet: `ringwork tasks {}`",
            pause.handler, pause.name
        ),
    };
    pool.wait(pause.wait, status, is_so, late)?;
    Ok(())
}

/// Runs `scale`.
pub(super) fn scale(scale: &Scale) -> Result<(), Failure> {
    let pool = Steered::open(&scale.name)?;
    let workers = scale.workers;
    if workers == 0 {
        return Err(Failure::usage(
            "a pool has at least one worker; `ringwork drain` has it take no tasks",
        ));
    }
    let status = pool.ask(&Request::Scale { workers })?;
    let is_so = |status: &Status| status.ready == workers && status.leaving == 0;
    let late = |status: &Status| {
        format!(
            "of {workers} workers {} are ready, and {} leave once their tasks are over",
            status.ready, status.leaving
        )
    };
    pool.wait(scale.wait, status, is_so, late)?;
    Ok(())
}

/// A reload that is waited for.
pub(super) fn reload(name: &str, wait: Limit) -> Result<(), Failure> {
    let pool = Steered::open(name)?;
    let status = pool.ask(&Request::Reload)?;
    let number = status.reload;
    let ended = |status: &Status| {
        status
            .reloaded
            .as_ref()
            .is_some_and(|last| last.number >= number)
    };
    let late = |status: &Status| {
        format!(
            "its reload is not over yet: {} workers are ready, {} leave",
            status.ready, status.leaving
        )
    };
    let status = pool.wait(Some(wait), status, ended, late)?;
    match status.reloaded {
        Some(last) if last.done => {
            println!("{}", last.text);
            Ok(())
        }
        Some(last) => Err(Failure::new(
            FAILED,
            format!("the pool {name}: {}", last.text),
        )),
        None => Ok(()),
    }
}

fn counted_are(number: u64, what: &str) -> String {
    let are = if number == 1 { "is" } else { "are" };
    format!("{} {are}", ringwork_ring::format::counted(number, what))
}
