//! The waiters of the channels of this client: its threads, and the futures with the threads that
//! wait for them.

use crate::error::Result;
use crate::sync::{join, lock, start, wake};
use ringwork_ring::client::TaskTable;
use ringwork_ring::queue::channels::waiting::Waiters;
use ringwork_ring::queue::channels::{ChannelRing, Patience};
use ringwork_ring::records::ChannelSide;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

const SIDES: [ChannelSide; 2] = [ChannelSide::Receivers, ChannelSide::Senders];

/// What the handles of this client on one channel share.
#[derive(Debug)]
pub(crate) struct ChannelState {
    index: usize,
    pub(crate) patience: Patience,
    waiters: Waiters,
    sides: [Side; 2],
}

/// The futures that wait on one side.
#[derive(Debug, Default)]
struct Side {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// There from the first future on that waits.
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<(u64, Waker)>,
    next: u64,
    closed: bool,
}

impl ChannelState {
    fn side(&self, side: ChannelSide) -> &Side {
        match side {
            ChannelSide::Receivers => &self.sides[0],
            ChannelSide::Senders => &self.sides[1],
        }
    }

    pub(crate) fn ring<'t>(&self, table: &'t TaskTable) -> ChannelRing<'t> {
        let ring = table.segment().channel(self.index);
        ring.expect("channels are fixed when the pool is made")
    }

    /// Has this thread sleep until there may be something.
    pub(crate) fn sleep(&self, table: &TaskTable, side: ChannelSide, limit: Duration) {
        let ring = self.ring(table);
        ring.wait(table.client(), &self.waiters, side, limit);
    }

    /// Has the waker woken when there may be something from now on. `id` is its own from then on.
    pub(crate) fn keep(
        self: &Arc<Self>,
        table: &Arc<TaskTable>,
        side: ChannelSide,
        (id, waker): (&mut Option<u64>, &Waker),
    ) -> Result<()> {
        let own = self.side(side);
        let mut waiting = lock(&own.waiting);
        let found = waiting.wakers.iter_mut().find(|(of, _)| Some(*of) == *id);
        match found {
            Some((_, kept)) => kept.clone_from(waker),
            None => {
                waiting.next += 1;
                *id = Some(waiting.next);
                let entry = (waiting.next, waker.clone());
                waiting.wakers.push(entry);
            }
        }
        drop(waiting);
        own.changed.notify_one();
        let mut thread = lock(&own.thread);
        if thread.is_none() {
            let (state, table) = (Arc::clone(self), Arc::clone(table));
            let waits = move || state.wake_futures(&table, side);
            let what = "the thread that waits at a channel";
            *thread = Some(start("ringwork-channel", what, waits)?);
        }
        Ok(())
    }

    /// A future that waited is gone: what it was perhaps woken for is for others.
    pub(crate) fn forget(&self, table: &TaskTable, side: ChannelSide, id: u64) {
        let mut waiting = lock(&self.side(side).waiting);
        waiting.wakers.retain(|(of, _)| *of != id);
        drop(waiting);
        self.ring(table).pass_on(side);
    }

    /// While no future waits it asks for no wakes: the other side needs no system call for it.
    fn wake_futures(&self, table: &TaskTable, side: ChannelSide) {
        let (own, ring) = (self.side(side), self.ring(table));
        loop {
            let mut waiting = lock(&own.waiting);
            while waiting.wakers.is_empty() && !waiting.closed {
                let woken = own.changed.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.closed {
                return;
            }
            drop(waiting);
            self.sleep(table, side, Duration::MAX);
            if !ring.has_something(side) {
                continue;
            }
            let wakers = std::mem::take(&mut lock(&own.waiting).wakers);
            if wakers.is_empty() {
                // They were dropped meanwhile.
                ring.pass_on(side);
            }
            wake(wakers.into_iter().map(|(_, waker)| waker));
        }
    }
}

/// The channels that this client uses.
#[derive(Debug, Default)]
pub(crate) struct ChannelHub {
    states: Mutex<HashMap<usize, Arc<ChannelState>>>,
}

impl ChannelHub {
    /// What is shared by the handles on a channel.
    pub(crate) fn state(&self, index: usize) -> Arc<ChannelState> {
        let mut states = lock(&self.states);
        let made = || {
            Arc::new(ChannelState {
                index,
                patience: Patience::default(),
                waiters: Waiters::default(),
                sides: Default::default(),
            })
        };
        Arc::clone(states.entry(index).or_insert_with(made))
    }

    /// Ends the threads.
    pub(crate) fn close(&self, table: &TaskTable) {
        for (_, state) in lock(&self.states).drain() {
            for side in SIDES {
                let own = state.side(side);
                lock(&own.waiting).closed = true;
                let Some(thread) = lock(&own.thread).take() else {
                    continue;
                };
                own.changed.notify_one();
                state.ring(table).wake_all(side);
                join(thread);
            }
        }
    }
}
