//! What a shard's thread polls now, for the watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The poll that a shard's thread is in.
#[derive(Default)]
pub(super) struct PollMark {
    // Odd during a poll.
    turns: AtomicU64,
    task: AtomicU64,
    handler: Mutex<&'static str>,
}

impl PollMark {
    /// Before a poll.
    pub(super) fn begin(&self, task_id: u64, handler: &'static str) {
        self.task.store(task_id, Ordering::Relaxed);
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

    /// The poll that runs: a number that names it, the task, the handler.
    pub(super) fn now(&self) -> Option<(u64, u64, &'static str)> {
        let turn = self.turns.load(Ordering::Acquire);
        if turn & 1 == 0 {
            return None;
        }
        let task = self.task.load(Ordering::Relaxed);
        let handler = *self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        (self.turns.load(Ordering::Acquire) == turn).then_some((turn, task, handler))
    }
}
