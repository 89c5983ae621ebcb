//! What the operating system gives: clock, processors, scheduling, file descriptors, signals,
//! atomics.
//!
//! Knows no segment.

#[macro_use]
pub mod failpoint;

#[cfg_attr(ringwork_model, allow(dead_code, reason = "no model probes a file"))]
pub(crate) mod checked_fd;
pub mod clock;
pub mod cpus;
pub mod probes;
pub(crate) mod program;
pub mod random;
pub mod scheduling;
pub mod sigbus;
pub mod signals;
pub(crate) mod sync;
