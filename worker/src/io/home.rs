//! The runtime on which async states are made, before there is a shard: later the first shard's.

use crate::state::{Making, Value};
use std::io;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How long a thread for blocking work stays that a state has used, such as to look up a name: it
/// was started before the sandbox was, so it must not stay.
const KEEP_ALIVE: Duration = Duration::from_millis(20);

/// A runtime, as the rest of the crate knows it.
pub(crate) trait Home: Send + Sync {
    /// Makes a state, in the calling thread.
    fn wait(&self, making: Making) -> Result<Value, String>;

    fn into_runtime(self: Box<Self>) -> Runtime;
}

impl Home for Runtime {
    fn wait(&self, making: Making) -> Result<Value, String> {
        self.block_on(making)
    }

    fn into_runtime(self: Box<Self>) -> Runtime {
        *self
    }
}

/// A runtime for a shard.
pub(super) fn runtime() -> io::Result<Runtime> {
    build(&mut described())
}

/// A runtime on which states are made. Known to a builder that has such a state, and to no other.
pub(crate) fn home() -> io::Result<Box<dyn Home>> {
    let runtime = build(described().thread_keep_alive(KEEP_ALIVE))?;
    Ok(Box::new(runtime))
}

/// The threads of this process.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Waits until the threads for blocking work are gone that states have used: the sandbox would hold
/// them in part only. No more than a second, for a state may have threads of its own.
pub(crate) fn await_threads(before: usize) {
    let until = Instant::now() + Duration::from_secs(1);
    // The kernel tells nothing of the end of a thread that another has started.
    while threads() > before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most threads for blocking work of one runtime.
pub(super) fn max_blocking() -> usize {
    cores().max(2)
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn described() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(max_blocking());
    builder.thread_name("ringwork-blocking");
    builder
}

fn build(builder: &mut Builder) -> io::Result<Runtime> {
    builder.build().map_err(|error| {
        let why = "the runtime of the async handlers can't be made";
        let remedy = "fewer --io-threads, or more open files and threads, help";
        io::Error::new(error.kind(), format!("{why} ({error}): {remedy}"))
    })
}
