//! What a test has started and must end, also when it fails.

use crate::{Pool, worker_program};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};

/// A child process, which is killed and waited for when dropped.
#[derive(Debug)]
pub struct KillOnDrop(
    /// The process.
    pub Child,
);

impl KillOnDrop {
    /// A test worker that joins a pool without being asked to by its supervisor.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn worker_of(pool: &Pool) -> Self {
        let child = Command::new(worker_program())
            .env("RINGWORK_POOL_DIR", pool.dir().path())
            .spawn();
        Self(child.expect("the worker is started"))
    }

    /// Kills it, and waits until it is dead.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
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
