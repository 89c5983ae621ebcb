//! What the threads of this crate have in common: how they lock, start and end, and how wakers are
//! kept for them.

use crate::error::{Error, Result};
use ringwork_ring::RingError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;

/// Locks a mutex, also one that a thread held when it panicked: whatever is behind the mutexes of
/// this crate is whole between any two statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a waker, unless one that wakes the same task is there.
pub(crate) fn keep(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|other| other.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

/// Wakes futures. A waker of an executor may panic, which must not leave the others asleep.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// Starts a thread; `what` it is for people.
pub(crate) fn start(
    name: &str,
    what: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(body).map_err(|source| {
        let what = format!("{what} can't be started");
        Error::NotConnected(RingError::Io { what, source })
    })
}

/// Waits for the end of a thread, unless it is the one that asks.
pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        // Its panics were told by the panic hook, and nothing depends on it any more.
        let _ = thread.join();
    }
}
