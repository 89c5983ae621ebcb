//! What the shards of a worker share: its state, its room for tasks and for blocking work, its end.

use super::options::Options;
use crate::state::States;
use ringwork_ring::Segment;
use ringwork_ring::format::states::Leave;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::os::clock::now_ns;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread sleeps at most that waits for tasks to end.
const LOOK: Duration = Duration::from_millis(10);

/// Why a task that waits for room is not begun.
pub(super) enum NoRoom {
    Expired,
    Cancelled,
    Leaving,
}

/// What all shards of a worker share.
pub(super) struct Common {
    pub(super) states: Arc<States>,
    pub(super) options: Options,
    pub(super) segment: Arc<Segment>,
    worker: u32,
    leave: Arc<AtomicBool>,
    // Since when the worker leaves, or its pool stops.
    leaving: OnceLock<Instant>,
    // Whether the time is over that tasks had to end since then.
    past_end: AtomicBool,
    // Tasks in flight, with those that a lane is about to begin.
    taken: AtomicUsize,
    // Threads that wait for one to end.
    room: (Mutex<usize>, Condvar),
    pub(super) ending: AtomicBool,
    // Blocking work that runs or waits, and how much there may be.
    blocking: Arc<AtomicUsize>,
    max_blocking: usize,
}

/// Blocking work that counts until it is dropped.
pub(super) struct BlockingRoom(Arc<AtomicUsize>);

impl Drop for BlockingRoom {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Common {
    pub(super) fn new(
        states: Arc<States>,
        options: Options,
        segment: Arc<Segment>,
        (worker, leave): (u32, Arc<AtomicBool>),
        max_blocking: usize,
    ) -> Self {
        Self {
            states,
            options,
            segment,
            worker,
            leave,
            leaving: OnceLock::new(),
            past_end: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
            room: Default::default(),
            ending: AtomicBool::new(false),
            blocking: Arc::default(),
            max_blocking,
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Whether the worker is to leave, or its pool stops, as far as that was seen.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get().is_some()
    }

    /// It is, from now on.
    pub(super) fn leave(&self) {
        self.leaving.get_or_init(Instant::now);
    }

    /// When the time of tasks is over that have not ended by then; `None` while the worker is to stay.
    pub(super) fn end_of_tasks(&self) -> Option<Instant> {
        let stops = self.segment.drain_end_ns();
        let leaves = || {
            self.leave.load(Ordering::Relaxed)
                || self.segment.is_over()
                || self.segment.worker(self.worker).leave() != Ok(Leave::Stay)
        };
        if !self.is_leaving() && stops.is_none() && !leaves() {
            return None;
        }
        let end = *self.leaving.get_or_init(Instant::now) + self.options.drain;
        let Some(stops_ns) = stops else {
            return Some(end);
        };
        let left = Duration::from_nanos(stops_ns.saturating_sub(now_ns()));
        // A pool that is never to end: so far in the future that no clock has it.
        let stops = Instant::now().checked_add(left);
        Some(stops.map_or(end, |stops| end.min(stops)))
    }

    /// Whether that time is over: what has not ended is dropped, and nothing is begun.
    pub(super) fn is_past_end(&self) -> bool {
        // pairs with the store in `pass_end`.
        self.past_end.load(Ordering::SeqCst)
    }

    pub(super) fn pass_end(&self) {
        self.past_end.store(true, Ordering::SeqCst);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn blocking_room(&self) -> Option<BlockingRoom> {
        let room = BlockingRoom(Arc::clone(&self.blocking));
        // Given back by the drop, if that was too much.
        let before = self.blocking.fetch_add(1, Ordering::Relaxed);
        (before < self.max_blocking).then_some(room)
    }

    /// A task has ended, or was not begun.
    pub(super) fn give_room_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        let waiting = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting > 0 {
            self.room.1.notify_one();
        }
    }

    fn take_room(&self) -> bool {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        if taken >= self.options.tasks {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        taken < self.options.tasks
    }

    /// Waits until a task has ended, or a little.
    pub(super) fn rest(&self) {
        let lock = || self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = lock();
        *waiting += 1;
        let woken = self.room.1.wait_timeout(waiting, LOOK);
        let (mut waiting, _) = woken.unwrap_or_else(PoisonError::into_inner);
        *waiting -= 1;
    }

    /// Waits for room, as long as the task is wanted; says why it is not begun.
    pub(super) fn wait_for_room(&self, claimed: &Claimed<'_>) -> Result<(), NoRoom> {
        loop {
            if self.is_past_end() || self.segment.is_over() {
                return Err(NoRoom::Leaving);
            }
            if self.take_room() {
                return Ok(());
            }
            if claimed.expired() {
                return Err(NoRoom::Expired);
            }
            if claimed.cancelled() {
                return Err(NoRoom::Cancelled);
            }
            self.rest();
        }
    }
}
