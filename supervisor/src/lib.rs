//! The supervisor: makes the segment, starts the workers, and keeps both alive.
//!
//! One thread, no locks: it sleeps in `poll` on its workers' pidfds and output, on signals and
//! (embedded) on the owner's pipe, and wakes at a tick to look for what no descriptor tells: dead
//! clients, swallowed wakes, overdue tasks. It touches tasks only through the reaper, whose every
//! step may be repeated; so its own death at any point does no harm: the workers get the
//! parent-death signal, the clients find its lock free.
//!
//! Invariant: however [`run`] ends (a panic included), its workers are dead and
//! its files are removed. The guards are dropped in that order.

pub mod config;
mod console;
#[doc(hidden)]
pub mod control;
mod crew;
mod endpoint;
mod error;
mod lifecycle;
#[doc(hidden)]
pub mod looks;
pub mod policy;
#[doc(hidden)]
pub mod pool;
mod process;
mod published;
#[doc(hidden)]
pub mod quarantine;
mod serve;
mod watch;

pub use config::{
    HttpAddress, HttpOptions, LogFormat, LogLevel, Memory, ServeConfig, WorkerCommand,
};
pub use console::{Console, Ready};
#[doc(hidden)]
pub use endpoint::listen;
pub use error::SupervisorError;
#[doc(hidden)]
pub use pool::heartbeat;
pub use serve::run;
