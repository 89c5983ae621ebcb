//! The shared-memory mechanism of Ringwork.
//!
//! A *segment* holds a fixed table of task *slots*, *hint rings* that say where
//! to look, and an *arena* of payload blocks. Clients submit, lanes claim and
//! complete, a reaper gives back what the dead held. The slot's three words are
//! the only authority; a hint may be stale, doubled or lost. The protocol, with
//! the argument for each step, is in `docs/internals/protocol.md`.
//!
//! This crate is mechanism without policy; all `unsafe` of the project is here.
//! Most people want `ringwork-worker` (to write handlers) or the Java client.
//!
//! The interface is what stands here: the client, and what makes and opens a pool. The modules that
//! the documentation does not show are for the other crates of Ringwork, which have the same
//! version; they may change in any.
//! Linux only: it needs tmpfs, futexes and open-file-description locks.

#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    target_pointer_width = "64"
)))]
compile_error!("ringwork runs on 64-bit little-endian Linux only");

#[macro_use]
#[doc(hidden)]
pub mod os;

pub mod client;
mod error;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod lane;
#[doc(hidden)]
pub mod queue;
#[doc(hidden)]
pub mod reaper;
#[doc(hidden)]
pub mod records;
#[doc(hidden)]
pub mod segment;

#[cfg(ringwork_model)]
#[path = "../model/mod.rs"]
mod model;

pub use client::Client;
pub use error::{Result, RingError};
pub use format::cause::{Cause, CauseDetail};
pub use format::config::{ArenaClass, Geometry, PoolConfig};
pub use format::layout::id_of;
pub use format::states::{ClientKind, Codec, Health, PoolState, Status};
pub use lane::claimed::claim::{Claim, Shard};
pub use lane::claimed::{Claimed, Failure};
pub use lane::entry::WorkerEntry;
pub use lane::search::Lane;
pub use queue::wait::WaitStrategy;
pub use segment::paths::PoolDir;
pub use segment::{Backing, Segment};

/// What tests, models and fuzzers need besides.
#[doc(hidden)]
pub mod testing;
