//! `ringwork stop` and `ringwork reload`: signals to a pool's supervisor, sent to no other process. So does
//! `ringwork restart` with a worker.

use super::exit::{FAILED, Failure, NO_POOL, TIMED_OUT};
use super::process;
use super::units::Span;
use super::view;
use clap::Args;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::{PoolDir, Segment};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How often a command looks whether the pool is over.
pub(super) const LOOK: Duration = Duration::from_millis(20);

const STOP_HELP: &str = "\
Without --wait the command comes back at once, while the tasks of the pool are finished.

Exit codes: 0 it was asked to stop, or with --wait: it is over; 1 its supervisor can't be asked; 3 there \
is no such pool, or it is over; 4 it is not over in time.";

/// Stop a pool: no new tasks, the others are finished, then it is over.
#[derive(Debug, Args)]
#[command(after_help = STOP_HELP)]
pub(super) struct Stop {
    /// Name of the pool.
    name: String,

    /// Do not finish tasks: they fail, and may have run.
    #[arg(long)]
    now: bool,

    /// Wait until the pool is over, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// A time, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(pub(super) Option<Duration>);

impl std::str::FromStr for Limit {
    type Err = <Span as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self(None)),
            text => text.parse().map(|span: Span| Self(Some(span.0))),
        }
    }
}

/// Runs `stop`.
pub(super) fn stop(stop: &Stop) -> Result<(), Failure> {
    let start = Instant::now();
    let segment = Segment::attach(&PoolDir::new(&stop.name)?)?;
    let supervisor = supervisor(&segment)?;
    supervisor.signal(Signal::TERM)?;
    if stop.now {
        // Not SIGQUIT, which a shell's background job leaves ignored. A second SIGTERM means the
        // same, but not before the first one was seen: the kernel would keep one of them.
        let takes_none = || {
            let drains = segment.pool_state() == Ok(PoolState::Draining);
            drains && !view::is_drained(&segment)
        };
        while !takes_none() && segment.supervisor_lives()? {
            std::thread::sleep(LOOK);
        }
        supervisor.signal(Signal::TERM)?;
    }
    let Some(Limit(limit)) = stop.wait else {
        return Ok(());
    };
    while segment.supervisor_lives()? {
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            let text = format!(
                "the pool {} is not over yet: it finishes its tasks, at most for its --drain-timeout; \
                 `ringwork stop {0} --now` does not",
                stop.name
            );
            return Err(Failure::new(TIMED_OUT, text));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

const RELOAD_HELP: &str = "\
The log of `serve` says what became of it: when it is done, or why nothing has changed. So does --wait.

Exit codes: 0 it was asked to reload, or with --wait: it is done; 1 its supervisor can't be asked, takes no reload now, \
or with --wait: it was refused or has failed, and nothing has changed; 3 there is no such pool, or it is over; 4 it is \
not over in time.";

/// Have a pool read its configuration and its worker's program again.
#[derive(Debug, Args)]
#[command(after_help = RELOAD_HELP)]
pub(super) struct Reload {
    /// Name of the pool.
    pub(super) name: String,

    /// Wait until all workers are replaced, or it has failed, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    pub(super) wait: Option<Limit>,
}

/// Runs `reload` without a wait.
pub(super) fn reload(reload: &Reload) -> Result<(), Failure> {
    let segment = Segment::attach(&PoolDir::new(&reload.name)?)?;
    let supervisor = supervisor(&segment)?;
    if segment.pool_state() != Ok(PoolState::Serving) {
        let condition = view::condition(&segment)?;
        let text = format!(
            "the pool {} takes no reload while it is {}: try again once it serves",
            reload.name, condition.state
        );
        return Err(Failure::new(FAILED, text));
    }
    supervisor.signal(Signal::HUP)
}

/// Refuses a pool that belongs to a program: its processes heed nothing else.
pub(super) fn embedded(segment: &Segment) -> Result<(), Failure> {
    if process::has_argument(segment.header().supervisor_pid(), "--embedded") {
        let name = segment.dir().name();
        let text = format!("the pool {name} is embedded: its owner closes it, and starts it anew");
        return Err(Failure::new(FAILED, text));
    }
    Ok(())
}

fn supervisor(segment: &Segment) -> Result<Other, Failure> {
    embedded(segment)?;
    let number = segment.header().supervisor_pid();
    Other::open("the supervisor", number, segment, || {
        segment.supervisor_lives()
    })
}

/// Another process of a pool: this one and no other, whatever becomes of its number.
pub(super) struct Other {
    what: String,
    pid: u32,
    process: OwnedFd,
}

impl Other {
    /// The process of this number; `lives` tells whether the one that is meant does.
    pub(super) fn open(
        what: &str,
        number: u32,
        segment: &Segment,
        lives: impl Fn() -> ringwork_ring::Result<bool>,
    ) -> Result<Self, Failure> {
        let missing = || {
            let name = segment.dir().name();
            let text = format!(
                "{what} of the pool {name}, process {number}, is not to be seen from here: call the command in its \
                 container"
            );
            Failure::new(FAILED, text)
        };
        let dead = || match segment.supervisor_lives() {
            Ok(true) => Failure::new(FAILED, format!("{what}, process {number}, has just ended")),
            _ => Failure::new(NO_POOL, view::DEAD),
        };
        let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(missing)?;
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) if !lives()? => return Err(dead()),
            Err(Errno::SRCH) => return Err(missing()),
            Err(error) => return Err(cannot(what, number, error)),
        };
        // After it was opened: if it lives now, that number was not another process's.
        if !lives()? {
            return Err(dead());
        }
        Ok(Self {
            what: what.to_owned(),
            pid: number,
            process,
        })
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) -> Result<(), Failure> {
        self.signal(Signal::TERM)
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        match pidfd_send_signal(&self.process, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()), // it is over already
            Err(error) => Err(cannot(&self.what, self.pid, error)),
        }
    }
}

fn cannot(what: &str, pid: u32, error: Errno) -> Failure {
    let remedy = match error {
        Errno::PERM => ": call the command as the user that serves it",
        _ => "",
    };
    Failure::new(
        FAILED,
        format!("cannot signal {what}, process {pid}: {error}{remedy}"),
    )
}
