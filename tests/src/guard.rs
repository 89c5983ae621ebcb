//! What a test has started and must end, also when it fails.

use crate::{Pool, worker_program};
use ringwork_support::KillOnDrop;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// A test worker that joins a pool without being asked to by its supervisor.
///
/// # Panics
/// When it can't be started.
#[must_use]
pub fn worker_of(pool: &Pool) -> KillOnDrop {
    let child = Command::new(worker_program())
        .env("RINGWORK_POOL_DIR", pool.dir().path())
        .spawn();
    KillOnDrop(child.expect("the worker is started"))
}

/// Sets the flag that threads of a test look at when dropped.
#[derive(Debug)]
pub struct StopOnDrop<'a>(
    /// True: they end.
    pub &'a AtomicBool,
);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        // Relaxed: nothing else is to be seen with it.
        self.0.store(true, Ordering::Relaxed);
    }
}
