//! Async handlers: tasks that wait without a thread.
//!
//! A lane claims such a task as any other, polls its future once, and answers when it is ready. If
//! it is not, the task becomes a claim by itself and its future goes to a *shard*: a thread with a
//! runtime of Tokio and a lane entry of its own, in whose books the task ends. The lane is free for
//! the next task, so one worker has as many in flight as memory allows. Invariants: the claim word
//! names the lane until the task has ended, so the reaper finds every task in flight in one pass; a
//! future that is dropped, for whatever reason, ends its task
//! (docs/decisions/0023-async-handlers.md).
//!
//! The rest of the crate reaches this room by [`Launch`] and [`Host`] only. A program that adds no
//! async handler links nothing of Tokio.

mod builder;
mod context;
mod handler;
mod host;
mod poll;
mod shard;
mod watch;

pub(crate) use builder::Asked;
pub use context::{AsyncContext, Busy, Cancelled, Child, WhyCancelled};
pub(crate) use handler::AsyncHandler;

use crate::state::States;
use crate::worker::WorkerError;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::{Segment, Shard};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How a worker runs its async handlers.
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

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: 1,
            tasks: 65_536,
            stall: Duration::from_millis(100),
            drain: Duration::from_secs(10),
        }
    }
}

/// What the shards of a worker are made of.
pub(crate) struct Parts {
    pub(crate) worker: u32,
    pub(crate) segment: Arc<Segment>,
    pub(crate) shards: Vec<Arc<Shard>>,
    pub(crate) states: Arc<States>,
    pub(crate) leave: Arc<AtomicBool>,
    pub(crate) options: Options,
}

/// Starts the shards. Known to a builder that has an async handler, and to no other.
pub(crate) type Launch = fn(Parts) -> Result<Arc<dyn Host>, WorkerError>;

/// The shards, as lanes see them.
pub(crate) trait Host: Send + Sync {
    /// Begins a claimed task, to which its lane has nothing more to do; returns how many requests
    /// that were.
    fn begin(&self, handler: &Arc<AsyncHandler>, claimed: Claimed<'_>) -> u32;

    /// Called when all lanes have left: waits for the tasks in flight, ends those that take too
    /// long, and the threads.
    fn drain(&self);
}

pub(crate) use host::launch;
