//! What the operating system gives: clock, processors, scheduling, file descriptors, atomics.
//!
//! Knows no segment.

#[macro_use]
pub mod failpoint;

pub mod checked_fd;
pub mod clock;
pub mod cpus;
pub mod kernel;
pub mod sigbus;
pub(crate) mod sync;
