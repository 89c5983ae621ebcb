//! A shard: a thread that polls futures, and what others know of it.

use super::context::Shared;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// A shard as lanes, its thread and the watch see it.
pub(super) struct IoShard {
    /// In whose books its tasks end.
    pub(super) books: Arc<ringwork_ring::Shard>,
    pub(super) handle: Handle,
    pub(super) in_flight: AtomicUsize,
    /// Whether a poll takes too long: new tasks avoid it.
    pub(super) stalled: AtomicBool,
    /// What it polls.
    pub(super) polls: PollMark,
    tasks: Mutex<Vec<InFlight>>,
}

/// A task in flight, as the watch looks at it: without a look into its memory unless it is
/// cancelled.
struct InFlight {
    slot: u32,
    generation: u64,
    shared: Arc<Shared>,
}

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
    pub(super) fn begin(&self, task: &Shared) {
        self.task.store(task.task_id(), Ordering::Relaxed);
        let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        *handler = task.handler;
        drop(handler);
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

impl IoShard {
    pub(super) fn new(books: Arc<ringwork_ring::Shard>, handle: Handle) -> Self {
        Self {
            books,
            handle,
            in_flight: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            polls: PollMark::default(),
            tasks: Mutex::default(),
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<InFlight>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a task up whose claim it has.
    pub(super) fn add(&self, shared: &Arc<Shared>) {
        let named = shared.with_claim(|claim| (claim.slot(), claim.generation()));
        let Some((slot, generation)) = named else {
            return;
        };
        let mut tasks = self.tasks();
        shared.place.store(tasks.len() as u32, Ordering::Relaxed);
        tasks.push(InFlight {
            slot,
            generation,
            shared: Arc::clone(shared),
        });
    }

    /// Forgets a task.
    pub(super) fn remove(&self, shared: &Shared) {
        let mut tasks = self.tasks();
        // Under the lock, as all places are changed.
        let place = shared.place.load(Ordering::Relaxed) as usize;
        if place >= tasks.len() {
            return;
        }
        shared.place.store(u32::MAX, Ordering::Relaxed);
        let gone = tasks.swap_remove(place);
        if let Some(moved) = tasks.get(place) {
            moved.shared.place.store(place as u32, Ordering::Relaxed);
        }
        drop(tasks); // before what it was the last to have
        drop(gone);
    }

    /// The tasks whose clients ask to give them up.
    pub(super) fn cancelled(&self) -> Vec<Arc<Shared>> {
        let tasks = self.tasks();
        let asked = tasks
            .iter()
            .filter(|task| self.books.is_cancelled(task.slot, task.generation))
            .filter(|task| task.shared.why().is_none());
        asked.map(|task| Arc::clone(&task.shared)).collect()
    }

    /// All tasks.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        let tasks = self.tasks();
        tasks.iter().map(|task| Arc::clone(&task.shared)).collect()
    }
}
