//! What the rest of the crate knows of the shards.

use super::handler::IoHandler;
use super::home::Home;
use super::options::Options;
use crate::context::Scopes;
use crate::state::States;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::{Segment, Shard};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the shards of a worker are made of.
pub(crate) struct Parts {
    pub(crate) worker: u32,
    /// Of the worker's lanes.
    pub(crate) kind: LaneKind,
    pub(crate) segment: Arc<Segment>,
    pub(crate) shards: Vec<Arc<Shard>>,
    pub(crate) states: Arc<States>,
    pub(crate) leave: Arc<AtomicBool>,
    pub(crate) options: Options,
}

/// Makes a runtime for async states. Known to a builder that has one, and to no other.
pub(crate) type NewHome = fn() -> io::Result<Box<dyn Home>>;

/// Starts so many threads for shards, before the worker is ready. Known to a builder that has an
/// async handler, and to no other.
pub(crate) type Launch = fn(u32, Option<Box<dyn Home>>) -> io::Result<Box<dyn Launched>>;

/// Threads that wait for their shards.
pub(crate) trait Launched: Send {
    /// Has each make the states that it has for itself; the error names the one that can't be made.
    fn make_states(&mut self, states: &Arc<States>) -> Result<(), String>;

    /// Gives them the shards of a worker that is ready.
    fn serve(self: Box<Self>, parts: Parts) -> Arc<dyn Host>;
}

/// The shards, as lanes see them.
pub(crate) trait Host: Send + Sync {
    /// Begins a claimed task, to which its lane has nothing more to do; returns how many requests
    /// that were.
    fn begin(&self, handler: &Arc<IoHandler>, claimed: Claimed<'_>, scopes: &Scopes<'_>) -> u32;

    /// Called when all lanes have left: waits for the tasks in flight, ends those that take too
    /// long, and the threads.
    fn drain(&self);
}
