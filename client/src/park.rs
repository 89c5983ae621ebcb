//! Threads that wait without a runtime.

use std::cell::Cell;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// A thread, and whether it was woken.
#[derive(Debug)]
struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // pairs with the swap in `park`.
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

/// The current thread, to be woken.
#[derive(Debug)]
pub(crate) struct Parker {
    sleeper: Arc<Sleeper>,
    waker: Waker,
}

impl Parker {
    fn new() -> Self {
        let sleeper = Arc::new(Sleeper {
            thread: std::thread::current(),
            woken: AtomicBool::new(false),
        });
        Self {
            waker: Waker::from(Arc::clone(&sleeper)),
            sleeper,
        }
    }

    /// Does something with the parker of this thread, which keeps it.
    pub(crate) fn with<R>(with: impl FnOnce(&Self) -> R) -> R {
        thread_local! {
            static OWN: Cell<Option<Parker>> = const { Cell::new(None) };
        }
        // None in a future that blocks within another one.
        let parker = OWN.take().unwrap_or_else(Self::new);
        parker.sleeper.woken.store(false, Ordering::Relaxed);
        let result = with(&parker);
        OWN.set(Some(parker));
        result
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Sleeps until woken, at most for `limit`.
    pub(crate) fn park(&self, limit: Option<Duration>) {
        let end = limit.map(|limit| Instant::now() + limit);
        // pairs with the swap in `wake_by_ref`.
        while !self.sleeper.woken.swap(false, Ordering::Acquire) {
            match until(end) {
                None => std::thread::park(),
                Some(Duration::ZERO) => return,
                Some(left) => std::thread::park_timeout(left),
            }
        }
    }
}

/// The time that is left.
pub(crate) fn until(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
}

/// Runs a future on this thread, which sleeps while the future waits: for programs without a
/// runtime.
///
/// ```
/// use ringwork::{block_on, promise};
///
/// let (sender, promise) = promise::<u32>();
/// std::thread::spawn(move || sender.resolve(7));
/// assert_eq!(block_on(promise).unwrap(), 7);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    Parker::with(|parker| {
        let mut context = Context::from_waker(parker.waker());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            parker.park(None);
        }
    })
}
