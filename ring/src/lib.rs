//! The shared-memory mechanism of Ringwork.
//!
//! A *segment* holds a fixed table of task *slots*, *hint rings* that say where
//! to look, and an *arena* of payload blocks. Clients submit, lanes claim and
//! complete, a reaper gives back what the dead held. The slot's state word is
//! the only authority; a hint may be stale, doubled or lost. The protocol, with
//! the argument for each step, is in `docs/internals/protocol.md`.
//!
//! This crate is mechanism without policy; all `unsafe` of the project is here.
//! Most people want `ringwork-worker` (to write handlers) or the Java client.
//! Linux only: it needs tmpfs, futexes and open-file-description locks.

#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    target_pointer_width = "64"
)))]
compile_error!("ringwork runs on 64-bit little-endian Linux only");

#[macro_use]
pub mod failpoint;

pub mod arena;
pub mod audit;
mod backlog;
pub mod bus;
pub mod chunk;
pub mod client;
pub mod clock;
pub mod config;
pub mod cpus;
pub mod doomed;
pub mod entry;
pub mod error;
mod gather;
pub mod hint_ring;
pub mod kept;
pub mod kernel;
pub mod lane;
mod lane_pace;
#[allow(
    clippy::cast_possible_truncation,
    reason = "constants, checked by tests"
)]
pub mod layout;
pub mod layout_java;
pub mod limits;
#[cfg_attr(ringwork_model, path = "model/lock.rs")]
pub mod lock;
#[cfg(ringwork_model)]
mod model;
pub mod paths;
mod queue_ahead;
pub mod reap;
pub mod room;
mod sealed;
pub mod segment;
#[cfg(not(ringwork_model))]
pub mod signals;
pub mod state;
pub mod stats;
mod sync;
pub mod task;
pub mod wait;

pub use client::Client;
pub use config::{ArenaClass, Geometry, PoolConfig};
pub use entry::WorkerEntry;
pub use error::{Result, RingError};
pub use lane::Lane;
pub use paths::PoolDir;
pub use segment::{Backing, Segment};
pub use task::{Claimed, Failure};
pub use wait::WaitStrategy;
