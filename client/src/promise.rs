//! A value that another thread or task will give.

use crate::error::{Error, Result};
use crate::park::block_on;
use crate::sync::lock;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
struct Shared<T> {
    value: Option<Result<T>>,
    waker: Option<Waker>,
}

/// The sender that keeps a promise, and the promise: in the order of channels. `Promise::new` of
/// `ringwork::origins` gives the promise first.
///
/// ```
/// use ringwork::{Error, block_on, promise};
///
/// let (sender, promised) = promise::<String>();
/// sender.resolve("tea".to_owned());
/// assert_eq!(block_on(promised).unwrap(), "tea");
///
/// let (sender, promised) = promise::<String>();
/// sender.reject("the kettle is empty");
/// assert!(matches!(block_on(promised), Err(Error::Promise(why)) if why == "the kettle is empty"));
/// ```
pub fn promise<T>() -> (PromiseSender<T>, Promise<T>) {
    let shared = Arc::new(Mutex::new(Shared {
        value: None,
        waker: None,
    }));
    let sender = PromiseSender {
        shared: Arc::clone(&shared),
        settled: false,
    };
    (sender, Promise { shared })
}

/// A future of the value that its [`PromiseSender`] gives. If the sender is dropped without one,
/// the future ends as [`Error::Join`].
#[must_use = "the value is in the future"]
#[derive(Debug)]
pub struct Promise<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T> Promise<T> {
    /// Waits on this thread.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(self) -> Result<T> {
        block_on(self)
    }
}

impl<T> Future for Promise<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = lock(&self.shared);
        match shared.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                shared.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Keeps a [`Promise`], once.
#[derive(Debug)]
pub struct PromiseSender<T> {
    shared: Arc<Mutex<Shared<T>>>,
    settled: bool,
}

impl<T> PromiseSender<T> {
    fn settle(&mut self, value: Result<T>) {
        self.settled = true;
        let mut shared = lock(&self.shared);
        shared.value = Some(value);
        let waker = shared.waker.take();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The promise ends with this value.
    pub fn resolve(mut self, value: T) {
        self.settle(Ok(value));
    }

    /// The promise ends as [`Error::Promise`].
    pub fn reject(self, why: impl Into<String>) {
        self.fail(Error::Promise(why.into()));
    }

    /// The promise ends with this error.
    pub fn fail(mut self, error: Error) {
        self.settle(Err(error));
    }
}

impl<T> Drop for PromiseSender<T> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let why = "the sender of the promise was dropped without a value".to_owned();
        self.settle(Err(Error::Join(why)));
    }
}
