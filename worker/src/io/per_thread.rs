//! What each I/O thread has for itself, as an argument of handlers.

use super::context::AsyncContext;
use super::function::AsyncExtract;
use crate::context::TaskContext;
use crate::error::TaskError;
use crate::state::{Finder, Scope};
use std::any::type_name;
use std::ops::Deref;
use std::sync::Arc;

/// A value that each I/O thread has for itself: from
/// [`Builder::async_per_thread`](crate::Builder::async_per_thread). The task is polled by the thread
/// whose value it has; only its first poll may be a lane's.
#[derive(Debug)]
pub struct PerThread<T>(Arc<T>);

impl<T> Clone for PerThread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for PerThread<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> AsyncExtract for PerThread<T> {
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Thread)
    }

    fn take(found: &usize, _: &TaskContext<'_>, context: &AsyncContext) -> Result<Self, TaskError> {
        let value = context.0.shard.state_at(*found);
        value.map(Self).ok_or_else(|| {
            let kind = type_name::<T>();
            let why = format!("PerThread<{kind}> is gone: its thread has ended");
            TaskError::new("worker.no_state", why)
        })
    }
}
