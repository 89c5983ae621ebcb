//! A submitted task, as a future that may be kept.

use crate::codec::FromResult;
use crate::error::{Error, Result};
use crate::pending::{Pending, ended, result_of};
use ringwork_ring::client::InPlace;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a task's end is for its caller.
pub(crate) fn read<R: FromResult>(end: InPlace) -> Result<R> {
    let (codec, bytes) = result_of(ended(end).outcome)?;
    R::from_result(codec, bytes).map_err(Error::Unreadable)
}

/// A task in the pool: a future of its result.
///
/// It runs whether it is polled or not. **Dropped, it runs on** and its result is dropped, as with
/// the handle of a thread; [`Self::abort_on_drop`] cancels it then. While it is kept it holds one
/// of the client's slots, also when it has ended and was not awaited.
#[must_use = "a task that is dropped runs on, and its result is lost"]
#[derive(Debug)]
pub struct Task<R> {
    pending: Pending,
    result: PhantomData<fn() -> R>,
}

impl<R: FromResult> Task<R> {
    pub(crate) fn new(mut pending: Pending) -> Self {
        pending.cancels = false;
        Self {
            pending,
            result: PhantomData,
        }
    }

    /// Cancels the task: takes it out of the queue, or asks its handler to stop and does not wait
    /// for that.
    ///
    /// # Errors
    /// [`Error::Cancelled`], with what is known of the handler. A task that had ended keeps its
    /// end.
    pub fn abort(mut self) -> Result<R> {
        match self.pending.cancel() {
            Some(ended) => read(ended),
            None => Err(Error::Cancelled { may_have_run: true }),
        }
    }

    /// The task is cancelled when what is returned is dropped.
    pub fn abort_on_drop(mut self) -> AbortOnDrop<R> {
        self.pending.cancels = true;
        AbortOnDrop(self)
    }

    /// Waits on this thread, which spins a little and then sleeps. For threads without a runtime:
    /// an async task must not call it.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(mut self) -> Result<R> {
        self.pending.wait_to_end(None).and_then(read)
    }

    /// As [`Self::wait`], at most for `limit`; then the task is given back, and goes on.
    ///
    /// # Errors
    /// The task itself, if it has not ended; else as the future.
    pub fn wait_for(mut self, limit: Duration) -> std::result::Result<Result<R>, Self> {
        match self.pending.wait(Some(limit), None) {
            Some(ended) => Ok(read(ended)),
            None => Err(self),
        }
    }
}

impl<R: FromResult> Future for Task<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.pending.poll_end(context).map(read)
    }
}

/// A [`Task`] that is cancelled when it is dropped.
#[must_use = "a task that is dropped is cancelled"]
#[derive(Debug)]
pub struct AbortOnDrop<R>(Task<R>);

impl<R: FromResult> AbortOnDrop<R> {
    /// As [`Task::abort`].
    ///
    /// # Errors
    /// As [`Task::abort`].
    pub fn abort(self) -> Result<R> {
        self.0.abort()
    }
}

impl<R: FromResult> Future for AbortOnDrop<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
