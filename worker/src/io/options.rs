//! How a worker runs its async handlers: what its program asks for, else its supervisor, else the
//! defaults.

use crate::io_variables::{
    IO_DRAIN_VARIABLE, IO_STALL_VARIABLE, IO_TASKS_VARIABLE, IO_THREADS_VARIABLE,
};
use std::time::Duration;

/// The options as they hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Threads, each with a runtime of its own.
    pub(crate) threads: u32,
    /// Most tasks in flight.
    pub(crate) tasks: usize,
    /// A poll that takes longer is warned of.
    pub(crate) stall: Duration,
    /// How long a worker that leaves waits for its tasks.
    pub(crate) drain: Duration,
}

/// What the program asks for.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) threads: Option<u32>,
    pub(crate) tasks: Option<usize>,
    pub(crate) stall: Option<Duration>,
    pub(crate) drain: Option<Duration>,
}

impl Asked {
    /// The options, with `number` for what a variable of the environment says.
    ///
    /// # Errors
    /// As `number`, and in words when one of them is 0.
    pub(crate) fn settled<E: From<String>>(
        &self,
        number: impl Fn(&str) -> Result<Option<u64>, E>,
    ) -> Result<Options, E> {
        let or = |asked: Option<u64>, variable, usual| match asked {
            Some(asked) => Ok(asked),
            None => number(variable).map(|told| told.unwrap_or(usual)),
        };
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis() as u64);
        let threads = or(self.threads.map(u64::from), IO_THREADS_VARIABLE, 1)?;
        let tasks = or(self.tasks.map(|n| n as u64), IO_TASKS_VARIABLE, 65_536)?;
        let stall = or(ms(self.stall), IO_STALL_VARIABLE, 100)?;
        let drain = or(ms(self.drain), IO_DRAIN_VARIABLE, 10_000)?;
        for (name, value) in [
            ("io-threads", threads),
            ("io-tasks", tasks),
            ("io-stall", stall),
        ] {
            if value == 0 {
                let why = "and the worker has an async handler: at least 1 is needed";
                return Err(E::from(format!("{name} is 0, {why}")));
            }
        }
        Ok(Options {
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            tasks: usize::try_from(tasks).unwrap_or(usize::MAX),
            stall: Duration::from_millis(stall),
            drain: Duration::from_millis(drain),
        })
    }
}
