//! A pool as this process is attached to it: its table of tasks, the wakers of their owners, and
//! the poller.
//!
//! Shared by every clone of [`Ringwork`](crate::Ringwork) and by every future; when the last of
//! them is gone the poller ends and the client's entry is given back. Invariant: a cell of `wakers`
//! is registered in only by the owner of the slot's task.

use crate::channel_hub::ChannelHub;
use crate::error::{Error, Result};
use crate::event_hub::EventHub;
use crate::sync::{join, keep, lock, start};
use crate::timers::Timers;
use atomic_waker::AtomicWaker;
use ringwork_ring::PoolDir;
use ringwork_ring::WaitStrategy;
use ringwork_ring::client::{TaskKey, TaskTable};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::wait::Budget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

/// The priority of a task whose options say none.
#[cfg(feature = "tower")]
pub(crate) const DEFAULT_PRIORITY: u8 = 1;

/// Why a client takes no tasks that was closed.
pub(crate) const CLOSED: &str = "this client of the pool was closed";

/// How often the pool is looked at while tasks are in flight.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The same while none is.
const LOOK_IDLE: Duration = Duration::from_millis(100);

/// How a client is attached.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) wait: WaitStrategy,
    /// Without a thread that polls.
    pub(crate) own_poll: bool,
    /// Instead of the program's name.
    pub(crate) client_name: Option<String>,
}

/// The part that the poller's thread has, too.
#[derive(Debug)]
struct Shared {
    table: Arc<TaskTable>,
    wakers: Arc<[AtomicWaker]>,
    timers: Timers,
    /// When the pool was looked at last.
    looked_ns: AtomicU64,
    closed: AtomicBool,
    /// Owners of futures that wait for a free slot.
    room: Mutex<Vec<Waker>>,
    wants_room: AtomicBool,
    /// Owners of futures that wait for the end of the pool, or of this client.
    ends: Mutex<Vec<Waker>>,
}

/// A pool, attached.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// Whether a thread is to poll, and whether it never sleeps while tasks are in flight.
    poller: Option<bool>,
    /// That thread, once it is needed.
    thread: OnceLock<JoinHandle<()>>,
    /// Held while it is started.
    starting: Mutex<()>,
    events: EventHub,
    channels: ChannelHub,
    /// Held by the thread that polls, where no thread does all the time.
    polling: Mutex<()>,
    budget: Budget,
}

fn wake(wakers: &[AtomicWaker], slot: usize) -> bool {
    match wakers[slot].take() {
        Some(waker) => {
            waker.wake();
            true
        }
        None => false,
    }
}

impl Pool {
    /// Attaches.
    pub(crate) fn connect(dir: &PoolDir, settings: &Settings) -> Result<Self> {
        let mut wakers: Arc<[AtomicWaker]> = Arc::new([]);
        let table = TaskTable::connect(dir, settings.client_name.as_deref(), |slots| {
            wakers = (0..slots).map(|_| AtomicWaker::new()).collect();
            let wakers = Arc::clone(&wakers);
            move |slot| wake(&wakers, slot)
        });
        let table = table.map_err(Error::NotConnected)?;
        let shared = Arc::new(Shared {
            timers: Timers::new(table.slots()),
            table: Arc::new(table),
            wakers,
            looked_ns: AtomicU64::new(now_ns()),
            closed: AtomicBool::new(false),
            room: Mutex::default(),
            wants_room: AtomicBool::new(false),
            ends: Mutex::default(),
        });
        Ok(Self {
            shared,
            poller: (!settings.own_poll).then_some(settings.wait == WaitStrategy::Spin),
            thread: OnceLock::new(),
            starting: Mutex::new(()),
            events: EventHub::default(),
            channels: ChannelHub::default(),
            polling: Mutex::new(()),
            budget: Budget::of(settings.wait, 2),
        })
    }

    /// Starts the thread that polls, if one is to and does not: with the first task, or the first
    /// question whether the pool is open. Not before: a worker that has a client among its states is
    /// confined when it has made them, and a thread from before would be so in part only.
    fn run_poller(&self) -> Result<()> {
        match self.poller {
            Some(spins) if self.thread.get().is_none() => self.start_poller(spins),
            _ => Ok(()),
        }
    }

    #[cold]
    fn start_poller(&self, spins: bool) -> Result<()> {
        let _starting = lock(&self.starting);
        if self.thread.get().is_none() {
            // The pool may be long over.
            self.shared.table.look_at_pool();
            let shared = Arc::clone(&self.shared);
            let polls = move || shared.poll_until_closed(spins);
            let thread = start("ringwork-poller", "the poller's thread", polls)?;
            let _ = self.thread.set(thread); // it is set here only
        }
        Ok(())
    }

    pub(crate) fn table(&self) -> &Arc<TaskTable> {
        &self.shared.table
    }

    /// The cell in which the owner of a task waits.
    pub(crate) fn waker(&self, key: TaskKey) -> &AtomicWaker {
        &self.shared.wakers[key.slot()]
    }

    /// How long a blocking caller spins.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    /// Whether a thread of its own polls, from the first task on.
    pub(crate) fn has_poller(&self) -> bool {
        self.poller.is_some()
    }

