//! What a shard's thread does: it polls the futures that it was given, until the worker ends.
//!
//! They are futures of one task of the runtime's, not tasks of their own: such a task takes 256 bytes
//! at an address that 128 divides, with up to 160 lost before and behind it, where a node of
//! `FuturesUnordered` takes 120 (docs/lab/2026-11-waiting-tasks.md).

use super::poll::InFlightTask;
use super::shard::IoShard;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::task::coop::poll_proceed;

/// Where lanes leave futures for a shard's thread.
pub(super) struct Given {
    // `None` once the thread takes no more.
    tasks: Mutex<Option<Vec<InFlightTask>>>,
    waker: AtomicWaker,
}

impl Given {
    pub(super) fn new() -> Self {
        Self {
            tasks: Mutex::new(Some(Vec::new())),
            waker: AtomicWaker::new(),
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Option<Vec<InFlightTask>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the thread a task. One that comes too late is dropped, and ends so.
    pub(super) fn give(&self, task: InFlightTask) {
        let mut late = Some(task);
        let mut is_first = false;
        if let Some(tasks) = self.tasks().as_mut() {
            is_first = tasks.is_empty();
            tasks.extend(late.take());
        }
        // Whatever gives the first one wakes the thread, which takes all that are there by then.
        if is_first {
            self.wake();
        }
    }

    /// Takes what there is in exchange for an empty list.
    fn take(&self, empty: &mut Vec<InFlightTask>) {
        if let Some(tasks) = self.tasks().as_mut() {
            std::mem::swap(tasks, empty);
        }
    }

    /// Has the thread look at what it was given, and whether the worker ends.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    fn close(&self) {
        let left = self.tasks().take();
        drop(left); // without the lock: whatever ends here may be the user's
    }
}

/// Polls what a shard is given, until the worker ends. What is left then is dropped, and ends so.
pub(super) async fn drive(shard: &IoShard, given: &Given) {
    let mut tasks = FuturesUnordered::new();
    let mut new = Vec::new();
    poll_fn(|context| {
        // Before the looks: whatever comes after them wakes this.
        given.waker.register(context.waker());
        if shard.common.is_ending() {
            return Poll::Ready(());
        }
        loop {
            // Lanes go on giving while these get their places.
            given.take(&mut new);
            tasks.extend(new.drain(..).map(Turn));
            if !matches!(tasks.poll_next_unpin(context), Poll::Ready(Some(()))) {
                return Poll::Pending;
            }
        }
    })
    .await;
    given.close();
}

/// A task that takes its turn: after so many polls as a task of the runtime's may make in a row, the
/// rest wait until the runtime has looked at its timers and sockets.
struct Turn(InFlightTask);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        ready!(poll_proceed(context)).made_progress();
        Pin::new(&mut self.0).poll(context)
    }
}
