//! What a shard's thread polls now, for the watch.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The poll that a shard's thread is in.
#[derive(Default)]
pub(super) struct PollMark {
    // Odd during a poll.
    turns: AtomicU64,
    task: AtomicU64,
    attempt: AtomicU8,
    handler: Mutex<&'static str>,
}

/// The task of a poll.
pub(super) struct Polled {
    pub(super) task_id: u64,
    pub(super) attempt: u8,
    pub(super) handler: &'static str,
}

impl PollMark {
    /// Before a poll.
    pub(super) fn begin(&self, task_id: u64, handler: &'static str, attempt: u8) {
        self.task.store(task_id, Ordering::Relaxed);
        self.attempt.store(attempt, Ordering::Relaxed);
        *self.handler.lock().unwrap_or_else(PoisonError::into_inner) = handler;
        // pairs with the acquire load in `now`: one writer, so no addition is needed.
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns | 1, Ordering::Release);
    }

    /// After it.
    pub(super) fn end(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store((turns | 1) + 1, Ordering::Release);
    }

    /// The poll that runs: a number that names it, and its task.
    pub(super) fn now(&self) -> Option<(u64, Polled)> {
        let turn = self.turns.load(Ordering::Acquire);
        if turn & 1 == 0 {
            return None;
        }
        let polled = Polled {
            task_id: self.task.load(Ordering::Relaxed),
            attempt: self.attempt.load(Ordering::Relaxed),
            handler: *self.handler.lock().unwrap_or_else(PoisonError::into_inner),
        };
        (self.turns.load(Ordering::Acquire) == turn).then_some((turn, polled))
    }
}