    /// The owner of a task is to be woken at its deadline.
    pub(crate) fn wake_at(&self, key: TaskKey, deadline_ns: u64) {
        if self.shared.timers.set(key.slot(), deadline_ns) {
            self.shared.table.wake_poller();
        }
    }

    /// A slot may be free that was not before.
    pub(crate) fn released(&self) {
        self.shared.released();
    }

    /// What `take` gives once it gives something, which it does when a slot is free.
    pub(crate) fn poll_room<T>(
        &self,
        context: &mut Context<'_>,
        take: impl Fn() -> Option<T>,
    ) -> Poll<Result<T>> {
        for last in [false, true] {
            if let Some(error) = self.why_ended() {
                return Poll::Ready(Err(error));
            }
            if let Some(taken) = take() {
                return Poll::Ready(Ok(taken));
            }
            if !last {
                // A slot that came free before would not have woken: look again.
                keep(&mut lock(&self.shared.room), context.waker());
                self.shared.wants_room.store(true, Ordering::SeqCst);
            }
        }
        Poll::Pending
    }

    /// Why no task can be submitted any more, once that is so.
    pub(crate) fn poll_ended(&self, context: &mut Context<'_>) -> Poll<Error> {
        if self.why_ended().is_none() {
            keep(&mut lock(&self.shared.ends), context.waker());
        }
        // It may have ended before the waker was there.
        self.why_ended().map_or(Poll::Pending, Poll::Ready)
    }

    /// The channels that this client uses.
    pub(crate) fn channels(&self) -> &ChannelHub {
        &self.channels
    }

    /// Has the waker woken when an event is published.
    pub(crate) fn keep_event_waker(&self, waker: &Waker) -> Result<()> {
        self.events.keep(self.table(), waker)
    }

    /// Why no task can be submitted any more, if that was seen.
    pub(crate) fn why_ended(&self) -> Option<Error> {
        if self.table().over().is_none()
            && let Err(error) = self.check_open()
        {
            return Some(error);
        }
        // That may have looked at the pool.
        let reason = self.table().over()?.to_string();
        Some(Error::Closed {
            reason,
            may_have_run: false,
        })
    }

    /// Refuses a task of a client that was closed; from now on there is a poller.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(Error::Closed {
                reason: CLOSED.to_owned(),
                may_have_run: false,
            });
        }
        self.run_poller()
    }

    /// Takes in what has ended, once, after a sleep of at most `limit` if nothing has. For pools
    /// without a thread; another thread that does so just now makes this one wait at most as long.
    pub(crate) fn poll(&self, limit: Duration) {
        match self.polling.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::park_timeout(limit),
            Err(TryLockError::Poisoned(role)) => {
                let _role = role.into_inner();
                self.shared.turn(Some(limit));
            }
            Ok(_role) => self.shared.turn(Some(limit)),
        }
    }

    /// Ends the poller; what is pending ends as closed.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for slot in 0..self.shared.wakers.len() {
            wake(&self.shared.wakers, slot);
        }
        self.shared.released();
        wake_all(&self.shared.ends);
        self.shared.table.wake_poller();
    }

    /// Whether [`Self::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::SeqCst)
    }
}

fn wake_all(wakers: &Mutex<Vec<Waker>>) {
    let wakers = std::mem::take(&mut *lock(wakers));
    wakers.into_iter().for_each(Waker::wake);
}

impl Shared {
    fn released(&self) {
        if self.wants_room.load(Ordering::SeqCst) && self.wants_room.swap(false, Ordering::SeqCst) {
            wake_all(&self.room);
        }
    }

    fn poll_until_closed(&self, spins: bool) {
        while !self.closed.load(Ordering::SeqCst) {
            let busy = spins && self.table.in_use() > 0;
            // A waker of an executor may panic, which must not leave all others without a poller.
            let turn = || self.turn((!busy).then_some(LOOK_IDLE));
            let _ = catch_unwind(AssertUnwindSafe(turn));
            if busy {
                std::hint::spin_loop();
            }
        }
    }

    /// Takes in what has ended, fires timers, looks at the pool when it is time, and sleeps
    /// (`None`: not at all) if nothing was to do.
    fn turn(&self, sleep: Option<Duration>) {
        let seen = self.table.wakes();
        self.table.collect();
        self.released();
        let now = now_ns();
        let every = if self.table.in_use() > 0 {
            LOOK_EVERY
        } else {
            LOOK_IDLE
        };
        let next_look = self.looked_ns.load(Ordering::Relaxed) + every.as_nanos() as u64;
        let mut look_at = next_look;
        if now >= next_look {
            self.looked_ns.store(now, Ordering::Relaxed);
            look_at = now + every.as_nanos() as u64;
            self.table.look_at_pool();
            if self.table.over().is_some() {
                self.released();
                wake_all(&self.ends);
            }
        }
        let limit = sleep.map_or(now, |limit| now.saturating_add(limit.as_nanos() as u64));
        let until = self.timers.fire(now, look_at.min(limit), |slot| {
            wake(&self.wakers, slot);
        });
        if sleep.is_some() && !self.closed.load(Ordering::SeqCst) && until > now {
            self.table.park(seen, Duration::from_nanos(until - now));
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.events.close(&self.shared.table);
        self.channels.close(&self.shared.table);
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.table.wake_poller();
        if let Some(thread) = self.thread.take() {
            join(thread);
        }
    }
}
