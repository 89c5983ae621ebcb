//! A task as a `tower_service::Service`: ready when a slot is free.

use crate::call::CallFuture;
use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pool::DEFAULT_PRIORITY;
use crate::ringwork::Ringwork;
use crate::task_type::TaskType;
use ringwork_ring::client::Reservation;
use std::future::IntoFuture;
use std::task::{Context, Poll};

/// The service of a task type, made by [`Ringwork::service`]: layers of `tower` may stand before
/// it.
///
/// When it is ready it has one of the client's slots, which the next call takes: no other caller is
/// faster. A service that is dropped gives it back, and a clone has none.
#[derive(Debug)]
pub struct TaskService<Q, R> {
    client: Ringwork,
    task: TaskType<Q, R>,
    slot: Option<Reservation>,
}

impl Ringwork {
    /// A task type as a service of `tower`. Feature `tower`.
    #[must_use]
    pub fn service<Q, R>(&self, task: TaskType<Q, R>) -> TaskService<Q, R> {
        TaskService {
            client: self.clone(),
            task,
            slot: None,
        }
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
        if self.slot.is_some() {
            return Poll::Ready(Ok(()));
        }
        let pool = self.client.pool();
        let reserve = || pool.table().reserve(DEFAULT_PRIORITY);
        let slot = std::task::ready!(pool.poll_room(context, reserve))?;
        self.slot = Some(slot);
        Poll::Ready(Ok(()))
    }

    /// The call of a service that was not asked whether it is ready takes a slot if there is one.
    fn call(&mut self, request: Q) -> CallFuture<R> {
        let call = self.client.call(self.task, &request);
        call.in_slot(self.slot.take()).into_future()
    }
}

impl<Q, R> Drop for TaskService<Q, R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            drop(slot);
            self.client.pool().released();
        }
    }
}
