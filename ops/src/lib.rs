//! HTTP for a Ringwork pool: probes, metrics, the state as JSON, tasks, a live stream.
//!
//! This crate knows HTTP and nothing of shared memory: what it shows comes from a [`Source`], which
//! the command `ringwork ops` makes of a segment, and tasks go to a [`Submitter`]. It runs in a process of its own, so that a fault or a
//! flood here never reaches the supervisor. Every request passes the same checks in the same order
//! (`checks`), everything that a client can hold is bounded (`server`), and every refusal names its
//! cause and its remedy (`refusal`).

mod app;
mod checks;
pub mod client;
mod follow;
#[doc(hidden)]
pub mod fuzz;
mod live;
mod patient;
mod post;
mod refusal;
mod routes;
mod sampler;
mod server;
mod task;

pub use app::Access;
pub use server::{End, Listener, run};
pub use task::{BodyKind, Submitter, TaskEnd, TaskProblem, TaskRequest, TaskResult};

use serde_json::{Map, Value};
use std::fmt;

/// Whether a pool takes tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// `starting`, `serving`, `draining`, `closed`, `failed` or `dead`.
    pub state: &'static str,
    /// Whether it takes tasks and replaces workers that die.
    pub ready: bool,
    /// Whether it is one no more.
    pub over: bool,
    /// Why it is not ready, or what is wrong with it; empty when nothing is.
    pub reason: String,
}

/// The two formats of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus' text format 0.0.4, as `ringwork stat --prometheus` prints it.
    Text,
    /// OpenMetrics 1.0, for clients that ask for it.
    OpenMetrics,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// From where on events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// First those that the pool still keeps.
    Kept,
    /// Those behind the one with this number.
    After(u64),
}

/// Why there is no feed of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoFeed {
    /// The pattern of topics is none: why, and the remedy.
    Pattern(String),
    /// The pool keeps none.
    NoEvents,
}

/// What has come since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Number and JSON of each event.
    pub events: Vec<(u64, String)>,
    /// Events that were overwritten before this look.
    pub lost: u64,
    /// Events whose publishers died or were stopped.
    pub skipped: u64,
}

/// The events of a pool, as one listener hears them.
pub trait Feed: Send {
    /// What has come since the last call; at most some hundreds at a time.
    fn news(&mut self) -> News;
}

/// What is shown of a pool. Each call reads it anew; the caller sees to it that many viewers cost no more
/// than one.
pub trait Source: Send + Sync + 'static {
    /// Cheap: the probes ask at each request.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn readiness(&self) -> Result<Readiness, Unreadable>;

    /// The JSON of `ringwork stat --json`.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn stat(&self) -> Result<String, Unreadable>;

    /// The same for people, as `ringwork stat` prints it.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn stat_page(&self) -> Result<String, Unreadable>;

    /// The numbers for Prometheus.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn metrics(&self, format: MetricsFormat) -> Result<String, Unreadable>;

    /// The tasks that run and wait, as JSON.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn tasks(&self) -> Result<String, Unreadable>;

    /// The same for people, as `ringwork tasks` prints it.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn tasks_page(&self) -> Result<String, Unreadable>;

    /// What the dashboard shows, by part: parts that have not changed are not sent again.
    ///
    /// # Errors
    /// When the pool can't be looked at.
    fn live(&self) -> Result<Map<String, Value>, Unreadable>;

    /// The events whose topics are like a pattern.
    ///
    /// # Errors
    /// When there are none.
    fn follow(&self, topic: &str, since: Since) -> Result<Box<dyn Feed>, NoFeed>;
}
