//! A future beside a task, with the marks of a poll.

use super::shard::Shared;
use crate::ending::log_panic;
use crate::panics::Panic;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A future beside a task, with the marks of a poll.
pub(super) struct Watched<T> {
    shared: Arc<Shared>,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
}

impl<T> Watched<T> {
    pub(super) fn new(
        shared: Arc<Shared>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        Self {
            shared,
            future: Box::pin(future),
        }
    }
}

impl<T> Future for Watched<T> {
    type Output = Result<T, Box<Panic>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.shared.polled(|| this.future.as_mut().poll(context)) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => {
                // Here, for it may be that nothing awaits it.
                log_panic(this.shared.of_task(), &panic);
                Poll::Ready(Err(panic))
            }
        }
    }
}
