//! Model checking of the real code: compiled only under `--cfg ringwork_model`, into tests only.
//!
//! [`shim`] stands in for the atomics, the clock, the futex and the lock files, and hands each
//! access to the [`shim::Engine`] of the test: [`loom_engine`] (every interleaving and every value
//! that the C11 memory model allows) or [`explore`] (interleavings of processes that may die or
//! pause before any step). [`pool`] makes the tiny segments. What is checked, and what is not, is
//! in docs/internals/model-checking.md.

pub(crate) mod loom_engine;
pub(crate) mod pool;
pub(crate) mod shim;

mod channel_model;
mod client_model;
#[cfg(ringwork_counted)]
mod cost;
mod crash_model;
mod event_model;
mod explore;
mod key_model;
mod plan;
mod processes;
mod ring_model;
mod sim;
mod table_model;
mod task_model;

pub(crate) use pool::Memory;
pub(crate) use shim::{Place, futex_wait, futex_wake, now_ns};
