//! The wakers of the futures that wait for events, and the thread that wakes them.

use crate::error::Result;
use crate::sync::{self, lock};
use ringwork_ring::client::TaskTable;
use ringwork_ring::queue::events::EventReader;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

/// The futures that wait.
#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Waker>,
    /// What the first of them has seen: it is woken for what comes behind.
    from: Option<EventReader>,
    closed: bool,
}

/// The part that the thread has, too.
#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// Made with the pool; the thread is there from the first future on that waits for an event.
#[derive(Debug, Default)]
pub(crate) struct EventHub {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl EventHub {
    /// Has the waker woken when an event is published from now on.
    pub(crate) fn keep(&self, table: &Arc<TaskTable>, waker: &Waker) -> Result<()> {
        let mut waiting = lock(&self.shared.waiting);
        sync::keep(&mut waiting.wakers, waker);
        if waiting.from.is_none() {
            waiting.from = table.segment().events().map(EventReader::from_now);
            self.shared.changed.notify_one();
        }
        drop(waiting);
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let (shared, table) = (Arc::clone(&self.shared), Arc::clone(table));
            let waits = move || shared.wake_for_events(&table);
            let what = "the thread that waits for events";
            *thread = Some(sync::start("ringwork-events", what, waits)?);
        }
        Ok(())
    }

    /// Ends the thread.
    pub(crate) fn close(&self, table: &TaskTable) {
        lock(&self.shared.waiting).closed = true;
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        self.shared.changed.notify_one();
        if let Some(ring) = table.segment().events() {
            ring.wake_up();
        }
        sync::join(thread);
    }
}

impl Shared {
    /// While no future waits it asks for no wakes: publishers need no system call for it.
    fn wake_for_events(&self, table: &TaskTable) {
        let Some(ring) = table.segment().events() else {
            return;
        };
        loop {
            let mut waiting = lock(&self.waiting);
            let from = loop {
                if waiting.closed {
                    return;
                }
                match &waiting.from {
                    Some(from) => break from.clone(),
                    None => {
                        let woken = self.changed.wait(waiting);
                        waiting = woken.unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            drop(waiting);
            ring.wait(&from, Duration::MAX);
            if ring.tail() == from.position() {
                continue;
            }
            let mut waiting = lock(&self.waiting);
            waiting.from = None;
            let wakers = std::mem::take(&mut waiting.wakers);
            drop(waiting);
            sync::wake(wakers);
        }
    }
}
