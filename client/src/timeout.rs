//! A timer for futures that have none of their own: one thread a process, from the first use on.

use crate::park::until;
use crate::sync::lock;
use atomic_waker::AtomicWaker;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

type Alarms = BTreeMap<(Instant, usize), Arc<AtomicWaker>>;

#[derive(Debug, Default)]
struct Clock {
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

/// The clock of this process; `None` where its thread can't be started.
fn clock() -> Option<&'static Clock> {
    static CLOCK: OnceLock<Option<&'static Clock>> = OnceLock::new();
    *CLOCK.get_or_init(|| {
        let clock: &'static Clock = Box::leak(Box::default());
        let thread = std::thread::Builder::new().name("ringwork-clock".to_owned());
        let started = thread.spawn(move || run(clock));
        started.is_ok().then_some(clock)
    })
}

fn run(clock: &Clock) {
    let mut alarms = lock(&clock.alarms);
    loop {
        let now = Instant::now();
        let later = alarms.split_off(&(now, usize::MAX));
        let due = std::mem::replace(&mut *alarms, later);
        if !due.is_empty() {
            drop(alarms);
            due.into_values().for_each(|waker| waker.wake());
            alarms = lock(&clock.alarms);
            continue;
        }
        let next = alarms.first_key_value().map(|((at, _), _)| *at);
        alarms = match until(next) {
            None => clock
                .changed
                .wait(alarms)
                .unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let waited = clock.changed.wait_timeout(alarms, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// A point of time for a future.
#[derive(Debug)]
pub(crate) struct Alarm {
    // None: beyond what a clock can tell, which is never.
    at: Option<Instant>,
    waker: Arc<AtomicWaker>,
    set: bool,
}

impl Alarm {
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now().checked_add(limit),
            waker: Arc::default(),
            set: false,
        }
    }

    fn key(&self) -> Option<(Instant, usize)> {
        self.at.map(|at| (at, Arc::as_ptr(&self.waker) as usize))
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        self.waker.register(context.waker());
        if Instant::now() >= at {
            return Poll::Ready(());
        }
        if !self.set
            && let (Some(clock), Some(key)) = (clock(), self.key())
        {
            self.set = true;
            lock(&clock.alarms).insert(key, Arc::clone(&self.waker));
            clock.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.set
            && let (Some(clock), Some(key)) = (clock(), self.key())
        {
            lock(&clock.alarms).remove(&key);
        }
    }
}
