//! A task as a `tower_service::Service`: ready when a slot is free.

use crate::call::CallFuture;
use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::ringwork::Ringwork;
use crate::task_type::TaskType;
use std::future::IntoFuture;
use std::task::{Context, Poll};

/// The service of a task type, made by [`Ringwork::service`]: layers of `tower` may stand before
/// it.
///
/// It is ready when the client has a free slot. Another caller may be faster to take that; then the
/// call is [`Error::Rejected`].
#[derive(Debug)]
pub struct TaskService<Q, R> {
    client: Ringwork,
    task: TaskType<Q, R>,
}

impl Ringwork {
    /// A task type as a service of `tower`. Feature `tower`.
    #[must_use]
    pub fn service<Q, R>(&self, task: TaskType<Q, R>) -> TaskService<Q, R> {
        let client = self.clone();
        TaskService { client, task }
    }
}

impl<Q, R> Clone for TaskService<Q, R> {
    fn clone(&self) -> Self {
        self.client.service(self.task)
    }
}

impl<Q: ToRequest, R: FromResult> tower_service::Service<Q> for TaskService<Q, R> {
    type Response = R;
    type Error = Error;
    type Future = CallFuture<R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.client.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> CallFuture<R> {
        self.client.call(self.task, &request).into_future()
    }
}
