//! What the shards of a worker share: its state, its room for tasks and for blocking work, its end.

use super::options::Options;
use crate::state::States;
use ringwork_ring::Segment;
use ringwork_ring::lane::claimed::Claimed;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    leave: Arc<AtomicBool>,
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
        leave: Arc<AtomicBool>,
        max_blocking: usize,
    ) -> Self {
        Self {
            states,
            options,
            segment,
            leave,
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
        let mut leaving: Option<Instant> = None;
        while !self.take_room() {
            if claimed.expired() {
                return Err(NoRoom::Expired);
            }
            if claimed.cancelled() {
                return Err(NoRoom::Cancelled);
            }
            if self.leave.load(Ordering::Relaxed) || self.segment.is_over() {
                let since = *leaving.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.options.drain || self.segment.is_over() {
                    return Err(NoRoom::Leaving);
                }
            }
            self.rest();
        }
        Ok(())
    }
}
